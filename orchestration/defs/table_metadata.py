"""Column schema and row counts of what a step made, as Dagster shows them. Names, types and counts, never values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    import duckdb

ROW_COUNT, COLUMN_SCHEMA = "dagster/row_count", "dagster/column_schema"


def schema_of(columns: Iterable[tuple[str, str, str | None]]) -> dg.TableSchema:
    """A schema from (name, type, description) of each column."""
    return dg.TableSchema([dg.TableColumn(name, type=kind, description=words or None) for name, kind, words in columns])


def folder_metadata(rows: int, columns: Iterable[tuple[str, str, str | None]]) -> dict[str, Any]:
    """Metadata of something that is not one table of the warehouse: its rows and its columns."""
    return {ROW_COUNT: rows, COLUMN_SCHEMA: schema_of(columns)}


def table_metadata(
    con: duckdb.DuckDBPyConnection, schema: str, table: str, descriptions: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Row count and columns of a table or view of the warehouse; `descriptions` by column name."""
    columns = con.execute(
        "select column_name, data_type, comment from duckdb_columns() where schema_name = ? and table_name = ? "
        "and not internal order by column_index",
        [schema, table],
    ).fetchall()
    rows = con.execute(f'select count(*) from "{schema}"."{table}"').fetchone()
    words = descriptions or {}
    described = ((name, str(kind), words.get(name) or comment) for name, kind, comment in columns)
    return folder_metadata(int(rows[0]) if rows else 0, described)
