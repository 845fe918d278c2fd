"""OMOP people in the registry layout: sex, birth, races and ethnicity by either convention, language, site."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.errors import SettingsError
from orchestration.sources.omop.concepts import SEVERAL_NOT_SAID
from tests.support.omop_tables import ONE, PERSON, Omop

OBSERVATION = "observation_id person_id observation_concept_id observation_type_concept_id value_as_concept_id"
VISIT = "visit_occurrence_id person_id visit_concept_id visit_start_date visit_end_date visit_source_value"
RACE = PERSON + " race_source_value ethnicity_source_value"


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
