"""What becomes of OMOP tables: each rule on a few rows, by a real pull into a real raw zone."""

from __future__ import annotations

import gzip
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import SettingsError, SourceError
from orchestration.sources.omop.concepts import SEVERAL_NOT_SAID
from tests.support.omop_tables import PERSON, Omop

ONE = "1 8507 2010 5 31 8527 38003564"
OBSERVATION = "observation_id person_id observation_concept_id observation_type_concept_id value_as_concept_id"
VISIT = "visit_occurrence_id person_id visit_concept_id visit_start_date visit_end_date visit_source_value"
CONDITION = (
    "condition_occurrence_id person_id condition_concept_id condition_start_date condition_type_concept_id "
    "condition_status_concept_id visit_occurrence_id condition_source_value condition_source_concept_id"
)
MEASUREMENT = (
    "measurement_id person_id measurement_concept_id measurement_date value_as_number unit_concept_id "
    "unit_source_value measurement_source_value"
)
RACE = PERSON + " race_source_value ethnicity_source_value"


@pytest.fixture
def omop(tmp_path: Path) -> Omop:
    made = Omop(tmp_path)
    made.write("person", PERSON, ONE)
    return made


def race_of(omop: Omop) -> list[tuple[str, str, str | None]]:
    return omop.rows("race_ethnicity", "patient_id, source_system, value")


def test_sex_birth_enrolment_death_and_site(omop: Omop) -> None:
    omop.write(
        "person",
        PERSON + " care_site_id gender_source_value",
        """
        1 8507 2010 5 31 0 0 7 -
        2 8532 2011 1 1 0 0 8 -
        3 8521 2012 2 29 0 0 - -
        4 8551 2012 2 28 0 0 9 -
        5 0 2012 2 28 0 0 - F
        """,
    )
    omop.write(
        "observation_period",
        "person_id observation_period_start_date observation_period_end_date",
        "1 2020-02-01 2021-01-31\n1 2019-01-01 2019-12-31\n2 2018-01-01 2026-06-30",
    )
    omop.write("death", "person_id death_date", "1 2021-02-01\n1 2021-01-30")
    omop.write("care_site", "care_site_id care_site_name care_site_source_value", "7 North n\n8 - south\n9 - -")
    columns = "patient_id, cast(birth_date as varchar), sex, site_id, enrolled_on, left_on, death_date"
    assert omop.rows("patients", columns) == [
        ("1", "2010-05-31", "M", "North", "2019-01-01", "2021-01-31", "2021-01-30"),
        ("2", "2011-01-01", "F", "south", "2018-01-01", "2026-06-30", None),
        ("3", "2012-02-29", "X", None, None, None, None),
        ("4", "2012-02-28", "U", "9", None, None, None),
        ("5", "2012-02-28", "F", None, None, None, None),
    ]


def test_site_from_the_visits_when_asked(tmp_path: Path) -> None:
    omop = Omop(tmp_path, site_from="visits")
    omop.write("person", PERSON + " care_site_id", f"{ONE} 9")
    omop.write("care_site", "care_site_id care_site_name", "7 North\n8 South\n9 East")
    visit = VISIT + " care_site_id"
    omop.write("visit_occurrence", visit, "1 1 9202 2025-01-01 2025-01-01 - 7\n2 1 9202 2025-02-01 2025-02-01 - 8")
    assert omop.rows("patients", "site_id") == [("South",)]  # as often as North, but more lately
    omop.write(
        "visit_occurrence", visit, "1 1 9202 2025-01-01 - - 7\n2 1 9202 2024-01-01 - - 7\n3 1 9202 2025-02-01 - - 8"
    )
    assert omop.rows("patients", "site_id") == [("North",)]


BIRTHS = """
    1 0 2010 - - 0 0 2010-03-04
    2 0 2010 5 - 0 0 -
    3 0 2010 - - 0 0 -
    4 0 2010 5 31 0 0 2010-06-01T03:00:00
    5 0 2010 - - 0 0 2011-03-04
    6 0 2010 2 30 0 0 -
"""


def test_a_birth_date_that_is_not_whole_is_not_guessed(omop: Omop) -> None:
    omop.write("person", PERSON + " birth_datetime", BIRTHS)
    births = omop.rows("patients", "patient_id, cast(birth_date as varchar)")
    assert births == [("1", "2010-03-04"), ("2", None), ("3", None), ("4", "2010-05-31"), ("5", None), ("6", None)]
    assert any("4 people have no whole date of birth" in words for words in omop.said)


def test_a_birth_date_is_put_in_the_middle_when_asked(tmp_path: Path) -> None:
    omop = Omop(tmp_path, incomplete_birth_date="middle")
    omop.write("person", PERSON + " birth_datetime", BIRTHS)
    births = omop.rows("patients", "patient_id, cast(birth_date as varchar)")
    assert births == [
        ("1", "2010-03-04"), ("2", "2010-05-15"), ("3", "2010-07-01"), ("4", "2010-05-31"), ("5", "2010-07-01"),
        ("6", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("concept", "value"),
    [
        (8657, "1002-5"),
        (8515, "2028-9"),
        (8516, "2054-5"),
        (38003615, "2118-8"),
        (8557, "2076-8"),
        (8527, "2106-3"),
        (44814649, "other"),
        (8522, "other"),
        (44814653, "unknown"),
        (8552, "unknown"),
        (44814660, "declined"),
        (44814650, None),
        (0, None),
        (1546847, SEVERAL_NOT_SAID),
        (44814659, SEVERAL_NOT_SAID),
    ],
)
def test_a_race_concept_is_a_category_or_a_reason_and_several_are_never_another(
    omop: Omop, concept: int, value: str | None
) -> None:
    omop.write("person", PERSON, f"1 0 2010 1 1 {concept} 38003564")
    assert sorted(race_of(omop), key=str) == sorted([("1", "ehr", "2186-5"), ("1", "ehr", value)], key=str)


@pytest.mark.parametrize("question", [4013886, 3050381])
@pytest.mark.parametrize("marker", [1546847, 44814659, 0])
def test_several_races_by_either_convention(omop: Omop, question: int, marker: int) -> None:
    omop.write("person", PERSON, f"1 0 2010 1 1 {marker} 38003564")
    omop.write(
        "observation",
        OBSERVATION,
        f"1 1 {question} 32817 8516\n2 1 {question} 32817 38003615\n3 1 {question} 32817 {marker}\n4 1 9999 32817 8515",
    )
    answers = [("1", "ehr", value) for value in ("2054-5", "2118-8", "2186-5")]
    # Concept 0 without words beside an answer says nothing, and is kept as that.
    assert race_of(omop) == [*answers, *([("1", "ehr", None)] if marker == 0 else [])]


def test_an_answer_that_observation_repeats_is_taken_once_and_surveys_stand_apart(omop: Omop) -> None:
    columns = OBSERVATION + " qualifier_source_value"
    omop.write(
        "observation", columns, "1 1 4013886 32817 8527 Proxy\n2 1 4013886 32862 8527 -\n3 1 4013886 32851 8515 x"
    )
    found = omop.rows("race_ethnicity", "source_system, value, capture_method, recorded_on")
    assert found == [
        ("ehr", "2028-9", "observed", None),
        ("ehr", "2106-3", "proxy", None),
        ("ehr", "2186-5", "unknown", None),
        ("survey", "2106-3", "self", None),
    ]


def test_a_detailed_race_is_of_the_nearest_category_above_it(omop: Omop) -> None:
    omop.write("person", PERSON, "1 0 2010 1 1 38003579 0\n2 0 2010 1 1 38003616 0")
    omop.write(
        "concept_ancestor",
        "ancestor_concept_id descendant_concept_id min_levels_of_separation",
        "8515 38003579 1\n8527 38003616 2\n38003615 38003616 1",
    )
    assert race_of(omop) == [("1", "ehr", "2028-9"), ("2", "ehr", "2118-8")]


@pytest.mark.parametrize(
    ("race", "words", "values"),
    [
        (0, "hispanic", {"2135-2"}),
        (0, "White|Asian", {"white", "asian"}),
        (44814659, "White;_Black/African_American", {"white", "black", "african american"}),
        (0, "Black/African_American", {"2054-5"}),
        (0, "Biracial", {SEVERAL_NOT_SAID}),
        (44814659, "Multiple", {SEVERAL_NOT_SAID}),
        (0, "Patient_Refused", {"declined"}),
        (0, "Martian", {"martian"}),
        (8527, "White|Asian", {"2106-3"}),
    ],
)
def test_concept_0_is_read_from_the_source_value(omop: Omop, race: int, words: str, values: set[str]) -> None:
    omop.write("person", RACE, f"1 0 2010 1 1 {race} 0 {words} -")
    assert {value for _, _, value in race_of(omop)} == values


def test_ethnicity_concept_0_may_be_several_and_other_says_nothing(omop: Omop) -> None:
    omop.write(
        "person",
        RACE,
        """
        1 0 2010 1 1 8527 0 - Mexican|Not_Hispanic
        2 0 2010 1 1 8527 44814649 - Other
        3 0 2010 1 1 8527 0 - -
        4 0 2010 1 1 8527 38003563 - -
        5 0 2010 1 1 8527 44814660 - -
        """,
    )
    assert [row for row in race_of(omop) if row[2] != "2106-3"] == [
        ("1", "ehr", "2135-2"), ("1", "ehr", "not hispanic"), ("4", "ehr", "2135-2"), ("5", "ehr", "declined"),
    ]  # fmt: skip


def test_the_site_s_own_list_of_source_values(tmp_path: Path) -> None:
    own = tmp_path / "values.csv"
    own.write_text("field,source_value,value\nrace,W/A,2106-3|2028-9\nrace,n/a,\n", encoding="utf-8")
    omop = Omop(tmp_path, source_values=own)
    omop.write("person", RACE, "1 0 2010 1 1 0 0 w/a -\n2 0 2010 1 1 0 0 N/A -\n3 0 2010 1 1 0 0 hispanic -")
    assert race_of(omop) == [("1", "ehr", "2028-9"), ("1", "ehr", "2106-3"), ("3", "ehr", "hispanic")]
    own.write_text("field,source_value,value\nrace,w/a,2106-3\n", encoding="utf-8")
    assert race_of(omop)[0] == ("1", "ehr", "2106-3")  # a changed list is read anew


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("race,x,1\n", 1),
        ("field,source_value,value\nsex,x,1\n", 2),
        ("field,source_value,value\nrace,x,1\nrace,X,2\n", 3),
        ("field,source_value,value\nrace,x\n", 2),
    ],
)
def test_a_list_of_source_values_that_is_wrong_names_its_line(tmp_path: Path, content: str, line: int) -> None:
    own = tmp_path / "values.csv"
    own.write_text(content, encoding="utf-8")
    omop = Omop(tmp_path, source_values=own)
    omop.write("person", PERSON, ONE)
    with pytest.raises(SettingsError, match=f"line {line}"):
        omop.pull()


def test_language_by_concept_name_or_source(omop: Omop) -> None:
    omop.write(
        "person",
        PERSON + " language_concept_id language_source_value",
        "\n".join(
            f"{number} 0 2010 1 1 0 0 {language}"
            for number, language in enumerate(
                ["4180186 -", "4182347 -", "0 vi", "44814660 -", "44814650 -", "- -", "44814653 -"], start=1
            )
        ),
    )
    assert omop.rows("languages", "patient_id, language") == [
        ("1", "en"), ("2", "somali"), ("3", "vi"), ("4", "declined"), ("7", "unknown"),
    ]  # fmt: skip


def test_visits_by_concept_ancestor_and_source(omop: Omop) -> None:
    omop.write(
        "visit_occurrence",
        VISIT,
        """
        1 1 9203 2025-01-01 2025-01-01 -
        2 1 262 2025-01-02 2025-01-05 -
        3 1 8717 2025-01-03 2025-01-04 -
        4 1 5083 2025-01-04 2025-01-04 -
        5 1 111 2025-01-05 2025-01-06 -
        6 1 222 2025-01-06 2025-01-06 -
        7 1 0 2025-01-07 2025-01-07 Emergency
        8 1 0 2025-01-08 2025-01-08 -
        """,
    )
    omop.write(
        "concept_ancestor",
        "ancestor_concept_id descendant_concept_id min_levels_of_separation",
        "9201 111 2\n9202 222 1\n9201 9203 9",
    )
    assert omop.rows("encounters", "encounter_id, encounter_class, starts_on, ends_on") == [
        ("1", "ED", "2025-01-01", "2025-01-01"),
        ("2", "inpatient", "2025-01-02", "2025-01-05"),
        ("2-ED", "ED", "2025-01-02", "2025-01-02"),
        ("3", "inpatient", "2025-01-03", "2025-01-04"),
        ("4", "outpatient", "2025-01-04", "2025-01-04"),
        ("5", "inpatient", "2025-01-05", "2025-01-06"),
        ("6", "outpatient", "2025-01-06", "2025-01-06"),
        ("7", "Emergency", "2025-01-07", "2025-01-07"),
        ("8", "not recorded", "2025-01-08", "2025-01-08"),
    ]


def test_the_main_diagnosis_is_one_stated_as_such(omop: Omop) -> None:
    omop.write("visit_occurrence", VISIT, "\n".join(f"{n} 1 9201 2025-01-0{n} 2025-01-09 -" for n in range(1, 6)))
    omop.write(
        "condition_occurrence",
        CONDITION,
        """
        1 1 0 2025-01-01 32817 32908 1 E10.9 0
        2 1 0 2025-01-01 32817 32902 1 E1065 0
        3 1 0 2025-01-01 32817 32903 1 x 45548022
        4 1 0 2025-01-02 38000200 - 2 E10.11 0
        5 1 0 2025-01-03 32817 0 3 E10.9 0
        6 1 201254 2025-01-04 32817 32902 4 - 0
        7 1 0 2025-01-05 32817 32902 5 E10.9 0
        8 1 0 2025-01-05 32817 32902 5 E10.65 0
        """,
    )
    assert omop.rows("encounters", "encounter_id, primary_dx") == [
        ("1", "E10.10"), ("2", "E10.11"), ("3", None), ("4", "46635009"), ("5", "E10.9"),
    ]  # fmt: skip
    assert any("1 encounters have no diagnosis that is stated" in words for words in omop.said)
    assert omop.rows("conditions", "code, onset_on") == [
        ("46635009", "2025-01-04"), ("E10.10", "2025-01-01"), ("E10.11", "2025-01-02"), ("E10.65", "2025-01-01"),
        ("E10.65", "2025-01-05"), ("E10.9", "2025-01-01"), ("E10.9", "2025-01-03"), ("E10.9", "2025-01-05"),
    ]  # fmt: skip


def test_standard_codes_and_types_of_diagnoses_when_asked(tmp_path: Path) -> None:
    omop = Omop(tmp_path, condition_codes="standard", condition_types=(32840,))
    omop.write("person", PERSON, ONE)
    omop.write(
        "condition_occurrence",
        CONDITION,
        "1 1 201254 2025-01-01 32840 0 - x 45533017\n2 1 0 2025-01-02 32827 0 - x 45533017",
    )
    assert omop.rows("conditions", "code, onset_on") == [("46635009", "2025-01-01")]


def test_services_by_specialty_and_site(tmp_path: Path) -> None:
    omop = Omop(tmp_path, diabetes_services=("Peds Endo", "diabetes house"))
    omop.write("person", PERSON, ONE)
    omop.write(
        "provider", "provider_id specialty_concept_id specialty_source_value", "1 38004485 x\n2 0 PEDS_ENDO\n3 0 eyes"
    )
    omop.write("care_site", "care_site_id care_site_name", "1 Diabetes_House")
    omop.write(
        "visit_occurrence",
        VISIT + " provider_id care_site_id",
        "\n".join(f"{n} 1 9202 2025-01-01 2025-01-01 - {of}" for n, of in enumerate(["1 -", "2 -", "3 -", "- 1"], 1)),
    )
    assert omop.rows("encounters", "service") == [("diabetes",), ("diabetes",), ("diabetes",), ("eyes",)]


def test_results_with_their_code_and_unit(omop: Omop) -> None:
    omop.write(
        "measurement",
        MEASUREMENT,
        """
        1 1 3004410 2025-01-01 7.5 8554 - x
        2 1 0 2025-01-02 58 9579 - 59261-8
        3 1 3004410 2025-01-03 0 0 - -
        4 1 3004410 2025-01-04 7.5 0 %{Hb} -
        5 1 3004410 2025-01-05 7.5 8753 - -
        """,
    )
    assert omop.rows("observations", "observation_id, code, observed_on, value, unit") == [
        ("1", "4548-4", "2025-01-01", "7.5", "%"),
        ("2", "59261-8", "2025-01-02", "58", "mmol/mol"),
        ("3", "4548-4", "2025-01-03", "0", None),
        ("4", "4548-4", "2025-01-04", "7.5", "%"),
        ("5", "4548-4", "2025-01-05", "7.5", "mmol/L"),
    ]


def test_insurance_by_concept_or_source(omop: Omop) -> None:
    omop.write(
        "payer_plan_period",
        "person_id payer_plan_period_start_date payer_plan_period_end_date payer_concept_id payer_source_value",
        "1 2020-01-01 2020-12-31 331 x\n1 2021-01-01 2026-06-30 0 Commercial",
    )
    assert omop.rows("coverage", "payer, starts_on, ends_on") == [
        ("Commercial", "2021-01-01", "2026-06-30"),
        ("medicaid", "2020-01-01", "2020-12-31"),
    ]


def test_addresses_by_location_history_with_the_tract_of_the_vintage(omop: Omop) -> None:
    omop.write(
        "location_history",
        "location_id entity_id domain_id start_date end_date",
        "1 1 Person 2020-01-01 2020-12-31\n2 1 person 2021-01-01 -\n"
        "3 1 CARE_SITE 2021-01-01 -\n4 1 person 2022-01-01 -",
    )
    omop.write(
        "location_fips",
        "location_id geocode_state geocode_county geocode_tract geocode_year",
        "1 39 061 000200 2010\n1 39 061 000201 2020\n2 39 061 - 2020\n4 09 001 010101 2010",
    )
    assert omop.rows("addresses", "tract_geoid, cast(tract_vintage as varchar), starts_on, ends_on") == [
        ("09001010101", "2010", "2022-01-01", None),
        ("39061000201", "2020", "2020-01-01", "2020-12-31"),
        (None, "2020", "2021-01-01", None),
    ]


def test_the_last_known_address_where_there_is_no_history(tmp_path: Path) -> None:
    omop = Omop(tmp_path, location_tract_column="census_tract", tract_vintage=2010)
    omop.write("person", PERSON + " location_id", f"{ONE} 5\n2 0 2010 1 1 0 0 -")
    omop.write("location", "location_id census_tract", "5 39061000200")
    period = "person_id observation_period_start_date observation_period_end_date"
    omop.write("observation_period", period, "1 2019-01-01 2020-01-01")
    columns = "patient_id, tract_geoid, cast(tract_vintage as varchar), starts_on"
    assert omop.rows("addresses", columns) == [("1", "39061000200", "2010", "2019-01-01")]
    assert any("moves cannot be seen" in words for words in omop.said)
    omop.write("location", "location_id tract", "5 39061000200")
    with pytest.raises(SourceError, match="has the column census_tract"):
        omop.pull()


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
