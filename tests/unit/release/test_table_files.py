"""Parquet and CSV: the same rows, the same bytes each time, and nothing that a spreadsheet would take for a formula."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest

from orchestration.release.columns import TABLES
from orchestration.release.table_files import neutralised, read_csv, read_parquet, write_table_files
from orchestration.release.tables import Tables

HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", 'a "quoted", b', "two\nlines", "a=b", None]


@pytest.fixture
def written(tables: Tables, tmp_path: Path) -> Path:
    write_table_files(tables, tmp_path)
    return tmp_path


def hostile_table() -> pa.Table:
    schema = TABLES["held"].schema
    rows = [{"release_id": "r", "reasons": text, "measure_id": "-9"} for text in HOSTILE]
    return pa.Table.from_pylist(rows, schema=schema)


@pytest.mark.parametrize("name", list(TABLES))
def test_both_forms_read_back_as_the_same_typed_rows(tables: Tables, written: Path, name: str) -> None:
    assert read_parquet(written / f"{name}.parquet").equals(tables[name])
    assert read_csv(written / f"{name}.csv", name).equals(neutralised(tables[name]))


def test_the_same_rows_give_the_same_bytes(tables: Tables, written: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    write_table_files({name: pa.Table.from_pylist(t.to_pylist(), schema=t.schema) for name, t in tables.items()}, again)
    for path in written.glob("*.*"):
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_csv_is_utf_8_that_a_spreadsheet_recognizes(written: Path) -> None:
    content = (written / "strata.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert "All sites" in content.decode("utf-8-sig")


def test_text_that_starts_like_a_formula_gets_an_apostrophe_and_other_text_stays(tmp_path: Path) -> None:
    write_table_files({"held": hostile_table()}, tmp_path)
    cells = list(csv.DictReader(io.StringIO((tmp_path / "held.csv").read_bytes().decode("utf-8-sig"), newline="")))
    expected = [f"'{text}" for text in HOSTILE[:8]] + ['a "quoted", b', "two\nlines", "a=b", ""]
    assert [cell["reasons"] for cell in cells] == expected
    assert read_csv(tmp_path / "held.csv", "held").equals(neutralised(hostile_table()))


def test_no_cell_of_the_hostile_release_is_a_formula_in_a_workbook(written: Path, tmp_path: Path) -> None:
    for name in TABLES:
        frame = pd.read_csv(written / f"{name}.csv", encoding="utf-8-sig", dtype="str", keep_default_na=False)
        texts = [field.name for field in TABLES[name].schema if pa.types.is_string(field.type)]
        for column in texts:
            distinct = frame[column].unique()
            assert not any(text[:1] in set("=+-@\t\r\n") for text in distinct), column
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    frame = pd.read_csv(written / "strata.csv", encoding="utf-8-sig", dtype="str", keep_default_na=False)
    sheet.append(list(frame["stratum_label"].unique()))
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s"}


def test_negative_numbers_stay_numbers_and_null_is_an_empty_cell(tables: Tables, written: Path) -> None:
    frame = pd.read_csv(written / "gaps.csv", encoding="utf-8-sig", low_memory=False)
    assert (frame["difference_low"] < 0).any()
    suppressed = frame[frame["disclosure_status"] == "suppressed"]
    assert len(suppressed) > 0
    assert suppressed[["difference", "ratio", "excess", "p_value"]].isna().all().all()
