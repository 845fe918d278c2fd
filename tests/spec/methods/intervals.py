"""Specifications of one group's value: intervals, reliability and standardisation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from orchestration.statistics import intervals, reliability, standardise
from orchestration.statistics.intervals import Interval
from tests.spec.methods.method import Method
from tests.support.strata_frames import array


def _limits(interval: Interval, scale: float = 1.0) -> Mapping[str, float]:
    return {"lower limit": float(interval.low[0]) * scale, "upper limit": float(interval.high[0]) * scale}


def _cluster() -> Mapping[str, float]:
    events, months = (
        np.array([0.0, 1, 4, 0, 2, 0, 1, 7, 0, 0, 1, 2]),
        np.array([12.0, 3, 7, 12, 12, 1, 9, 12, 12, 4, 12, 6]),
    )
    y, d = events.sum(), months.sum()
    sums = [array(total) for total in (y, d, 12, (events**2).sum(), (events * months).sum(), (months**2).sum())]
    relative = intervals.ratio_relative_variance(*sums)
    degrees = intervals.cluster_degrees(array(y), array(12), array((events**2).sum()))
    found = intervals.cluster_ratio(array(y / d), relative, degrees, 0.95)
    return {"rate per month": y / d, **_limits(found), "design effect": float(relative[0]) * y}


def _reliability() -> Mapping[str, float]:
    found = intervals.clopper_pearson(array(12), array(100), 0.95)
    width = float(found.high[0] - found.low[0])
    status = reliability.proportion_status(array(12), array(100))[0]
    return {"width": width, "width over proportion": width / 0.12, "reliable": float(status == reliability.RELIABLE)}


_EVENTS, _MONTHS = np.array([[10.0], [30.0]]), np.array([[1000.0], [1000.0]])
_STANDARD = np.array([3.0, 1.0])


def _direct() -> Mapping[str, float]:
    found = standardise.direct_rate(_EVENTS, _MONTHS, _STANDARD, 0.95)
    return {"rate per 1,000": found.value[0] * 1000, **_limits(Interval(found.low, found.high), 1000)}


def _direct_heavy() -> Mapping[str, float]:
    found = standardise.direct_rate(np.array([[40.0], [0.0]]), np.array([[1000.0], [50.0]]), _STANDARD, 0.95)
    return {"rate per 1,000": found.value[0] * 1000, **_limits(Interval(found.low, found.high), 1000)}


def _direct_share() -> Mapping[str, float]:
    children = np.array([[100.0], [50.0]])
    found = standardise.direct_proportion(np.array([[30.0], [30.0]]), children, _STANDARD, 0.95)
    return {"proportion": found.value[0], **_limits(Interval(found.low, found.high))}


def _direct_mean() -> Mapping[str, float]:
    total, count = np.array([[800.0], [450.0]]), np.array([[10.0], [5.0]])
    found = standardise.direct_mean(total, count, np.array([[64900.0], [40900.0]]), _STANDARD, 0.95)
    return {"mean": found.value[0], **_limits(Interval(found.low, found.high))}


def _rate_reliability() -> Mapping[str, float]:
    events, months, children = array(12), array(600), array(50)
    limits = intervals.poisson_rate(events, months, 0.95)
    status = reliability.rate_status(events, events, children, events / months, limits)[0]
    width = float(limits.high[0] - limits.low[0]) / (12 / 600)
    return {"width over rate": width, "reliable": float(status == reliability.RELIABLE)}


def _indirect() -> Mapping[str, float]:
    expected = standardise.expected_events(_MONTHS, np.array([40.0, 50.0]), np.array([5000.0, 2500.0]))
    found = standardise.indirect_ratio(_EVENTS.sum(axis=0), expected, 0.95)
    values = {"expected events": expected[0], "observed over expected": found.value[0]}
    return {**values, **_limits(Interval(found.low, found.high))}


METHODS = (
    Method(
        "Interval of a proportion",
        "Wilson's score interval without continuity correction: (x + z²/2 ± z √(x(n − x)/n + z²/4)) / (n + z²).",
        "Wilson 1927; Newcombe 1998, method 3",
        {"children with the outcome": "20", "children": "100"},
        {"lower limit": "0.1334", "upper limit": "0.2888"},
        lambda: _limits(intervals.wilson(array(20), array(100), 0.95)),
        ("Wilson score",),
    ),
    Method(
        "Exact interval of a proportion",
        "Clopper and Pearson's: quantiles of the beta distribution, B(α/2; x, n − x + 1) and B(1 − α/2; x + 1, n − x)."
        " Not displayed: the reliability standard rests on it.",
        "Clopper and Pearson 1934; Korn and Graubard 1998 for samples of clusters",
        {"children with the outcome": "0", "children": "20"},
        {"lower limit": "0.0000", "upper limit": "0.1684"},
        lambda: _limits(intervals.clopper_pearson(array(0), array(20), 0.95)),
    ),
    Method(
        "Interval of a rate below 10 events",
        "Exact Poisson limits: χ² quantiles with 2x and 2(x + 1) degrees of freedom, halved, over the person-time.",
        "Garwood 1936",
        {"events": "3", "patient-years": "50"},
        {"lower limit": "0.0124", "upper limit": "0.1753"},
        lambda: _limits(intervals.poisson_rate(array(3), array(50), 0.95)),
        ("exact Poisson",),
    ),
    Method(
        "Interval of a rate from 10 events on",
        "Byar's: x (1 − 1/(9x) − z/(3√x))³ and (x + 1)(1 − 1/(9(x + 1)) + z/(3√(x + 1)))³, over the person-time.",
        "Breslow and Day 1987, vol. 2, p. 69; the switch at 10 as in England's public health indicators",
        {"events": "25", "patient-years": "500"},
        {"lower limit": "0.0323", "upper limit": "0.0738"},
        lambda: _limits(intervals.poisson_rate(array(25), array(500), 0.95)),
        ("Byar",),
    ),
    Method(
        "Interval of a rate of events in bursts, with few or none",
        "The limits above for x/D events over person-time/D. D, the design effect, says by how much the variance of the"
        " events exceeds Poisson's: what all rows of the measure with enough events show together for periods of that"
        " length, Σ robust variance / Σ events, and at least Σy²/Σy of the group's own. Days in hospital come in stays:"
        " a group without any day had no stay, and its upper limit is 3.69 stays and not 3.69 days.",
        "Rao and Scott 1999; Korn and Graubard 1998 for the effective number; Kish 1965 for Σy²/Σy",
        {"events": "0", "patient-years": "50", "design effect": "5"},
        {"lower limit": "0.0000", "upper limit": "0.3689"},
        lambda: _limits(intervals.poisson_rate(array(0), array(50), 0.95, 5.0)),
        ("exact Poisson, design effect", "Byar, design effect"),
    ),
    Method(
        "Interval of a rate where children have several events",
        "Cluster-robust with children as clusters: var(r) = n/(n − 1) · Σ(y − r d)² / (Σd)², on the log scale,"
        " r · exp(± t · se(r)/r), t with (Σy)²/Σy² degrees of freedom, at most n − 1: with few children, or many events"
        " of few of them, n − 1 are too many. From 10 events and 10 children on, for measures of which any child has"
        " several events in periods of that length.",
        "Cochran 1977, section 6.4; Korn and Graubard 1999, section 5.2; Kish 1965 for the effective number",
        {
            "events of 12 children": "0 1 4 0 2 0 1 7 0 0 1 2",
            "their months": "12 3 7 12 12 1 9 12 12 4 12 6",
        },
        {"rate per month": "0.1765", "lower limit": "0.0592", "upper limit": "0.5257", "design effect": "2.9200"},
        _cluster,
        ("cluster-robust, log scale",),
    ),
    Method(
        "Interval of a mean",
        "Student's t with n − 1 degrees of freedom; sums of tenths keep the variance exact.",
        "Student 1908",
        {"sum of tenths": "850", "children": "10", "sum of squares": "74,500"},
        {"lower limit": "73.69", "upper limit": "96.31"},
        lambda: _limits(intervals.student_t(array(850), array(10), array(74_500), 0.95)),
        ("Student t",),
    ),
    Method(
        "Reliability of a proportion",
        "In order: fewer than 30 children unreliable; 0 % or 100 % to be reviewed; interval width up to 0.05"
        " reliable; from"
        " 0.30 on unreliable; width over 130 % of the proportion unreliable; else reliable.",
        "Parker et al. 2017, Vital and Health Statistics 2(175); rates: Parker et al. 2023, 2(200): 10 or more in both"
        " counts and an interval no wider than 160 % of the rate",
        {"children with the outcome": "12", "children": "100"},
        {"width": "0.1367", "width over proportion": "1.14", "reliable": "1"},
        _reliability,
    ),
    Method(
        "Reliability of a rate",
        "Fewer than 10 events (effective ones, where they come in bursts) or 10 children unreliable; an interval wider"
        " than 160 % of the rate unreliable; else reliable.",
        "Parker et al. 2023, Vital and Health Statistics 2(200)",
        {"events": "12", "member-months": "600", "children": "50"},
        {"width over rate": "1.23", "reliable": "1"},
        _rate_reliability,
    ),
    Method(
        "Direct standardisation",
        "v = Σ w x/n / Σw over ages and sexes; limits v ± √(var/O) (Byar(O) − O) with var = Σ w² x/n² / (Σw)²."
        " Not given below 10 events. The standard population is `seeds/standard_population.csv`.",
        "Dobson, Kuulasmaa, Eberle and Scherer 1991",
        {"events in two ages": "10, 30", "person-time": "1,000, 1,000", "standard": "3 : 1"},
        {"rate per 1,000": "15.00", "lower limit": "10.05", "upper limit": "21.27"},
        _direct,
        ("direct; Dobson with Byar",),
        "A rate has other limits where an age with few children weighs much: see the next method."
        " The crude rate's design effect divides events and person-time here too; where the crude interval has few"
        " degrees of freedom, that effect is multiplied by (t/z)², as for an effective number of people (Korn and"
        " Graubard 1998). A value whose 95 % interval is too wide for the standard by which the crude value is judged"
        " is not given. Standardised values rest"
        " on counts by age and sex that are not published; they are rounded to three digits and sums over at least four"
        " cells, so that no count can be worked out from them.",
    ),
    Method(
        "Direct standardisation with a heavy rare cell",
        "Where an event in some age and sex would weigh over four times as much as the group's events do:"
        " limits of a gamma distribution, v/2y χ²(2y²/v; α/2) and (v + m²)/2(y + m) χ²(2(y + m)²/(v + m²); 1 − α/2),"
        " with y the rate, v its variance and m = max w/n / Σw. They allow for the event that did not come.",
        "Fay and Feuer 1997, Statistics in Medicine 16:791",
        {"events in two ages": "40, 0", "person-time": "1,000, 50", "standard": "3 : 1"},
        {"rate per 1,000": "30.00", "lower limit": "21.43", "upper limit": "49.74"},
        _direct_heavy,
        ("direct; Fay and Feuer gamma",),
    ),
    Method(
        "Direct standardisation of a proportion",
        "v = Σ w p / Σw; Wilson's limits for v(1 − v) / var people, at most those there are, with"
        " var = Σ w² p'(1 − p')/n / (Σw)² and half a child with and half a child without the outcome more in p'."
        " Not given below 10 children with or without it.",
        "Korn and Graubard 1998; Wilson 1927",
        {"children with the outcome in two ages": "30, 30", "children": "100, 50", "standard": "3 : 1"},
        {"proportion": "0.375", "lower limit": "0.302", "upper limit": "0.455"},
        _direct_share,
        ("direct; Wilson of the effective number",),
    ),
    Method(
        "Direct standardisation of a mean",
        "v = Σ w m / Σw; t limits with var = Σ w² s²/n / (Σw)² and Satterthwaite's degrees of freedom.",
        "Satterthwaite 1946",
        {"sums in two ages": "800, 450", "children": "10, 5", "sums of squares": "64,900, 40,900", "standard": "3 : 1"},
        {"mean": "82.50", "lower limit": "76.79", "upper limit": "88.21"},
        _direct_mean,
        ("direct; Student t, Satterthwaite",),
    ),
    Method(
        "Indirect standardisation",
        "Observed over expected, expected = Σ (reference rate · person-time); exact Poisson limits below 10 observed"
        " events, Byar's from 10; for proportions Wilson's limits of the share, times children over expected. The"
        " reference is all sites' children of that year.",
        "Breslow and Day 1987, vol. 2, chapter 2",
        {"observed": "40", "reference rates": "0.008, 0.020", "person-time": "1,000, 1,000"},
        {
            "expected events": "28.00", "observed over expected": "1.429", "lower limit": "1.020", "upper"
            " limit": "1.945",
        },
        _indirect,
        ("indirect; exact Poisson", "indirect; Byar", "indirect; Wilson"),
    ),
)  # fmt: skip
