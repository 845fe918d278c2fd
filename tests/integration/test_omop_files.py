"""Where OMOP tables may lie and in which form; what is absent, cannot be read or has changed."""

from __future__ import annotations

import gzip
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import SourceError
from tests.support.omop_tables import Omop

VISIT = "visit_occurrence_id person_id visit_concept_id visit_start_date visit_end_date visit_source_value"
CONDITION = (
    "condition_occurrence_id person_id condition_concept_id condition_start_date condition_type_concept_id "
    "condition_status_concept_id visit_occurrence_id condition_source_value condition_source_concept_id"
)


def test_files_may_be_gzipped_tab_separated_or_parquet_and_in_capitals(omop: Omop) -> None:
    plain = omop.rows("race_ethnicity", "* exclude (_source_file, _extracted_at)")
    person = omop.folder / "person.csv"
    concept = omop.folder / "concept.csv"
    concept.with_name("CONCEPT.csv").write_text(concept.read_text().replace(",", "\t"))
    concept.unlink()
    (omop.folder / "PERSON.csv.gz").write_bytes(gzip.compress(person.read_bytes()))
    with pytest.raises(SourceError, match="is one file"):
        omop.pull()
    with duckdb.connect() as con:
        con.execute(f"copy (select * from '{person}') to '{omop.folder}/Person.parquet' (format parquet)")
    person.unlink()
    (omop.folder / "PERSON.csv.gz").rename(omop.root / "aside.csv.gz")
    assert omop.rows("race_ethnicity", "* exclude (_source_file, _extracted_at)") == plain
    (omop.folder / "Person.parquet").unlink()
    (omop.root / "aside.csv.gz").rename(omop.folder / "PERSON.csv.gz")
    assert omop.rows("race_ethnicity", "* exclude (_source_file, _extracted_at)") == plain


def test_a_duckdb_file_gives_the_same_rows(omop: Omop, tmp_path: Path) -> None:
    omop.write("visit_occurrence", VISIT, "2 1 9203 2025-01-01 2025-01-01 -\n1 1 9202 2025-01-02 2025-01-02 -")
    from_files = {
        name: omop.rows(name, "* exclude (_source_file, _source_row, _extracted_at)")
        for name in ("patients", "encounters")
    }
    database = tmp_path / "cdm.duckdb"
    with duckdb.connect(str(database)) as con:
        con.execute('create schema "my cdm"')
        for path in omop.folder.glob("*.csv"):
            con.execute(f"create table \"my cdm\".{path.stem.upper()} as from read_csv('{path}', all_varchar = true)")
    before = database.read_bytes()
    (tmp_path / "other").mkdir()
    other = Omop(tmp_path / "other")
    other.source = other.source.model_copy(update={"path": database, "duckdb_schema": "my cdm"})
    for name, rows in from_files.items():
        assert other.rows(name, "* exclude (_source_file, _source_row, _extracted_at)") == rows
    assert all(file.skipped for file in other.pull())
    assert database.read_bytes() == before
    other.source = other.source.model_copy(update={"duckdb_schema": "main"})
    with pytest.raises(SourceError, match="has the table person"):
        other.pull()


def test_what_is_absent_is_said_and_what_is_needed_is_an_error(omop: Omop) -> None:
    omop.pull()
    assert "warning: omop has no observation_period, death" in omop.said[0]
    (omop.folder / "concept.csv").unlink()
    with pytest.raises(SourceError, match="has the table concept") as failed:
        omop.pull()
    assert str(omop.folder) in str(failed.value) and "export concept" in failed.value.remedy
    omop.write("person", "person_id gender_concept_id", "1 8507")
    omop.write("concept", "concept_id vocabulary_id concept_code", "1 LOINC x")
    with pytest.raises(SourceError, match="person has the column year_of_birth"):
        omop.pull()


def test_rows_that_cannot_be_read_are_set_aside_once(omop: Omop) -> None:
    """The row is read for encounters' main diagnoses, too, and counts among conditions only."""
    omop.write("visit_occurrence", VISIT, "1 1 9201 2025-01-01 2025-01-02 -")
    path = omop.write("condition_occurrence", CONDITION, "1 1 0 2025-01-01 32817 32902 1 E10.9 0")
    with path.open("a") as file:
        file.write("2,1,too,few\n")
    files = {file.table_name: file for file in omop.pull()}
    assert (files["conditions"].rows_in, files["conditions"].rows_quarantined) == (2, 1)
    assert (files["encounters"].rows_in, files["encounters"].rows_quarantined) == (1, 0)
    assert omop.rows("encounters", "primary_dx") == [("E10.9",)]


def test_a_table_that_is_looked_up_must_be_whole(omop: Omop) -> None:
    path = omop.write("care_site", "care_site_id care_site_name", "1 a")
    with path.open("a") as file:
        file.write("2,b,c\n")
    with pytest.raises(SourceError, match=r"care_site\.csv, row 2"):
        omop.pull()
    omop.write("care_site", "care_site_id care_site_name", "1 a\n1 b")
    with pytest.raises(SourceError, match="care_site_id tells the rows"):
        omop.pull()


def test_only_what_changed_is_pulled_again(omop: Omop) -> None:
    omop.write("death", "person_id death_date", "1 2025-01-01")
    omop.pull()
    omop.write("death", "person_id death_date", "1 2025-01-02")
    assert {file.table_name: file.skipped for file in omop.pull()}["patients"] is False
    files = omop.pull()
    assert all(file.skipped for file in files) and len(files) == 4
