"""Contrasts pairs of rows: difference, ratio and p-value of the first against the second, by kind of measure.

Works on the arrays of `counts.py` and `estimates.py`, in natural units; which rows are compared, and which of the two
comes first, is decided in `gaps.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestration.statistics import differences, p_values, ratios
from orchestration.statistics.counts import MEAN, PROPORTION, RATE, Counts
from orchestration.statistics.estimates import CLUSTER_ROBUST, Estimates
from orchestration.statistics.intervals import (
    BoolArray,
    FloatArray,
    IntArray,
    Interval,
    cluster_degrees,
    sample_variance,
)

DIFFERENCE_METHODS = {PROPORTION: "Newcombe hybrid score", RATE: "MOVER of the rates' intervals", MEAN: "Welch t"}
RATIO_METHODS = {
    PROPORTION: "Koopman score",
    RATE: "MOVER-R of the rates' intervals",
    MEAN: "MOVER-R of the t intervals",
}
POOLED_Z, EXACT, EXACT_OF_BURSTS, ROBUST_T, WELCH_T = P_METHODS = (
    "pooled z",
    "exact conditional",
    "exact conditional, design effect",
    "t on the log ratio, cluster-robust",
    "Welch t",
)
NO_UPPER_LIMIT = ", no upper limit"


@dataclass(frozen=True)
class Contrasts:
    """One element per pair; NaN (None for methods) where a number does not exist.

    A ratio over zero is NaN and keeps its lower limit; where there is no upper limit, `ratio_high` is NaN and
    `ratio_method` says so.
    """

    difference: FloatArray
    difference_low: FloatArray
    difference_high: FloatArray
    ratio: FloatArray
    ratio_low: FloatArray
    ratio_high: FloatArray
    p_value: FloatArray
    difference_method: npt.NDArray[np.object_]
    ratio_method: npt.NDArray[np.object_]
    p_method: npt.NDArray[np.object_]

    @classmethod
    def empty(cls, size: int) -> Contrasts:
        """`size` pairs of which nothing is known yet, to be filled in place."""
        numbers = [np.full(size, np.nan) for _ in range(7)]
        methods = [np.full(size, None, dtype=object) for _ in range(3)]
        return cls(*numbers, *methods)


@dataclass(frozen=True)
class _Side:
    counts: Counts
    value: FloatArray
    interval: Interval
    is_clustered: BoolArray
    design_effect: FloatArray


def contrast(
    counts: Counts, estimates: Estimates, first: IntArray, second: IntArray, computable: BoolArray, confidence: float
) -> Contrasts:
    """Rows `first` against rows `second`, pair by pair, where `computable`; both rows of a pair are of one measure."""
    contrasts = Contrasts.empty(first.size)
    for kind, compare in ((PROPORTION, _proportions), (RATE, _rates), (MEAN, _means)):
        pairs = np.flatnonzero(computable & (counts.kind[first] == kind))
        if pairs.size == 0:
            continue
        one, two = _side(counts, estimates, first[pairs]), _side(counts, estimates, second[pairs])
        difference, ratio, p, p_method = compare(one, two, confidence)
        contrasts.difference[pairs] = one.value - two.value
        contrasts.difference_low[pairs], contrasts.difference_high[pairs] = difference
        with np.errstate(divide="ignore", invalid="ignore"):
            contrasts.ratio[pairs] = np.where(two.value > 0, one.value / two.value, np.nan)
        unbounded = np.isinf(ratio.high)
        contrasts.ratio_low[pairs] = ratio.low
        contrasts.ratio_high[pairs] = np.where(unbounded, np.nan, ratio.high)
        contrasts.p_value[pairs] = p
        is_tested = ~np.isnan(p)
        contrasts.p_method[pairs[is_tested]] = p_method[is_tested]
        contrasts.difference_method[pairs[~np.isnan(difference.low)]] = DIFFERENCE_METHODS[kind]
        contrasts.ratio_method[pairs[~np.isnan(ratio.low)]] = RATIO_METHODS[kind]
        contrasts.ratio_method[pairs[unbounded]] = RATIO_METHODS[kind] + NO_UPPER_LIMIT
    return contrasts


def _side(counts: Counts, estimates: Estimates, rows: IntArray) -> _Side:
    return _Side(
        counts=counts.take(rows),
        value=estimates.value[rows],
        interval=Interval(estimates.low[rows], estimates.high[rows]),
        is_clustered=estimates.method[rows] == CLUSTER_ROBUST,
        design_effect=estimates.design_effect[rows],
    )


_Compared = tuple[Interval, Interval, FloatArray, npt.NDArray[np.object_]]


def _proportions(one: _Side, two: _Side, confidence: float) -> _Compared:
    successes = one.counts.numerator, one.counts.denominator, two.counts.numerator, two.counts.denominator
    difference = differences.mover_difference(one.value, one.interval, two.value, two.interval)
    p = p_values.pooled_proportions(*successes)
    return difference, ratios.score_ratio(*successes, confidence), p, np.full(p.size, POOLED_Z, dtype=object)


def _degrees(side: _Side) -> FloatArray:
    degrees = cluster_degrees(side.counts.numerator, side.counts.n_patients, side.counts.sum_yy)
    return np.where(side.is_clustered, degrees, np.inf)


def _rates(one: _Side, two: _Side, confidence: float) -> _Compared:
    sides = [(side.counts.numerator, side.counts.denominator, side.design_effect) for side in (one, two)]
    p = p_values.clustered_rates(*sides[0], _degrees(one), *sides[1], _degrees(two))
    # Each test where it belongs: the exact one is slow.
    plain = ~(one.is_clustered | two.is_clustered)
    without_log = (one.counts.numerator == 0) | (two.counts.numerator == 0)
    in_bursts = np.fmax(one.design_effect, two.design_effect) > 1
    method = np.select([~plain & ~without_log, in_bursts], [ROBUST_T, EXACT_OF_BURSTS], EXACT).astype(object)
    p[plain] = p_values.effective_poisson(*(part[plain] for side in sides for part in side))
    return (
        differences.mover_difference(one.value, one.interval, two.value, two.interval),
        ratios.mover_ratio(one.value, one.interval, two.value, two.interval),
        p,
        method,
    )


def _means(one: _Side, two: _Side, confidence: float) -> _Compared:
    variances = [
        (sample_variance(side.counts.numerator, side.counts.denominator, side.counts.sum_yy), side.counts.denominator)
        for side in (one, two)
    ]
    error, degrees = differences.welch_error(*variances[0], *variances[1])
    estimate = one.value - two.value
    return (
        differences.welch_difference(estimate, error, degrees, confidence),
        ratios.mover_ratio(one.value, one.interval, two.value, two.interval),
        p_values.welch(estimate, error, degrees),
        np.full(error.size, WELCH_T, dtype=object),
    )
