"""Files in the registry layout: what is read, what is set aside with which row number, and what stops the pull."""

import gzip
from pathlib import Path

import pytest

from orchestration.errors import SourceError
from tests.support.source_files import PATIENTS, Place

KEPT = "patient_id, birth_date, sex, _source_row"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_csv_is_text_as_it_stands(place: Place) -> None:
    place.write("patients.csv", 'patient_id,birth_date,sex,site_id\n007, 2010-01-01,"",NULL\n1e3,"x, ""y""\nz",F,\n')
    place.pull()
    assert place.rows("patients", "patient_id, birth_date, sex, site_id, death_date, source_name, _source_file") == [
        ("007", " 2010-01-01", None, "NULL", None, "registry", "registry/patients.csv"),
        ("1e3", 'x, "y"\nz', "F", None, None, "registry", "registry/patients.csv"),
    ]


@pytest.mark.parametrize("name", ["patients.csv.gz", "patients_2024.csv", "patients/part 1.csv", "Patients.CSV"])
def test_where_a_table_may_be(place: Place, name: str) -> None:
    place.write(name, gzip.compress(PATIENTS.encode()) if name.endswith("gz") else PATIENTS)
    (file,) = place.pull()
    assert (file.table_name, file.source_file, file.rows_pulled) == ("patients", f"registry/{name}", 2)
    assert place.rows("patients", KEPT) == [("p1", "2010-01-01", "F", 1), ("p2", "2011-02-02", "M", 2)]


def test_files_read_by_older_rules_are_pulled_anew(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("patients.csv", PATIENTS)
    place.pull()
    (again,) = place.pull()
    monkeypatch.setattr("orchestration.sources.landing.LAYOUT_VERSION", 0)
    (anew,) = place.pull()
    assert (again.skipped, anew.skipped) == (True, False)


def test_several_files_are_one_table(place: Place) -> None:
    place.write("patients_a.csv", PATIENTS)
    place.write("patients_b.csv", "sex,patient_id,birth_date\nX,p3,2012-03-03\n")
    place.pull()
    assert place.rows("patients", "patient_id, sex, _source_file, _source_row") == [
        ("p1", "F", "registry/patients_a.csv", 1),
        ("p2", "M", "registry/patients_a.csv", 2),
        ("p3", "X", "registry/patients_b.csv", 1),
    ]


@pytest.mark.parametrize("name", ['it\'s "p".csv', "[1].csv", "*.csv", "ü é; drop.csv"])
def test_a_file_name_is_only_a_name(place: Place, name: str) -> None:
    place.write("patients/1.csv", "patient_id,birth_date,sex\nq1,2013-01-01,X\n")
    place.write(f"patients/{name}", PATIENTS + "p3\n")
    place.pull()
    assert place.rows("patients", "patient_id, _source_file") == [
        ("p1", f"registry/patients/{name}"),
        ("p2", f"registry/patients/{name}"),
        ("q1", "registry/patients/1.csv"),
    ]
    assert place.rows("rejects", "source_file, source_row") == [(f"registry/patients/{name}", 3)]


def test_a_folder_name_is_only_a_name(tmp_path: Path) -> None:
    place = Place(tmp_path / "it's [a] folder*")
    place.write("patients.csv", PATIENTS + "p3\n")
    place.pull()
    assert [row[0] for row in place.rows("patients", "patient_id")] == ["p1", "p2"]


def test_rows_that_cannot_be_read_are_set_aside_and_the_others_keep_their_numbers(place: Place) -> None:
    place.write(
        "patients.csv",
        b"patient_id,birth_date,sex\n"
        b"p1,2010-01-01,F\n"
        b"p2,2010-01-01\n"
        b'"p3",2010-01-01,"F"\n'
        b"p4,2010-01-01,\xe9\n"
        b'p5,"2010-01-01,F\n'
        b"\n"
        b'p6,"2010\n-01-01",F\n'
        b'p7,"2010"-01-01,F\n'
        b"p8,2010-01-01,F,extra\n"
        b"p9,2010-01-01,M\n"
        b"p10,2010-0",
    )
    (file,) = place.pull()
    assert (file.rows_in, file.rows_pulled, file.rows_quarantined) == (10, 4, 6)
    assert place.rows("patients", "_source_row, patient_id") == [(1, "p1"), (3, "p3"), (6, "p6"), (9, "p9")]
    assert place.rows("rejects", "source_row, reason") == [
        (2, "the row has 2 instead of 3 columns"),
        (4, "the row is not UTF-8"),
        (5, "a quotation mark is not closed"),
        (7, "text follows a closing quotation mark"),
        (8, "the row has 4 instead of 3 columns"),
        (10, "the row has 2 instead of 3 columns; the file ends in the middle of the line"),
    ]
    assert place.rows("pull", "rows_in, rows_pulled, rows_quarantined") == [(10, 4, 6)]


def test_row_numbers_are_right_far_into_a_large_file(place: Place) -> None:
    """Larger than what DuckDB reads at once, so that several threads take part."""
    rows = [f"p{number},2010-01-01,F,{'s' * 80}" for number in range(1, 300_001)]
    for bad in (7, 150_000, 299_999):
        rows[bad - 1] = f"p{bad}"
    place.write("patients.csv", "patient_id,birth_date,sex,site_id\n" + "\n".join(rows) + "\n")
    place.pull()
    assert place.rows("patients", "count(*), count(*) filter (where patient_id <> 'p' || _source_row)") == [
        (299_997, 0)
    ]
    assert [row[0] for row in place.rows("rejects", "source_row")] == [7, 150_000, 299_999]


def test_bytes_that_are_not_utf8_lose_no_other_row(place: Place) -> None:
    rows = [b"p%d,2010-01-01,F" % number for number in range(1, 5001)]
    for bad in range(100, 5001, 100):
        rows[bad - 1] = b"p%d,2010-01-01,\xff\xfe" % bad
    place.write("patients.csv", b"patient_id,birth_date,sex\n" + b"\n".join(rows) + b"\n")
    (file,) = place.pull()
    assert (file.rows_pulled, file.rows_quarantined) == (4950, 50)


@pytest.mark.parametrize("rest", [b"", b"broken\n"])
def test_an_accent_in_a_column_that_is_not_used_costs_nobody_their_place(place: Place, rest: bytes) -> None:
    place.write("patients.csv", b"patient_id,name,birth_date,sex\np1,Mu\xf1oz,2010-01-01,F\n" + rest)
    place.pull()
    assert place.rows("patients", "patient_id, birth_date, sex") == [("p1", "2010-01-01", "F")]


def test_typed_parquet_is_copied_as_it_is(place: Place) -> None:
    query = "select 'p' || i as patient_id, date '2010-01-01' + i::int as birth_date, 'F' as sex from range(3) t(i)"
    path = place.write_parquet("patients.parquet", query)
    (file,) = place.pull()
    (extract,) = place.zone.active()
    assert place.zone.data_path(extract).read_bytes() == path.read_bytes()
    assert (file.rows_in, extract.columns["birth_date"]) == (3, "DATE")
    rows = place.rows("patients", "patient_id, birth_date::varchar, typeof(birth_date), site_id, _source_row")
    assert rows[0] == ("p0", "2010-01-01", "DATE", None, 1)
    assert [row[-1] for row in rows] == [1, 2, 3]


def test_parquet_with_more_columns_keeps_only_those_of_the_layout(place: Place) -> None:
    query = "select 'A' as last_name, i as patient_id, date '2010-01-01' as BIRTH_DATE, 'F' as sex from range(2) t(i)"
    place.write_parquet("patients.parquet", query)
    place.pull()
    (extract,) = place.zone.active()
    assert extract.columns == {"patient_id": "BIGINT", "birth_date": "DATE", "sex": "VARCHAR", "_source_row": "BIGINT"}
    assert place.rows("patients", "patient_id, _source_row") == [(0, 1), (1, 2)]
    assert (
        "warning: registry/patients.parquet: columns that are not in the layout are left out: last_name" in place.said
    )


def test_absent_tables_and_unknown_files_are_said(place: Place) -> None:
    place.write("patients.csv", PATIENTS)
    place.write("encouters.csv", "a\n")
    place.write("notes.txt", "a")
    place.pull()
    assert place.said[0].startswith("warning: registry has no race_ethnicity, ")
    assert place.said[0].endswith("; not a table of the layout: encouters.csv")
    assert place.rows("encounters") == []


def test_a_header_without_rows_is_a_table_of_nobody(place: Place) -> None:
    place.write("patients.csv", "patient_id,birth_date,sex\n")
    (file,) = place.pull()
    assert (file.rows_in, file.rows_pulled) == (0, 0)
    assert "warning: registry/patients.csv: it has no rows" in place.said
    assert place.rows("patients") == []


def test_a_last_line_that_may_be_cut_is_said(place: Place) -> None:
    place.write("patients.csv", PATIENTS.rstrip())
    place.pull()
    assert any("its last line has no line end" in line for line in place.said)


def truncated(path: Path, keep: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


@pytest.mark.parametrize(
    ("name", "content", "where", "rule", "found"),
    [
        pytest.param("none.txt", "", "data", "a registry has a patients file", "no table of", id="no tables"),
        pytest.param("encounters.csv", "a\n", "data", "a registry has a patients file", "encounters", id="no patients"),
        pytest.param("patients.csv", "", "registry/patients.csv", "has a header", "0 bytes", id="empty file"),
        pytest.param("patients.csv", "\n1,2,3\n", "patients.csv", "names its columns", "no names", id="no header"),
        pytest.param("patients.csv", "patient_id,sex,born\np1,F,x\n", "patients.csv", "column birth_date",
                     "patient_id, sex", id="missing column"),
        pytest.param("patients.csv", "Ann,2010-01-01,F\nBea,2010-01-01,F\n", "patients.csv", "column patient_id",
                     "3 columns; of those that the layout knows: none", id="values where the header should be"),
        pytest.param("patients.csv", "patient_id,sex,sex,birth_date\n", "registry/patients.csv", "column sex, once",
                     "4 columns", id="column twice"),
        pytest.param("patients.csv", PATIENTS.encode("utf-16"), "patients.csv", "UTF-8", "UTF-16", id="UTF-16"),
        pytest.param("patients.csv", b"patient_id,birth_date,s\xe9x\n", "registry/patients.csv", "UTF-8", "header",
                     id="header not UTF-8"),
        pytest.param("patients.csv.gz", PATIENTS, "patients.csv.gz", "gzip", "no gzip file", id="no gzip"),
        pytest.param("patients.parquet", "PAR1 PAR1", "patients.parquet", "whole Parquet", "cannot be opened",
                     id="no Parquet"),
    ],
)  # fmt: skip
def test_errors_name_file_rule_and_remedy(
    place: Place, name: str, content: str | bytes, where: str, rule: str, found: str
) -> None:
    place.write(name, content)
    with pytest.raises(SourceError) as error:
        place.pull()
    assert where in error.value.where and rule in error.value.rule and found in error.value.found
    assert error.value.remedy
    assert "Ann" not in str(error.value) and "2010" not in str(error.value)
    assert not place.zone.has_been_pulled()


def test_a_missing_folder_is_an_error(place: Place) -> None:
    with pytest.raises(SourceError, match="`path` is a folder") as error:
        place.pull()
    assert "put (or link) the files there" in error.value.remedy


@pytest.mark.parametrize("keep", [0.5, 0.99])
def test_a_cut_gzip_file_is_an_error(place: Place, keep: float) -> None:
    """DuckDB 1.5 reads what is there of it and says nothing."""
    body = "".join(f"p{number},2010-01-01,F\n" for number in range(50_000))
    truncated(place.write("patients.csv.gz", gzip.compress(b"patient_id,birth_date,sex\n" + body.encode())), keep)
    with pytest.raises(SourceError, match="ends too early"):
        place.pull()


def test_a_cut_parquet_file_is_an_error(place: Place) -> None:
    query = "select 'p' || i as patient_id, date '2010-01-01' as birth_date, 'F' as sex from range(10000) t(i)"
    truncated(place.write_parquet("patients.parquet", query), 0.9)
    with pytest.raises(SourceError, match="whole Parquet"):
        place.pull()


def test_a_table_in_two_formats_is_an_error(place: Place) -> None:
    place.write("patients.csv", PATIENTS)
    place.write_parquet("patients.parquet", "select 'p1' as patient_id, date '2010-01-01' as birth_date, 'F' as sex")
    with pytest.raises(SourceError, match="in one format"):
        place.pull()
