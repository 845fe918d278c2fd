"""What FHIR says of care becomes rows of the registry: encounters, conditions and results, in R4 and in R5."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fhir_place import (
    ICD10CM,
    LOINC,
    SNOMED,
    FhirPlace,
    Resource,
    concept,
    condition,
    encounter,
    observation,
    patient,
    reference,
)


@pytest.fixture
def place(tmp_path: Path) -> FhirPlace:
    return FhirPlace(tmp_path)


CLASSES: dict[str, tuple[object, str | None]] = {
    "R4: one Coding": ({"system": "v3", "code": "EMER"}, "EMER"),
    "R5: a list of concepts, the first that is known": ([concept(("x", "local"), ("v3", "IMP"))], "IMP"),
    "R5: none that is known": ([concept(("x", "local"))], "local"),
    "none": (None, None),
}


@pytest.mark.parametrize("case", CLASSES)
def test_encounter_classes(place: FhirPlace, case: str) -> None:
    found, expected = CLASSES[case]
    rows = place.rows("encounters", "encounter_class, starts_on, ends_on", patient(), encounter(**{"class": found}))
    # the days are those that the clock on the wall showed
    assert rows == [(expected, "2025-03-04", "2025-03-05")]


def test_r5_period_and_open_stay(place: FhirPlace) -> None:
    stay = encounter(period=None, actualPeriod={"start": "2025-01-02"})
    assert place.rows("encounters", "starts_on, ends_on", patient(), stay) == [("2025-01-02", None)]


SERVICES: dict[str, tuple[Resource, str | None]] = {
    "R4 service, a code of the seed": ({"serviceType": concept((SNOMED, "408475000"))}, "diabetes"),
    "R4 service in words of the seed": ({"serviceType": concept(text="Diabetes Clinic")}, "diabetes"),
    "R5 service": ({"serviceType": [{"concept": concept((SNOMED, "408475000"))}]}, "diabetes"),
    "type, a code of the seed behind others": (
        {"type": [concept(("a", "1")), concept((SNOMED, "408475000"))]},
        "diabetes",
    ),
    "another service stays": ({"serviceType": concept(text="nutrition")}, "nutrition"),
    "none": ({}, None),
}


@pytest.mark.parametrize("case", SERVICES)
def test_services(place: FhirPlace, case: str) -> None:
    elements, expected = SERVICES[case]
    assert place.rows("encounters", "service", patient(), encounter(**elements)) == [(expected,)]


def diagnosis(rank: int | None, to: str) -> Resource:
    return {"condition": reference(to)} | ({} if rank is None else {"rank": rank})


MAIN: dict[str, tuple[Resource, str | None]] = {
    "the diagnosis of first rank": (
        {"diagnosis": [diagnosis(None, "Condition/c2"), diagnosis(2, "Condition/c2"), diagnosis(1, "Condition/c1")]},
        "E10.10",
    ),
    "of no rank, the first": (
        {"diagnosis": [diagnosis(None, "Condition/c2"), diagnosis(None, "Condition/c1")]},
        "J06.9",
    ),
    "an absolute reference": ({"diagnosis": [diagnosis(1, "https://h/fhir/Condition/c1/_history/3")]}, "E10.10"),
    "a urn": ({"diagnosis": [diagnosis(1, "urn:uuid:c1")]}, "E10.10"),
    "a condition that is not there, then the coded reason": (
        {"diagnosis": [diagnosis(1, "Condition/gone")], "reasonCode": [concept((ICD10CM, "R11.10"))]},
        "R11.10",
    ),
    "the condition that is the reason": ({"reasonReference": [reference("Condition/c2")]}, "J06.9"),
    "ICD-10-CM before SNOMED CT": ({"reasonCode": [concept((SNOMED, "46635009"), (ICD10CM, "E1065"))]}, "E10.65"),
    "SNOMED CT of the seed": ({"reasonCode": [concept((SNOMED, "421075007"))]}, "E10.11"),
    "SNOMED CT of none": ({"reasonCode": [concept((SNOMED, "185349003"))]}, "185349003"),
    "R5 concept": (
        {
            "diagnosis": [
                {"condition": [{"concept": {"coding": [{"system": ICD10CM, "code": "E10.641", "userSelected": True}]}}]}
            ]
        },
        "E10.641",
    ),
    "R5 reference": ({"diagnosis": [{"condition": [{"reference": reference("Condition/c1")}]}]}, "E10.10"),
    "R5 reason": ({"reason": [{"value": [{"reference": reference("Condition/c2")}]}]}, "J06.9"),
    "none": ({}, None),
}


@pytest.mark.parametrize("case", MAIN)
def test_primary_diagnosis(place: FhirPlace, case: str) -> None:
    elements, expected = MAIN[case]
    known = [condition(code=concept((ICD10CM, "E10.10"))), condition(id="c2", code=concept((ICD10CM, "J06.9")))]
    assert place.rows("encounters", "primary_dx", patient(), encounter(**elements), *known) == [(expected,)]


@pytest.mark.parametrize(("other", "expected"), [("E10.10", "E10.10"), ("J06.9", None)])
def test_a_condition_that_names_the_encounter(place: FhirPlace, other: str, expected: str | None) -> None:
    of_encounter = {"encounter": reference("Encounter/e1")}
    known = [
        condition(code=concept((ICD10CM, "E10.10")), **of_encounter),
        condition(id="c2", code=concept((ICD10CM, other)), **of_encounter),
        condition(
            id="c3", code=concept((ICD10CM, "S52.5")), verificationStatus=concept(("v", "refuted")), **of_encounter
        ),
    ]
    assert place.rows("encounters", "primary_dx", patient(), encounter(), *known) == [(expected,)]


ONSETS: dict[str, tuple[Resource, str | None]] = {
    "a day": ({"onsetDateTime": "2020-02-03T04:05:06+01:00"}, "2020-02-03"),
    "a month begins with its first day": ({"onsetDateTime": "2020-02"}, "2020-02-01"),
    "a year begins with its first day": ({"onsetDateTime": "2020"}, "2020-01-01"),
    "a period": ({"onsetDateTime": None, "onsetPeriod": {"start": "2019-03-04"}}, "2019-03-04"),
    "an age": ({"onsetDateTime": None, "onsetAge": {"value": 2, "code": "a"}}, "2012-05-05"),
    "when it was recorded": ({"onsetDateTime": None, "recordedDate": "2021-01-01"}, "2021-01-01"),
    "the encounter": ({"onsetDateTime": None, "encounter": reference("Encounter/e1")}, "2025-03-04"),
    "unknown": ({"onsetDateTime": None}, None),
}


@pytest.mark.parametrize("case", ONSETS)
def test_onset(place: FhirPlace, case: str) -> None:
    elements, expected = ONSETS[case]
    rows = place.rows("conditions", "code, onset_on", patient(), encounter(), condition(**elements))
    assert rows == [("E10.9", expected)]


def test_what_was_entered_in_error_is_left_out_and_counted(place: FhirPlace) -> None:
    place.write("Patient.ndjson", patient())
    place.write(
        "Condition.ndjson",
        condition(),
        condition(id="c2", verificationStatus=concept(("v", "entered-in-error"))),
        condition(id="c3", verificationStatus=concept(("v", "refuted"))),
        condition(id="c4", verificationStatus=concept(("v", "confirmed"))),
    )
    place.write(
        "Observation.ndjson",
        *(observation(id=status, status=status) for status in ("final", "cancelled", "entered-in-error")),
    )
    place.write(
        "Encounter.ndjson", *(encounter(id=status, status=status) for status in ("in-progress", "planned", "cancelled"))
    )
    counts = {
        file.table_name: (file.rows_in, file.rows_left_out)
        for file in place.pull()
        if "Patient" not in file.source_file
    }
    assert counts == {
        "race_ethnicity": (0, 0),
        "languages": (0, 0),
        "encounters": (1, 2),
        "conditions": (2, 2),
        "observations": (1, 2),
    }


RESULTS: dict[str, tuple[Resource, tuple[str | None, ...]]] = {
    "percent": ({}, ("4548-4", "7.4", "%")),
    "percent of haemoglobin": (
        {"valueQuantity": {"value": 7.4, "unit": "% of total Hgb", "code": "%{HemoglobinA1C}"}},
        ("4548-4", "7.4", "%"),
    ),
    "mmol/mol": (
        {"code": concept((LOINC, "59261-8")), "valueQuantity": {"value": 57, "unit": "mmol/mol{Hb}"}},
        ("59261-8", "57", "mmol/mol"),
    ),
    "the HbA1c code among several": (
        {"code": concept(("local", "A1C"), (LOINC, "99999-9"), (LOINC, "17856-6"))},
        ("17856-6", "7.4", "%"),
    ),
    "above what the machine measures": (
        {"valueQuantity": {"value": 14, "comparator": ">", "unit": "%"}},
        ("4548-4", "14", "%"),
    ),
    "as text": ({"valueQuantity": None, "valueString": " 7.9 % "}, ("4548-4", "7.9", "%")),
    "as text, above what the machine measures": (
        {"valueQuantity": None, "valueString": ">14%"},
        ("4548-4", "14", "%"),
    ),
    "as text, below what the machine measures": (
        {"valueQuantity": None, "valueString": "< 4 %"},
        ("4548-4", "4", "%"),
    ),
    "as text, at least": ({"valueQuantity": None, "valueString": ">= 130 mmol/mol"}, ("4548-4", "130", "mmol/mol")),
    "as text with a limit and no unit": ({"valueQuantity": None, "valueString": "≥14.5"}, ("4548-4", "14.5", None)),
    "as text with a comma": ({"valueQuantity": None, "valueString": "7,5 %"}, ("4548-4", "7,5 %", "%")),
    "in a panel": (
        {
            "code": concept((LOINC, "55399-0")),
            "valueQuantity": None,
            "component": [
                {"code": concept((LOINC, "2345-7")), "valueQuantity": {"value": 150, "unit": "mg/dL"}},
                {"code": concept((LOINC, "4548-4"))},
                {"code": concept(("local", "A1C"), (LOINC, "17856-6")), "valueQuantity": {"value": 8.1, "unit": "%"}},
            ],
        },
        ("17856-6", "8.1", "%"),
    ),
    "in a panel as text": (
        {
            "code": concept((LOINC, "55399-0")),
            "valueQuantity": None,
            "component": [{"code": concept((LOINC, "4548-4")), "valueString": ">14 %"}],
        },
        ("4548-4", "14", "%"),
    ),
    "a result with components of its own": (
        {"component": [{"code": concept((LOINC, "59261-8")), "valueQuantity": {"value": 57, "unit": "mmol/mol"}}]},
        ("4548-4", "7.4", "%"),
    ),
    "a panel without an HbA1c": (
        {
            "code": concept((LOINC, "55399-0")),
            "valueQuantity": None,
            "component": [{"code": concept((LOINC, "2345-7")), "valueQuantity": {"value": 150, "unit": "mg/dL"}}],
        },
        ("55399-0", None, None),
    ),
    "text that is no number": ({"valueQuantity": None, "valueString": "see note"}, ("4548-4", "see note", None)),
    "no value": ({"valueQuantity": None}, ("4548-4", None, None)),
}


@pytest.mark.parametrize("case", RESULTS)
def test_results(place: FhirPlace, case: str) -> None:
    elements, expected = RESULTS[case]
    assert place.rows("observations", "code, value, unit", patient(), observation(**elements)) == [expected]


@pytest.mark.parametrize(
    "when",
    [
        {"effectiveDateTime": "2025-06-07"},
        {"effectiveDateTime": None, "effectiveInstant": "2025-06-07T01:02:03.004Z"},
        {"effectiveDateTime": None, "effectivePeriod": {"start": "2025-06-07", "end": "2025-06-08"}},
    ],
)
def test_when_a_sample_was_taken_and_its_result_came(place: FhirPlace, when: Resource) -> None:
    result = observation(issued="2025-06-09T10:00:00Z", **when)
    assert place.rows("observations", "observed_on, resulted_on", patient(), result) == [("2025-06-07", "2025-06-09")]
