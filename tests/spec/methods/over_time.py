"""Specifications of what is followed over time: control charts, charts between rare events, and where a line leads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from orchestration.statistics.aims.projection import METHOD, project
from orchestration.statistics.spc import limits
from orchestration.statistics.spc.limits import Limits
from orchestration.statistics.spc.rare import CHART, RULE_SET, rare_events
from tests.spec.methods.method import Method
from tests.support.followed_frames import counted

_MONTHS = (30, 34, 28, 41, 25, 33, 37, 29, 44, 22, 35, 32)


def _first(found: Limits) -> Mapping[str, float]:
    return {
        "centre": float(found.centre[0, 0]),
        "lower limit": float(found.low[0, 0]),
        "upper limit": float(found.high[0, 0]),
    }


def _series() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y = np.array([_MONTHS], dtype=np.float64)
    return y, np.full(y.shape, 100.0), np.ones(y.shape, dtype=bool)


def _p() -> Mapping[str, float]:
    return _first(limits.proportions(*_series()))


def _p_prime() -> Mapping[str, float]:
    y, n, baseline = _series()
    plain = limits.proportions(y, n, baseline)
    sigma = (plain.high - plain.centre) / 3
    return {"stretch": float(limits.dispersion(y / n, plain.centre, sigma, baseline)[0])} | dict(
        _first(limits.proportions_prime(y, n, baseline))
    )


def _u() -> Mapping[str, float]:
    y, n, baseline = _series()
    return _first(limits.rates(y, 12 * n, baseline))


def _gap() -> Mapping[str, float]:
    value, sigma = np.array([[8.0, 10.0, 12.0, 10.0]]), np.array([[2.0, 1.0, 2.0, 1.0]])
    return _first(limits.difference(value, sigma, np.ones(value.shape, dtype=bool)))


def _rare() -> Mapping[str, float]:
    found = rare_events(counted("visits", "a", [1, 0, 2, 0, 0, 1] + [0, 1] * 6 + [0] * 18, 10))
    row = found[found["is_open"]].iloc[0]
    return {
        "first interval": float(found["member_months_between"].iloc[0]),
        "since the last event": float(row["member_months_between"]),
        "centre": float(row["centre"]),
        "upper limit": float(row["limit_high"]),
    }


def _projection() -> Mapping[str, float]:
    time, value = np.arange(6.0)[None], np.array([[12.0, 10.5, 11.0, 8.5, 8.0, 7.5]])
    found = project(time, value, np.full(value.shape, 0.5), np.array([8.0]), 0.95, np.ones(1))
    return {
        "projected": float(found.value[0]),
        "lower limit": float(found.low[0]),
        "upper limit": float(found.high[0]),
    }


METHODS = (
    Method(
        "Control chart of a share: p",
        "Centre: Σ numerators / Σ denominators of the baseline. Limits: ± 3 √(p(1 − p) / n), n of each point.",
        "Shewhart 1931; Montgomery",
        {"twelve months of 100 children": ", ".join(map(str, _MONTHS))},
        {"centre": "0.325", "lower limit": "0.184", "upper limit": "0.466"},
        _p,
        ("p",),
    ),
    Method(
        "Control chart of a share with more scatter than chance: p prime",
        "The p chart's limits times Laney's factor: mean moving range of (value − centre) / standard error over 1.128,"
        " ranges from 3.267 times their mean on left out. Chosen where the factor is larger than chance explains.",
        "Laney 2002; Nelson 1982",
        {"twelve months of 100 children": ", ".join(map(str, _MONTHS))},
        {"stretch": "1.93", "centre": "0.325", "lower limit": "0.054", "upper limit": "0.596"},
        _p_prime,
        ("p prime", "u prime", "gap prime"),
        "u prime and gap prime stretch the limits of u and of a gap in the same way.",
    ),
    Method(
        "Control chart of events: u",
        "Centre: Σ events / Σ time at risk of the baseline. Limits: ± 3 √(u / n), never below 0.",
        "Shewhart 1931; Montgomery",
        {"twelve months of 1,200 member-months": ", ".join(map(str, _MONTHS))},
        {"centre": "0.0271", "lower limit": "0.0128", "upper limit": "0.0413"},
        _u,
        ("u",),
    ),
    Method(
        "Control chart of a gap",
        "Centre: the baseline's gaps weighed by 1 / their squared standard errors. Limits: ± 3 standard errors of the"
        " point's own gap, both groups at their baseline's level.",
        "this project, after Shewhart 1931",
        {"gaps": "8, 10, 12, 10", "standard errors": "2, 1, 2, 1"},
        {"centre": "10.00", "lower limit": "4.00", "upper limit": "16.00"},
        _gap,
        ("gap",),
    ),
    Method(
        "Charts between rare events",
        "Member-months from one event to the next, to the power 1 / 3.6, on an XmR chart, turned back. Limits from the"
        " first 20 intervals. The time since the last event is a point too, which may only be longer.",
        "Nelson 1994",
        {
            "events per month of 10 children": "1 0 2 0 0 1, then every second month one until month 18, none until 36",
        },
        {"first interval": "17.5", "since the last event": "185.0", "centre": "18.0", "upper limit": "29.4"},
        _rare,
        (CHART, RULE_SET),
        "In the marts only: a count of one in a small group points to a child.",
    ),
    Method(
        "Where an aim is heading",
        "Least squares line through the points since the baseline, weighed by 1 / their squared standard errors, read"
        " at the aim's day. The interval is of the line. Where points scatter more than their errors say, it grows by"
        " √(χ² / (n − 2)) and t takes the place of z; where points share the children of a year, by √12 for months.",
        "weighted least squares; Student's t",
        {"points 0 to 5": "12, 10.5, 11, 8.5, 8, 7.5", "standard errors": "0.5", "read at": "8"},
        {"projected": "4.48", "lower limit": "2.04", "upper limit": "6.91"},
        _projection,
        (METHOD,),
    ),
)
