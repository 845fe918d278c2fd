"""Ratios of two groups with their intervals: arrays in, arrays out, first group over second.

Defined at zero and at full counts, where log methods are not. A ratio that cannot be computed (over zero) is NaN, and
an upper limit that does not exist is infinity; `gaps.py` gives both a status.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from orchestration.statistics.checks import require_counts, require_part
from orchestration.statistics.intervals import FloatArray, Interval, normal_quantile
from orchestration.statistics.parallel import by_parts

# On the log scale every finite limit of counts below 10^9 lies within this distance of its estimate.
_LOG_REACH = 50.0


def score_ratio(
    first_successes: FloatArray,
    first_trials: FloatArray,
    second_successes: FloatArray,
    second_trials: FloatArray,
    confidence: float,
    *,
    small_sample_correction: bool = False,
) -> Interval:
    """Score limits of a ratio of two proportions: Koopman's, or Miettinen and Nurminen's with the correction.

    Inverts the chi-square score test of a given ratio (Koopman 1984); `small_sample_correction` widens its variance
    by N / (N - 1) (Miettinen and Nurminen 1985). Without it the interval leaves out 1 exactly when the pooled z
    test's p is below 1 - `confidence`, so ratio and p never disagree. First successes 0: lower limit 0. Second
    successes 0: upper limit infinity. Both 0: nothing is known, [0, infinity]. NaN where a group has nobody or is
    withheld. Solved on the log scale to machine precision.
    """
    z = normal_quantile(confidence)
    x1, n1, x2, n2 = first_successes, first_trials, second_successes, second_trials
    for successes, trials in ((x1, n1), (x2, n2)):
        require_counts("score_ratio", successes=successes, trials=trials)
        require_part("score_ratio", successes, trials)
    # An upper limit is the inverse of the other order's lower limit: one solver, both ends in one call.
    lower = _lower_score_limit(
        np.concatenate([x1, x2]),
        np.concatenate([n1, n2]),
        np.concatenate([x2, x1]),
        np.concatenate([n2, n1]),
        z,
        small_sample_correction,
    )
    low, inverse_high = lower[: x1.size], lower[x1.size :]
    given = (n1 > 0) & (n2 > 0) & ~np.isnan(x1 + x2)
    with np.errstate(divide="ignore"):
        return Interval(np.where(given, low, np.nan), np.where(given, 1 / inverse_high, np.nan))


def _lower_score_limit(
    x1: FloatArray, n1: FloatArray, x2: FloatArray, n2: FloatArray, z: float, correction: bool
) -> FloatArray:
    from scipy.optimize import elementwise  # type: ignore[import-untyped]

    total = n1 + n2
    scale = z**2 * (total / (total - 1) if correction else np.ones_like(total))
    # Two full counts are solved by hand: the likelihood is on its edge there. No success at all: the limit is 0.
    with np.errstate(invalid="ignore"):
        limit = np.where((x1 == n1) & (x2 == n2), n1 / (n1 + scale), 0.0)
    solve = (x1 > 0) & (n2 > 0) & ~np.isnan(x2) & ~((x1 == n1) & (x2 == n2))
    if not solve.any():
        return limit
    x1, n1, x2, n2, scale = (np.asarray(values[solve], dtype=np.float64) for values in (x1, n1, x2, n2, scale))

    def excess(log_ratio: FloatArray, *groups: FloatArray) -> FloatArray:
        x1, n1, x2, n2, scale = groups
        ratio = np.exp(log_ratio)
        # Likelihood under "first = ratio * second": a quadratic in the second proportion, smaller root, written so that
        # nothing cancels.
        both = ratio * (n1 + x2) + x1 + n2
        root = np.sqrt(np.maximum(both**2 - 4 * (n1 + n2) * ratio * (x1 + x2), 0))
        second = 2 * (x1 + x2) / (both + root)
        first = np.minimum(ratio * second, 1.0)
        variance = first * (1 - first) / n1 + ratio**2 * second * (1 - second) / n2
        return np.asarray(x1 / n1 - ratio * x2 / n2 - np.sqrt(scale * np.maximum(variance, 0)))

    # The limit lies below the estimate. Over zero there is none: half a success stands in, and the limit may lie above.
    centre = np.log(x1 / n1) - np.log(np.maximum(x2, 0.5) / n2)
    top = centre + np.where(x2 > 0, 0.0, _LOG_REACH)

    def root(bottom: FloatArray, top: FloatArray, *groups: FloatArray) -> FloatArray:
        found = elementwise.find_root(excess, _bracket(excess, bottom, top, groups), args=groups)
        return np.asarray(np.exp(found.x), dtype=np.float64)

    limit[solve] = by_parts(root, centre - _LOG_REACH, top, x1, n1, x2, n2, scale)
    return limit


def _bracket(
    excess: Callable[..., FloatArray], bottom: FloatArray, top: FloatArray, groups: tuple[FloatArray, ...]
) -> tuple[FloatArray, FloatArray]:
    """A narrower bracket than `bottom` to `top` that still holds the root: around the limit of the log method."""
    x1, n1, x2, n2, scale = groups
    x2 = np.maximum(x2, 0.5)
    step = np.sqrt(scale * np.maximum(1 / x1 - 1 / n1 + 1 / x2 - 1 / n2, 1e-6))
    guess = np.log(x1 / n1) - np.log(x2 / n2) - step
    # `excess` falls from positive to negative.
    for edge in (guess - step / 4, guess + step / 4):
        inside = (edge > bottom) & (edge < top)
        is_below = excess(edge, *groups) > 0
        bottom, top = np.where(inside & is_below, edge, bottom), np.where(inside & ~is_below, edge, top)
    return bottom, top


def mover_ratio(first: FloatArray, first_interval: Interval, second: FloatArray, second_interval: Interval) -> Interval:
    """Limits of `first` / `second` recovered from each one's own limits (MOVER-R: Donner and Zou 2012; Newcombe 2016).

    For quantities that are not negative. It leaves out 1 exactly when `mover_difference` of the same intervals leaves
    out 0. With symmetric intervals it is Fieller's theorem. Where the second quantity cannot be told from 0, the
    upper limit is infinity.
    """
    product = first * second
    first_low = np.maximum(first_interval.low, 0.0)
    second_low = np.maximum(second_interval.low, 0.0)
    at_low = first_low * (2 * first - first_low)
    at_high = first_interval.high * (2 * first - first_interval.high)
    under_high = second_interval.high * (2 * second - second_interval.high)
    under_low = second_low * (2 * second - second_low)
    with np.errstate(divide="ignore", invalid="ignore"):
        # The textbook form divides by `under_high`, which may be 0; multiplied out it does not.
        low = at_low / (product + np.sqrt(np.maximum(product**2 - at_low * under_high, 0)))
        high = (product + np.sqrt(np.maximum(product**2 - at_high * under_low, 0))) / under_low
    low = np.where(at_low == 0, 0.0, low)
    high = np.where(under_low > 0, high, np.inf)
    undefined = np.isnan(first_interval.low) | np.isnan(second_interval.low)
    return Interval(np.where(undefined, np.nan, low), np.where(undefined, np.nan, high))
