"""Small frames of schema `publish` about time: one chart of a group, one of a gap, one aim with its test and driver.

Values agree with `release_warehouse.py`, so that a release of them is a good one; a test breaks what it is about.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pandas as pd

STARTS_ON, ENDS_ON = dt.date(2025, 7, 1), dt.date(2026, 6, 30)
_SERIES = {"measure_id": "share", "grain": "year", "site": "all", "stratifier": "race", "stratum": "a"}
_NONE = float("nan")


def frames(**text: str) -> dict[str, pd.DataFrame]:
    """The six frames by table; `text` replaces what the registers say."""
    return {
        "chart_series": pd.DataFrame([_series("stratum", "", "p"), _series("gap", "b", "gap")]),
        "charts": pd.DataFrame([_point("stratum", "", "p", 40.0), _point("gap", "b", "gap", 15.0)]),
        "aims": pd.DataFrame([_aim(text.get("title", "Bring group a within 5 points of group b"))]),
        "aim_targets": pd.DataFrame([_target("a", 30.0, 40.0), _target("b", 26.0, 25.0)]),
        "change_tests": pd.DataFrame([_change_test(text.get("what", "Call families before each visit"))]),
        "drivers": pd.DataFrame([_driver("reach", "primary", ""), _driver("calls", "secondary", "reach")]),
    }


def create_empty(con: duckdb.DuckDBPyConnection) -> None:
    """The six tables of schema `publish` with their types and no row: a registry without charts and aims."""
    for name, frame in frames().items():
        con.register("over_time_frame", frame)
        con.execute(f"create table publish.{name} as from over_time_frame limit 0")
        con.unregister("over_time_frame")


def _series(subject: str, reference: str, chart: str) -> dict[str, Any]:
    return {
        **_SERIES,
        **{"subject": subject, "reference_stratum": reference, "chart": chart, "chart_reason": "invented"},
        **{"chart_status": "drawn", "rule_set": "invented", "points_overlap": False, "n_points": 1, "n_suppressed": 0},
        **{"n_held": 0, "baseline_starts_on": STARTS_ON, "baseline_ends_on": ENDS_ON, "baseline_points": 1},
        **{"is_provisional": True, "dispersion": _NONE, "longest_run": 1, "longest_run_allowed": 3, "crossings": 0},
        **{"crossings_expected": 0, "runs_signal": False, "variation": "common cause", "target": 5.0, "assurance": ""},
    }


def _point(subject: str, reference: str, chart: str, value: float) -> dict[str, Any]:
    return {
        **_SERIES,
        **{"subject": subject, "reference_stratum": reference, "period_starts_on": STARTS_ON},
        **{"period_ends_on": ENDS_ON, "chart": chart, "phase": 1, "is_baseline": True, "value": value},
        **{"centre": value, "limit_low": value - 9, "limit_high": value + 9, "signal": "", "signal_meaning": ""},
        **{"disclosure_status": "published", "quality_status": "publish"},
    }


def _latest(value: float) -> dict[str, Any]:
    ends = {"latest_value": value, "latest_low": value - 5, "latest_high": value + 5}
    nothing = dict.fromkeys(("projected_value", "projected_low", "projected_high"), _NONE)
    return {**ends, **nothing, "disclosure_status": "published", "quality_status": "publish"}


def _aim(title: str) -> dict[str, Any]:
    return {
        **_SERIES,
        **{"aim_id": "narrow", "title": title, "population": "Children", "reference_stratum": "b", "owner": "A team"},
        **{"baseline_starts_on": dt.date(2024, 7, 1), "baseline_ends_on": dt.date(2025, 6, 30), "baseline_value": 20.0},
        **{"baseline_in_release": _NONE, "target": 5.0, "by_when": dt.date(2027, 6, 30), "latest_starts_on": STARTS_ON},
        **{"latest_ends_on": ENDS_ON, "progress_pct": 33.3, "projection_method": "", "groups_met": 1},
        **{"groups_with_target": 2, "outcome": "gap smaller, but not by more than chance explains"},
        **{"status": "too early", "status_reason": "fewer than 4 points", "process_measure_id": ""},
        **{"process_value": _NONE, "process_variation": ""},
        **{"balancing_measure_id": "rate", "balancing_status": "cannot be judged"},
        **_latest(15.0),
    }  # fmt: skip


def _target(stratum: str, target: float, value: float) -> dict[str, Any]:
    given = {"aim_id": "narrow", "stratum": stratum, "target": target, "baseline_in_release": _NONE}
    return {**_SERIES, **given, "latest_starts_on": STARTS_ON, "is_met": value <= target, **_latest(value)}


def _change_test(what: str) -> dict[str, Any]:
    return {
        **{"change_test_id": "calls_1", "aim_id": "narrow", "driver_id": "calls", "starts_on": dt.date(2026, 1, 1)},
        **{"ends_on": None, "sites": "all", "what": what, "decision": "", "learned": ""},
    }


def _driver(name: str, kind: str, parents: str) -> dict[str, Any]:
    text = {"driver_id": name, "aim_id": "narrow", "kind": kind, "parents": parents, "label": f"Driver {name}"}
    return {**text, "measure_id": "", "depth": 2 if parents else 1}
