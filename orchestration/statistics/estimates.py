"""The value of a measure in each stratum with its interval, the method's name and its reliability.

Which interval belongs to which kind of measure is decided here; the formulas are in `intervals.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from orchestration.statistics import reliability
from orchestration.statistics.counts import COUNTS, MEAN, PROPORTION, RATE, SUMS, Counts, read_counts, texts
from orchestration.statistics.intervals import (
    BYAR_FROM_EVENTS,
    BoolArray,
    FloatArray,
    IntArray,
    Interval,
    cluster_degrees,
    cluster_ratio,
    poisson_rate,
    ratio_relative_variance,
    sample_variance,
    student_t,
    wilson,
)
from orchestration.statistics.references import group_codes

# The linearised variance is a large-sample one; with fewer events or patients it is too small, so it is not used.
CLUSTER_FROM_EVENTS = 10
CLUSTER_FROM_PATIENTS = 10

WILSON, EXACT_POISSON, BYAR, EXACT_OF_BURSTS, BYAR_OF_BURSTS, CLUSTER_ROBUST, STUDENT_T = range(7)
METHOD_NAMES = (
    *("Wilson score", "exact Poisson", "Byar", "exact Poisson, design effect", "Byar, design effect"),
    *("cluster-robust, log scale", "Student t"),
)


@dataclass(frozen=True)
class Estimates:
    """One element per row, in natural units (numerator / denominator, before the multiplier). NaN: no number.

    `method` indexes METHOD_NAMES, -1 where there is no interval. `design_effect` says by how much the variance of a
    rate's events exceeds Poisson's, NaN for other kinds.
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray
    method: IntArray
    design_effect: FloatArray


def add_estimates(
    strata: pd.DataFrame, measures: pd.DataFrame, confidence: float, *, keep_sums: bool = False
) -> pd.DataFrame:
    """`strata` with `value`, `ci_low`, `ci_high`, `ci_method` and `reliability_status`, without the sum columns.

    Proportion: Wilson score. Rate of a measure of which any patient has several events: cluster-robust on the log scale
    from 10 events and 10 patients. Other rates: exact Poisson below 10 effective events and Byar's from 10, after
    division by the measure's design effect if it has one. Mean: Student t.
    Values are unrounded and in the measure's unit. Where counts are withheld, nobody is in the group or a mean has
    one single value, what cannot be given is NULL and the status says `not_assessed`, `not_applicable` or
    `unreliable`; never 0.

    `strata`: fct_measure_stratum after disclosure control (see `counts.read_counts` for what is refused); `measures`:
    dim_measure. `keep_sums` leaves the sums and adds the rates' `design_effect`, for what is computed from the strata.
    Counts come back as Int64.
    """
    return estimated(strata, measures, confidence, keep_sums=keep_sums).strata


class Estimated(NamedTuple):
    """What `add_estimates` returns, and the arrays behind it, row by row, for whoever computes on."""

    strata: pd.DataFrame
    counts: Counts
    estimates: Estimates


def estimated(strata: pd.DataFrame, measures: pd.DataFrame, confidence: float, *, keep_sums: bool = False) -> Estimated:
    """As `add_estimates`, with the arrays."""
    counts = read_counts(strata, measures)
    found = estimate(strata, counts, confidence)
    whole = {column: strata[column].astype("Int64") for column in COUNTS}
    kept = strata.assign(design_effect=found.design_effect) if keep_sums else strata.drop(columns=list(SUMS))
    frame = kept.assign(
        **whole,
        value=found.value * counts.multiplier,
        ci_low=found.low * counts.multiplier,
        ci_high=found.high * counts.multiplier,
        ci_method=texts(np.array([*METHOD_NAMES, None], dtype=object)[found.method]),
        reliability_status=texts(reliability_of(counts, found, confidence)),
    )
    return Estimated(frame, counts, found)


def estimate(strata: pd.DataFrame, counts: Counts, confidence: float) -> Estimates:
    """Value and interval of every row, by its kind, in natural units; `counts` are those of `strata`."""
    size = counts.kind.size
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(counts.denominator > 0, counts.numerator / counts.denominator, np.nan)
    low, high = (np.full(size, np.nan) for _ in range(2))
    method = np.full(size, -1, dtype=np.int64)

    rows = counts.kind == PROPORTION
    low[rows], high[rows] = wilson(counts.numerator[rows], counts.denominator[rows], confidence)
    method[rows] = WILSON

    rows = counts.kind == MEAN
    some = counts.take(rows)
    low[rows], high[rows] = student_t(some.numerator, some.denominator, some.sum_yy, confidence)
    method[rows] = STUDENT_T

    rows = counts.kind == RATE
    clustered, effect = _design_effects(strata, counts)
    interval = _rate(counts, value, clustered, effect, confidence)
    low[rows], high[rows] = interval.low[rows], interval.high[rows]
    few = counts.numerator / effect < BYAR_FROM_EVENTS
    poisson = np.where(few, EXACT_POISSON, BYAR) + np.where(effect > 1, EXACT_OF_BURSTS - EXACT_POISSON, 0)
    method[rows] = np.where(clustered, CLUSTER_ROBUST, poisson)[rows]

    method[np.isnan(low)] = -1
    return Estimates(value, low, high, method, effect)


def _design_effects(strata: pd.DataFrame, counts: Counts) -> tuple[BoolArray, FloatArray]:
    """Which rates have a robust interval, and by how much the variance of each one's events exceeds Poisson's.

    A measure of which some patient has several events in a period has events in bursts: rows with enough events and
    patients then have a robust variance of their own. The others, also those without any event, have what those rows
    show together for the same length of period, Σ robust variance / Σ events, and at least Kish's Σy² / Σy (1965), so
    that the nine days of one stay are not nine pieces of evidence; never below 1. NaN for other kinds of measure.
    """
    is_rate = counts.kind == RATE
    enough = is_rate & (counts.numerator >= CLUSTER_FROM_EVENTS) & (counts.n_patients >= CLUSTER_FROM_PATIENTS)
    group = group_codes(strata, ["measure_id", "grain"])
    size = int(group.max(initial=-1)) + 1
    repeats = np.bincount(group, is_rate & (counts.sum_yy > counts.numerator), size)[group] > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(is_rate & (counts.numerator > 0), counts.numerator * _relative_variance(counts), np.nan)
        kish = np.where(is_rate & (counts.numerator > 0), counts.sum_yy / counts.numerator, 1.0)
    # Added up in the order of their size: the order of the rows is to leave no trace, in the last digit either.
    rows = np.flatnonzero(enough)
    rows = rows[np.argsort((own * counts.numerator)[rows], kind="stable")]
    events = np.bincount(group[rows], counts.numerator[rows], size)
    variance = np.bincount(group[rows], (own * counts.numerator)[rows], size)
    pooled = np.divide(variance, events, out=np.ones(size), where=events > 0)[group]
    # A robust variance of nothing would make a rate without uncertainty: keep the Poisson one then.
    clustered = enough & repeats & (own > 1e-9)
    effect = np.where(repeats, np.fmax(pooled, np.where(enough, 1.0, kish)), 1.0)
    return clustered, np.where(is_rate, np.where(clustered, own, np.fmax(effect, 1.0)), np.nan)


def _rate(counts: Counts, rate: FloatArray, clustered: BoolArray, effect: FloatArray, confidence: float) -> Interval:
    rows = counts.kind == RATE
    some = counts.take(rows)
    low, high = (np.full(rows.size, np.nan) for _ in range(2))
    degrees = cluster_degrees(some.numerator, some.n_patients, some.sum_yy)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = effect[rows] / some.numerator
    low[rows], high[rows] = cluster_ratio(rate[rows], relative, degrees, confidence).where(
        clustered[rows], poisson_rate(some.numerator, some.denominator, confidence, effect[rows])
    )
    return Interval(low, high)


def _relative_variance(counts: Counts) -> FloatArray:
    return ratio_relative_variance(
        counts.numerator, counts.denominator, counts.n_patients, counts.sum_yy, counts.sum_yd, counts.sum_dd
    )


def reliability_of(counts: Counts, found: Estimates, confidence: float) -> reliability.StatusArray:
    """Reliability of every row by the NCHS standards, which are defined on 95 % intervals whatever is displayed."""
    status = np.full(counts.kind.size, reliability.NOT_ASSESSED, dtype=object)

    rows = counts.kind == PROPORTION
    status[rows] = reliability.proportion_status(counts.numerator[rows], counts.denominator[rows])

    rows = counts.kind == MEAN
    some = counts.take(rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(sample_variance(some.numerator, some.denominator, some.sum_yy) / some.denominator)
    status[rows] = reliability.mean_status(found.value[rows], error, some.denominator)

    rows = counts.kind == RATE
    some = counts.take(rows)
    interval95 = Interval(found.low[rows], found.high[rows])
    if confidence != reliability.STANDARD_CONFIDENCE:
        is_robust, effect = found.method[rows] == CLUSTER_ROBUST, found.design_effect[rows]
        interval95 = _rate(some, found.value[rows], is_robust, effect, reliability.STANDARD_CONFIDENCE)
    effective = some.numerator / found.design_effect[rows]
    status[rows] = reliability.rate_status(some.numerator, effective, some.n_patients, found.value[rows], interval95)
    return status
