"""From a table with one row per tract to `tract_measures`: keys judged, codes for missing values told apart.

What the columns of a source mean is the source's own module; files are opened by `table_file` and `reading`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import duckdb

from orchestration.errors import SourceError
from orchestration.settings import Settings
from orchestration.settings_area import IndexSource
from orchestration.sources import sql
from orchestration.sources.landing import Progress, Task, Written, land
from orchestration.sources.layout import TRACT_MEASURES
from orchestration.sources.raw_zone import DATA, PulledFile, zone_of
from orchestration.sources.reading import ReadFailed, connect, count, opened, remarks, unreadable, use_rows
from orchestration.sources.table_file import TableFile

S = TypeVar("S", bound=IndexSource)

_NOT_GIVEN = "not given in the file"
NOT_GIVEN: Mapping[str, str] = dict.fromkeys(("", "NA", "NaN", "null"), _NOT_GIVEN)
# Connecticut's planning regions took the place of its counties in 2022; tract numbers stayed.
_IN_A_REGION = "regexp_full_match(tract_geoid, '091[1-9]0[0-9]*')"


@dataclass(frozen=True)
class AreaColumn:
    """One column that is read. `missing`: what stands for no value, and why; `bounds`: where numbers lie.

    `patterns`: the same by regular expression; a reason that ends with a colon is followed by the text that was there,
    so the expression is one of harmless codes. `divisor`: 100 where the file is in percent.
    `moe`: the column with the margin of error, its texts for none in `no_moe`, those for zero in `exact`.
    """

    column: str
    measure: str
    direction: str
    category: str = ""
    missing: Mapping[str, str] = field(default_factory=lambda: NOT_GIVEN)
    bounds: tuple[float, float] | None = None
    patterns: Mapping[str, str] = field(default_factory=dict)
    divisor: float = 1.0
    moe: str | None = None
    no_moe: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What it is called in the account of rows."""
        return f"{self.measure} {self.category}" if self.category else self.measure


@dataclass(frozen=True)
class AreaTable:
    """How a file is read. `key`: the column of the tract's key; `key_sql` takes the key out of its text `k`.

    `only`: (column, value) of the rows that are meant, where the file has others beside. `year_of_geography`: the
    data's year where Connecticut's keys must be those of that year. `has_counties`: five digits are a county.
    `cv_limit`: above which coefficient of variation a value with a margin of error is unreliable.
    """

    key: str
    tract_vintage: int
    data_year: int
    columns: tuple[AreaColumn, ...]
    release: str = ""
    key_sql: str = "k"
    only: tuple[str, str] | None = None
    year_of_geography: int | None = None
    has_counties: bool = False
    cv_limit: float | None = None


def pull_table(
    source: str, path: Path, rules_sha256: str, write: Callable[[str, Path], Written], settings: Settings, say: Progress
) -> list[PulledFile]:
    """Bring one area file into the raw zone unless it is there: `write` gets the file's label and the folder."""
    label = f"{source}/{path.name}"
    task = Task(TRACT_MEASURES.name, path, label, partial(write, label), mapping_sha256=rules_sha256)
    zone = zone_of(settings.raw_dir, source)
    with zone.locked():
        return land(zone, [task], "snapshot", say)


def pull_index(
    source: S, settings: Settings, say: Progress, table_of: Callable[[S, TableFile], AreaTable]
) -> list[PulledFile]:
    """Bring an index's file into the raw zone unless it is there, read as `table_of` says. Raises SourceError."""
    rules = hashlib.sha256(source.model_dump_json(exclude={"path"}).encode()).hexdigest()
    write = partial(write_file, source.path, partial(table_of, source))
    return pull_table(source.name, source.path, rules, write, settings, say)


def write_file(path: Path, table_of: Callable[[TableFile], AreaTable], label: str, folder: Path) -> Written:
    """Write the rows of the CSV or Parquet file at `path` as `tract_measures`. Raises SourceError."""
    file = opened(path, label)
    return write_table(file, table_of(file), folder)


def write_table(file: TableFile, table: AreaTable, folder: Path) -> Written:
    """Write an opened file's rows, one per tract and measure. Raises SourceError when none can be used."""
    key = require_column(file, table.key)
    own = [require_column(file, each.column) for each in table.columns]
    margins = [require_column(file, each.moe) if each.moe else None for each in table.columns]
    only = None if table.only is None else (require_column(file, table.only[0]), table.only[1])
    named = [name for name in [key, *own, *margins, only[0] if only else None] if name is not None]
    file = file.using(dict.fromkeys(named))
    con = connect(folder)

    def use(relation: str) -> None:
        selected = "".join(f", {_text(name)} as m{number}" for number, name in enumerate(own))
        selected += "".join(f", {_text(name) if name else 'null'} as e{number}" for number, name in enumerate(margins))
        where = f" where {_text(only[0])} = {sql.text(only[1])}" if only else ""
        con.execute(
            f"""create or replace temp table area as
            select _source_row, {table.key_sql} as tract_geoid, * exclude (_source_row, k)
            from (select _source_row, {_text(key)} as k{selected} from ({relation}){where})"""
        )
        con.execute(f"create or replace temp table read as select count(*) as n from ({relation})")

    try:
        unread = use_rows(con, file, folder, use)
        row = con.execute("select n - (select count(*) from area) from read").fetchone()
        left_out = int(row[0]) if row else 0
        return write_area(con, table, file, folder, unread, left_out)
    except ReadFailed as error:
        raise unreadable(file, error.error_type) from None
    finally:
        con.close()


def write_area(
    con: duckdb.DuckDBPyConnection,
    table: AreaTable,
    file: TableFile,
    folder: Path,
    unread: list[tuple[int, str]],
    left_out: int = 0,
    aside: tuple[tuple[int, str], ...] = (),
) -> Written:
    """Write the temporary table `area` (_source_row, tract_geoid, m0 …, e0 …), rows judged, as the extract's data.

    `unread` are rows of tracts that cannot be read, each a reject per measure; `aside` are rejects as they are.
    """
    con.execute(f"create temp table judged as {_judged(table)}")
    columns = ", ".join(column.name for column in TRACT_MEASURES.columns)
    rows = f"select {columns}, _source_row from judged where fault is null order by _source_row, position"
    con.execute(f"copy ({rows}) to {sql.text(str((folder / DATA).absolute()))} (format parquet)")
    pulled = count(con, "judged where fault is null")
    faults = con.execute("select _source_row, fault from judged where fault is not null order by all").fetchall()
    rejects = [*aside, *((row, f"{column.label}: {reason}") for row, reason in unread for column in table.columns)]
    rejects += [(int(row), str(fault)) for row, fault in faults]
    if rejects and not pulled:
        raise SourceError(
            "an area file has rows that can be used",
            where=file.label,
            found=f"none of {len(rejects):,}; the first: row {rejects[0][0]}, {rejects[0][1]}",
            remedy="see that the tract key is text of 11 digits and that `tract_column` names it",
        )
    types = {column.name: column.type for column in TRACT_MEASURES.columns}
    notes = remarks(file, pulled + len(rejects) + left_out)
    return Written({**types, "_source_row": "BIGINT"}, pulled, rejects, left_out, notes)


def require_column(file: TableFile, wanted: str, setting: str = "`tract_column` or the measure's `column`") -> str:
    """The file's own spelling of the column. Raises SourceError without it, or with several."""
    found = file.column(wanted)
    if found is None:
        raise SourceError(
            f"the file has the column {wanted}, once",
            where=file.label,
            found=f"not so among its {len(file.columns)} columns: {', '.join(file.columns[:30])}",
            remedy=f"correct {setting} in the settings",
        )
    return found


def first_column(file: TableFile, candidates: tuple[str, ...], what: str) -> str:
    """The first of the names that the file has. Raises SourceError without any."""
    for name in candidates:
        found = file.column(name)
        if found is not None:
            return found
    raise SourceError(
        f"the file has {what}: one of {', '.join(candidates)}",
        where=file.label,
        found=f"none among its {len(file.columns)} columns: {', '.join(file.columns[:30])}",
        remedy="name its column in the settings, or see that this is the tract file and not another unit's",
    )


def tract_key(file: TableFile, named: str | None, usual: Mapping[int, tuple[str, ...]], vintage: int) -> str:
    """The column of the tract's key: the settings' own, or a usual one of the census. Raises SourceError."""
    key = first_column(file, (named,) if named else usual[vintage], f"a key of the tracts of {vintage}")
    require_vintage(file, key, vintage)
    return key


def require_vintage(file: TableFile, key: str, vintage: int) -> None:
    """Raise SourceError when the key's name says another census than the settings do."""
    said = {"10": 2010, "20": 2020}.get(key[-2:]) if key[-4:] not in ("2010", "2020") else int(key[-4:])
    if said is not None and said != vintage:
        raise SourceError(
            f"the tracts are those of {vintage}, as `tract_vintage` says",
            where=file.label,
            found=f"the key is called {key}",
            remedy="correct `tract_vintage`, or take the edition of that census",
        )


def _text(name: str) -> str:
    return f"trim(cast({sql.name(name)} as varchar))"


# Facts about the key come first: a key that says nothing makes every value of the row useless.
_KEYED = """
    select *, case
        when tract_geoid is null or tract_geoid = '' then 'tract key is missing'
        when not regexp_full_match(tract_geoid, '[0-9]*') then 'tract key is not made of digits only'
        when length(tract_geoid) = 10 then 'tract key has 10 digits, so a leading zero was lost'
        when length(tract_geoid) not in ({lengths})
        then 'tract key has ' || length(tract_geoid) || ' digits instead of 11'
        {geography}
        when min(content) over tract <> max(content) over tract then 'tract stands on several rows that differ'
        when row_number() over (partition by tract_geoid order by _source_row) > 1 then 'tract repeats an earlier row'
    end as key_fault
    from (select *, concat_ws('|', {contents}) as content from area)
    window tract as (partition by tract_geoid)
"""


def _judged(table: AreaTable) -> str:
    """One row per tract and measure, with what is wrong with it in `fault`."""
    contents = ", ".join(f"coalesce({kind}{n}, '?')" for n in range(len(table.columns)) for kind in "me")
    lengths = "5, 11" if table.has_counties else "11"
    keyed = _KEYED.format(contents=contents, lengths=lengths, geography=_geography(table.year_of_geography))
    tall = " union all ".join(_one_measure(number, column) for number, column in enumerate(table.columns))
    limit = "null" if table.cv_limit is None else str(table.cv_limit)
    return f"""
        with keyed as ({keyed}), tall as ({tall}), numbers as (
            select *, {_number("value")} as number, {_number("margin")} as moe_number from tall
        )
        select *, cast({table.tract_vintage} as integer) as tract_vintage,
            cast({table.data_year} as integer) as data_year, {sql.text(table.release)} as release,
            case when length(tract_geoid) = 5 then 'county' else 'tract' end as area_level,
            cast(margin as varchar) as moe,
            case when {limit} is not null and has_moe and number is not null then coalesce(
                moe_number > 0 and (number = 0 or moe_number / 1.645 / abs(number) > {limit}), moe_number is null
            ) end as is_unreliable,
            label || ': ' || coalesce(key_fault, case
                when value is not null and number is null then 'value is not a number'
                when margin is not null and moe_number is null then 'margin of error is not a number'
                when number < lowest or number > highest then 'value lies outside ' || lowest || ' to ' || highest
            end) as fault
        from numbers
    """


def _one_measure(number: int, column: AreaColumn) -> str:
    m, e = f"m{number}", f"e{number}"
    reason = f"case {' '.join(f'when {m} = {sql.text(t)} then {sql.text(r)}' for t, r in column.missing.items())}"
    for pattern, words in column.patterns.items():
        said = f"{sql.text(words + ' ')} || {m}" if words.endswith(":") else sql.text(words)
        reason += f" when regexp_full_match({m}, {sql.text(pattern)}) then {said}"
    reason += f" when {m} is null then {sql.text(_NOT_GIVEN)} end"
    value, margin = f"case when {reason} is null then {m} end", e
    if column.moe:
        none, exact = (", ".join(map(sql.text, texts)) or "null" for texts in (column.no_moe, column.exact))
        margin = f"case when {e} in ({exact}) then '0' when {e} not in ({none}) then {e} end"
    if column.divisor != 1:
        value, margin = (
            f"coalesce(cast(round(try_cast({text} as double) / {column.divisor}, 12) as varchar), {text})"
            for text in (value, margin)
        )
    low, high = column.bounds or ("null", "null")
    return f"""
        select _source_row, tract_geoid, key_fault, {number} as position, {value} as value, {margin} as margin,
            {reason} as missing_reason, {"true" if column.moe else "false"} as has_moe,
            cast({low} as double) as lowest, cast({high} as double) as highest,
            {sql.text(column.measure)} as measure, {sql.text(column.category)} as category,
            {sql.text(column.direction)} as direction, {sql.text(column.label)} as label
        from keyed
    """


def _number(text: str) -> str:
    return f"case when isfinite(try_cast({text} as double)) then try_cast({text} as double) end"


def _geography(year: int | None) -> str:
    if year is None:
        return ""
    if year >= 2022:
        return (
            f"when tract_geoid like '09%' and not {_IN_A_REGION} "
            "then 'Connecticut tract is keyed by an old county, though these data have planning regions'"
        )
    return f"when {_IN_A_REGION} then 'Connecticut tract is keyed by a planning region, though these data are older'"
