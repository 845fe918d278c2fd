"""The value of a measure in each stratum with its interval, the method's name and its reliability.

Which interval belongs to which kind of measure is decided here; the formulas are in `intervals.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.statistics import reliability
from orchestration.statistics.counts import COUNTS, MEAN, PROPORTION, RATE, SUMS, Counts, read_counts
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

# The linearised variance is a large-sample one; with fewer events or patients it is too small, so it is not used.
CLUSTER_FROM_EVENTS = 10
CLUSTER_FROM_PATIENTS = 10

WILSON, EXACT_POISSON, BYAR, CLUSTER_ROBUST, STUDENT_T = range(5)
METHOD_NAMES = ("Wilson score", "exact Poisson", "Byar", "cluster-robust, log scale", "Student t")


@dataclass(frozen=True)
class Estimates:
    """One element per row, in natural units (numerator / denominator, before the multiplier). NaN: no number.

    `method` indexes METHOD_NAMES, -1 where there is no interval. `relative_variance` is that of a rate (robust where
    the interval is, else 1 / events) and NaN for other kinds and at zero events.
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray
    method: IntArray
    relative_variance: FloatArray


def add_estimates(
    strata: pd.DataFrame, measures: pd.DataFrame, confidence: float, *, keep_sums: bool = False
) -> pd.DataFrame:
    """`strata` with `value`, `ci_low`, `ci_high`, `ci_method` and `reliability_status`, without the sum columns.

    Proportion: Wilson score. Rate: where any patient has several events, and there are at least 10 events and 10
    patients, cluster-robust on the log scale; else exact Poisson below 10 events and Byar's from 10. Mean: Student t.
    Values are unrounded and in the measure's unit. Where counts are withheld, nobody is in the group or a mean has
    one single value, what cannot be given is NULL and the status says `not_assessed`, `not_applicable` or
    `unreliable`; never 0.

    `strata`: fct_measure_stratum after disclosure control (see `counts.read_counts` for what is refused); `measures`:
    dim_measure. `keep_sums` leaves the sums for `gaps.compute_gaps`. Counts come back as Int64.
    """
    counts = read_counts(strata, measures)
    found = estimate(counts, confidence)
    whole = {column: strata[column].astype("Int64") for column in COUNTS}
    return strata.drop(columns=[] if keep_sums else list(SUMS)).assign(
        **whole,
        value=found.value * counts.multiplier,
        ci_low=found.low * counts.multiplier,
        ci_high=found.high * counts.multiplier,
        ci_method=np.array([*METHOD_NAMES, None], dtype=object)[found.method],
        reliability_status=reliability_of(counts, found, confidence),
    )


def estimate(counts: Counts, confidence: float) -> Estimates:
    """Value and interval of every row, by its kind, in natural units."""
    size = counts.kind.size
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(counts.denominator > 0, counts.numerator / counts.denominator, np.nan)
    low, high, relative_variance = (np.full(size, np.nan) for _ in range(3))
    method = np.full(size, -1, dtype=np.int64)

    rows = counts.kind == PROPORTION
    low[rows], high[rows] = wilson(counts.numerator[rows], counts.denominator[rows], confidence)
    method[rows] = WILSON

    rows = counts.kind == MEAN
    some = counts.take(rows)
    low[rows], high[rows] = student_t(some.numerator, some.denominator, some.sum_yy, confidence)
    method[rows] = STUDENT_T

    rows = counts.kind == RATE
    interval, method[rows], relative_variance[rows] = _rate(counts.take(rows), value[rows], confidence)
    low[rows], high[rows] = interval

    method[np.isnan(low)] = -1
    return Estimates(value, low, high, method, relative_variance)


def _rate(counts: Counts, rate: FloatArray, confidence: float) -> tuple[Interval, IntArray, FloatArray]:
    robust = _robust_relative_variance(counts)
    clustered = ~np.isnan(robust)
    # A robust variance of nothing would make a rate without uncertainty: keep the Poisson one then.
    clustered &= robust > 1e-12
    with np.errstate(divide="ignore", invalid="ignore"):
        poisson = np.where(counts.numerator > 0, 1 / counts.numerator, np.nan)
    degrees = cluster_degrees(counts.numerator, counts.n_patients, counts.sum_yy)
    interval = cluster_ratio(rate, robust, degrees, confidence).where(
        clustered, poisson_rate(counts.numerator, counts.denominator, confidence)
    )
    method = np.where(clustered, CLUSTER_ROBUST, np.where(counts.numerator < BYAR_FROM_EVENTS, EXACT_POISSON, BYAR))
    return interval, method, np.where(clustered, robust, poisson)


def _robust_relative_variance(counts: Counts) -> FloatArray:
    """NaN where the cluster-robust interval does not apply: nobody has several events, or too few in all."""
    relative = ratio_relative_variance(
        counts.numerator, counts.denominator, counts.n_patients, counts.sum_yy, counts.sum_yd, counts.sum_dd
    )
    applies: BoolArray = (
        (counts.sum_yy > counts.numerator)
        & (counts.numerator >= CLUSTER_FROM_EVENTS)
        & (counts.n_patients >= CLUSTER_FROM_PATIENTS)
    )
    return np.where(applies, relative, np.nan)


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
    some, rate = counts.take(rows), found.value[rows]
    if confidence == reliability.STANDARD_CONFIDENCE:
        interval95 = Interval(found.low[rows], found.high[rows])
    else:
        interval95, _, _ = _rate(some, rate, reliability.STANDARD_CONFIDENCE)
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = 1 / found.relative_variance[rows]
    effective = np.where(some.numerator == 0, 0.0, effective)
    status[rows] = reliability.rate_status(some.numerator, effective, some.n_patients, rate, interval95)
    return status
