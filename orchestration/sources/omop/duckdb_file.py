"""Copies the tables of an OMOP instance in a DuckDB file into the raw zone. The file is opened read-only."""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.errors import SourceError
from orchestration.settings_omop import OmopSource
from orchestration.sources import sql
from orchestration.sources.landing import Progress
from orchestration.sources.omop.cdm import CDM
from orchestration.sources.omop.copies import copied_columns, keep_copy, known_tables, select_of
from orchestration.sources.omop.tables import require_tables

SUFFIXES = (".duckdb", ".ddb", ".db")


def copy_tables(source: OmopSource, path: Path, root: Path, progress: Progress) -> dict[str, Path]:
    """The copies by OMOP table. Raises SourceError when the file cannot be opened or a needed table is absent."""
    con = duckdb.connect()
    try:
        try:
            con.execute(f"attach {sql.text(str(path.absolute()))} as cdm (read_only)")
        except duckdb.Error as error:
            raise SourceError(
                "the DuckDB file can be opened read-only",
                where=str(path),
                found=type(error).__name__,
                remedy="wait until no process writes it; a file of a newer DuckDB must be exported again",
            ) from None
        columns = _columns(con, source.duckdb_schema)
        tables = known_tables(columns)
        require_tables({table: columns[own] for table, own in tables.items()}, f"{path}, schema {source.duckdb_schema}")
        return {table: _copy(con, source, table, own, columns[own], root, progress) for table, own in tables.items()}
    finally:
        con.close()


def _columns(con: duckdb.DuckDBPyConnection, schema: str) -> dict[str, tuple[str, ...]]:
    rows = con.execute(
        "select table_name, list(column_name order by column_index) from duckdb_columns() "
        "where database_name = 'cdm' and schema_name = $schema group by all",
        {"schema": schema},
    ).fetchall()
    return {str(table): tuple(names) for table, names in rows}


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
