"""Where a line through the points so far leads: weighted least squares over time, with an interval for the line.

The interval says how well the line is known, provided that things go on as they did; it is no promise. Points that
share their observations know less than their number says: the variance grows by the number of periods that share them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestration.statistics.intervals import FloatArray, normal_quantile, t_quantile

POINTS_NEEDED = 4
METHOD = "weighted straight line"


@dataclass(frozen=True)
class Projection:
    """One element per series; NaN where there are fewer than four points."""

    value: FloatArray
    low: FloatArray
    high: FloatArray


def project(
    time: FloatArray, value: FloatArray, error: FloatArray, at: FloatArray, confidence: float, shared: FloatArray
) -> Projection:
    """Lines through `value` (series x points, NaN for gaps) with standard errors `error` at `time`, read at `at`.

    `shared`: per series, how many neighboring points share their observations (1 where none do). Where points scatter
    about the line by more than their errors explain, the interval grows by what they do (chi square per degree of
    freedom above 1), and as that is known from n - 2 degrees of freedom only, t takes the place of z.
    """
    used = ~np.isnan(value) & ~np.isnan(error) & (error > 0)
    weight = np.where(used, 1 / np.where(used, error, 1.0) ** 2, 0.0)
    n = used.sum(axis=1)
    y = np.where(used, value, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = weight.sum(axis=1)
        mean_time = (weight * time).sum(axis=1) / total
        mean_value = (weight * y).sum(axis=1) / total
        away = time - mean_time[:, None]
        spread = (weight * away**2).sum(axis=1)
        slope = (weight * away * y).sum(axis=1) / spread
        found = mean_value + slope * (at - mean_time)
        left = np.where(used, y - mean_value[:, None] - slope[:, None] * away, 0.0)
        per_freedom = (weight * left**2).sum(axis=1) / (n - 2)
        variance = (1 / total + (at - mean_time) ** 2 / spread) * np.maximum(per_freedom, 1.0) * shared
        quantile = np.where(per_freedom > 1, t_quantile(n - 2.0, confidence), normal_quantile(confidence))
        half = quantile * np.sqrt(variance)
    enough = (n >= POINTS_NEEDED) & (spread > 0)
    return Projection(*(np.where(enough, part, np.nan) for part in (found, found - half, found + half)))
