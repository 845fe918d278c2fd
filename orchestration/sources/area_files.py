"""Pulls a tract-level table into `tract_measures`: one row per tract and declared measure, the tract key as text."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

from orchestration.errors import SettingsError, SourceError
from orchestration.settings import AreaFilesSource, AreaMeasure, Settings
from orchestration.sources import sql
from orchestration.sources.landing import Progress, Task, Written, land
from orchestration.sources.layout import TRACT_MEASURES
from orchestration.sources.raw_zone import DATA, PulledFile, zone_of
from orchestration.sources.reading import ReadFailed, connect, count, opened, remarks, unreadable, use_rows
from orchestration.sources.table_file import TableFile


def pull(source: AreaFilesSource, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring one area file into the raw zone unless it is there already. Rows are counted per tract and measure.

    Raises SourceError when the file, or every row, cannot be used; SettingsError when a measure is declared twice.
    """
    declared = [(measure.measure, measure.category or "") for measure in source.measures]
    twice = [name for name, category in declared if declared.count((name, category)) > 1]
    if twice or not declared:
        raise SettingsError(
            "an area source declares each measure once, and one at least",
            where=f"source {source.name}, measures",
            found=f"{twice[0]} twice" if twice else "none",
            remedy="name each measure's column once; a second file is a source of its own",
        )
    label = f"{source.name}/{source.path.name}"
    rules = source.model_dump_json(include={"tract_column", "tract_vintage", "data_year", "measures"})
    rules_sha256 = hashlib.sha256(rules.encode()).hexdigest()
    task = Task(TRACT_MEASURES.name, source.path, label, partial(_write, source, label), mapping_sha256=rules_sha256)
    zone = zone_of(settings.raw_dir, source.name)
    with zone.locked():
        return land(zone, [task], "snapshot", progress)


def _write(source: AreaFilesSource, label: str, folder: Path) -> Written:
    file = opened(source.path, label)
    key = _column(file, source.tract_column)
    columns = [_column(file, measure.column) for measure in source.measures]
    values = "".join(f", trim(cast({sql.name(own)} as varchar)) as m{number}" for number, own in enumerate(columns))
    file = file.using([key, *columns])
    con = connect(folder)

    def use(relation: str) -> None:
        con.execute(
            f"""create or replace temp table area as
            select _source_row, trim(cast({sql.name(key)} as varchar)) as tract_geoid{values} from ({relation})"""
        )

    try:
        unread = use_rows(con, file, folder, use)
        con.execute(f"create temp table judged as {_judged(source)}")
        con.execute(f"copy ({_DATA_ROWS}) to {sql.text(str((folder / DATA).absolute()))} (format parquet)")
        pulled = count(con, "judged where fault is null")
        faults = con.execute("select _source_row, fault from judged where fault is not null order by all").fetchall()
    except ReadFailed as error:
        raise unreadable(file, error.error_type) from None
    finally:
        con.close()
    rejects = [(row, f"{_label(measure)}: {reason}") for row, reason in unread for measure in source.measures]
    rejects += [(int(row), str(fault)) for row, fault in faults]
    if rejects and not pulled:
        raise SourceError(
            "an area file has rows that can be used",
            where=label,
            found=f"none of {len(rejects):,}; the first: row {rejects[0][0]}, {rejects[0][1]}",
            remedy="see that the tract key is text of 11 digits and that `tract_column` names it",
        )
    types = {column.name: column.type for column in TRACT_MEASURES.columns}
    return Written({**types, "_source_row": "BIGINT"}, pulled, rejects, notes=remarks(file, pulled + len(rejects)))


def _column(file: TableFile, wanted: str) -> str:
    found = file.column(wanted)
    if found is None:
        raise SourceError(
            f"the area file has the column {wanted}, once",
            where=file.label,
            found=f"not so among its {len(file.columns)} columns: {', '.join(file.columns[:30])}",
            remedy="correct `tract_column` or the measure's `column` in the settings",
        )
    return found


# Facts about the key come first: a key that says nothing makes every value of the row useless.
_KEYED = """
    select *, case
        when tract_geoid is null then 'tract key is missing'
        when not regexp_full_match(tract_geoid, '[0-9]*') then 'tract key is not made of digits only'
        when length(tract_geoid) = 10 then 'tract key has 10 digits, so a leading zero was lost'
        when length(tract_geoid) <> 11 then 'tract key has ' || length(tract_geoid) || ' digits instead of 11'
        when min(content) over tract <> max(content) over tract then 'tract stands on several rows that differ'
        when row_number() over (partition by tract_geoid order by _source_row) > 1 then 'tract repeats an earlier row'
    end as key_fault
    from (select *, concat_ws('|', {contents}) as content from area)
    window tract as (partition by tract_geoid)
"""
_DATA_ROWS = """
    select tract_geoid, tract_vintage, data_year, measure, category, value, direction, _source_row
    from judged where fault is null order by _source_row, position
"""


def _judged(source: AreaFilesSource) -> str:
    """One row per tract and measure, with what is wrong with it in `fault`."""
    numbers = range(len(source.measures))
    keyed = _KEYED.format(contents=", ".join(f"coalesce(m{number}, '?')" for number in numbers))
    tall = " union all ".join(_one_measure(number, measure) for number, measure in enumerate(source.measures))
    return f"""
        with keyed as ({keyed}), tall as ({tall})
        select *, cast({source.tract_vintage} as integer) as tract_vintage,
            cast({source.data_year} as integer) as data_year,
            label || ': ' || coalesce(key_fault, case
                when value is not null and not coalesce(isfinite(try_cast(value as double)), false)
                then 'value is not a number'
            end) as fault
        from tall
    """


def _one_measure(number: int, measure: AreaMeasure) -> str:
    tokens = ", ".join(sql.text(token) for token in measure.missing_tokens)
    value = f"case when m{number} not in ({tokens}) then m{number} end" if tokens else f"m{number}"
    return f"""
        select _source_row, tract_geoid, key_fault, {number} as position, {value} as value,
            {sql.text(measure.measure)} as measure, {sql.text(measure.category or "")} as category,
            {sql.text(measure.direction)} as direction, {sql.text(_label(measure))} as label
        from keyed
    """


def _label(measure: AreaMeasure) -> str:
    return f"{measure.measure} {measure.category}" if measure.category else measure.measure
