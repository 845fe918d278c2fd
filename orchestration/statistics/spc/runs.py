"""Anhøj rules for run charts: is the longest run too long, or are there too few crossings, for chance?

Anhøj and Olesen 2014 (PLoS One 9:e113825), Anhøj 2015 (10:e0121349). A run is a row of points on one side of the centre
line; points on the line say nothing and are left out, and so are gaps. The rules look at the whole series, the points
after a frozen baseline among them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom  # type: ignore[import-untyped]

from orchestration.statistics.intervals import BoolArray, FloatArray, IntArray

# Below this many useful points the rules hardly ever signal, so they are not applied.
USEFUL_POINTS = 10


@dataclass(frozen=True)
class Runs:
    """One element per series. A limit without a useful point is 0."""

    useful: IntArray
    longest: IntArray
    longest_allowed: IntArray
    crossings: IntArray
    crossings_expected: IntArray

    @property
    def signals(self) -> BoolArray:
        """A run longer, or crossings fewer, than chance gives in about one chart of twenty."""
        return (self.longest > self.longest_allowed) | (self.crossings < self.crossings_expected)


def anhoej(y: FloatArray, centre: FloatArray) -> Runs:
    """Runs of `y` (series x points, NaN for gaps) about `centre` (the same shape)."""
    side = sides(y, centre)
    series, points = side.shape
    # Useful points close up to the left, in their order, so that runs go on over gaps and points on the line.
    order = np.argsort(side == 0, axis=1, kind="stable")
    packed = np.take_along_axis(side, order, axis=1)
    useful = (side != 0).sum(axis=1)
    changes = (packed[:, 1:] != packed[:, :-1]) & (packed[:, 1:] != 0)
    longest, current = np.zeros(series, dtype=np.int64), np.zeros(series, dtype=np.int64)
    for point in range(points):  # a few dozen points, all series at once
        goes_on = packed[:, point] != 0
        starts = changes[:, point - 1] if point else np.ones(series, dtype=bool)
        current = np.where(goes_on, np.where(starts, 1, current + 1), current)
        longest = np.maximum(longest, current)
    allowed, expected = run_limits(useful)
    return Runs(useful, longest, allowed, changes.sum(axis=1), expected)


def run_limits(useful: IntArray) -> tuple[IntArray, IntArray]:
    """Longest run allowed, round(log2 n) + 3, and crossings expected, the 5 % point of Binomial(n - 1, 1/2)."""
    n = np.maximum(useful, 1)
    allowed = np.rint(np.log2(n) + 3).astype(np.int64)
    expected = binom.ppf(0.05, n - 1, 0.5)
    expected = np.where(n > 1, expected, 0.0).astype(np.int64)
    return np.where(useful > 0, allowed, 0), np.where(useful > 0, expected, 0)


def sides(y: FloatArray, centre: FloatArray) -> IntArray:
    """1 above the centre, -1 below, 0 on it (but for rounding) or where there is no point."""
    with np.errstate(invalid="ignore"):
        on_it = np.isclose(y, centre, rtol=1e-12, atol=0.0) | np.isnan(y) | np.isnan(centre)
        return np.where(on_it, 0, np.where(y > centre, 1, -1)).astype(np.int64)
