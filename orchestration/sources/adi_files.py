"""Pulls an Area Deprivation Index file: ranks of block groups, averaged to tracts by their people, or tracts.

Layout and codes: Neighborhood Atlas v4.0.1. GQ: more than a third of the people in group quarters; PH: fewer than 100
people or 30 homes; GQ-PH: both; QDI: questionable data. Keys lose leading zeros in many copies and get them back.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import duckdb

from orchestration.settings import Settings
from orchestration.settings_area import AdiFilesSource
from orchestration.sources import sql
from orchestration.sources.area_rows import (
    NOT_GIVEN,
    AreaColumn,
    AreaTable,
    pull_table,
    require_column,
    require_vintage,
    write_area,
    write_table,
)
from orchestration.sources.content import sha256_of
from orchestration.sources.landing import Progress, Written
from orchestration.sources.raw_zone import PulledFile
from orchestration.sources.reading import ReadFailed, connect, opened, unreadable, use_rows
from orchestration.sources.table_file import TableFile

CODES = {
    "GQ": "more than a third of the people live in group quarters (GQ)",
    "PH": "too few people or homes (PH)",
    "GQ-PH": "group quarters, and too few people or homes (GQ-PH)",
    "QDI": "questionable census data (QDI)",
}
FEW_RANKED = "less than half of the tract's people live in block groups with a rank"
UNSURE = "how many people live in a block group of the tract is not known"
_OTHER_CODE = "[A-Za-z][A-Za-z-]{0,7}"
NOBODY = "nobody lives in the tract's block groups"
_NO_KEY = "block group key does not have 12 digits"
_TWICE = "block group stands on several rows"
_NO_PEOPLE = "there is no number of people for the block group"
_HIGHEST = {"national": 100, "state": 10}


def pull(source: AdiFilesSource, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring the file into the raw zone unless it is there. Raises SourceError when it cannot be used as a whole.

    Of block groups, rows are counted as tracts and measures; a block group that cannot be read is set aside by itself.
    """
    rules = source.model_dump_json(exclude={"path", "population_file"})
    people = sha256_of(source.population_file) if source.population_file else ""
    rules_sha256 = hashlib.sha256((rules + people).encode()).hexdigest()
    return pull_table(source.name, source.path, rules_sha256, partial(_write, source), settings, progress)


def _write(source: AdiFilesSource, label: str, folder: Path) -> Written:
    file = opened(source.path, label)
    require_vintage(file, require_column(file, source.key_column, "`key_column`"), source.tract_vintage)
    named = {"national": source.national_column, "state": source.state_column}
    columns = tuple(
        AreaColumn(
            require_column(file, named[rank], f"`{rank}_column`"),
            "deprivation" if rank == source.deprivation else f"adi_{rank}",
            "higher_is_worse",
            missing={**NOT_GIVEN, **CODES, **{words: words for words in (NOBODY, FEW_RANKED, UNSURE)}},
            bounds=(1, _HIGHEST[rank]),
            # A code of another edition is kept, so that somebody can look it up.
            patterns={_OTHER_CODE: "code of another edition:"},
        )
        for rank in source.scores
    )
    table = AreaTable(
        source.key_column,
        source.tract_vintage,
        source.data_year,
        columns,
        f"ADI {source.data_year} {source.release}",
        key_sql=sql.area_key("k"),
    )
    if source.unit == "tract":
        return write_table(file, table, folder)
    return _average(source, file, table, folder)


def _average(source: AdiFilesSource, file: TableFile, table: AreaTable, folder: Path) -> Written:
    key = require_column(file, source.key_column, "`key_column`")
    own = [column.column for column in table.columns]
    con = connect(folder)
    try:
        if source.population_file is None:
            people = require_column(file, str(source.population_column), "`population_column`")
            file = file.using([key, *own, people])
            people_sql = f", {_text(people)} as people"
        else:
            _read_people(con, source, source.population_file, file.label, folder)
            file = file.using([key, *own])
            people_sql = ""
        values = "".join(f", {_text(name)} as m{number}" for number, name in enumerate(own))

        def use(relation: str) -> None:
            con.execute(
                f"""create or replace temp table ranked as
                select _source_row, {_padded(key)} as block_group{values}{people_sql}
                from ({relation})"""
            )

        unread = use_rows(con, file, folder, use)
        if source.population_file is not None:
            con.execute(
                """create or replace temp table ranked as
                select ranked.*, listed.people from ranked left join listed using (block_group)"""
            )
        aside = (*unread, *_bad_block_groups(con, table))
        con.execute(f"create temp table area as {_tracts(table)}")
        return write_area(con, table, file, folder, [], aside=aside)
    except ReadFailed as error:
        raise unreadable(file, error.error_type) from None
    finally:
        con.close()


def _read_people(con: duckdb.DuckDBPyConnection, source: AdiFilesSource, path: Path, label: str, folder: Path) -> None:
    file = opened(path, f"{label}, {path.name}")
    key = require_column(file, source.population_key_column, "`population_key_column`")
    people = require_column(file, str(source.population_column), "`population_column`")
    file = file.using([key, people])

    def use(relation: str) -> None:
        # A block group that stands twice has no one number of people: it is left without.
        con.execute(
            f"""create or replace temp table listed as
            select {_padded(key)} as block_group,
                case when count(*) = 1 then any_value({_text(people)}) end as people
            from ({relation}) group by 1"""
        )

    use_rows(con, file, folder, use)


def _bad_block_groups(con: duckdb.DuckDBPyConnection, table: AreaTable) -> list[tuple[int, str]]:
    """What cannot be averaged, and why, one entry per block group.

    In `ranked` it stays without a rank, and where its people are not known without them: a tract is not to be judged by
    those of its people who are left. A row whose key says no block group leaves.
    """
    outside = " or ".join(
        f"try_cast(m{n} as double) not between {column.bounds[0]} and {column.bounds[1]}"
        for n, column in enumerate(table.columns)
        if column.bounds
    )
    con.execute(
        f"""create temp table bad as
        select _source_row, case
            when block_group is null or not regexp_full_match(block_group, '[0-9]{{12}}')
            then '{_NO_KEY}'
            when count(*) over (partition by block_group) > 1 then '{_TWICE}'
            when not coalesce(isfinite(try_cast(people as double)) and try_cast(people as double) >= 0, false)
            then '{_NO_PEOPLE}'
            when {outside} then 'rank lies outside the index''s range'
        end as reason from ranked"""
    )
    no_ranks = ", ".join(f"m{number} = null" for number, _ in enumerate(table.columns))
    con.execute(
        f"""delete from ranked where _source_row in (select _source_row from bad where reason = '{_NO_KEY}');
        update ranked set people = null where _source_row in (
            select _source_row from bad where reason in ('{_TWICE}', '{_NO_PEOPLE}'));
        update ranked set {no_ranks} where _source_row in (select _source_row from bad where reason is not null)"""
    )
    found = con.execute("select _source_row, reason from bad where reason is not null order by all").fetchall()
    return [(int(row), str(reason)) for row, reason in found]


def _tracts(table: AreaTable) -> str:
    """One row per tract: the mean rank by people, or, where there is none, a code or the words why."""
    values = ""
    for number, _ in enumerate(table.columns):
        rank, people = f"try_cast(m{number} as decimal(18, 6))", "cast(try_cast(people as double) as decimal(18, 2))"
        known = f"sum({people}) filter (where {rank} is not null)"
        # Of several codes the commonest by people stands for the tract.
        code = f"arg_max(m{number}, ({people}, m{number})) filter (where {rank} is null)"
        values += f""", case
            when count(*) filter (where people is null) > 0 then {sql.text(UNSURE)}
            when {known} * 2 >= sum({people}) and {known} > 0
            then cast(round(cast(sum({people} * {rank}) as double) / cast({known} as double), 6) as varchar)
            when count(*) filter (where {rank} is not null) = 0 and regexp_full_match({code}, {sql.text(_OTHER_CODE)})
            then {code}
            when sum({people}) = 0 then {sql.text(NOBODY)} else {sql.text(FEW_RANKED)}
            end as m{number}, null as e{number}"""
    return (
        f"select min(_source_row) as _source_row, substr(block_group, 1, 11) as tract_geoid{values} "
        "from ranked group by 2"
    )


def _padded(name: str) -> str:
    """The key of a block group, mended where a copy lost its leading zero."""
    return sql.area_key(_text(name), digits=12)


def _text(name: str) -> str:
    return f"trim(cast({sql.name(name)} as varchar))"
