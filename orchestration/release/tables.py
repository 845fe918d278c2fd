"""Fills the published tables from the warehouse: labels beside codes, NULL for nothing, one fixed order of rows.

It never hides a number that should have been hidden before it came here: the guard that follows must be able to see it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from orchestration.errors import TransformError
from orchestration.release import tables_over_time
from orchestration.release.change_notes import change_notes
from orchestration.release.columns import CHANGES_NUMBERS, DECOMPOSITION_NUMBERS, STANDARDISED_NUMBERS, TABLES
from orchestration.release.tables_over_time import REFERENCE_JOIN

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

Tables = dict[str, pa.Table]

_GRAIN_ORDER = "case s.grain when 'year' then 1 when 'quarter' then 2 else 3 end"

_SLICE_COLUMNS = """
    s.measure_id, measure.title as measure_title, s.grain, s.period_starts_on, period.period_ends_on,
    period.period_label, period.is_complete as is_complete_period, s.site, site.site_label,
    s.stratifier, stratifier.label as stratifier_label
"""

_SLICE_JOINS = """
    left join main.dim_measure as measure on measure.measure_id = s.measure_id
    left join main.dim_period as period on period.grain = s.grain and period.period_starts_on = s.period_starts_on
    left join main.dim_site as site on site.site = s.site
    left join main.dim_stratifier as stratifier on stratifier.stratifier = s.stratifier
"""

_GROUP_COLUMNS = """
    s.stratum, stratum.label as stratum_label,
    s.stratifier_2, stratifier_2.label as stratifier_2_label, s.stratum_2, stratum_2.label as stratum_2_label,
    coalesce(stratum.is_missing, false) or coalesce(stratum_2.is_missing, false) as is_missing_category
"""

_GROUP_JOINS = """
    left join main.dim_stratum as stratum on stratum.stratifier = s.stratifier and stratum.stratum = s.stratum
    left join main.dim_stratifier as stratifier_2 on stratifier_2.stratifier = s.stratifier_2
    left join main.dim_stratum as stratum_2
        on stratum_2.stratifier = s.stratifier_2 and stratum_2.stratum = s.stratum_2
"""

_VERDICT_JOIN = """
    left join publish.gate_verdict as verdict
        on verdict.measure_id = s.measure_id and verdict.stratifier = s.stratifier and verdict.site = s.site
        and verdict.grain = s.grain and verdict.period_starts_on = s.period_starts_on
"""

_SLICE_ORDER = f"""
    measure.sort_order, s.measure_id, {_GRAIN_ORDER}, s.period_starts_on, site.sort_order, s.site,
    stratifier.sort_order, s.stratifier
"""

_GROUP_ORDER = "stratum.sort_order, s.stratum, stratum_2.sort_order, s.stratum_2"

# What a row that is not published was found to be would say something about its numbers.
_STATUS_COLUMNS = """
    s.disclosure_status,
    case when s.disclosure_status = 'published' then s.reliability_status else 'not_assessed' end as reliability_status,
    s.quality_status,
    case when s.quality_status <> 'publish' then verdict.reasons end as quality_reasons
"""

# A gap may be held by itself, for what is not known about its groups.
_GAP_STATUS_COLUMNS = _STATUS_COLUMNS.replace(
    "then verdict.reasons end", "then coalesce(s.quality_reason, verdict.reasons) end"
)


def _number(*names: str) -> str:
    return ", ".join(f"case when isfinite(s.{name}) then s.{name} end as {name}" for name in names)


_STRATA = f"""
    select {_SLICE_COLUMNS}, {_GROUP_COLUMNS}, s.n_patients, s.numerator, s.denominator,
        {_number("value", "ci_low", "ci_high")}, measure.unit, s.ci_method,
        {_number(*STANDARDISED_NUMBERS)}, s.value_standardised_method, s.observed_to_expected_method, {_STATUS_COLUMNS}
    from publish.strata as s {_SLICE_JOINS} {_GROUP_JOINS} {_VERDICT_JOIN}
    order by {_SLICE_ORDER}, {_GROUP_ORDER}
"""

_GAPS = f"""
    select {_SLICE_COLUMNS}, {_GROUP_COLUMNS}, s.reference_rule, s.reference_stratum,
        reference.label as reference_label, s.reference_stratum_2, s.reference_chosen_from,
        {_number("difference", "difference_low", "difference_high")},
        -- a difference of two percentages is in percentage points
        regexp_replace(measure.unit, '^% (of )?(.*)$', 'percentage points (\\2)') as unit, s.difference_method,
        {_number("ratio", "ratio_low", "ratio_high")}, s.ratio_method,
        {_number("excess", "excess_low", "excess_high", "p_value")}, s.p_method, {_number("p_adjusted")},
        case when s.disclosure_status = 'published' then s.is_meaningful end as is_meaningful,
        {_number("bound_low", "bound_high")}, s.bound_method, s.is_sign_robust, {_GAP_STATUS_COLUMNS}
    from publish.gaps as s {_SLICE_JOINS} {_GROUP_JOINS} {_VERDICT_JOIN} {REFERENCE_JOIN}
    order by {_SLICE_ORDER}, {_GROUP_ORDER}, s.reference_stratum, s.reference_stratum_2
"""

_INEQUALITY = f"""
    select {_SLICE_COLUMNS}, s.index_id, {_number("index_value", "index_low", "index_high")}, s.index_unit,
        measure.unit, s.index_method, s.index_note, s.n_groups, s.n_groups_published, s.reference_stratum,
        reference.label as reference_label, s.reference_stratum_2, {_STATUS_COLUMNS}
    from publish.inequality as s {_SLICE_JOINS} {_VERDICT_JOIN} {REFERENCE_JOIN}
    order by {_SLICE_ORDER}, s.index_id
"""

_CHANGES = f"""
    select {_SLICE_COLUMNS}, s.baseline_starts_on, {_GROUP_COLUMNS}, s.reference_rule, s.reference_stratum,
        reference.label as reference_label, s.reference_stratum_2,
        {_number(*CHANGES_NUMBERS)}, measure.unit, s.change_method, s.change_verdict, s.levelling_down,
        {_STATUS_COLUMNS}
    from publish.changes as s {_SLICE_JOINS} {_GROUP_JOINS} {_VERDICT_JOIN} {REFERENCE_JOIN}
    order by {_SLICE_ORDER}, {_GROUP_ORDER}
"""

_DECOMPOSITION = f"""
    select {_SLICE_COLUMNS}, s.stratum, stratum.label as stratum_label,
        s.stratifier_2, stratifier_2.label as stratifier_2_label, s.reference_stratum,
        reference.label as reference_label,
        {_number(*DECOMPOSITION_NUMBERS)}, measure.unit, s.decomposition_method, s.caveat, {_STATUS_COLUMNS}
    from publish.decomposition as s {_SLICE_JOINS} {_VERDICT_JOIN} {REFERENCE_JOIN}
    left join main.dim_stratum as stratum on stratum.stratifier = s.stratifier and stratum.stratum = s.stratum
    left join main.dim_stratifier as stratifier_2 on stratifier_2.stratifier = s.stratifier_2
    order by {_SLICE_ORDER}, stratum.sort_order, s.stratum
"""

_MEASURES = "select * from main.dim_measure order by sort_order, measure_id"

_HELD = f"""
    select {_SLICE_COLUMNS}, s.verdict, s.reasons
    from publish.gate_verdict as s {_SLICE_JOINS}
    where s.verdict = 'hold'
    order by {_SLICE_ORDER}
"""

_QUALITY_TYPES = {
    **dict.fromkeys(("field", "site", "grain", "measure_id", "stratifier", "stratum", "metric"), "varchar"),
    **dict.fromkeys(("threshold", "verdict"), "varchar"),
    **{"period_starts_on": "date", "value": "double", "n": "bigint", "disclosure_status": "varchar"},
}

_QUALITY = f"""
    select s.field, s.site, site.site_label, s.grain, s.period_starts_on, period.period_label, s.measure_id,
        measure.title as measure_title, s.stratifier, stratifier.label as stratifier_label, s.stratum,
        stratum.label as stratum_label, s.metric, {_number("value")}, s.n, s.threshold, s.verdict, s.disclosure_status
    from (select {", ".join(f"cast({name} as {kind}) as {name}" for name, kind in _QUALITY_TYPES.items())}
        from release_quality_frame) as s
    left join main.dim_site as site on site.site = s.site
    left join main.dim_period as period on period.grain = s.grain and period.period_starts_on = s.period_starts_on
    left join main.dim_measure as measure on measure.measure_id = s.measure_id
    left join main.dim_stratifier as stratifier on stratifier.stratifier = s.stratifier
    left join main.dim_stratum as stratum on stratum.stratifier = s.stratifier and stratum.stratum = s.stratum
    order by s.field, s.metric, stratifier.sort_order, s.stratifier, stratum.sort_order, s.stratum, site.sort_order,
        s.site, {_GRAIN_ORDER}, s.period_starts_on, measure.sort_order, s.measure_id, s.threshold, s.verdict, s.value
"""


def read_tables(
    con: duckdb.DuckDBPyConnection, quality: pd.DataFrame, *, release_id: str, before: Path | None = None
) -> Tables:
    """The tables of the release contract as Arrow tables, in contract order and with the exact schemas.

    `quality` is the protected quality table (field, site, grain, period_starts_on, measure_id, stratifier, stratum,
    metric, value, n, threshold, verdict, disclosure_status), `before` the folder of the release before. Raises
    TransformError when a vocabulary would multiply or lose rows.
    """
    tables = {
        "measures": _shaped("measures", _fetch(con, _MEASURES), release_id),
        "strata": _shaped("strata", _fetch(con, _STRATA), release_id),
        "gaps": _shaped("gaps", _fetch(con, _GAPS), release_id),
        "inequality": _shaped("inequality", _fetch(con, _INEQUALITY), release_id),
        "changes": _shaped("changes", _fetch(con, _CHANGES), release_id),
        "decomposition": _shaped("decomposition", _fetch(con, _DECOMPOSITION), release_id),
        "quality": _shaped("quality", _read_quality(con, quality), release_id),
        "held": _shaped("held", _fetch(con, _HELD), release_id),
        **{name: _shaped(name, _fetch(con, query), release_id) for name, query in tables_over_time.QUERIES.items()},
    }
    for name in ("strata", "gaps", "inequality", "changes", "decomposition", *tables_over_time.QUERIES):
        source = f"publish.{name}"
        expected = _fetch(con, f"select count(*) as n from {source}").column("n")[0].as_py()
        if tables[name].num_rows != expected:
            raise TransformError(
                "every row is published once, with its labels",
                where=f"release table {name}",
                found=f"{tables[name].num_rows} rows from {expected} in {source}",
                remedy="a dim_* table or publish.gate_verdict has a key twice; run the dbt tests",
            )
    return {name: tables[name] if name in tables else change_notes(tables, before, release_id) for name in TABLES}


def _fetch(con: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    return con.sql(query).to_arrow_table()


def _read_quality(con: duckdb.DuckDBPyConnection, quality: pd.DataFrame) -> pa.Table:
    missing = [name for name in _QUALITY_TYPES if name not in quality.columns]
    if missing:
        raise TransformError(
            "the quality table has the release contract's columns",
            where="quality table",
            found=f"without {', '.join(missing)}",
            remedy="protect_quality gives them",
        )
    con.register("release_quality_frame", quality[list(_QUALITY_TYPES)])
    try:
        return _fetch(con, _QUALITY)
    finally:
        con.unregister("release_quality_frame")


def _shaped(name: str, rows: pa.Table, release_id: str) -> pa.Table:
    """The table with the contract's columns, order and types, and NULL in place of the empty string."""
    schema = TABLES[name].schema
    stamped = rows.append_column("release_id", pa.repeat(pa.scalar(release_id), rows.num_rows))
    absent = [field.name for field in schema if field.name not in stamped.column_names]
    if absent:
        raise TransformError(
            "the warehouse has every column of the release contract",
            where=f"release table {name}",
            found=f"without {', '.join(absent)}",
            remedy="compare the warehouse table with orchestration/release/columns.py",
        )
    columns = [_without_empty(stamped.column(field.name).cast(field.type)) for field in schema]
    return pa.table(columns, schema=schema).combine_chunks()


def _without_empty(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_string(column.type):
        return column
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
