"""Mapping files at work: each feature on a small export, and errors that name the rule and never a value."""

from pathlib import Path
from textwrap import indent

import duckdb
import pytest

from orchestration.errors import EquityError, SettingsError, SourceError
from orchestration.settings import PROJECT_ROOT
from tests.support.source_files import Place

COLUMNS = "{patient_id: ID, birth_date: BORN, sex: SEX}"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.write("people.csv", "ID,BORN,SEX,NOTE\n1,20100131,1,a\n2,NA,2,-\n3,20120301,9,\n")
    return place


def mapping(patients: str, more: str = "") -> str:
    return f"version: 1\ntables:\n  patients:\n{indent(patients, '    ')}\n{more}"


def test_names_values_missing_texts_constants_and_sql(place: Place) -> None:
    place.map(
        mapping(
            """
files: people.csv
missing: [NA, "-"]
columns:
  patient_id: id
  birth_date: {sql: "strptime(BORN, '%Y%m%d')::date -- a comment"}
  sex: {column: SEX, values: {1: M, 2: F}}
  site_id: {constant: it's 'main'}
  enrolled_on: {sql: "NOTE", values: {a: 2020-01-01}}"""
        )
    )
    place.pull()
    assert place.rows("patients", "patient_id, birth_date, sex, site_id, enrolled_on, _source_row") == [
        ("1", "2010-01-31", "M", "it's 'main'", "2020-01-01", 1),
        ("2", None, "F", "it's 'main'", None, 2),
        ("3", "2012-03-01", "9", "it's 'main'", None, 3),
    ]


def test_constants_of_files_are_columns(place: Place) -> None:
    place.write("old/people.csv", "ID,BORN,SEX\n9,20000101,1\n")
    place.map(
        mapping(
            f"""
files:
  - {{glob: people.csv, constants: {{year: 2024}}}}
  - {{glob: old/*.csv, constants: {{year: 2014}}}}
columns: {COLUMNS[:-1]}, site_id: year, enrolled_on: {{sql: "year || '-07-01'"}}}}"""
        )
    )
    place.pull()
    assert place.rows("patients", "patient_id, site_id, enrolled_on, _source_file")[::3] == [
        ("1", "2024", "2024-07-01", "registry/people.csv"),
        ("9", "2014", "2014-07-01", "registry/old/people.csv"),
    ]


def test_where_leaves_rows_out_counts_them_and_keeps_row_numbers(place: Place) -> None:
    place.map(mapping(f"files: people.csv\nwhere: SEX <> '2'\ncolumns: {COLUMNS}"))
    (file,) = place.pull()
    assert (file.rows_in, file.rows_pulled, file.rows_left_out) == (2, 2, 1)
    assert "registry/people.csv: 2 rows into patients, 1 left out" in place.said
    assert place.rows("patients", "patient_id, _source_row") == [("1", 1), ("3", 3)]


def test_where_may_look_at_other_rows(place: Place) -> None:
    place.map(mapping(f"files: people.csv\nwhere: row_number() over (order by ID desc) = 1\ncolumns: {COLUMNS}"))
    place.pull()
    assert place.rows("patients", "patient_id, _source_row") == [("3", 3)]


def test_rows_keep_the_order_of_the_file(place: Place) -> None:
    place.map(mapping(f"files: people.csv\nwhere: row_number() over (order by ID desc) < 9\ncolumns: {COLUMNS}"))
    place.pull()
    (extract,) = place.zone.active()
    with duckdb.connect() as con:
        data = con.execute("select _source_row from read_parquet(?)", [str(place.zone.data_path(extract))]).fetchall()
    assert data == [(1,), (2,), (3,)]


VISITS = """
  coverage:
    files: visits.csv
    join: [{name: payer, file: payers.csv, by: {PAYER: Id}}]
    columns: {patient_id: ID, payer: payer.NAME, starts_on: ON, ends_on: {sql: "file.Id || payer.Id"}}
"""


def test_a_joined_file_is_looked_up(place: Place) -> None:
    place.write("visits.csv", "ID,PAYER,ON\n1,b,2020-01-01\n1,z,2020-02-01\n2,a,2020-03-01\n2,,2020-04-01\n")
    place.write("payers.csv", "Id,NAME\na,Alpha\nb,Beta\n,Nobody\n,Nobody else\n")
    place.map(mapping(f"files: people.csv\ncolumns: {COLUMNS}", VISITS))
    place.pull()
    assert place.rows("coverage", "starts_on, patient_id, payer, ends_on, _source_row") == [
        ("2020-01-01", "1", "Beta", "1b", 1),
        ("2020-02-01", "1", None, None, 2),
        ("2020-03-01", "2", "Alpha", "2a", 3),
        ("2020-04-01", "2", None, None, 4),
    ]
    place.write("payers.csv", "Id,NAME\na,Alpha\nb,Gamma\n")
    assert [file.skipped for file in place.pull()] == [True, False]
    assert place.rows("coverage", "starts_on, payer")[0] == ("2020-01-01", "Gamma")


@pytest.mark.parametrize(
    ("payers", "rule", "found"),
    [
        ("Id,NAME\na,A\na,B\n", "tells the rows of a joined file apart", "1 of its values"),
        ("Id,NAME\na,A\nb\n", "every row of a joined file can be read", "the row has 1 instead of 2 columns"),
        ("Id,TITLE\na,A\n", "has the column NAME", "not one of its 2 columns"),
        ("Key,NAME\na,A\n", "has the column Id", "not one of its 2 columns"),
    ],
)
def test_what_a_joined_file_must_be(place: Place, payers: str, rule: str, found: str) -> None:
    place.write("visits.csv", "ID,PAYER,ON\n1,b,2020-01-01\n")
    place.write("payers.csv", payers)
    place.map(mapping(f"files: people.csv\ncolumns: {COLUMNS}", VISITS))
    with pytest.raises(SourceError) as error:
        place.pull()
    assert rule in error.value.rule and found in error.value.found and "payers.csv" in error.value.where


@pytest.mark.parametrize(
    "where",
    ["row_number() over (partition by Id order by NAME) = 1", "NAME <> 'B'"],
    ids=["first of each", "others out"],
)
def test_one_row_of_several_is_chosen_in_a_joined_file(place: Place, where: str) -> None:
    place.write("visits.csv", "ID,PAYER,ON\n1,b,2020-01-01\n2,a,2020-03-01\n")
    place.write("payers.csv", "Id,NAME\na,A\na,B\nb,C\n")
    visits = VISITS.replace("by: {PAYER: Id}", f'by: {{PAYER: Id}}, where: "{where}"')
    place.map(mapping(f"files: people.csv\ncolumns: {COLUMNS}", visits))
    place.pull()
    assert place.rows("coverage", "patient_id, payer") == [("1", "C"), ("2", "A")]


def test_a_condition_of_a_join_that_is_no_sql_is_named(place: Place) -> None:
    place.write("visits.csv", "ID,PAYER,ON\n1,b,2020-01-01\n")
    place.write("payers.csv", "Id,NAME\nb,C\n")
    place.map(mapping(f"files: people.csv\ncolumns: {COLUMNS}", VISITS.replace("Id}}", "Id}, where: TITLE = 'x'}")))
    with pytest.raises(SettingsError) as error:
        place.pull()
    assert "tables.coverage.join.where" in error.value.where and "TITLE" in error.value.found


def test_one_table_from_several_parts_of_one_file(place: Place) -> None:
    part = "{{files: people.csv, columns: {{patient_id: ID, source_system: {{constant: ehr}}, value: {}}}}}"
    place.map(
        mapping(
            f"files: people.csv\ncolumns: {COLUMNS}",
            f"  race_ethnicity: [{part.format('SEX')}, {part.format('NOTE')}]\n",
        )
    )
    place.pull()
    rows = place.rows("race_ethnicity", "_source_file, _source_row, patient_id, value")
    assert rows[0] == ("registry/people.csv", 1, "1", "1")
    assert rows[3] == ("registry/people.csv#2", 1, "1", "a")
    assert len({row[:2] for row in rows}) == len(rows) == 6


def test_unreadable_rows_are_set_aside_behind_a_mapping_too(place: Place) -> None:
    place.write("people.csv", "ID;BORN;SEX\n1;20100101;1\n2;2\n3;20120101;2\n")
    place.map('delimiter: ";"\n' + mapping(f"files: people.csv\nwhere: SEX = '2'\ncolumns: {COLUMNS}"))
    (file,) = place.pull()
    assert (file.rows_in, file.rows_pulled, file.rows_quarantined, file.rows_left_out) == (2, 1, 1, 1)
    assert place.rows("patients", "patient_id, _source_row") == [("3", 3)]
    assert place.rows("rejects", "source_row, reason") == [(2, "the row has 2 instead of 3 columns")]


@pytest.mark.parametrize("rest", [b"", b"broken\n"])
def test_bytes_that_are_not_utf8_matter_in_columns_that_are_used(place: Place, rest: bytes) -> None:
    place.write("people.csv", b"ID,BORN,SEX,NAME\n1,2010,1,Mu\xf1oz\n2,20\xf111,1,x\n3,2012,\xff,x\n" + rest)
    place.map(mapping("files: people.csv\ncolumns: {patient_id: ID, birth_date: {sql: 'left(born, 4)'}, sex: sex}"))
    place.pull()
    assert place.rows("patients", "patient_id, birth_date, _source_row") == [("1", "2010", 1)]
    assert place.rows("rejects", "source_row, reason")[:2] == [(2, "the row is not UTF-8"), (3, "the row is not UTF-8")]


def test_parquet_columns_are_text_to_a_mapping(place: Place) -> None:
    place.write_parquet("people.parquet", "select 7 as ID, timestamp '2010-01-31 08:00' as BORN, 1 as SEX")
    place.map(
        mapping('files: people.parquet\ncolumns: {patient_id: ID, birth_date: {sql: "left(BORN, 10)"}, sex: SEX}')
    )
    place.pull()
    assert place.rows("patients", "patient_id, birth_date, sex, _source_row") == [("7", "2010-01-31", "1", 1)]


@pytest.mark.parametrize(
    ("patients", "kind", "where", "found"),
    [
        pytest.param(f"files: nobody.csv\ncolumns: {COLUMNS}", SourceError, "data", "none like nobody", id="no file"),
        pytest.param(f"files: people.csv\njoin: [{{name: j, file: none.csv, by: {{ID: ID}}}}]\ncolumns: {COLUMNS}",
                     SourceError, "none.csv", "no such file", id="no joined file"),
        pytest.param("files: people.csv\ncolumns: {patient_id: ID, birth_date: BIRTH, sex: SEX}", SourceError,
                     "registry/people.csv", "not one of its 4 columns", id="unknown column"),
        pytest.param(f"files: [{{glob: people.csv, constants: {{note: x}}}}]\ncolumns: {COLUMNS}", SettingsError,
                     "tables.patients.files", "the name of a column", id="constant like a column"),
        pytest.param('files: people.csv\ncolumns: {patient_id: ID, birth_date: BORN, sex: {sql: "upper(GENDER)"}}',
                     SettingsError, "tables.patients.columns.sex", "GENDER", id="unknown column in SQL"),
        pytest.param('files: people.csv\ncolumns: {patient_id: ID, birth_date: BORN, sex: {sql: "upper(SEX"}}',
                     SettingsError, "tables.patients.columns.sex", "syntax error", id="no SQL"),
        pytest.param(f"files: people.csv\nwhere: SEX =\ncolumns: {COLUMNS}", SettingsError, "tables.patients.where",
                     "syntax error", id="no SQL condition"),
        pytest.param('files: people.csv\ncolumns: {patient_id: ID, birth_date: {sql: "cast(NOTE as date)"}, sex: SEX}',
                     SettingsError, "tables.patients.columns.birth_date", "fails on a row of registry/people.csv",
                     id="SQL that fails on a value"),
    ],
)  # fmt: skip
def test_errors_name_file_rule_and_remedy(
    place: Place, patients: str, kind: type[EquityError], where: str, found: str
) -> None:
    place.write("people.csv", "ID,BORN,SEX,NOTE\n1,20100131,1,Ann-lives-here\n")
    place.map(mapping(patients))
    with pytest.raises(kind) as error:
        place.pull()
    assert where in error.value.where and found in error.value.found
    assert error.value.remedy
    assert "Ann" not in str(error.value)
    assert not place.zone.has_been_pulled()


def test_text_in_the_data_is_never_sql(place: Place) -> None:
    nasty = "'); drop table x; --"
    place.write("people.csv", f'ID,BORN,"SE""X\'; --"\n1,"{nasty}",F\n')
    place.map(mapping("files: people.csv\ncolumns: {patient_id: ID, birth_date: BORN, sex: 'SE\"X''; --'}"))
    place.pull()
    assert place.rows("patients", "birth_date, sex") == [(nasty, "F")]


def test_the_pages_example_counts_the_upper_end_of_an_analyser(place: Place) -> None:
    page = (PROJECT_ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
    example = page.split("## Limits of an analyser")[1].split("```yaml\n")[1].split("```")[0]
    place.write(
        "observations.csv",
        "observation_id,patient_id,code,observed_on,value,unit\n"
        "1,1,4548-4,2025-01-01,>14,%\n2,1,4548-4,2025-01-02,<4,%\n3,1,4548-4,2025-01-03,7.4,%\n",
    )
    place.map(mapping(f"files: people.csv\ncolumns: {COLUMNS}", example))
    place.pull()
    assert place.rows("observations", "observation_id, value") == [("1", "14"), ("2", "<4"), ("3", "7.4")]
