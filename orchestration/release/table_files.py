"""Writes and reads the table files of a release: Parquet and CSV with the same rows, safe to open in a spreadsheet.

CSV is UTF-8 with a byte order mark, so that Excel reads it as such; a text cell that a spreadsheet would take for a
formula gets a leading apostrophe (OWASP, CSV injection); NULL is an empty cell, and the row's status columns say why.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.csv as pacsv  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from orchestration.release.columns import TABLES
from orchestration.release.tables import Tables

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Also the full-width forms, which spreadsheets of some locales read as the same signs.
_FORMULA_START = "^[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]"


def neutralised(table: pa.Table) -> pa.Table:
    """The table as its CSV shows it: text that starts like a formula gets a leading apostrophe."""
    columns = [_neutralised(column) if pa.types.is_string(column.type) else column for column in table.itercolumns()]
    return pa.table(columns, schema=table.schema)


def _neutralised(column: pa.ChunkedArray) -> pa.ChunkedArray:
    starts = pc.match_substring_regex(column, _FORMULA_START)
    if not pc.any(starts).as_py():
        return column
    return pc.if_else(starts, pc.binary_join_element_wise("'", column, ""), column)


def write_table_files(tables: Tables, directory: Path) -> None:
    """Write `<name>.parquet` and `<name>.csv` per table; the bytes depend on the rows only."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        pq.write_table(table, directory / f"{name}.parquet", compression="zstd", version="2.6")
        with (directory / f"{name}.csv").open("wb") as file:
            file.write(_BYTE_ORDER_MARK)
            pacsv.write_csv(neutralised(table), file)


def read_parquet(path: Path) -> pa.Table:
    """The table as it was written, with its schema."""
    return pq.read_table(path)


def read_csv(path: Path, name: str) -> pa.Table:
    """A release's CSV as a table of the contract's types; empty cells are NULL. Raises pa.ArrowInvalid."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    types = {field.name: field.type for field in TABLES[name].schema}
    options = pacsv.ConvertOptions(
        column_types={column: types.get(column, pa.string()) for column in header},
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    table = pacsv.read_csv(path, convert_options=options, parse_options=pacsv.ParseOptions(newlines_in_values=True))
    return table.combine_chunks()
