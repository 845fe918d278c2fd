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
    con: duckdb.DuckDBPyConnection,
    schema: str,
    table: str,
    descriptions: Mapping[str, str] | None = None,
    *,
    is_counted: bool = True,
) -> dict[str, Any]:
    """Columns and row count of a table or view of the warehouse; `descriptions` by column name.

    Without `is_counted` the count is left out: for a view that would have to be computed for it.
    """
    words = descriptions or {}
    columns = con.execute(f'describe "{schema}"."{table}"').fetchall()
    found: dict[str, Any] = {COLUMN_SCHEMA: schema_of((name, str(kind), words.get(name)) for name, kind, *_ in columns)}
    if is_counted:
        rows = con.execute(f'select count(*) from "{schema}"."{table}"').fetchone()
        found[ROW_COUNT] = int(rows[0]) if rows else 0
    return found
