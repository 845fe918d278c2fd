"""Specifications of two groups: gaps, tests, bounds, changes and the split by neighborhood."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from orchestration.statistics import differences, intervals, p_values, ratios
from orchestration.statistics.bounds import NO_COUNT, NO_STATED_LIMITS, Side, Unknown, gap_bounds
from orchestration.statistics.estimates import add_estimates
from orchestration.statistics.gaps import compute_gaps
from orchestration.statistics.intervals import Interval
from tests.spec.methods.method import Method
from tests.support.strata_frames import LABELS, MEASURES, STRATIFIERS, array, published, stratum


def _limits(interval: Interval) -> Mapping[str, float]:
    return {"lower limit": float(interval.low[0]), "upper limit": float(interval.high[0])}


def _newcombe() -> Mapping[str, float]:
    one, two = (intervals.wilson(array(x), array(100), 0.95) for x in (40, 20))
    return {"difference": 0.2, **_limits(differences.mover_difference(array(0.4), one, array(0.2), two))}


def _koopman() -> Mapping[str, float]:
    return {"ratio": 2.0, **_limits(ratios.score_ratio(array(40), array(100), array(20), array(100), 0.95))}


def _rates() -> Mapping[str, float]:
    one, two = (intervals.poisson_rate(array(x), array(100), 0.95) for x in (30, 15))
    difference = differences.mover_difference(array(0.3), one, array(0.15), two)
    ratio = ratios.mover_ratio(array(0.3), one, array(0.15), two)
    p = p_values.conditional_poisson(array(30), array(100), array(15), array(100))
    return {
        **{f"difference, {name}": value for name, value in _limits(difference).items()},
        **{f"ratio, {name}": value for name, value in _limits(ratio).items()},
        "p": float(p[0]),
    }


def _means() -> Mapping[str, float]:
    sums = [tuple(array(x) for x in side) for side in ((850, 10, 74_500), (936, 12, 73_800))]
    variances = [intervals.sample_variance(*side) for side in sums]
    one, two = (side[0] / side[1] for side in sums)
    error, degrees = differences.welch_error(variances[0], sums[0][1], variances[1], sums[1][1])
    limits = differences.welch_difference(one - two, error, degrees, 0.95)
    ratio = ratios.mover_ratio(*(one, intervals.student_t(*sums[0], 0.95)), *(two, intervals.student_t(*sums[1], 0.95)))
    return {
        **{"difference": float((one - two)[0]), "lower limit": float(limits.low[0])},
        **{"upper limit": float(limits.high[0]), "p": float(p_values.welch(one - two, error, degrees)[0])},
        **{"ratio, lower limit": float(ratio.low[0]), "ratio, upper limit": float(ratio.high[0])},
    }


def _excess() -> Mapping[str, float]:
    quintiles = {"q1": 87.7, "q2": 113.3, "q3": 130.7, "q4": 144.1, "q5": 171.4}
    labels = pd.concat(
        [LABELS, pd.DataFrame([("poverty", f"q{n}", n, False) for n in (2, 3, 4)], columns=LABELS.columns)]
    )
    rows = [
        stratum(name, round(rate * 38), 12 * 38_000, measure_id="days", stratifier="poverty")
        for name, rate in quintiles.items()
    ]
    strata = add_estimates(published(*rows), MEASURES, 0.95, keep_sums=True)
    gaps = compute_gaps(strata, MEASURES, STRATIFIERS, labels, 0.95)
    return {"days that would not have been spent": gaps["excess"].sum(), "child-years": gaps["excess"].sum() / 365}


def _benjamini_hochberg() -> Mapping[str, float]:
    found = p_values.benjamini_hochberg(np.array([0.01, 0.02, 0.04, 0.20]), np.zeros(4, dtype=np.int64))
    return {f"adjusted p {i + 1}": float(p) for i, p in enumerate(found)}


def _bounds() -> Mapping[str, float]:
    free = np.zeros(1, dtype=bool)
    low, high = gap_bounds(
        Side(array(40), array(100), free),
        Side(array(20), array(100), free),
        Unknown(array(6), array(20), array(0), array(1)),
    )
    return {"lowest gap": float(low[0]), "highest gap": float(high[0])}


def _kitagawa() -> Mapping[str, float]:
    from tests.unit.statistics.test_decomposition import rows_of, split

    row = split(rows_of({"group_a": [(8, 80), (6, 20)], "group_b": [(4, 20), (40, 80)]})).iloc[0]
    return {"gap": row["difference"], "by composition": row["composition_part"], "within": row["within_part"]}


def _change() -> Mapping[str, float]:
    from tests.unit.statistics.test_changes import changes, two_years

    row = changes(*two_years((200, 250), (400, 350))).iloc[0]
    return {"change of the gap": row["difference_change"], "by the group": row["group_part"],
            "by the reference": row["reference_part"]}  # fmt: skip


METHODS = (
    Method(
        "Gap of two proportions: difference",
        "Newcombe's hybrid score interval from the two Wilson intervals: d − √((p1 − l1)² + (u2 − p2)²),"
        " mirrored above.",
        "Newcombe 1998, method 10",
        {"group": "40 of 100", "reference": "20 of 100"},
        {"difference": "0.200", "lower limit": "0.073", "upper limit": "0.319"},
        _newcombe,
        ("Newcombe hybrid score", "pooled z"),
        "Positive always means that the group is worse off: where higher is better, reference and group change places."
        " p: the pooled z test, which is Pearson's chi-square without continuity correction.",
    ),
    Method(
        "Gap of two proportions: ratio",
        "Koopman's score interval: all ratios that the chi-square score test does not reject; defined at 0 and"
        " full counts.",
        "Koopman 1984",
        {"group": "40 of 100", "reference": "20 of 100"},
        {"ratio": "2.00", "lower limit": "1.28", "upper limit": "3.18"},
        _koopman,
        ("Koopman score",),
    ),
    Method(
        "Gap of two rates",
        "Difference and ratio recovered from each rate's own limits (MOVER, MOVER-R). p: t on the log ratio where a"
        " side's interval is cluster-robust and both have events (Satterthwaite's degrees of freedom); else the exact"
        " conditional test, of events divided by the larger design effect. Interval and p rest on different"
        " approximations: at the edge, about one gap in a hundred, one leaves out 0 and the other does not.",
        "Zou and Donner 2008; Donner and Zou 2012; Przyborowski and Wilenski 1940",
        {"group": "30 events in 100 patient-years", "reference": "15 events in 100 patient-years"},
        {
            "difference, lower limit": "0.012",
            "difference, upper limit": "0.294",
            "ratio, lower limit": "1.05",
            "ratio, upper limit": "3.93",
            "p": "0.036",
        },
        _rates,
        (
            *("MOVER of the rates' intervals", "MOVER-R of the rates' intervals", "exact conditional"),
            *("exact conditional, design effect", "t on the log ratio, cluster-robust"),
        ),
        "Means: Welch's t for the difference, MOVER-R of the t intervals (Fieller's theorem) for the ratio.",
    ),
    Method(
        "Gap of two means",
        "Welch's t interval of the difference with Satterthwaite's degrees of freedom, and its test; the ratio"
        " recovered from each mean's own t limits (MOVER-R).",
        "Welch 1947; Donner and Zou 2012",
        {"group": "850 tenths, 10 children, squares 74,500", "reference": "936 tenths, 12 children, squares 73,800"},
        {
            "difference": "7.00",
            "lower limit": "-5.01",
            "upper limit": "19.01",
            "p": "0.230",
            "ratio, lower limit": "0.93",
            "ratio, upper limit": "1.26",
        },
        _means,
        ("Welch t", "MOVER-R of the t intervals"),
    ),
    Method(
        "Excess, if the gap closed",
        "difference · denominator / multiplier: events, days or children that would not have been counted.",
        "Beck et al. 2018, Health Affairs 37(4):551, bed-days by fifths of child poverty",
        {"bed-days per 1,000": "87.7, 113.3, 130.7, 144.1, 171.4", "children in each fifth": "38,000"},
        {"days that would not have been spent": "7929", "child-years": "21.7"},
        _excess,
    ),
    Method(
        "Many gaps at once",
        "Benjamini and Hochberg's adjustment within a family: all gaps of one measure, period, site and stratifier."
        " `is_meaningful` is AHRQ's rule: unadjusted p at most 0.05 and a relative difference of at least 10 %, of the"
        " reference's value or, for a share, of its complement, whichever is more: 95 % against 97 % tested"
        " is 2 % fewer tested and 67 % more not tested.",
        "Benjamini and Hochberg 1995; National Healthcare Disparities Report 2010, chapter 1",
        {"p": "0.01, 0.02, 0.04, 0.20"},
        {"adjusted p 1": "0.040", "adjusted p 2": "0.040", "adjusted p 3": "0.053", "adjusted p 4": "0.200"},
        _benjamini_hochberg,
    ),
    Method(
        "Bounds over what is not known",
        "All ways to allocate the children whose group is not known: those with the outcome join the group and"
        " those without"
        " the reference for the highest gap, the other way round for the lowest.",
        "Manski 1989; Horowitz and Manski 2000",
        {"group": "40 of 100", "reference": "20 of 100", "group not known": "6 of 20"},
        {"lowest gap": "0.106", "highest gap": "0.259"},
        _bounds,
        ("all allocations, exact", "all allocations, outer", NO_COUNT, NO_STATED_LIMITS),
        "Means need stated limits of a value; rates have none, so events are parted from their person-time and"
        " the bounds"
        " are wider than need be. Where a reason is withheld, everyone less the published groups stands for"
        " the unknown.",
    ),
    Method(
        "Who closed a gap",
        "change of the gap = change of the group − change of the reference, each with the sign of the gap:"
        " below 0 narrows."
        " Levelling down: the gap narrowed because the reference got worse.",
        "this project; intervals by MOVER (Zou and Donner 2008), years taken as independent",
        {"reference": "20 % then 25 %", "group": "40 % then 35 %"},
        {"change of the gap": "-10.0", "by the group": "-5.0", "by the reference": "-5.0"},
        _change,
        ("MOVER of the two years' intervals",),
    ),
    Method(
        "A race gap and neighborhoods",
        "Σ (c_g − c_r)(y_g + y_r)/2 by composition, Σ (y_g − y_r)(c_g + c_r)/2 within neighborhoods.",
        "Kitagawa 1955",
        {"reference": "80 % in q1 at 10, 20 % in q5 at 30", "group": "20 % in q1 at 20, 80 % in q5 at 50"},
        {"gap": "30.0", "by composition": "15.0", "within": "15.0"},
        _kitagawa,
        ("normal; the mix of neighborhoods taken as known",),
        "Arithmetic, not cause: every published row carries the caveat in words.",
    ),
)
