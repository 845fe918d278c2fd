"""Small reads and writes of the warehouse that several steps share: its run, tables as frames, frames as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.errors import BlockedError

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


def run_id_of(con: duckdb.DuckDBPyConnection) -> str:
    """The run that built the warehouse: whose data these are, whichever run looks at them. Raises BlockedError."""
    if has_table(con, "raw", "run"):
        rows = con.execute("select run_id from raw.run").fetchall()
        if len(rows) == 1:
            return str(rows[0][0])
    raise BlockedError(
        "the warehouse must have been built by one run",
        where="raw.run",
        found="no run",
        remedy="run the whole job: `equity run`",
    )


def has_table(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    """Whether the table or view is there."""
    found = con.execute(
        "select count(*) from information_schema.tables "
        "where table_catalog = current_database() and table_schema = ? and table_name = ?",
        [schema, table],
    ).fetchone()
    return found == (1,)


def frame_of(con: duckdb.DuckDBPyConnection, table: str) -> pd.DataFrame:
    """A whole small table as a frame. Raises BlockedError when it is not there."""
    schema, _, name = table.rpartition(".")
    if not has_table(con, schema or "main", name):
        raise BlockedError(
            "the steps before this one must have run",
            where=table,
            found="no such table",
            remedy="run the whole job: `equity run`",
        )
    return con.execute(f"select * from {table}").df()


def write_frame(con: duckdb.DuckDBPyConnection, table: str, frame: pd.DataFrame, *, schema: str = "publish") -> None:
    """Replace a table of the schema by the frame."""
    con.execute(f"create schema if not exists {schema}")
    con.register("_frame_to_write", frame)
    try:
        con.execute(f"create or replace table {schema}.{table} as select * from _frame_to_write")
    finally:
        con.unregister("_frame_to_write")
