"""The workbook says what the tables say, cell by cell, and text from data stays text."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from orchestration.release import workbook
from orchestration.release.columns import TABLES
from orchestration.release.tables import Tables
from orchestration.release.workbook import COLUMNS, READING, sheets_of, write_workbook

NOW = dt.datetime(2026, 7, 1, 7, 0, tzinfo=dt.timezone(dt.timedelta(hours=2)))


def written(tables: Tables, path: Path, title: str = "=Invented registry") -> Any:
    write_workbook(sheets_of(tables), path, title=title, release_id="r-1", created_at=NOW)
    return openpyxl.load_workbook(path)


@pytest.fixture(scope="module")
def tables(tables: Tables) -> Tables:
    """Some rows of each table, shown ones among them: reading a workbook is slow."""
    return {name: table.slice(0, 500) for name, table in tables.items()}


@pytest.fixture(scope="module")
def book(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return written(tables, tmp_path_factory.mktemp("workbook") / "equity_tables.xlsx")


def cells(sheet: Any) -> list[list[Any]]:
    return [
        [value.date() if isinstance(value, dt.datetime) else value for value in row]
        for row in sheet.iter_rows(values_only=True)
    ]


def test_a_sheet_for_each_table_behind_the_one_that_says_how_to_read(book: Any) -> None:
    assert book.sheetnames == [READING, *TABLES, COLUMNS]
    assert all(sheet.sheet_state == "visible" for sheet in book)
    for name in TABLES:
        sheet = book[name]
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref is None or sheet.auto_filter.ref.startswith("A1:")
        assert len({round(column.width) for column in sheet.column_dimensions.values()}) > 1


@pytest.mark.parametrize("name", TABLES)
def test_every_cell_is_the_table_s(name: str, book: Any, tables: Tables) -> None:
    shown = sheets_of(tables)[name].table
    header, *rows = cells(book[name])
    assert header == shown.column_names
    expected = [list(row.values()) for row in shown.to_pylist()]
    assert len(rows) == len(expected)
    for found, wanted in zip(rows, expected, strict=True):
        # An empty text is an empty cell; a spreadsheet's numbers have 15 digits.
        assert found == [
            None if value == "" else pytest.approx(value, rel=1e-15) if isinstance(value, float) else value
            for value in wanted
        ]


def test_what_a_cell_is_follows_from_its_column(book: Any, tables: Tables) -> None:
    kinds: dict[str, set[str]] = {}
    for name in ("strata", "gaps", "measures"):
        header, *rows = book[name].iter_rows()
        for cell, top in ((cell, top) for row in rows for cell, top in zip(row, header, strict=True)):
            if cell.value is not None:
                kinds.setdefault(top.value, set()).add("d" if cell.is_date else cell.data_type)
    assert kinds["value"] == kinds["n_patients"] == kinds["p_value"] == {"n"}
    assert kinds["is_missing_category"] == kinds["is_meaningful"] == {"b"}
    assert kinds["stratum_label"] == kinds["disclosure_status"] == {"s"}


def test_text_from_data_is_text(book: Any, tables: Tables) -> None:
    labels = set(tables["strata"].column("stratum_label").to_pylist())
    dangerous = {label for label in labels if label.startswith(("=", "@", "+", "<"))}
    assert dangerous  # the invented warehouse has some
    column = [row[0].value for row in book["strata"].iter_cols() if row[0].value == "stratum_label"]
    assert column
    for sheet in book:
        for row in sheet.iter_rows():
            assert all(cell.data_type != "f" and cell.hyperlink is None for cell in row)
    assert book[READING]["A1"].value == "=Invented registry"


def test_nothing_but_sheets_is_in_the_file(tables: Tables, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    written(tables, path)
    with zipfile.ZipFile(path) as file:
        names = file.namelist()
        properties = file.read("docProps/core.xml").decode()
    assert not [name for name in names if re.search("vba|external|comments|drawing|embeddings", name)]
    assert "<dc:creator></dc:creator>" in properties and "2026-07-01T05:00:00Z" in properties


def test_the_same_tables_and_time_give_the_same_bytes(tables: Tables, tmp_path: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        write_workbook(sheets_of(tables), tmp_path / name, title="T", release_id="r", created_at=NOW)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_of_a_long_table_the_years_and_the_first_sheet_says_so(
    tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strata, years = tables["strata"], 100
    monkeypatch.setattr(workbook, "MOST_ROWS", strata.num_rows - 1)
    rest = strata.num_rows - years
    some = strata
    for name, values in (
        ("grain", ["year"] * years + ["month"] * rest),
        ("site", ["all"] * 40 + ["north"] * (years - 40 + rest)),
        ("disclosure_status", ["suppressed"] * 50 + ["published"] * (years - 50 + rest)),
    ):
        some = some.set_column(some.column_names.index(name), some.schema.field(name), pa.array(values))
    years -= 10  # hidden at a site
    book = written({**tables, "strata": some}, tmp_path / "a.xlsx")
    assert book["strata"].max_row == years + 1
    (line,) = [row for row in cells(book[READING]) if row[0] == "strata"]
    assert line[2:] == [years, strata.num_rows]
    assert "tables/strata.csv" in line[1]
    (whole,) = [row for row in cells(book[READING]) if row[0] == "measures"]
    assert whole[2] == whole[3] and "measures.csv" not in whole[1]


def test_what_a_cell_or_a_sheet_cannot_hold_is_marked(
    tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_title(text: str) -> Any:
        measures = tables["measures"]
        place = measures.column_names.index("title")
        column = pa.array([text] * measures.num_rows, pa.string())
        changed = measures.set_column(place, measures.schema.field("title"), column)
        book = written({**tables, "measures": changed}, tmp_path / "a.xlsx")
        header, first, *_ = cells(book["measures"])
        return first[header.index("title")]

    assert with_title("a\x01b\x0bc") == "a\ufffdb\ufffdc"
    assert with_title("x" * 40_000) == "x" * 32_766 + "…"
    monkeypatch.setattr(workbook, "_MOST_IN_SHEET", 2)
    sheets = sheets_of(tables)
    assert (sheets["strata"].table.num_rows, sheets["strata"].rows_in_all) == (2, tables["strata"].num_rows)
    assert with_title("‏عربي \U0001f9e1 _x0041_\nline") == "‏عربي \U0001f9e1 _x0041_\nline"
