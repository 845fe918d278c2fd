"""The fitness half of the gate: one small frame of metrics per field, judged by its suite, turned into findings.

A finding says that a rule warns or holds one field at one site in one period (for one measure, where the metric is per
measure). Which published slices depend on it is decided in `verdicts.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from orchestration.errors import TransformError
from orchestration.quality.gx_runner import Outcome
from orchestration.quality.thresholds import Profile, Rule

KEYS = ["site", "grain", "period_starts_on", "measure_id"]
_GRAIN_ORDER = {"month": 0, "quarter": 1, "year": 2}
_FINDING_TYPES = {
    "field": "str",
    "site": "str",
    "grain": "str",
    "period_starts_on": "datetime64[us]",
    "measure_id": "str",
    "rule": "str",
    "rule_order": "int64",
    "metric": "str",
    "level": "str",
    "part": "str",
    "value": "float64",
    "n": "float64",
    "smallest_count": "float64",
    "is_carried": "bool",
}
FINDING_COLUMNS = list(_FINDING_TYPES)


@dataclass(frozen=True)
class FieldFrame:
    """One field's slices with the columns that `expectations.fitness.fitness_suite` asks for, plus value and count."""

    name: str
    field: str
    rules: tuple[Rule, ...]
    frame: pd.DataFrame


def field_frames(quality: pd.DataFrame, spine: pd.DataFrame, profile: Profile) -> list[FieldFrame]:
    """Per field that has rules: one frame of the metrics given for every slice, one of those given per measure.

    `quality`: rows of fct_quality for everybody together, with `smallest_count`; `spine`: the slices (field, site,
    grain, period_starts_on) that published slices depend on, so that a metric that is missing altogether is seen.
    Raises TransformError on double rows.
    """
    repeated = int(quality.duplicated(["field", *KEYS, "metric"]).sum())
    if repeated:
        raise TransformError(
            "the quality table has one row per field, site, grain, period, measure and metric",
            where="fct_quality",
            found=f"{repeated} repeated row(s)",
            remedy="correct the models under dbt_project/models/quality",
        )
    frames = []
    for field in dict.fromkeys(rule.field for rule in profile.rules):
        of_field = quality[quality["field"] == field]
        needed = spine[spine["field"] == field].assign(measure_id="")[KEYS]
        for is_specific, suffix in ((False, ""), (True, "_by_measure")):
            rules = tuple(rule for rule in profile.rules_of(field) if rule.is_measure_specific == is_specific)
            rows = of_field[(of_field["measure_id"] != "") == is_specific]
            wanted = needed.iloc[:0] if is_specific else needed
            if rules and not (rows.empty and needed.empty):
                frames.append(FieldFrame(f"fitness_{field}{suffix}", field, rules, _frame(rows, wanted, rules)))
    return frames


def _frame(rows: pd.DataFrame, needed: pd.DataFrame, rules: tuple[Rule, ...]) -> pd.DataFrame:
    keys = pd.concat([rows[KEYS], needed]).drop_duplicates().sort_values(KEYS)
    index = pd.MultiIndex.from_frame(keys)
    is_needed = index.isin(pd.MultiIndex.from_frame(needed))
    by_metric = {metric: part.set_index(KEYS) for metric, part in rows.groupby("metric")}

    def column(metric: str, name: str) -> pd.Series:
        part = by_metric.get(metric)
        values = part[name].reindex(index) if part is not None else pd.Series(float("nan"), index=index)
        return values.astype("float64").reset_index(drop=True)

    grain = keys["grain"].reset_index(drop=True)
    columns: dict[str, pd.Series] = {}
    for rule in rules:
        value, n = column(rule.metric, "value"), column(rule.metric, "n").fillna(0.0)
        asked = value.notna() & grain.isin(rule.grains) & _condition(rule, column)
        columns[rule.name] = (value.abs() if rule.kind.kind == "difference" else value).where(asked & (n >= rule.min_n))
        columns[f"{rule.name} n"] = n.where(asked)
        # A slice on which nothing depends may lack the metric.
        columns[f"{rule.name} measured"] = value.where(value.notna() | is_needed, 0.0)
        columns[f"{rule.name} value"] = value
        columns[f"{rule.name} smallest_count"] = column(rule.metric, "smallest_count")
    return pd.concat([keys.reset_index(drop=True), pd.DataFrame(columns)], axis=1)


def _condition(rule: Rule, column: Callable[[str, str], pd.Series]) -> pd.Series | bool:
    met: pd.Series | bool = True
    if rule.only_if is not None:
        other = column(rule.only_if.metric, "value")
        met = other > rule.only_if.above if rule.only_if.above is not None else other < rule.only_if.below
    if rule.only_if_interval_excludes_zero:
        low = column(rule.metric.replace("_rd", "_low"), "value")
        high = column(rule.metric.replace("_rd", "_high"), "value")
        met = met & ((low > 0) | (high < 0))
    if rule.only_if_standard_errors_above_baseline is not None:
        usual = column(rule.baseline, "value")
        # A share cannot pass 1, so with a dozen children its distance from the baseline is never many times the spread
        # of earlier shares. The standard error of a share of n children tells chance from change at any n.
        error = (usual * (1 - usual) / column(rule.metric, "n")) ** 0.5
        above = column(rule.metric, "value") - usual
        met = met & (above > rule.only_if_standard_errors_above_baseline * error)
    return met


def findings(frames: list[FieldFrame], outcomes: list[list[Outcome]]) -> pd.DataFrame:
    """Every rule that warns or holds, per slice: FINDING_COLUMNS, one row per slice and rule with the graver level."""
    parts = []
    for unit, results in zip(frames, outcomes, strict=True):
        order = {rule.name: position for position, rule in enumerate(unit.rules)}
        rules = {rule.name: rule for rule in unit.rules}
        for outcome in results:
            if not outcome.failed_rows:
                continue
            rule = rules[outcome.meta["rule"]]
            rows = unit.frame.iloc[list(outcome.failed_rows)]
            parts.append(
                rows[KEYS].assign(
                    field=unit.field,
                    rule=rule.name,
                    rule_order=order[rule.name],
                    metric=rule.metric,
                    level=outcome.meta["level"],
                    part=outcome.meta["part"],
                    value=rows[f"{rule.name} value"],
                    n=rows[f"{rule.name} n"],
                    smallest_count=rows[f"{rule.name} smallest_count"],
                    is_carried=rule.carry_forward and outcome.meta["part"] == "limit",
                )[FINDING_COLUMNS]
            )
    if not parts:
        return pd.DataFrame(columns=FINDING_COLUMNS).astype(_FINDING_TYPES)
    # What holds also fails the limit that warns; the graver word is enough. "hold" sorts before "warn".
    found = pd.concat(parts, ignore_index=True).sort_values(["field", *KEYS, "rule_order", "level"])
    return found.drop_duplicates(["field", *KEYS, "rule"]).reset_index(drop=True)


def first_sightings(found: pd.DataFrame) -> pd.DataFrame:
    """Of the findings that carry forward: the first per field, site, measure, rule and level, from the finest grain."""
    carried = found[found["is_carried"]]
    if carried.empty:
        return carried
    order = carried.assign(grain_order=carried["grain"].map(_GRAIN_ORDER)).sort_values(
        ["grain_order", "period_starts_on"]
    )
    return order.drop_duplicates(["field", "site", "measure_id", "rule", "level"]).drop(columns="grain_order")
