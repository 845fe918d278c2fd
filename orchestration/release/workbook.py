"""Writes `equity_tables.xlsx`: the published tables for people who read them in a spreadsheet.

A sheet per table behind one that says how to read them. Text is text, never a formula or a link; an empty cell has
nothing in it, and the row's status columns say why.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from orchestration.release.columns import TABLES
from orchestration.release.tables import Tables

if TYPE_CHECKING:
    from xlsxwriter import Workbook  # type: ignore[import-untyped]
    from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

WORKBOOK = "equity_tables.xlsx"
# A longer table is no help in a spreadsheet and slow to open: it comes with its years, and of single sites with what is
# shown.
MOST_ROWS = 20_000
READING, COLUMNS = "How to read", "Columns"
_LONGEST_TEXT = 32_767  # of a cell
_MOST_IN_SHEET = 1_048_575  # below the header
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_WIDTHS = {"date": 12, "number": 11, "flag": 11, "text": 18}
_WIDE = {"title", "description", "exclusions", "citation", "measure_title", "stratum_label", "reasons", "caveat"}
_WORDS_OF = {
    **{name: f"{name}_label" for name in ("site", "stratifier", "stratum", "stratifier_2", "stratum_2")},
    **{"measure_id": "measure_title", "reference_stratum": "reference_label"},
    **{"period_starts_on": "period_label", "period_ends_on": "period_label"},
}
_EMPTY = (
    ("suppressed", "The group, or the part of it that was counted, is so small that a number could point to somebody."),
    ("hold (quality_status), held", "The records are not good enough to carry the number."),
    ("not_assessed", "Held before it was looked at, or there is nothing to compare with."),
    ("not_applicable", "There is nobody in the group, or the number does not exist for it."),
    ("0", "A zero is a number: nobody, or nothing, was counted."),
)


class Sheet(NamedTuple):
    """What the workbook has of a published table, and how many rows that has in all."""

    table: pa.Table
    rows_in_all: int


def sheets_of(tables: Tables) -> dict[str, Sheet]:
    """The sheets by table; of a long one its years, and of single sites the rows that are published.

    Left out are codes that have their words beside them, names of methods, and the release: the first sheet names it.
    """
    return {name: Sheet(_in_workbook(tables[name]), tables[name].num_rows) for name in TABLES}


def _in_workbook(table: pa.Table) -> pa.Table:
    names = set(table.column_names)
    left_out = {code for code, words in _WORDS_OF.items() if {code, words} <= names} | {"release_id"}
    left_out |= {name for name in names if name.endswith("_method")}
    if table.num_rows > MOST_ROWS and {"grain", "site", "disclosure_status"} <= names:
        is_shown = pc.or_(pc.equal(table["site"], "all"), pc.equal(table["disclosure_status"], "published"))
        table = table.filter(pc.and_(pc.equal(table["grain"], "year"), is_shown))
    return table.select([name for name in table.column_names if name not in left_out]).slice(0, _MOST_IN_SHEET)


def get_ready() -> None:
    """Bring in what a workbook is written with; a process of its own does so before there is anything to write."""
    import xlsxwriter  # noqa: F401


def write_workbook(
    sheets: Mapping[str, Sheet], path: Path, *, title: str, release_id: str, created_at: dt.datetime
) -> None:
    """Write the workbook of `sheets_of` the tables. The same sheets and time give the same bytes.

    `title` is the installation's, `created_at` has a time zone. Text longer than a cell holds ends in an ellipsis;
    characters that no XML file can hold become U+FFFD.
    """
    import xlsxwriter

    options = {"strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        created = created_at.astimezone(dt.UTC).replace(tzinfo=None, microsecond=0)
        book.set_properties({"title": title, "comments": f"Release {release_id}", "created": created})
        _write_reading(book, sheets, title, release_id)
        for name, sheet in sheets.items():
            _write_table(book, name, sheet.table)
        _write_columns(book)


def _write_reading(book: Workbook, sheets: Mapping[str, Sheet], title: str, release_id: str) -> None:
    sheet, bold = book.add_worksheet(READING), book.add_format({"bold": True})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 28, wrapped)
    sheet.set_column(1, 1, 90, wrapped)
    sheet.set_column(2, 3, 14)
    large = book.add_format({"bold": True, "font_size": 14})
    lines: list[tuple[Any, ...]] = [
        (_text(title), large),
        (f"Release {release_id}", None),
        ("Gaps come from systems, not from the people who are counted. Positive is worse for the group.", None),
        (),
        ("An empty cell", bold, "and what the row's status columns say about it", bold),
        *((word, None, meaning, None) for word, meaning in _EMPTY),
        (),
        ("Sheet", bold, "What it has", bold, "Rows here", bold, "Rows in all", bold),
        *(
            (name, None, _described(name, rows), None, rows.table.num_rows, None, rows.rows_in_all, None)
            for name, rows in sheets.items()
        ),
        (),
        (COLUMNS, None, "What every column of every sheet means.", None),
        ("…", None, f"Ends a text of more than {_LONGEST_TEXT:,} characters, of which a cell holds no more.", None),
    ]
    for row, line in enumerate(lines):
        for column, (value, form) in enumerate(zip(line[::2], line[1::2], strict=True)):
            if isinstance(value, int):
                sheet.write_number(row, column, value, form)
            else:
                sheet.write_string(row, column, value, form)


def _described(name: str, sheet: Sheet) -> str:
    rest = f" Years only, and of single sites what is shown; the rest is in tables/{name}.csv and published.duckdb."
    return TABLES[name].description + (rest if sheet.table.num_rows < sheet.rows_in_all else "")


def _write_table(book: Workbook, name: str, table: pa.Table) -> None:
    sheet = book.add_worksheet(name)
    header = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    writers = []
    for column, field in enumerate(table.schema):
        kind, form, write = _kind(book, sheet, field.type)
        width = 40 if field.name in _WIDE else _WIDTHS[kind]
        sheet.set_column(column, column, width, form)
        writers.append(write)
    for column, field in enumerate(table.schema):
        sheet.write_string(0, column, field.name, header)
    sheet.freeze_panes(1, 0)
    if table.num_rows:
        sheet.autofilter(0, 0, table.num_rows, table.num_columns - 1)
    _write_rows(table, writers)


def _write_rows(table: pa.Table, writers: Sequence[Callable[[int, int, Any], Any]]) -> None:
    columns = [_texts(column) if pa.types.is_string(column.type) else column for column in table.itercolumns()]
    for row, values in enumerate(zip(*(column.to_pylist() for column in columns), strict=True), start=1):
        for column, value in enumerate(values):
            if value is not None:
                writers[column](row, column, value)


def _kind(book: Workbook, sheet: Worksheet, kind: pa.DataType) -> tuple[str, Any, Callable[[int, int, Any], Any]]:
    """What a column is, how it is shown, and what writes its cells."""
    if pa.types.is_date(kind):
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        return "date", day, lambda row, column, value: sheet.write_datetime(row, column, value, day)
    if pa.types.is_boolean(kind):
        return "flag", None, sheet.write_boolean
    if pa.types.is_string(kind):
        return "text", None, sheet.write_string
    return "number", None, sheet.write_number


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Every text of the column as a cell can hold it; the few different ones are looked at once."""
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    words = pa.array([_text(word) for word in coded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([words.take(coded.indices)])


def _text(text: str) -> str:
    text = _NOT_IN_XML.sub("\ufffd", text)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _write_columns(book: Workbook) -> None:
    sheet, bold = book.add_worksheet(COLUMNS), book.add_format({"bold": True})
    for column, (name, width) in enumerate((("sheet", 18), ("column", 30), ("what it means", 110))):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, name, bold)
    rows = [(name, *each) for name, table in TABLES.items() for each in table.column_descriptions().items()]
    for row, line in enumerate(rows, start=1):
        for column, value in enumerate(line):
            sheet.write_string(row, column, value)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(rows), 2)
