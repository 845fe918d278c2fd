"""What changed since the release before: gaps, what is held or hidden, periods, measures, groupings and references.

Both sides are published tables, so a note says nothing that the two releases do not; counts are never compared. Gaps
are those of each release's latest whole year with the same group and reference. A gap is clear where its interval lies
above 0. It opened or closed where it became clear, or no longer is, and the change's own interval leaves out 0; without
the latter it is only newly clear or no longer clear. The change's limits are recovered from both gaps' (MOVER: Zou and
Donner 2008), as if the years were independent: the years overlap, so limits err on the wide side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from orchestration.release.columns import TABLES

FIRST, NOT_COMPARED = "first release", "not compared"
GAP_CHANGES = (
    *("gap opened", "gap newly clear", "gap widened", "gap narrowed", "gap no longer clear", "gap closed"),
    "gap turned round",
)
CHANGES = (
    *(FIRST, NOT_COMPARED, *GAP_CHANGES, "newly held", "newly released", "newly suppressed", "newly shown"),
    *("new period", "period left", "new measure", "measure left", "definition changed"),
    *("new grouping", "grouping left", "reference changed"),
)
# Text in a measure's row that makes another measure of it.
_DEFINITION = (
    *("title", "description", "population", "kind", "family", "direction", "unit", "multiplier", "counts_what"),
    *("denominator_unit", "untested_convention", "grains", "exclusions"),
)
_SLICE = ("measure_id", "grain", "period_starts_on", "site", "stratifier")
_NAMES = (
    *(*_SLICE, "period_label", "site_label", "stratifier_label"),
    *("stratum", "stratum_label", "stratum_2", "stratum_2_label"),
)
_NEEDED = {
    "gaps": (
        *(*_SLICE, "is_complete_period", "stratum", "stratum_2", "is_missing_category", "reference_stratum"),
        *("reference_label", "reference_stratum_2", "difference", "difference_low", "difference_high"),
        *("disclosure_status", "quality_status"),
    ),
    "strata": (*_NAMES, "disclosure_status", "quality_status"),
    "held": _SLICE,
    "measures": ("measure_id", *_DEFINITION),
}


def change_notes(tables: Mapping[str, pa.Table], before: Path | None, release_id: str) -> pa.Table:
    """The published table of that name: measures, strata, gaps and held of `tables` beside those in folder `before`.

    Years and quarters only. Without a release before, or with one whose tables cannot be read, one row says so.
    """
    if before is None:
        return _only(FIRST, release_id, None)
    try:
        old = {name: _read(before / "tables" / f"{name}.parquet", name) for name in _NEEDED}
    except (OSError, pa.ArrowException, KeyError):
        return _only(NOT_COMPARED, release_id, before.name)
    return _compared(tables, old, release_id, before.name)


def _read(path: Path, name: str) -> pa.Table:
    return pq.read_table(path, columns=list(_NEEDED[name])).select(list(_NEEDED[name]))


def _only(change: str, release_id: str, before: str | None) -> pa.Table:
    row = {"release_id": release_id, "release_before": before, "change": change}
    return pa.Table.from_pylist([row], schema=TABLES["change_notes"].schema)


def _compared(tables: Mapping[str, pa.Table], old: Mapping[str, pa.Table], release_id: str, before: str) -> pa.Table:
    import duckdb

    con = duckdb.connect()
    try:
        for name in _NEEDED:
            con.register(f"now_{name}", tables[name].select(list(_NEEDED[name])))
            con.register(f"old_{name}", old[name])
        for side in ("now", "old"):
            con.execute(f"create temp table {side}_names as select distinct {', '.join(_NAMES)} from {side}_strata")
        given = {"release_id": release_id, "before": before, "order": list(CHANGES)}
        rows = con.sql(_NOTES, params=given).to_arrow_table()
    finally:
        con.close()
    schema = TABLES["change_notes"].schema
    return pa.table([rows.column(field.name).cast(field.type) for field in schema], schema=schema).combine_chunks()


# One SELECT per kind of note, each with these columns where it has them.
_COLUMNS = {
    **dict.fromkeys(("measure_id", "grain"), "varchar"),
    "period_starts_on": "date",
    **dict.fromkeys(("site", "stratifier", "stratum", "stratum_2", "before", "after"), "varchar"),
}


def _note(change: str, source: str, **given: str) -> str:
    shown = (f"{given.get(name, 'null')}::{kind} as {name}" for name, kind in _COLUMNS.items())
    return f"select {change} as change, {', '.join(shown)} from {source}"


def _keys(*names: str, side: str) -> dict[str, str]:
    return {name: f"{side}.{name}" for name in names}


def _same(*names: str) -> str:
    return " and ".join(f"now.{name} is not distinct from old.{name}" for name in names)


# The clear change of a gap: both years' gaps are shown, of the same group against the same reference.
_GAP = (*("measure_id", "site", "stratifier", "stratum", "stratum_2"), "reference_stratum", "reference_stratum_2")
_LATEST = """
    (from {side}_gaps where grain = 'year' and is_complete_period and not is_missing_category
        and disclosure_status = 'published' and quality_status <> 'hold'
    qualify period_starts_on = max(period_starts_on) over (partition by measure_id))"""
_MOVED = f"""
    (select now.*, old.difference as was, old.difference_low as was_low, old.difference_high as was_high,
        sqrt((now.difference - now.difference_low) ** 2 + (old.difference_high - old.difference) ** 2) as down,
        sqrt((now.difference_high - now.difference) ** 2 + (old.difference - old.difference_low) ** 2) as up
    from {_LATEST.format(side="now")} as now join {_LATEST.format(side="old")} as old on {_same(*_GAP)}) as now"""
_CHANGED = """
    case
        when was_low > 0 and difference_high < 0 then 'gap turned round'
        when was_low <= 0 and difference_low > 0
            then if(difference - was - down > 0, 'gap opened', 'gap newly clear')
        when was_low > 0 and difference_low <= 0
            then if(difference - was + up < 0, 'gap closed', 'gap no longer clear')
        when was_low > 0 and difference - was - down > 0 then 'gap widened'
        when was_low > 0 and difference - was + up < 0 then 'gap narrowed'
    end"""
_FIGURES = "format('{{:.3g}} ({{:.3g}} to {{:.3g}})', {0}, {0}_low, {0}_high)"

_REFERENCE = ("measure_id", "site", "stratifier")
_REFERENCES = """
    (select measure_id, site, stratifier, any_value(reference_label) as label,
        any_value(coalesce(reference_stratum, '') || '/' || coalesce(reference_stratum_2, '')) as reference
    from {side}_gaps where grain = 'year' and reference_stratum is not null group by all
    having count(distinct (reference_stratum, reference_stratum_2)) = 1)"""

_SLICES = "(select distinct {keys} from {side}_strata where grain in ('year', 'quarter'))"
_ROW = (*_SLICE, "stratum", "stratum_2")


def _notes() -> Iterator[str]:
    yield _note(
        _CHANGED, _MOVED, **_keys(*_SLICE, "stratum", "stratum_2", side="now"),
        before=_FIGURES.format("was"), after=_FIGURES.format("difference"),
    )  # fmt: skip
    for change, one, other, verdicts in (
        ("newly held", "now", "old", ("publish", "hold")), ("newly released", "old", "now", ("hold", "publish")),
    ):  # fmt: skip
        # Held here and not there, where there is such a slice too.
        there = _SLICES.format(keys=", ".join(_SLICE), side=other)
        yield _note(
            f"'{change}'",
            f"{one}_held as one join {there} as other using ({', '.join(_SLICE)}) "
            f"anti join {other}_held as held using ({', '.join(_SLICE)})",
            **_keys(*_SLICE, side="one"), before=f"'{verdicts[0]}'", after=f"'{verdicts[1]}'",
        )  # fmt: skip
    for change, was, became in (
        ("newly suppressed", "published", "suppressed"), ("newly shown", "suppressed", "published"),
    ):  # fmt: skip
        yield _note(
            f"'{change}'",
            f"now_strata as now join old_strata as old on {_same(*_ROW)} where now.grain = 'year' "
            "and now.quality_status <> 'hold' and old.quality_status <> 'hold' "
            f"and old.disclosure_status = '{was}' and now.disclosure_status = '{became}'",
            **_keys(*_ROW, side="now"), before=f"'{was}'", after=f"'{became}'",
        )  # fmt: skip
    for words, keys in (("period", ("grain", "period_starts_on")), ("grouping", ("stratifier",))):
        for change, one, other in ((f"new {words}", "now", "old"), (f"{words} left", "old", "now")):
            sides = (_SLICES.format(keys=", ".join(keys), side=side) for side in (one, other))
            source = " as one anti join ".join(sides) + f" as other using ({', '.join(keys)})"
            yield _note(f"'{change}'", source, **_keys(*keys, side="one"))
    for change, one, other in (("new measure", "now", "old"), ("measure left", "old", "now")):
        source = f"{one}_measures as one anti join {other}_measures as other using (measure_id)"
        yield _note(f"'{change}'", source, **_keys("measure_id", side="one"))
    for name in _DEFINITION:
        text = f"'{name}: ' || coalesce({{side}}.{name}::varchar, '')"
        yield _note(
            "'definition changed'",
            f"now_measures as now join old_measures as old using (measure_id) where not {_same(name)}",
            **_keys("measure_id", side="now"), before=text.format(side="old"), after=text.format(side="now"),
        )  # fmt: skip
    yield _note(
        "'reference changed'",
        f"{_REFERENCES.format(side='now')} as now join {_REFERENCES.format(side='old')} as old "
        f"on {_same(*_REFERENCE)} where now.reference <> old.reference",
        **_keys(*_REFERENCE, side="now"), before="old.label", after="now.label",
    )  # fmt: skip


# Labels as the new release has them, else the old one's.
_LABELLED = """
    with note as (from (NOTES) where change is not null),
    labels as (
        select kind, code, first(label order by side) as label from (
            select 'site' as kind, site as code, site_label as label, 1 as side from now_names union all
            select 'site', site, site_label, 2 from old_names union all
            select 'stratifier', stratifier, stratifier_label, 1 from now_names union all
            select 'stratifier', stratifier, stratifier_label, 2 from old_names union all
            select 'period', grain || period_starts_on, period_label, 1 from now_names union all
            select 'period', grain || period_starts_on, period_label, 2 from old_names union all
            select 'measure', measure_id, title, 1 from now_measures union all
            select 'measure', measure_id, title, 2 from old_measures
        ) group by kind, code
    ),
    groups as (
        select stratifier, stratum, stratum_2, first(stratum_label) as stratum_label,
            first(stratum_2_label) as stratum_2_label
        from (from now_names union all from old_names) group by all
    )
    select $release_id as release_id, $before as release_before, note.*, measure.label as measure_title,
        period.label as period_label, site.label as site_label, stratifier.label as stratifier_label,
        groups.stratum_label, groups.stratum_2_label
    from note
    left join labels as measure on measure.kind = 'measure' and measure.code = note.measure_id
    left join labels as period on period.kind = 'period' and period.code = note.grain || note.period_starts_on
    left join labels as site on site.kind = 'site' and site.code = note.site
    left join labels as stratifier on stratifier.kind = 'stratifier' and stratifier.code = note.stratifier
    left join groups on groups.stratifier = note.stratifier and groups.stratum = note.stratum
        and groups.stratum_2 is not distinct from note.stratum_2
    order by list_position($order, change), note.measure_id, note.grain desc, note.period_starts_on, note.site,
        note.stratifier, note.stratum, note.stratum_2, note.after
"""
_NOTES = _LABELLED.replace("NOTES", "\nunion all\n".join(_notes()))
