"""OMOP visits, diagnoses, results, insurance and addresses in the registry layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.errors import SourceError
from tests.support.omop_tables import ONE, PERSON, Omop

VISIT = "visit_occurrence_id person_id visit_concept_id visit_start_date visit_end_date visit_source_value"
CONDITION = (
    "condition_occurrence_id person_id condition_concept_id condition_start_date condition_type_concept_id "
    "condition_status_concept_id visit_occurrence_id condition_source_value condition_source_concept_id"
)
MEASUREMENT = (
    "measurement_id person_id measurement_concept_id measurement_date value_as_number unit_concept_id "
    "unit_source_value measurement_source_value"
)


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
