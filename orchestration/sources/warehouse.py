"""Opens a run: a fresh warehouse whose schema `raw` shows the active extracts as views, and what the run is about.

Nothing is copied and no row is read here: the views read the raw zone's Parquet files when dbt does.
"""

from __future__ import annotations

import duckdb

from orchestration.errors import EquityError, SourceError
from orchestration.settings import Settings, Source
from orchestration.sources import sql
from orchestration.sources.layout import RAW_TABLES, Column, Table
from orchestration.sources.raw_zone import Extract, RawZone, zone_of

_ROW = "_source_row"


def prepare(settings: Settings, run_id: str, code_version: str) -> None:
    """Delete and recreate `warehouse.duckdb` with schema `raw`: a view per table, `rejects`, `pull` and `run`.

    Raises EquityError when another process has the file open, SourceError when a source was never pulled or its
    extracts are damaged.
    """
    zones = [_pulled_zone(settings, source) for source in settings.sources]
    extracts = [(zone, extract) for zone in zones for extract in zone.active()]
    con = _fresh(settings)
    try:
        con.execute("create schema raw")
        for table in RAW_TABLES.values():
            rows = [(zone, extract) for zone, extract in extracts if extract.table == table.name]
            con.execute(f"create view raw.{table.name} as {_view(table, rows)}")
        con.execute(f"create view raw.rejects as {_rejects(extracts)}")
        _create_pull(con, zones, extracts)
        _create_run(con, settings, run_id, code_version)
    finally:
        con.close()
    settings.warehouse_path.chmod(0o600)


def _pulled_zone(settings: Settings, source: Source) -> RawZone:
    """The raw zone of a source that was pulled, and with the settings that it has now. Raises SourceError."""
    zone = zone_of(settings.raw_dir, source.name)
    if zone.has_been_pulled() and zone.was_pulled_with(source):
        return zone
    raise SourceError(
        "a source is pulled, with the settings that it has now, before it is used",
        where=source.name,
        found="its settings changed since its last pull"
        if zone.has_been_pulled()
        else "no pull of it was ever completed",
        remedy=f"`equity pull {source.name}`",
    )


def _fresh(settings: Settings) -> duckdb.DuckDBPyConnection:
    path = settings.warehouse_path
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        _require_unused(settings)
    for leftover in (path, path.with_name(f"{path.name}.wal")):
        leftover.unlink(missing_ok=True)
    con = duckdb.connect(str(path))
    # A connection that this process still has open on the deleted file would be handed out again.
    if con.execute("select count(*) from information_schema.tables").fetchone() != (0,):
        con.close()
        raise _in_use(settings, "this process still has it open")
    return con


def _require_unused(settings: Settings) -> None:
    """A file that another process has open is never deleted under it. What is in the file does not matter."""
    try:
        duckdb.connect(str(settings.warehouse_path)).close()
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise _in_use(settings, "another process has it open") from None
    except duckdb.Error:
        return  # left half-written by a run that was killed: it is replaced


def _in_use(settings: Settings, found: str) -> EquityError:
    return EquityError(
        "one run at a time writes the warehouse",
        where=str(settings.warehouse_path),
        found=found,
        remedy="wait until the other run ends, or close what has the file open; analysts read `marts/current.duckdb`",
    )


def _view(table: Table, extracts: list[tuple[RawZone, Extract]]) -> str:
    types = {column.name: _type(column, [extract for _, extract in extracts]) for column in table.columns}
    if not extracts:
        columns = ", ".join(f"cast(null as {type_}) as {name}" for name, type_ in types.items())
        return (
            f"select cast(null as varchar) as source_name, {columns}, cast(null as bigint) as {_ROW}, "
            "cast(null as varchar) as _source_file, cast(null as timestamp) as _extracted_at where false"
        )
    return " union all ".join(_one_extract(zone, extract, types) for zone, extract in extracts)


def _type(column: Column, extracts: list[Extract]) -> str:
    """The type that every extract has; text as soon as two differ, which every later check reads."""
    types = {extract.columns[column.name] for extract in extracts if column.name in extract.columns}
    if not types:
        return column.type
    return types.pop() if len(types) == 1 else "VARCHAR"


def _one_extract(zone: RawZone, extract: Extract, types: dict[str, str]) -> str:
    columns = ", ".join(
        (name if extract.columns[name] == type_ else f"cast({name} as {type_}) as {name}")
        if name in extract.columns
        else f"cast(null as {type_}) as {name}"
        for name, type_ in types.items()
    )
    data = sql.file(zone.data_path(extract))
    # A file that was copied byte for byte has no row numbers of its own: a row's position is its number.
    has_rows = _ROW in extract.columns
    rows = f"read_parquet({data})" if has_rows else f"read_parquet({data}, file_row_number = true)"
    row = _ROW if has_rows else f"cast(file_row_number + 1 as bigint) as {_ROW}"
    return (
        f"select {sql.text(extract.source)} as source_name, {columns}, {row}, "
        f"{sql.text(extract.source_file)} as _source_file, timestamp '{extract.extracted_at}' as _extracted_at "
        f"from {rows}"
    )


def _rejects(extracts: list[tuple[RawZone, Extract]]) -> str:
    files = [sql.file(zone.rejects_path(extract)) for zone, extract in extracts if extract.rows_quarantined]
    columns = "source_name, table_name, source_file, source_row, reason"
    if files:
        return f"select {columns} from read_parquet([{', '.join(files)}])"
    return (
        "select cast(null as varchar) as source_name, cast(null as varchar) as table_name, "
        "cast(null as varchar) as source_file, cast(null as bigint) as source_row, cast(null as varchar) as reason "
        "where false"
    )


def _create_pull(con: duckdb.DuckDBPyConnection, zones: list[RawZone], extracts: list[tuple[RawZone, Extract]]) -> None:
    con.execute(
        """create table raw.pull (
            source_name varchar, table_name varchar, source_file varchar, extract_id varchar, sha256 varchar,
            rows_in bigint, rows_pulled bigint, rows_quarantined bigint, skipped boolean
        )"""
    )
    landed = {zone.root.name: zone.newly_landed() for zone in zones}
    rows = [
        (
            *(extract.source, extract.table, extract.source_file, extract.extract_id, extract.sha256),
            *(extract.rows_in, extract.rows_pulled, extract.rows_quarantined),
            extract.extract_id not in landed[extract.source],
        )
        for _, extract in extracts
    ]
    if rows:
        con.executemany("insert into raw.pull values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _create_run(con: duckdb.DuckDBPyConnection, settings: Settings, run_id: str, code_version: str) -> None:
    starts_on, ends_on = settings.window_bounds()
    con.execute(
        """create table raw.run as select
            cast($run_id as varchar) as run_id,
            cast($as_of as date) as as_of,
            cast($starts_on as date) as window_starts_on,
            cast($ends_on as date) as window_ends_on,
            cast($age_from as integer) as age_from_years,
            cast($age_below as integer) as age_below_years,
            cast($prefixes as varchar[]) as condition_prefixes,
            cast($excluded as varchar[]) as excluded_condition_prefixes,
            cast($counties as varchar[]) as catchment_counties,
            cast($code_version as varchar) as code_version""",
        {
            "run_id": run_id,
            "as_of": settings.effective_as_of(),
            "starts_on": starts_on,
            "ends_on": ends_on,
            "age_from": settings.cohort.age_from_years,
            "age_below": settings.cohort.age_below_years,
            "prefixes": list(settings.cohort.condition_prefixes),
            "excluded": list(settings.cohort.excluded_condition_prefixes),
            "counties": list(settings.catchment_counties),
            "code_version": code_version,
        },
    )
