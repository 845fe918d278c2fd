"""Puts the release's tables about aims into sections of the report: chart of the gap, words, groups, tests, drivers."""

from __future__ import annotations

from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from orchestration.release import report_words as words
from orchestration.release.control_charts import ControlPoint, control
from orchestration.release.driver_diagram import Box, diagram
from orchestration.release.report_data import Row

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_KEY = ("measure_id", "site", "stratifier", "stratum")
STATUS_LOOK = {"met": "publish", "on track": "publish", "at risk": "warn", "off track": "hold"}


def aim_sections(tables: dict[str, pa.Table]) -> list[Row]:
    """One section per aim, in the order of the table; empty without aims."""
    aims: list[Row] = tables["aims"].to_pylist()
    if not aims:
        return []
    measures = {row["measure_id"]: row for row in tables["measures"].to_pylist()}
    targets, tests, drivers = (tables[name].to_pylist() for name in ("aim_targets", "change_tests", "drivers"))
    series = [row for row in tables["chart_series"].to_pylist() if row["subject"] == "gap"]
    wanted = {tuple(aim[name] for name in _KEY) for aim in aims}
    points = [
        row for row in tables["charts"].filter(pa.compute.equal(tables["charts"]["subject"], "gap")).to_pylist()
        if tuple(row[name] for name in _KEY) in wanted
    ]  # fmt: skip
    return [_section(aim, measures, targets, tests, drivers, series, points) for aim in aims]


def _section(
    aim: Row,
    measures: dict[str, Row],
    targets: list[Row],
    tests: list[Row],
    drivers: list[Row],
    series: list[Row],
    points: list[Row],
) -> Row:
    places = words.decimals(measures.get(aim["measure_id"], {}))
    key = tuple(aim[name] for name in _KEY)
    chart = next((row for row in series if tuple(row[name] for name in _KEY) == key), None)
    own = [row for row in points if tuple(row[name] for name in _KEY) == key]
    own_tests = [
        {**test, "letter": _LETTERS[at % len(_LETTERS)]}
        for at, test in enumerate(test for test in tests if test["aim_id"] == aim["aim_id"])
    ]
    own_drivers = [driver for driver in drivers if driver["aim_id"] == aim["aim_id"]]
    unit = aim["unit"] or ""
    group = aim["stratum_label"] or aim["stratum"]
    picture = ""
    if own:
        picture = control(
            [point(row) for row in own],
            [(test["starts_on"].isoformat(), test["letter"]) for test in own_tests
             if own[0]["period_starts_on"] <= test["starts_on"] <= own[-1]["period_ends_on"]],
            title=f"{aim['measure_title'] or aim['measure_id']}: gap of {group} over time, with control limits",
            axis=f"Worse by ({unit})",
            target=aim["target"],
        )  # fmt: skip
    return {
        **aim,
        "group": group,
        "reference": aim["reference_label"] or aim["reference_stratum"] or "–",
        "look": STATUS_LOOK.get(aim["status"] or "", "soft"),
        "figures": _figures(aim, places),
        "picture": picture,
        "chart": chart,
        "signals": signals(own, places),
        "groups": [_group(row, places) for row in targets if row["aim_id"] == aim["aim_id"]],
        "process": _measure_name(aim["process_measure_id"], measures),
        "process_value": words.number(
            aim["process_value"], words.decimals(measures.get(aim["process_measure_id"] or "", {}))
        ),
        "balancing": _measure_name(aim["balancing_measure_id"], measures),
        "tests": own_tests,
        "drivers": own_drivers,
        "diagram": _diagram(aim, own_drivers, own_tests),
    }


def point(row: Row) -> ControlPoint:
    """A row of the table `charts` as a point of its picture."""
    return ControlPoint(
        row["period_ends_on"].isoformat(),
        row["value"],
        row["centre"],
        row["limit_low"],
        row["limit_high"],
        is_signal=row["signal"] is not None,
    )


def _figures(aim: Row, places: int) -> Row:
    found = {
        name: words.number(aim[name], places)
        for name in ("baseline_value", "target", "latest_value", "projected_value")
    }
    return {
        **found,
        "latest_interval": words.interval(aim["latest_low"], aim["latest_high"], places),
        "projected_interval": words.interval(aim["projected_low"], aim["projected_high"], places),
    }


def _group(row: Row, places: int) -> Row:
    shown = row["latest_value"] is not None
    why = "" if shown else words.HELD if row["quality_status"] == "hold" else (
        words.SUPPRESSED if row["disclosure_status"] == words.SUPPRESSED else words.NOT_APPLICABLE
    )  # fmt: skip
    return {
        "label": row["stratum_label"] or row["stratum"],
        "target": words.number(row["target"], places),
        "latest": why or words.number(row["latest_value"], places),
        "interval": "–" if why else words.interval(row["latest_low"], row["latest_high"], places),
        "is_met": "not judged" if row["is_met"] is None else "yes" if row["is_met"] else "not yet",
        "is_shown": shown,
    }


def signals(points: list[Row], places: int) -> list[str]:
    """The points that are more than chance, in words."""
    return [
        f"{row['period_label']}: {words.number(row['value'], places)}, {row['signal']} ({row['signal_meaning']})"
        for row in points
        if row["signal"] is not None
    ]


def _measure_name(measure_id: str | None, measures: dict[str, Row]) -> str:
    if not measure_id:
        return ""
    return str(measures.get(measure_id, {}).get("title") or measure_id)


def _diagram(aim: Row, drivers: list[Row], tests: list[Row]) -> Any:
    if not drivers:
        return ""
    boxes = [Box("aim", (), 0, str(aim["aim_title"]))]
    boxes += [
        Box(row["driver_id"], tuple((row["parents"] or "").split()) or ("aim",), int(row["depth"]), str(row["label"]))
        for row in drivers
    ]
    last = max(box.column for box in boxes) + 1
    boxes += [
        Box(f"test {test['change_test_id']}", (test["driver_id"],), last, f"{test['letter']}: {test['what']}")
        for test in tests
    ]
    return diagram(boxes, title=f"Key driver diagram of the aim: {aim['aim_title']}")
