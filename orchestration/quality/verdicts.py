"""From findings about fields to one verdict per published slice, with its reasons in plain language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from orchestration.quality.fitness import KEYS, FieldFrame, first_sightings
from orchestration.quality.reasons import (
    absent_reason,
    at_site,
    condition_words,
    few_reason,
    limit_reason,
    threshold_words,
)
from orchestration.quality.thresholds import LEVELS, Profile, Rule
from orchestration.quality_metrics import reveals_small_count

if TYPE_CHECKING:
    import duckdb

QUALITY_COLUMNS = [
    *("field", "site", "grain", "period_starts_on", "measure_id", "stratifier", "stratum", "metric", "value", "n"),
    *("threshold", "threshold_warn", "threshold_hold", "verdict", "smallest_count"),
]

_FINDING_TYPES = {
    **dict.fromkeys(("field", "site", "grain", "measure_id"), "varchar"),
    **{"period_starts_on": "date", "rank": "bigint", "reason_id": "bigint", "is_carried": "boolean"},
}

# A held slice says why it is held; what would only have warned is left out. A finding that carries forward stands for
# every later period of its site, whatever the length of the period. Reasons travel as numbers until the end: half a
# million slices share a few hundred sentences.
_VERDICTS = """
    create or replace table publish.gate_verdict as
    with hit as (
        select need.*, finding.rank, finding.reason_id
        from gate_need as need
        inner join gate_finding as finding using (field, site, grain, period_starts_on)
        where not finding.is_carried and finding.measure_id in ('', need.measure_id)
        union all
        select need.*, finding.rank, finding.reason_id
        from gate_need as need
        inner join dim_period as period using (grain, period_starts_on)
        inner join gate_finding as finding on finding.field = need.field and finding.site = need.site
        where finding.is_carried and finding.measure_id in ('', need.measure_id)
            and period.period_ends_on >= finding.period_starts_on
    ),
    judged as (
        select measure_id, stratifier, site, grain, period_starts_on, max(rank) as rank,
            list_sort(coalesce(
                list(distinct reason_id) filter (rank = 2), list(distinct reason_id)
            )) as reason_ids
        from hit
        group by measure_id, stratifier, site, grain, period_starts_on
    ),
    sentence as (
        select reason_ids, string_agg(reason, '; ' order by reason_id) as reasons
        from (select reason_ids, unnest(reason_ids) as reason_id from (select distinct reason_ids from judged))
        inner join gate_reason using (reason_id)
        group by reason_ids
    )
    select
        slice.measure_id, slice.stratifier, slice.site, slice.grain, slice.period_starts_on,
        case judged.rank when 2 then 'hold' when 1 then 'warn' else 'publish' end as verdict,
        coalesce(sentence.reasons, '') as reasons
    from gate_slice as slice
    left join judged using (measure_id, stratifier, site, grain, period_starts_on)
    left join sentence using (reason_ids)
    order by slice.measure_id, slice.stratifier, slice.site, slice.grain, slice.period_starts_on
"""

_GATE_QUALITY = """
    create or replace table publish.gate_quality as
    select field, site, grain, cast(period_starts_on as date) as period_starts_on, measure_id, stratifier, stratum,
        metric,
        cast(value as double) as value, cast(n as bigint) as n, threshold,
        cast(threshold_warn as double) as threshold_warn, cast(threshold_hold as double) as threshold_hold, verdict,
        cast(smallest_count as bigint) as smallest_count
    from gate_quality_frame
    order by all
"""


def with_reasons(con: duckdb.DuckDBPyConnection, found: pd.DataFrame, profile: Profile, min_cell: int) -> pd.DataFrame:
    """The findings that decide about slices, each with its `reason`: those of one slice, and those carried on.

    No sentence holds a value that would give away a count of children below `min_cell`.
    """
    if found.empty:
        return found.assign(reason=pd.Series(dtype="str"))
    found = found.assign(is_hidden=reveals_small_count(found, min_cell))
    sites = dict(con.execute("select site, site_label from dim_site").fetchall())
    periods = {
        (grain, pd.Timestamp(starts_on)): label
        for grain, starts_on, label in con.execute(
            "select grain, period_starts_on, period_label from dim_period"
        ).fetchall()
    }
    rules = {(rule.field, rule.name): rule for rule in profile.rules}

    def sentences(rows: pd.DataFrame) -> pd.Series:
        words = [_sentence(rules[row["field"], row["rule"]], row, sites, periods) for row in rows.to_dict("records")]
        return pd.Series(words, index=rows.index, dtype="str")

    here = found.assign(is_carried=False)
    onward = first_sightings(found)
    here, onward = here.assign(reason=sentences(here)), onward.assign(reason=sentences(onward))
    # The site's children are among all children, whose own metrics look complete: they carry a warning.
    everywhere = onward[onward["site"] != "all"]
    everywhere = everywhere.assign(
        site="all", level="warn", reason="All sites together include this: " + everywhere["reason"]
    )
    # A carried finding's own slice is among those that it is carried to.
    only_here = here[~found["is_carried"]]
    return pd.concat([only_here, onward, everywhere], ignore_index=True)


def _sentence(
    rule: Rule, row: dict[Any, Any], sites: dict[str, str], periods: dict[tuple[str, pd.Timestamp], str]
) -> str:
    where = at_site(row["site"], sites.get(row["site"], row["site"]))
    if row["part"] == "few":
        return few_reason(rule, where=where)
    if row["part"] == "absent":
        return absent_reason(rule, where=where)
    period = periods.get((row["grain"], row["period_starts_on"]), f"{row['period_starts_on']:%Y-%m-%d}")
    return limit_reason(rule, row["level"], row["value"], is_hidden=row["is_hidden"], where=where, period=period)


def write_verdicts(con: duckdb.DuckDBPyConnection, decisive: pd.DataFrame) -> None:
    """Writes publish.gate_verdict: every slice of gate_slice once, from the findings that `with_reasons` gave."""
    order = {"warn": 1, "hold": 2}
    ranked = decisive.assign(rank=decisive["level"].map(order).astype("int64"))
    ranked = ranked.sort_values(["rank", "field", "rule_order", "reason"], ascending=[False, True, True, True])
    reasons = ranked[["reason"]].drop_duplicates(ignore_index=True).reset_index(names="reason_id")
    ranked = ranked.merge(reasons, on="reason")
    _store(con, "gate_finding", ranked[list(_FINDING_TYPES)], _FINDING_TYPES)
    _store(con, "gate_reason", reasons, {"reason_id": "bigint", "reason": "varchar"})
    con.execute(_VERDICTS)


def write_no_verdicts(con: duckdb.DuckDBPyConnection) -> None:
    """Writes publish.gate_verdict and gate_quality without rows, when the gate did not come to judge slices."""
    slices = "measure_id varchar, stratifier varchar, site varchar, grain varchar, period_starts_on date"
    con.execute(f"create or replace table publish.gate_verdict ({slices}, verdict varchar, reasons varchar)")
    con.execute("create or replace table publish.gate_stratifier (stratifier varchar)")
    con.register("gate_quality_frame", pd.DataFrame(columns=QUALITY_COLUMNS))
    try:
        con.execute(_GATE_QUALITY)
    finally:
        con.unregister("gate_quality_frame")


def _store(con: duckdb.DuckDBPyConnection, name: str, frame: pd.DataFrame, types: dict[str, str]) -> None:
    """A temporary table of the frame with these types; an empty frame has none of its own."""
    columns = ", ".join(f"cast({column} as {kind}) as {column}" for column, kind in types.items())
    con.register("gate_frame", frame)
    try:
        con.execute(f"create or replace temp table {name} as select {columns} from gate_frame")
    finally:
        con.unregister("gate_frame")


def write_quality(
    con: duckdb.DuckDBPyConnection,
    quality: pd.DataFrame,
    frames: list[FieldFrame],
    found: pd.DataFrame,
    profile: Profile,
) -> None:
    """Writes publish.gate_quality: the metrics with what the gate asks of them and what it found, row by row.

    It asks nothing of a metric by group: those are for people to read.
    """
    keys = ["field", *KEYS, "metric"]
    asked = pd.DataFrame(
        [(rule.field, rule.metric, *_limits(rule)) for rule in profile.rules],
        columns=["field", "metric", "threshold", "threshold_warn", "threshold_hold"],
    )
    asked = asked.groupby(["field", "metric"], as_index=False).agg(
        threshold=("threshold", "; ".join),
        threshold_warn=("threshold_warn", "first"),
        threshold_hold=("threshold_hold", "first"),
    )
    levels = found[[*keys, "level"]].sort_values([*keys, "level"]).drop_duplicates(keys)
    passed = [
        unit.frame.loc[unit.frame[rule.name].notna() | _not_asked(unit, rule), KEYS].assign(
            field=unit.field, metric=rule.metric, level="publish"
        )
        for unit in frames
        for rule in unit.rules
    ]
    judged = pd.concat([levels, *passed], ignore_index=True).drop_duplicates(keys).rename(columns={"level": "verdict"})
    rows = (
        quality.dropna(subset="value")
        .merge(asked.assign(stratifier=""), on=["field", "metric", "stratifier"], how="left")
        .merge(judged.assign(stratifier=""), on=[*keys, "stratifier"], how="left")
    )
    rows[["threshold", "verdict"]] = rows[["threshold", "verdict"]].fillna("")
    con.register("gate_quality_frame", rows[QUALITY_COLUMNS])
    try:
        con.execute(_GATE_QUALITY)
    finally:
        con.unregister("gate_quality_frame")


def _not_asked(unit: FieldFrame, rule: Rule) -> pd.Series:
    """Slices with enough children on which the rule's condition spares the value."""
    return unit.frame[f"{rule.name} value"].notna() & unit.frame[f"{rule.name} n"].isna()


def _limits(rule: Rule) -> tuple[str, float | None, float | None]:
    words = [asked for level in LEVELS if (asked := threshold_words(rule, level))]
    return ", ".join(words) + condition_words(rule), rule.limit("warn"), rule.limit("hold")


def quality_table(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """The quality metrics that the gate judged, unprotected: QUALITY_COLUMNS, one row per row of fct_quality.

    Rows without a value are left out: nothing was measured there. So are single sites' metrics by group, which stay in
    the marts: beside those of all sites they would give away what is hidden of one site.

    Publish it only after `orchestration.disclosure.quality.protect_quality`, which also takes `smallest_count` away.
    `verdict` is '' where the gate asks nothing of the metric or there were too few children to judge.
    """
    return con.execute(
        f"select {', '.join(QUALITY_COLUMNS)} from publish.gate_quality "
        "where stratifier = '' or site = 'all' order by all"
    ).df()
