"""Whether registers fit each other and make sense by themselves: no orphan, no cycle, days in order, sane targets.

Needs no data, so that a mistake is told before a run begins. What needs the data's measures, groups and sites is in
`statistics/aims/validation.py`.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pandas as pd

from orchestration.registers.reading import wrong
from orchestration.statistics.aims.validation import ANY, group_targets, rows_of

_BASELINE_MONTHS = 12


def check_each_other(frames: dict[str, pd.DataFrame]) -> None:
    """Return when the registers, by name, fit each other; else raise SettingsError with file, line, rule and remedy."""
    for where, aim in rows_of("aims", frames["aims"]):
        _check_aim(aim, where)
    aims = {aim["aim_id"]: aim for _, aim in rows_of("aims", frames["aims"])}
    _check_drivers(frames["drivers"], aims)
    _check_change_tests(frames["change_tests"], frames["drivers"], aims)
    _check_phases(frames["chart_phases"])


def _check_aim(aim: dict[str, Any], where: str) -> None:
    targets = group_targets(aim["group_targets"], where)
    if aim["stratum"] not in targets or len(targets) < 2:
        rule = "`group_targets` names the aim's own group and at least one other, so that nobody is served worse for it"
        raise wrong(where, rule, ", ".join(targets) or "none")
    if not 0 <= aim["gap_target"] < aim["baseline_value"]:
        rule = (
            "`gap_target` is smaller than `baseline_value`, and not below 0: that would be the same gap turned around"
        )
        raise wrong(where, rule, f"{aim['gap_target']:g} after {aim['baseline_value']:g}")
    if not aim["baseline_starts_on"] < aim["baseline_ends_on"] < aim["by_when"]:
        raise wrong(where, "the baseline starts, ends, and the aim's date comes, in that order", "another order")
    others = [aim[name] for name in ("process_measure_id", "balancing_measure_id") if aim[name]]
    if len({aim["measure_id"], *others}) <= len(others):
        raise wrong(where, "the aim, its process and its balancing measure are different measures", ", ".join(others))


def _check_drivers(drivers: pd.DataFrame, aims: dict[str, dict[str, Any]]) -> None:
    aim_of = dict(zip(drivers["driver_id"], drivers["aim_id"], strict=True))
    parents: dict[str, list[str]] = {}
    stands_on: dict[str, str] = {}
    for where, row in rows_of("drivers", drivers):
        if row["aim_id"] not in aims:
            raise wrong(where, "a driver belongs to an aim of aims.csv", row["aim_id"])
        above = row["parents"].split()
        if (row["kind"] == "secondary") != bool(above):
            raise wrong(where, "a secondary driver names the drivers that it moves, a primary one none", row["kind"])
        for parent in above:
            if aim_of.get(parent) != row["aim_id"]:
                raise wrong(where, "the drivers that it moves are drivers of the same aim", parent)
        parents[row["driver_id"]], stands_on[row["driver_id"]] = above, where
    # Take away, again and again, what hangs on nothing that is left: what remains hangs on itself.
    left = dict(parents)
    while reached := [name for name, above in left.items() if not any(parent in left for parent in above)]:
        for name in reached:
            del left[name]
    if left:
        raise wrong(stands_on[list(left)[-1]], "no driver moves itself, however far around", ", ".join(sorted(left)))


def _check_change_tests(change_tests: pd.DataFrame, drivers: pd.DataFrame, aims: dict[str, dict[str, Any]]) -> None:
    aim_of = dict(zip(drivers["driver_id"], drivers["aim_id"], strict=True))
    for where, row in rows_of("change_tests", change_tests):
        if row["aim_id"] not in aims or aim_of.get(row["driver_id"]) != row["aim_id"]:
            raise wrong(where, "a change test works on a driver of its aim in drivers.csv", row["driver_id"])
        if not pd.isna(row["ends_on"]) and row["ends_on"] < row["starts_on"]:
            raise wrong(where, "a change test ends on or after the day on which it starts", "it ends before")
        by_when = aims[row["aim_id"]]["by_when"]
        if row["starts_on"] > by_when:
            rule = f"a change test starts by the day of its aim, {by_when:%Y-%m-%d}"
            raise wrong(where, rule, f"{row['starts_on']:%Y-%m-%d}")


def _check_phases(phases: pd.DataFrame) -> None:
    rows = list(rows_of("chart_phases", phases))
    for where, row in rows:
        least = row["starts_on"] + pd.DateOffset(months=_BASELINE_MONTHS, days=-1)
        if not pd.isna(row["baseline_ends_on"]) and row["baseline_ends_on"] < least:
            rule = f"a baseline of limits has {_BASELINE_MONTHS} months or more: here until {least:%Y-%m-%d}"
            raise wrong(where, rule, f"{row['baseline_ends_on']:%Y-%m-%d}")
    for (_, one), (where, other) in combinations(rows, 2):
        if one["starts_on"] == other["starts_on"] and all(
            one[name] == other[name] or ANY in (one[name], other[name])
            for name in ("measure_id", "stratifier", "stratum", "site")
        ):
            rule = "one entry says which phase of a chart starts on a day"
            raise wrong(where, rule, "an earlier line of the same day that names some of the same charts")
