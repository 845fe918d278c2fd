"""Whether registers fit the data and each other: known measures and groups, sensible targets, no orphan, no cycle."""

from __future__ import annotations

import math

import pandas as pd

from orchestration.errors import SettingsError
from orchestration.statistics.counts import DIRECTIONS

ANY, ALL, OVERALL = "*", "all", "overall"


def check_registers(
    *,
    aims: pd.DataFrame,
    drivers: pd.DataFrame,
    change_tests: pd.DataFrame,
    chart_phases: pd.DataFrame,
    chart_choices: pd.DataFrame,
    measures: pd.DataFrame,
    stratifiers: pd.DataFrame,
    strata_labels: pd.DataFrame,
    sites: pd.DataFrame,
) -> None:
    """Return when all five registers fit; else raise SettingsError that names the register, its row and the rule."""
    vocabulary = _Vocabulary(measures, stratifiers, strata_labels, sites)
    for aim in aims.to_dict("records"):
        _check_aim({str(name): value for name, value in aim.items()}, vocabulary)
    _check_drivers(drivers, set(aims["aim_id"]), vocabulary)
    _check_change_tests(change_tests, drivers, vocabulary)
    for name, register in (("chart_phases", chart_phases), ("chart_choices", chart_choices)):
        for row in register.to_dict("records"):
            where = f"{name}: {row['measure_id']} / {row['stratifier']}"
            vocabulary.measure(row["measure_id"], where, wild=name == "chart_phases")
            vocabulary.stratifier(row["stratifier"], where)
            if name == "chart_phases":
                vocabulary.stratum(row["stratifier"], row["stratum"], where)
                vocabulary.site(row["site"], where, wild=True)
                if not pd.isna(row["baseline_ends_on"]) and row["baseline_ends_on"] <= row["starts_on"]:
                    raise _wrong(where, "a baseline ends after its phase starts", "it ends before")
            elif row["chart"]:
                _check_chart(row["chart"], vocabulary.kinds[row["measure_id"]], where)
    if len(chart_phases):
        times = chart_phases.groupby(["measure_id", "stratifier", "stratum", "site"])["starts_on"]
        if times.apply(lambda days: days.duplicated().any()).any():
            raise _wrong("chart_phases", "a phase starts once", "two entries of the same day")


def group_targets(text: str, where: str) -> dict[str, float]:
    """`group=value group=value` as numbers by group. Raises SettingsError."""
    found: dict[str, float] = {}
    for part in text.split():
        group, _, number = part.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not group or not math.isfinite(value) or group in found:
            raise _wrong(where, "`group_targets` is `group=value` separated by blanks, each group once", part[:40])
        found[group] = value
    return found


class _Vocabulary:
    def __init__(
        self, measures: pd.DataFrame, stratifiers: pd.DataFrame, labels: pd.DataFrame, sites: pd.DataFrame
    ) -> None:
        self.kinds = dict(zip(measures["measure_id"], measures["kind"], strict=True))
        self.populations = dict(zip(measures["measure_id"], measures["population"], strict=True))
        self.families = dict(zip(measures["measure_id"], measures["family"], strict=True))
        self.directions = dict(zip(measures["measure_id"], measures["direction"], strict=True))
        self.exclusive = dict(zip(stratifiers["stratifier"], stratifiers["is_exclusive"].astype(bool), strict=True))
        self.crossings = set(stratifiers.loc[stratifiers["is_crossing"].astype(bool), "stratifier"])
        missing = labels["is_missing"].astype(bool)
        self.groups = set(zip(labels["stratifier"], labels["stratum"], strict=True))
        self.reasons = set(zip(labels["stratifier"][missing], labels["stratum"][missing], strict=True))
        self.sites = set(sites["site"])

    def measure(self, name: str, where: str, *, wild: bool = False) -> None:
        if not (name in self.kinds or (wild and name == ANY)):
            raise _wrong(where, "the measure is known", name)

    def stratifier(self, name: str, where: str) -> None:
        if not (name in self.exclusive or name == ANY):
            raise _wrong(where, "the grouping is one that is published", name)

    def stratum(self, stratifier: str, name: str, where: str) -> None:
        if name != ANY and stratifier != ANY and (stratifier, name) not in self.groups:
            raise _wrong(where, "the group is one of its grouping", name)

    def site(self, name: str, where: str, *, wild: bool = False) -> None:
        if not (name in self.sites or name == ALL or (wild and name == ANY)):
            raise _wrong(where, "the site is known", name)


def _check_aim(aim: dict[str, object], vocabulary: _Vocabulary) -> None:
    where = f"aims: {aim['aim_id']}"
    measure, stratifier, stratum = str(aim["measure_id"]), str(aim["stratifier"]), str(aim["stratum"])
    vocabulary.measure(measure, where)
    if stratifier not in vocabulary.exclusive or stratifier == OVERALL or stratifier in vocabulary.crossings:
        raise _wrong(where, "the aim's grouping is published and has groups to compare", stratifier)
    targets = group_targets(str(aim["group_targets"]), where)
    for group in {stratum, *targets}:
        if (stratifier, group) not in vocabulary.groups or (stratifier, group) in vocabulary.reasons:
            raise _wrong(where, "each group is one of the aim's grouping, and no missing reason", group)
    if stratum not in targets or len(targets) < 2:
        rule = "`group_targets` names the aim's own group and at least one other, so that nobody is served worse for it"
        raise _wrong(where, rule, ", ".join(targets) or "none")
    vocabulary.site(str(aim["site"]), where)
    if vocabulary.populations[measure] != aim["population"]:
        raise _wrong(
            where, f"the population is the measure's, {vocabulary.populations[measure]}", str(aim["population"])
        )
    for column, family in (("process_measure_id", "process"), ("balancing_measure_id", "balancing")):
        other = str(aim[column])
        if other:
            vocabulary.measure(other, where)
            if other == measure:
                raise _wrong(where, f"the {family} measure is another one than the aim's", other)
    if not float(str(aim["gap_target"])) < float(str(aim["baseline_value"])):
        raise _wrong(where, "the gap to be reached is smaller than the baseline's", "a target that is not smaller")
    days = [pd.Timestamp(str(aim[name])) for name in ("baseline_starts_on", "baseline_ends_on", "by_when")]
    if not days[0] < days[1] < days[2]:
        raise _wrong(where, "the baseline starts, ends, and the aim's date comes, in that order", "another order")
    if vocabulary.directions[measure] not in DIRECTIONS:
        raise _wrong(where, "the measure says which way is better", measure)


def _check_drivers(drivers: pd.DataFrame, aims: set[str], vocabulary: _Vocabulary) -> None:
    rows = drivers.to_dict("records")
    aim_of = {str(row["driver_id"]): str(row["aim_id"]) for row in rows}
    parents: dict[str, list[str]] = {}
    for row in rows:
        name, where = str(row["driver_id"]), f"drivers: {row['driver_id']}"
        if row["aim_id"] not in aims:
            raise _wrong(where, "a driver belongs to an aim of aims.csv", str(row["aim_id"]))
        above = str(row["parents"]).split()
        if (row["kind"] == "secondary") != bool(above):
            raise _wrong(
                where, "a secondary driver names the drivers that it moves, a primary one none", str(row["kind"])
            )
        for parent in above:
            if aim_of.get(parent) != row["aim_id"]:
                raise _wrong(where, "the drivers that it moves are drivers of the same aim", parent)
        if row["measure_id"]:
            vocabulary.measure(str(row["measure_id"]), where)
        parents[name] = above
    # Take away, again and again, what hangs on nothing that is left: what remains hangs on itself.
    left = dict(parents)
    while reached := [name for name, above in left.items() if not any(parent in left for parent in above)]:
        for name in reached:
            del left[name]
    if left:
        raise _wrong("drivers", "no driver moves itself, however far around", ", ".join(sorted(left)))


def _check_change_tests(change_tests: pd.DataFrame, drivers: pd.DataFrame, vocabulary: _Vocabulary) -> None:
    aim_of = dict(zip(drivers["driver_id"], drivers["aim_id"], strict=True))
    for row in change_tests.to_dict("records"):
        where = f"change_tests: {row['change_test_id']}"
        if aim_of.get(row["driver_id"]) != row["aim_id"]:
            raise _wrong(where, "a change test works on a driver of its aim in drivers.csv", str(row["driver_id"]))
        for site in str(row["sites"]).split():
            vocabulary.site(site, where)
        if not pd.isna(row["ends_on"]) and row["ends_on"] < row["starts_on"]:
            raise _wrong(where, "a change test ends on or after the day on which it starts", "it ends before")


def _check_chart(chart: str, kind: str, where: str) -> None:
    allowed = {
        "proportion": ("p", "p prime", "XmR", "run"),
        "rate": ("u", "u prime", "XmR", "run"),
        "mean": ("X-bar", "XmR", "run"),
    }[kind]
    if chart not in allowed:
        raise _wrong(where, f"a {kind} has one of the charts {', '.join(allowed)}", chart)


def _wrong(where: str, rule: str, found: str) -> SettingsError:
    remedy = (
        "correct the register (docs/charts_and_aims.md); `kept_in_marts` in the settings says what is not published"
    )
    return SettingsError(rule, where=where, found=found, remedy=remedy)
