"""Writes `published.duckdb`: the release's tables in one file, described, readable by every DuckDB since 1.0.

The same tables give the same rows in the same order. The bytes differ from one writing to the next, because DuckDB
estimates distinct values from a random sample and keeps the estimate in the file; Parquet and CSV have no such part.
"""

from __future__ import annotations

from pathlib import Path

from orchestration.errors import EquityError
from orchestration.release.columns import TABLES
from orchestration.release.tables import Tables

# Files of this storage version are read by DuckDB 1.0 and later; the newest format only by the newest DuckDB.
STORAGE_VERSION = "v1.0.0"


def quoted(text: str) -> str:
    """The text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def write_published_database(tables: Tables, path: Path) -> None:
    """Write the tables into a new DuckDB file with a comment on every table and column; leaves no write-ahead log."""
    import duckdb

    path.unlink(missing_ok=True)
    con = duckdb.connect()
    try:
        con.execute("set threads = 1")  # rows lie in the file in the order of the table
        con.execute("set disabled_compression_methods = 'fsst'")  # it samples at random, and these texts get no smaller
        con.execute(f"attach {quoted(str(path))} as published (storage_version '{STORAGE_VERSION}')")
        for name, table in tables.items():
            con.register("release_table", table)
            con.execute(f"create table published.{name} as select * from release_table")
            con.unregister("release_table")
            con.execute(f"comment on table published.{name} is {quoted(TABLES[name].description)}")
            for column, description in TABLES[name].column_descriptions().items():
                con.execute(f'comment on column published.{name}."{column}" is {quoted(description)}')
        con.execute("checkpoint published")
        con.execute("detach published")
    finally:
        con.close()
    leftover = path.with_name(path.name + ".wal")
    if leftover.exists():
        raise EquityError(
            "the published database is whole in one file",
            where=path.name,
            found="a write-ahead log beside it",
            remedy="run again; if it persists, check that the disk is not full",
        )


def read_published_database(path: Path) -> Tables:
    """The tables of a published database, whatever they are called, in the order of their rows."""
    import duckdb

    con = duckdb.connect()
    try:
        con.execute(f"attach {quoted(str(path))} as published (read_only)")
        found = con.execute(
            "select table_name from duckdb_tables() where database_name = 'published' order by table_name"
        ).fetchall()
        return {name: con.sql(f'from published."{name}"').to_arrow_table() for (name,) in found}
    finally:
        con.close()
