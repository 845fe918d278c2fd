"""Centre lines and control limits by kind of chart, for many series at once.

Every function takes 2-D arrays (series x points), NaN where a series has no point, and `baseline`, the points that the
limits come from; limits are given at every point, so that a frozen baseline judges what comes after it. Sources:
Shewhart 1931; Montgomery, Introduction to Statistical Quality Control; Laney 2002 (p', u'); Nelson 1982 (screening of
moving ranges), 1994 (t chart); Benneyan 2001 (g chart). Nothing here knows of measures, frames or statuses. Counts that
nobody can have raise StatisticsError.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln  # type: ignore[import-untyped]

from orchestration.errors import StatisticsError
from orchestration.statistics.checks import require_counts, require_part
from orchestration.statistics.intervals import BoolArray, FloatArray

D2_OF_TWO = 1.128  # mean range of two standard normal values
NHS_FACTOR = 2.66  # 3 / 1.128 as the NHS's Making Data Count rounds it
SCREEN_ABOVE = 3.267  # upper limit of moving ranges, in mean moving ranges
T_POWER = 1 / 3.6  # makes exponential times between events nearly normal


@dataclass(frozen=True)
class Limits:
    """Centre and limits per series and point; NaN where the baseline cannot give them.

    `low` and `high` are three standard deviations from the centre, `near_low` and `near_high` two; those that a value
    cannot pass (a share below 0 or above 1, a count below 0) are cut there.
    """

    centre: FloatArray
    low: FloatArray
    high: FloatArray
    near_low: FloatArray
    near_high: FloatArray

    def scaled(self, factor: FloatArray | float) -> Limits:
        """The same in another unit."""
        return Limits(*(part * factor for part in (self.centre, self.low, self.high, self.near_low, self.near_high)))

    def where(self, use: BoolArray, otherwise: Limits) -> Limits:
        """These limits where `use`, the other ones elsewhere."""
        return Limits(
            *(
                np.where(use, one, other)
                for one, other in (
                    (self.centre, otherwise.centre),
                    (self.low, otherwise.low),
                    (self.high, otherwise.high),
                    (self.near_low, otherwise.near_low),
                    (self.near_high, otherwise.near_high),
                )
            )
        )


def run_chart(y: FloatArray, baseline: BoolArray) -> Limits:
    """Median of the baseline; a run chart has no limits."""
    centre = _spread(median(y, baseline), y)
    nothing = np.full_like(y, np.nan)
    return Limits(centre, nothing, nothing, nothing, nothing)


def individuals(y: FloatArray, baseline: BoolArray, *, screen: bool = True, factor: float = 3 / D2_OF_TWO) -> Limits:
    """XmR: mean and `factor` mean moving ranges on each side (3 / 1.128; NHS_FACTOR as Making Data Count has it)."""
    deviation = mean_moving_range(y, baseline, screen=screen) * factor / 3
    return _around(_spread(mean(y, baseline), y), _spread(deviation, y))


def proportions(y: FloatArray, n: FloatArray, baseline: BoolArray) -> Limits:
    """p chart: binomial limits that follow each point's denominator."""
    _require_parts("p chart", y, n)
    centre = _spread(pooled(y, n, baseline), y)
    return _around(centre, _binomial(centre, n), 0.0, 1.0)


def proportions_prime(y: FloatArray, n: FloatArray, baseline: BoolArray, *, screen: bool = True) -> Limits:
    """Laney's p': the binomial limits stretched by how much points really differ from one to the next."""
    _require_parts("p' chart", y, n)
    centre = _spread(pooled(y, n, baseline), y)
    sigma = _binomial(centre, n)
    stretch = dispersion(_ratio(y, n), centre, sigma, baseline, screen=screen)
    return _around(centre, sigma * _spread(stretch, y), 0.0, 1.0)


def rates(y: FloatArray, n: FloatArray, baseline: BoolArray) -> Limits:
    """u chart: Poisson limits that follow each point's exposure."""
    require_counts("u chart", whole=False, y=y, n=n)
    centre = _spread(pooled(y, n, baseline), y)
    return _around(centre, _poisson(centre, n), 0.0)


def rates_prime(y: FloatArray, n: FloatArray, baseline: BoolArray, *, screen: bool = True) -> Limits:
    """Laney's u': the Poisson limits stretched by how much points really differ from one to the next."""
    require_counts("u' chart", whole=False, y=y, n=n)
    centre = _spread(pooled(y, n, baseline), y)
    sigma = _poisson(centre, n)
    stretch = dispersion(_ratio(y, n), centre, sigma, baseline, screen=screen)
    return _around(centre, sigma * _spread(stretch, y), 0.0)


def counts(y: FloatArray, baseline: BoolArray) -> Limits:
    """c chart: Poisson limits of counts over equal exposures."""
    require_counts("c chart", whole=False, y=y)
    centre = _spread(mean(y, baseline), y)
    return _around(centre, np.sqrt(centre), 0.0)


def averages(value: FloatArray, deviation: FloatArray, n: FloatArray, baseline: BoolArray) -> Limits:
    """X-bar chart: `value` and `deviation` are mean and standard deviation of the `n` observations at each point."""
    require_counts("X-bar chart", whole=False, deviation=deviation, n=n)
    centre = _spread(pooled(value * n, n, baseline), value)
    sbar = _spread(pooled_deviation(deviation, n, baseline), value)
    return _around(centre, sbar / (c4(n) * np.sqrt(n)))


def deviations(deviation: FloatArray, n: FloatArray, baseline: BoolArray) -> Limits:
    """S chart, which stands beside the X-bar chart: has the spread within points changed?"""
    require_counts("S chart", whole=False, deviation=deviation, n=n)
    sbar = _spread(pooled_deviation(deviation, n, baseline), deviation)
    return _around(sbar, sbar / c4(n) * np.sqrt(1 - c4(n) ** 2), 0.0)


def between_counts(y: FloatArray, baseline: BoolArray) -> Limits:
    """g chart of opportunities between rare events (geometric). Centre: the median, as the distribution is skewed."""
    require_counts("g chart", whole=False, y=y)
    average = _spread(mean(y, baseline), y)
    around = _around(average, np.sqrt(average * (average + 1)), 0.0)
    return Limits(_spread(median(y, baseline), y), around.low, around.high, around.near_low, around.near_high)


def between_times(y: FloatArray, baseline: BoolArray, *, screen: bool = True) -> Limits:
    """t chart of the time between rare events: XmR of the times' 1/3.6th power, turned back."""
    require_counts("t chart", whole=False, y=y)
    found = individuals(y**T_POWER, baseline, screen=screen)
    parts = (found.centre, found.low, found.high, found.near_low, found.near_high)
    return Limits(*(np.maximum(part, 0.0) ** (1 / T_POWER) for part in parts))


def difference(value: FloatArray, sigma: FloatArray, baseline: BoolArray, stretch: FloatArray | None = None) -> Limits:
    """Chart of a gap with its own standard error `sigma` at each point.

    Centre: the baseline's gaps weighed by their precision. `stretch`: Laney's factor per series, 1 where left out.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(baseline & (sigma > 0), 1 / sigma**2, 0.0)
        centre = np.nansum(np.where(weight > 0, value * weight, 0.0), axis=1) / weight.sum(axis=1)
    width = sigma if stretch is None else sigma * stretch[:, None]
    return _around(_spread(centre, value), width)


def dispersion(
    value: FloatArray, centre: FloatArray, sigma: FloatArray, baseline: BoolArray, *, screen: bool = True
) -> FloatArray:
    """Laney's sigma z per series: mean moving range of the standardised points / 1.128; 1 where chance explains all."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(sigma > 0, (value - centre) / sigma, np.nan)
    return mean_moving_range(z, baseline & ~np.isnan(z), screen=screen) / D2_OF_TWO


def mean_moving_range(y: FloatArray, baseline: BoolArray, *, screen: bool = True) -> FloatArray:
    """Mean absolute difference of each baseline point from the one before it, per series; NaN with fewer than two.

    `screen` leaves out, once, ranges from 3.267 times their mean on: an outlier makes two of them.
    """
    used = baseline & ~np.isnan(y)
    # The last point before this one that is used, wherever it is: gaps are stepped over.
    position = np.where(used, np.arange(y.shape[1]), -1)
    before = np.maximum.accumulate(position, axis=1)[:, :-1]
    ranges = np.full_like(y, np.nan)
    has_range = used[:, 1:] & (before >= 0)
    earlier = np.take_along_axis(y, np.maximum(before, 0), axis=1)
    ranges[:, 1:] = np.where(has_range, np.abs(y[:, 1:] - earlier), np.nan)
    average = _mean(ranges)
    if screen:
        average = _mean(np.where(ranges < SCREEN_ABOVE * average[:, None], ranges, np.nan), otherwise=average)
    return average


def mean(y: FloatArray, baseline: BoolArray) -> FloatArray:
    """Mean of the baseline per series."""
    return _mean(np.where(baseline, y, np.nan))


def median(y: FloatArray, baseline: BoolArray) -> FloatArray:
    """Median of the baseline per series."""
    if y.shape[1] == 0:
        return np.full(len(y), np.nan)
    ordered = np.sort(np.where(baseline, y, np.nan), axis=1)  # NaN come last
    n = (~np.isnan(ordered)).sum(axis=1)
    rows = np.arange(len(y))
    low, high = np.maximum((n - 1) // 2, 0), np.minimum(n // 2, y.shape[1] - 1)
    return np.where(n > 0, (ordered[rows, low] + ordered[rows, high]) / 2, np.nan)


def pooled(y: FloatArray, n: FloatArray, baseline: BoolArray) -> FloatArray:
    """Sum of numerators over sum of denominators in the baseline, per series."""
    used = baseline & ~np.isnan(y) & ~np.isnan(n)
    return _ratio(np.where(used, y, 0.0).sum(axis=1), np.where(used, n, 0.0).sum(axis=1))


def pooled_deviation(deviation: FloatArray, n: FloatArray, baseline: BoolArray) -> FloatArray:
    """Root of the baseline's pooled variance, per series; points of one observation say nothing of spread."""
    used = baseline & ~np.isnan(deviation) & (n > 1)
    free = np.where(used, n - 1, 0.0)
    return np.sqrt(_ratio(np.where(used, free * deviation**2, 0.0).sum(axis=1), free.sum(axis=1)))


def c4(n: FloatArray) -> FloatArray:
    """Expected standard deviation of `n` standard normal values; NaN below two."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(n > 1, n, np.nan)
        found: FloatArray = np.sqrt(2 / (size - 1)) * np.exp(gammaln(size / 2) - gammaln((size - 1) / 2))
    return found


def require_series(y: FloatArray, baseline: BoolArray) -> None:
    """Raise StatisticsError unless both are series x points of one shape and no value is infinite or negative zero."""
    if y.ndim != 2 or y.shape != baseline.shape:
        raise StatisticsError(
            "a chart is given as series x points, with a baseline of the same shape",
            where="control charts",
            found=f"shapes {y.shape} and {baseline.shape}",
            remedy="give one row per series, NaN where it has no point",
        )
    if np.isinf(y).any():
        raise StatisticsError(
            "a point of a chart is a number or missing",
            where="control charts",
            found="an infinite value",
            remedy="correct the step that computed it",
        )


def _require_parts(where: str, y: FloatArray, n: FloatArray) -> None:
    require_counts(where, whole=False, y=y, n=n)
    require_part(where, y, n)


def _binomial(centre: FloatArray, n: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(centre * (1 - centre) / np.where(n > 0, n, np.nan))


def _poisson(centre: FloatArray, n: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(centre / np.where(n > 0, n, np.nan))


def _around(centre: FloatArray, sigma: FloatArray, lowest: float = -np.inf, highest: float = np.inf) -> Limits:
    ends = (np.clip(centre + side * sigma, lowest, highest) for side in (-3, 3, -2, 2))
    low, high, near_low, near_high = ends
    return Limits(np.where(np.isnan(low), np.nan, centre), low, high, near_low, near_high)


def _mean(values: FloatArray, otherwise: FloatArray | float = np.nan) -> FloatArray:
    n = (~np.isnan(values)).sum(axis=1)
    return np.where(n > 0, _ratio(np.nansum(values, axis=1), n.astype(np.float64)), otherwise)


def _ratio(y: FloatArray, n: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n > 0, y / n, np.nan)


def _spread(per_series: FloatArray, like: FloatArray) -> FloatArray:
    """One number per series at every point."""
    return np.repeat(per_series[:, None], like.shape[1], axis=1)
