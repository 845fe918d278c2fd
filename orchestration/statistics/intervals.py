"""Confidence intervals of one proportion, rate or mean: arrays in, arrays out, one element per group.

Nothing here knows of frames, measures or multipliers; limits are in natural units (numerator over denominator) and
unrounded. An element that has no interval (an empty denominator, one single value) is NaN, which callers turn into NULL
with a status.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import (  # type: ignore[import-untyped]
    betainccinv,
    betaincinv,
    gammainccinv,
    gammaincinv,
    ndtri,
    stdtrit,
)

from orchestration.errors import StatisticsError
from orchestration.statistics.checks import require_counts, require_part, require_products, require_sums
from orchestration.statistics.parallel import by_parts

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

# From this many events on, Byar's approximation is within a fraction of a percent of the exact limits.
BYAR_FROM_EVENTS = 10


class Interval(NamedTuple):
    """Lower and upper limits, element by element."""

    low: FloatArray
    high: FloatArray

    def where(self, use: BoolArray, otherwise: Interval) -> Interval:
        """These limits where `use`, the other ones elsewhere."""
        return Interval(np.where(use, self.low, otherwise.low), np.where(use, self.high, otherwise.high))


def normal_quantile(confidence: float) -> float:
    """z that leaves (1 - confidence) / 2 in each tail. Raises StatisticsError unless 0.5 < confidence < 1."""
    if not 0.5 < confidence < 1.0:
        raise StatisticsError(
            "`confidence` must lie between 0.5 and 1",
            where="intervals",
            found=str(confidence),
            remedy="give 0.95 for 95 % intervals",
        )
    return float(ndtri(0.5 + confidence / 2))


def wilson(successes: FloatArray, trials: FloatArray, confidence: float) -> Interval:
    """Wilson score limits of a proportion, without continuity correction (Wilson 1927; Newcombe 1998, method 3)."""
    z2 = normal_quantile(confidence) ** 2
    require_counts("wilson", whole=False, successes=successes, trials=trials)
    require_part("wilson", successes, trials)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (successes + z2 / 2) / (trials + z2)
        half = np.sqrt(z2 * (successes * (trials - successes) / trials + z2 / 4)) / (trials + z2)
    # At 0 and n the limit is 0 and 1 exactly; rounding must not print -1e-17.
    low = np.where(successes == 0, 0.0, centre - half)
    high = np.where(successes == trials, 1.0, centre + half)
    return _nan_unless(trials > 0, low, high)


def clopper_pearson(successes: FloatArray, trials: FloatArray, confidence: float) -> Interval:
    """Exact limits of a proportion by inverting two one-sided binomial tests (Clopper and Pearson 1934)."""
    normal_quantile(confidence)
    require_counts("clopper_pearson", successes=successes, trials=trials)
    require_part("clopper_pearson", successes, trials)
    tail = (1 - confidence) / 2
    failures = trials - successes
    with np.errstate(invalid="ignore"):
        low = by_parts(lambda x, rest: betaincinv(np.maximum(x, 1), rest + 1, tail), successes, failures)
        high = by_parts(lambda x, rest: betainccinv(x + 1, np.maximum(rest, 1), tail), successes, failures)
        low, high = np.where(successes > 0, low, 0.0), np.where(failures > 0, high, 1.0)
    return _nan_unless(trials > 0, low, high)


def exact_poisson(events: FloatArray, exposure: FloatArray, confidence: float) -> Interval:
    """Exact limits of a Poisson rate from gamma (chi-square) quantiles (Garwood 1936); zero events give [0, upper]."""
    normal_quantile(confidence)
    require_counts("exact_poisson", whole=False, events=events, exposure=exposure)
    tail = (1 - confidence) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(events > 0, gammaincinv(np.where(events > 0, events, 1.0), tail), 0.0) / exposure
        high = gammainccinv(events + 1, tail) / exposure
    return _nan_unless(exposure > 0, low, high)


def byar(events: FloatArray, exposure: FloatArray, confidence: float) -> Interval:
    """Byar's approximation to the exact Poisson limits (Breslow and Day 1987, vol. 2, p. 69); for 10 events or more."""
    z = normal_quantile(confidence)
    require_counts("byar", whole=False, events=events, exposure=exposure)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Of less than one event the cube is that of a number below 0, which no rate has.
        low = events * np.maximum(1 - 1 / (9 * events) - z / (3 * np.sqrt(events)), 0.0) ** 3 / exposure
        above = events + 1
        high = above * (1 - 1 / (9 * above) + z / (3 * np.sqrt(above))) ** 3 / exposure
    return _nan_unless((exposure > 0) & (events > 0), low, high)


def poisson_rate(
    events: FloatArray, exposure: FloatArray, confidence: float, design_effect: FloatArray | float = 1.0
) -> Interval:
    """Exact Poisson below 10 events, Byar's from 10 on: the convention of England's public health indicators.

    Where events come in bursts, `design_effect` says by how much their variance exceeds Poisson's: the limits are those
    of events / effect over exposure / effect, the effective number of events (Parker et al. 2023 for rates, after Korn
    and Graubard 1998 for proportions). Without any event the upper limit then is 3.69 bursts and not 3.69 events.
    """
    require_counts("poisson_rate", events=events)
    require_counts("poisson_rate", whole=False, exposure=exposure, design_effect=np.asarray(design_effect))
    effective, exposure = events / design_effect, exposure / design_effect
    few = effective < BYAR_FROM_EVENTS
    exact = Interval(np.full(events.shape, np.nan), np.full(events.shape, np.nan))
    # The gamma quantiles are the slow part and only the few need them.
    exact.low[few], exact.high[few] = exact_poisson(effective[few], exposure[few], confidence)
    return exact.where(few, byar(effective, exposure, confidence))


def sample_variance(total: FloatArray, count: FloatArray, sum_of_squares: FloatArray) -> FloatArray:
    """Variance (n - 1) from a sum, a count and a sum of squares of integers; NaN below two values.

    The values are shifted by the whole part of their mean first: with integer sums the shifted sums are exact, so
    nothing is lost to cancellation. Raises StatisticsError for sums that no values have.
    """
    require_counts("sample_variance", total=total, count=count, sum_of_squares=sum_of_squares)
    require_sums("sample_variance", total, count, sum_of_squares)
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.floor(total / count)
        shifted_total = total - shift * count
        shifted_squares = sum_of_squares - shift * (2 * total - shift * count)
        variance = (shifted_squares - shifted_total**2 / count) / (count - 1)
    return np.where(count > 1, np.maximum(variance, 0.0), np.nan)


def student_t(total: FloatArray, count: FloatArray, sum_of_squares: FloatArray, confidence: float) -> Interval:
    """Student's t limits of a mean, n - 1 degrees of freedom; NaN below two values."""
    normal_quantile(confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / count
        half = t_quantile(count - 1, confidence) * np.sqrt(sample_variance(total, count, sum_of_squares) / count)
    return _nan_unless(count > 1, mean - half, mean + half)


def ratio_relative_variance(
    numerator: FloatArray,
    denominator: FloatArray,
    n_patients: FloatArray,
    sum_yy: FloatArray,
    sum_yd: FloatArray,
    sum_dd: FloatArray,
) -> FloatArray:
    """Linearised variance of r = Σy / Σd over patients, divided by r² (Cochran 1977, section 6.4); NaN at y = 0.

    var(r) = n / (n - 1) · Σ(y - r·d)² / (Σd)², with patients as the sampled units, so that several events of one
    patient count as one piece of evidence. The sum is expanded into the cross-products; StatisticsError for sums that
    no patients have.
    """
    require_counts("ratio_relative_variance", numerator=numerator, n_patients=n_patients)
    require_counts("ratio_relative_variance", whole=False, denominator=denominator, sum_yy=sum_yy, sum_dd=sum_dd)
    require_products("ratio_relative_variance", sum_yy, sum_yd, sum_dd)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = numerator / denominator
        residual = np.maximum(sum_yy - 2 * rate * sum_yd + rate**2 * sum_dd, 0.0)
        relative = n_patients / (n_patients - 1) * residual / numerator**2
    return np.where((numerator > 0) & (denominator > 0) & (n_patients > 1), relative, np.nan)


def cluster_degrees(numerator: FloatArray, n_patients: FloatArray, sum_yy: FloatArray) -> FloatArray:
    """Degrees of freedom of a rate's robust variance: (Σy)² / Σy², at most n - 1.

    With few patients, or many events of few of them, the variance itself is poorly known, and the usual n - 1 (Korn and
    Graubard 1999, section 5.2) is too many. (Σy)² / Σy² is Kish's effective number (1965): of how many patients with
    equally many events the events could be. docs/methods.md has what the limits then cover.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.fmin(n_patients - 1, numerator**2 / sum_yy)


def cluster_ratio(rate: FloatArray, relative_variance: FloatArray, degrees: FloatArray, confidence: float) -> Interval:
    """Cluster-robust limits of a ratio of sums on the log scale: r · exp(± t · se(r) / r).

    `relative_variance` comes from `ratio_relative_variance`, `degrees` from `cluster_degrees`. The log scale keeps the
    lower limit above zero and follows the skewness of rates.
    """
    normal_quantile(confidence)
    with np.errstate(invalid="ignore", over="ignore"):
        factor = np.exp(t_quantile(degrees, confidence) * np.sqrt(relative_variance))
        return _nan_unless(rate > 0, rate / factor, rate * factor)


def t_quantile(degrees: FloatArray, confidence: float) -> FloatArray:
    """Two-sided Student t quantile; NaN where there are no degrees of freedom."""
    quantile = by_parts(lambda some: np.asarray(stdtrit(np.maximum(some, 1e-9), 0.5 + confidence / 2)), degrees)
    return np.where(degrees > 0, quantile, np.nan)


def _nan_unless(defined: BoolArray, low: FloatArray, high: FloatArray) -> Interval:
    return Interval(np.where(defined, low, np.nan), np.where(defined, high, np.nan))
