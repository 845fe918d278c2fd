"""Copies the tables of an OMOP instance in a DuckDB file into the raw zone. The file is opened read-only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.errors import SourceError
from orchestration.settings_omop import OmopSource
from orchestration.sources import sql
from orchestration.sources.landing import Progress
from orchestration.sources.omop.cdm import CDM
from orchestration.sources.omop.copies import copied_columns, keep_copy, known_tables, select_of
from orchestration.sources.omop.tables import require_tables

_SUFFIXES = (".duckdb", ".ddb", ".db")


def is_duckdb_file(path: Path) -> bool:
    """Whether the name says so, and it is a file."""
    return path.is_file() and path.name.lower().endswith(_SUFFIXES)


def copy_tables(source: OmopSource, path: Path, root: Path, progress: Progress) -> dict[str, Path]:
    """The copies by OMOP table. Raises SourceError when the file cannot be opened or a needed table is absent."""
    with _attached(path) as con:
        found = _found(con, source, path)
        return {table: _copy(con, source, table, own, have, root, progress) for table, (own, have) in found.items()}


def readable_tables(source: OmopSource, path: Path) -> list[str]:
    """The OMOP tables in the file. Raises as `copy_tables` does."""
    with _attached(path) as con:
        return list(_found(con, source, path))


@contextmanager
def _attached(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect()
    try:
        con.execute(f"attach {sql.text(str(path.absolute()))} as cdm (read_only)")
    except duckdb.Error as error:
        con.close()
        raise SourceError(
            "the DuckDB file can be opened read-only",
            where=str(path),
            found=type(error).__name__,
            remedy="wait until no process writes it; a file of a newer DuckDB must be exported again",
        ) from None
    try:
        yield con
    finally:
        con.close()


def _found(con: duckdb.DuckDBPyConnection, source: OmopSource, path: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Own name and columns by OMOP table."""
    rows = con.execute(
        "select table_name, list(column_name order by column_index) from duckdb_columns() "
        "where database_name = 'cdm' and schema_name = $schema group by all",
        {"schema": source.duckdb_schema},
    ).fetchall()
    columns = {str(table): tuple(names) for table, names in rows}
    tables = known_tables(columns)
    require_tables(tables, f"{path}, schema {source.duckdb_schema}")
    return {table: (own, columns[own]) for table, own in tables.items()}


def _copy(
    con: duckdb.DuckDBPyConnection,
    source: OmopSource,
    table: str,
    own: str,
    have: tuple[str, ...],
    root: Path,
    progress: Progress,
) -> Path:
    extra = [source.location_tract_column] if table == "location" and source.location_tract_column else []
    relation = f"cdm.{sql.name(source.duckdb_schema)}.{sql.name(own)}"
    select = select_of(CDM[table], relation, copied_columns(CDM[table], have, extra))

    def write(path: Path) -> None:
        con.execute(f"set temp_directory = {sql.text(str(path.parent / 'spill'))}")
        con.execute(f"copy ({select}) to {sql.text(str(path))} (format parquet, compression zstd)")

    try:
        copy = keep_copy(root, table, write)
    except duckdb.Error as error:
        raise SourceError(
            "the table can be copied into the raw zone",
            where=f"{source.name}/{table}",
            found=f"copying fails ({type(error).__name__})",
            remedy="see that there is room in `data_dir` and in memory",
        ) from None
    progress(f"{source.name}/{table}: copied")
    return copy
