"""Differences between two groups with their intervals: arrays in, arrays out, first group minus second.

The sign convention (positive = disadvantage) is not applied here but in `gaps.py`.
"""

from __future__ import annotations

import numpy as np

from orchestration.statistics.checks import require_counts
from orchestration.statistics.intervals import FloatArray, Interval, normal_quantile, t_quantile


def mover_difference(
    first: FloatArray, first_interval: Interval, second: FloatArray, second_interval: Interval
) -> Interval:
    """Limits of `first` - `second` recovered from each one's own limits (MOVER: Zou and Donner 2008).

    With Wilson intervals of two proportions this is Newcombe's hybrid score interval (Newcombe 1998, method 10),
    defined at 0 and at full counts and never beyond -1 and 1; with rates' own intervals it is defined at zero events.
    """
    estimate = first - second
    low = estimate - np.hypot(first - first_interval.low, second_interval.high - second)
    high = estimate + np.hypot(first_interval.high - first, second - second_interval.low)
    return Interval(low, high)


def welch_error(
    first_variance: FloatArray, first_count: FloatArray, second_variance: FloatArray, second_count: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Standard error of a difference of means and Satterthwaite's degrees of freedom (Welch 1947).

    NaN where one group has fewer than two values, or where neither group varies: there is nothing to test against then.
    """
    require_counts("welch_error", whole=False, first_variance=first_variance, second_variance=second_variance)
    require_counts("welch_error", first_count=first_count, second_count=second_count)
    with np.errstate(divide="ignore", invalid="ignore"):
        first_part, second_part = first_variance / first_count, second_variance / second_count
        squared = first_part + second_part
        degrees = squared**2 / (first_part**2 / (first_count - 1) + second_part**2 / (second_count - 1))
        defined = (first_count > 1) & (second_count > 1) & (squared > 0)
    return np.where(defined, np.sqrt(squared), np.nan), np.where(defined, degrees, np.nan)


def welch_difference(estimate: FloatArray, error: FloatArray, degrees: FloatArray, confidence: float) -> Interval:
    """Welch's t limits of a difference of means, from `welch_error`."""
    normal_quantile(confidence)
    half = t_quantile(np.nan_to_num(degrees), confidence) * error
    return Interval(estimate - half, estimate + half)
