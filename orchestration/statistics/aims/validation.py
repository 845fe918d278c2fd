"""Whether registers fit the data: known measures, groups and sites, and targets that a measure can have.

Whether they fit each other needs no data and is seen as they are read (`registers/cross_checks.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

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
    """Return when all five registers fit; else raise SettingsError that names the file, its line and the rule."""
    vocabulary = _Vocabulary(measures, stratifiers, strata_labels, sites)
    for where, row in rows_of("aims", aims):
        _check_aim(row, vocabulary, where)
    for where, row in rows_of("drivers", drivers):
        if row["measure_id"]:
            vocabulary.measure(row["measure_id"], where)
    for where, row in rows_of("change_tests", change_tests):
        for site in row["sites"].split():
            vocabulary.site(site, where)
    for name, register in (("chart_phases", chart_phases), ("chart_choices", chart_choices)):
        for where, row in rows_of(name, register):
            vocabulary.measure(row["measure_id"], where, wild=name == "chart_phases")
            vocabulary.stratifier(row["stratifier"], where)
            if name == "chart_phases":
                vocabulary.stratum(row["stratifier"], row["stratum"], where)
                vocabulary.site(row["site"], where, wild=True)
            elif row["chart"]:
                _check_chart(row["chart"], vocabulary.kinds[row["measure_id"]], where)


def rows_of(name: str, register: pd.DataFrame) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row with the file and line on which it stands: its reader indexes a register by them."""
    file = register.index.name or f"{name}.csv"
    for line, row in zip(register.index, register.to_dict("records"), strict=True):
        yield f"{file}, line {line}", {str(column): cell for column, cell in row.items()}


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
        self.limits = _limits(measures)
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


def _limits(measures: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Lowest and highest value of each measure in its unit; those of a mean as far as its definition states them."""
    found = {}
    for row in measures.to_dict("records"):
        low, high = (row.get(name, math.nan) for name in ("numerator_low", "numerator_high"))
        if row["kind"] != "mean" or pd.isna(low) or pd.isna(high):
            low, high = (
                (0.0 if row["kind"] != "mean" else -math.inf),
                (1.0 if row["kind"] == "proportion" else math.inf),
            )
        found[str(row["measure_id"])] = (float(low) * row["multiplier"], float(high) * row["multiplier"])
    return found


def _check_aim(aim: dict[str, object], vocabulary: _Vocabulary, where: str) -> None:
    measure, stratifier, stratum = str(aim["measure_id"]), str(aim["stratifier"]), str(aim["stratum"])
    vocabulary.measure(measure, where)
    if stratifier not in vocabulary.exclusive or stratifier == OVERALL or stratifier in vocabulary.crossings:
        raise _wrong(where, "the aim's grouping is published and has groups to compare", stratifier)
    targets = group_targets(str(aim["group_targets"]), where)
    for group in {stratum, *targets}:
        if (stratifier, group) not in vocabulary.groups or (stratifier, group) in vocabulary.reasons:
            raise _wrong(where, "each group is one of the aim's grouping, and no missing reason", group)
    _check_limits(aim, targets, vocabulary, where)
    vocabulary.site(str(aim["site"]), where)
    if vocabulary.populations[measure] != aim["population"]:
        raise _wrong(
            where, f"the population is the measure's, {vocabulary.populations[measure]}", str(aim["population"])
        )
    for column in ("process_measure_id", "balancing_measure_id"):
        if aim[column]:
            vocabulary.measure(str(aim[column]), where)
    if vocabulary.directions[measure] not in DIRECTIONS:
        raise _wrong(where, "the measure says which way is better", measure)


def _check_limits(aim: dict[str, object], targets: dict[str, float], vocabulary: _Vocabulary, where: str) -> None:
    """Targets are values that the measure can have; a gap is at most as wide as its values can lie apart."""
    low, high = vocabulary.limits[str(aim["measure_id"])]
    for group, value in targets.items():
        if not low <= value <= high:
            raise _wrong(where, f"{_between(low, high)} is a value of {aim['measure_id']}", f"{group}={value:g}")
    if float(str(aim["baseline_value"])) > high - low:
        raise _wrong(where, f"a gap in {aim['measure_id']} is at most {high - low:g}", f"{aim['baseline_value']}")


def _between(low: float, high: float) -> str:
    return f"{low:g} or more" if math.isinf(high) else f"{low:g} to {high:g}"


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
