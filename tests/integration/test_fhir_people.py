"""What FHIR says of people becomes rows of the registry: race and ethnicity, language, addresses, sites, insurance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.fhir_place import (
    LOINC,
    US_CORE,
    FhirPlace,
    Resource,
    concept,
    coverage,
    encounter,
    observation,
    patient,
    reference,
    us_core,
)

TRACT = "http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-censusTract"


@pytest.fixture
def place(tmp_path: Path) -> FhirPlace:
    return FhirPlace(tmp_path)


RACE: dict[str, tuple[list[Resource], list[tuple[str, str]]]] = {
    "1997: categories of both questions": (
        [
            us_core("race", ("ombCategory", "2106-3"), ("ombCategory", "2054-5"), ("text", "x")),
            us_core("ethnicity", ("ombCategory", "2186-5"), ("text", "x")),
        ],
        [("2054-5", "omb1997"), ("2106-3", "omb1997"), ("2186-5", "omb1997")],
    ),
    "2024: Hispanic and Middle Eastern as categories of one question": (
        [us_core("race", ("ombCategory", "2118-8"), ("ombCategory", "2135-2"), ("ombCategory", "2106-3"))],
        [("2106-3", "omb2024"), ("2118-8", "omb2024"), ("2135-2", "omb2024")],
    ),
    "1997: Egyptian (2120-4) under White is the Middle Eastern answer, which the 1997 roll-up counts as White": (
        [us_core("race", ("ombCategory", "2106-3"), ("detailed", "2120-4"))],
        [("2118-8", "omb1997")],
    ),
    "1997: Irish (2113-9) and Iranian (2121-2) are both": (
        [us_core("race", ("ombCategory", "2106-3"), ("detailed", "2113-9"), ("detailed", "2121-2"))],
        [("2106-3", "omb1997"), ("2118-8", "omb1997")],
    ),
    "a detailed code alone belongs to its category": (
        [
            us_core(
                "race", ("detailed", "2034-7"), ("detailed", "1735-0"), ("detailed", "2079-2"), ("detailed", "2500-7")
            ),
            us_core("ethnicity", ("detailed", "2148-5")),
        ],
        [("1002-5", "omb1997"), ("2028-9", "omb1997"), ("2076-8", "omb1997"), ("2135-2", "omb1997")],
    ),
    "a null flavor beside an answer, which will hold": (
        [us_core("race", ("ombCategory", "UNK"), ("ombCategory", "2028-9"), ("text", "x"))],
        [("2028-9", "omb1997"), ("UNK", "omb1997")],
    ),
    "us-core-23: a null flavor alone": (
        [us_core("race", ("ombCategory", "ASKU"), ("text", "Asked but unknown"))],
        [("ASKU", "omb1997")],
    ),
    "declined has no code of its own, only words": (
        [
            us_core("race", ("ombCategory", "ASKU"), ("text", "Patient declined to answer")),
            us_core("ethnicity", ("ombCategory", "UNK"), ("text", "Prefer not to say")),
        ],
        [("declined", "omb1997"), ("declined", "omb1997")],
    ),
    "only words": ([us_core("race", ("text", " White "))], [("White", "omb1997")]),
    "nothing recorded": ([], []),
    "an unknown code stays as it is": ([us_core("race", ("ombCategory", "9999-9"))], [("9999-9", "omb1997")]),
}


@pytest.mark.parametrize("case", RACE)
def test_race_and_ethnicity(place: FhirPlace, case: str) -> None:
    extensions, expected = RACE[case]
    assert place.rows("race_ethnicity", "value, standard", patient(extension=extensions)) == expected


def test_the_standard_can_be_set(place: FhirPlace) -> None:
    place.options["race_standard"] = "omb2024"
    recorded = patient(extension=[us_core("race", ("ombCategory", "2106-3"))])
    assert place.rows("race_ethnicity", "standard", recorded) == [("omb2024",)]


@pytest.mark.parametrize(
    ("who", "method"),
    [
        ("Patient/p1", "self"),
        ("https://ehr/fhir/RelatedPerson/9", "proxy"),
        ("Practitioner/3", "observed"),
        ("Device/1", "unknown"),
    ],
)
def test_who_said_so_is_in_the_provenance_of_the_element(place: FhirPlace, who: str, method: str) -> None:
    path = {
        "url": "http://hl7.org/fhir/StructureDefinition/targetPath",
        "valueString": "Patient.extension('us-core-race')",
    }
    provenance = {
        "resourceType": "Provenance",
        "id": "v1",
        "target": [{"reference": "Patient/p1", "extension": [path]}],
        "recorded": "2024-02-03T10:00:00Z",
        "agent": [{"who": reference("Organization/1")}, {"type": concept(("x", "informant")), "who": reference(who)}],
    }
    of_everything = {**provenance, "id": "v2", "recorded": "2025-01-01T10:00:00Z", "target": [reference("Patient/p1")]}
    recorded = patient(extension=[us_core("race", ("ombCategory", "2106-3"))])
    rows = place.rows("race_ethnicity", "capture_method, recorded_on", recorded, provenance, of_everything)
    assert rows == [(method, "2024-02-03")]


def test_a_survey_answers_in_observations(place: FhirPlace) -> None:
    survey = {
        "category": [concept(("c", "survey"))],
        "valueQuantity": None,
        "performer": [reference("RelatedPerson/m")],
    }
    asked = [
        observation(id="o1", code=concept((LOINC, "46463-6")), valueCodeableConcept=concept(("s", "2119-6")), **survey),
        observation(id="o2", code=concept((LOINC, "72826-1")), valueCodeableConcept=concept(("s", "UNK")), **survey),
        observation(id="o3", code=concept((LOINC, "54899-0")), valueCodeableConcept=concept(("s", "so")), **survey),
        observation(id="o4", code=concept((LOINC, "46463-6")), status="entered-in-error", **survey),
    ]
    columns = "source_system, value, standard, capture_method, recorded_on"
    assert place.rows("race_ethnicity", columns, patient(), *asked) == [
        ("survey", "2118-8", "omb2024", "proxy", "2025-06-07"),
        ("survey", "UNK", "omb1997", "proxy", "2025-06-07"),
    ]
    assert place.ask("languages", "language, recorded_on") == [("so", "2025-06-07")]
    assert place.ask("observations", "observation_id") == []


@pytest.mark.parametrize(
    ("communication", "expected"),
    [
        ([("es-MX", None), ("en", None)], [("en",), ("es-MX",)]),
        ([("es-MX", True), ("en", False)], [("es-MX",)]),
        ([], []),
    ],
)
def test_languages(place: FhirPlace, communication: list[Any], expected: list[Any]) -> None:
    spoken = [{"language": concept(("b", code)), "preferred": preferred} for code, preferred in communication]
    assert place.rows("languages", "language", patient(communication=spoken)) == expected


def test_sex_at_birth_comes_before_gender(place: FhirPlace) -> None:
    people = [
        patient("1", gender="male", extension=[{"url": f"{US_CORE}us-core-birthsex", "valueCode": "F"}]),
        patient("2", gender="other", extension=[{"url": f"{US_CORE}us-core-birthsex", "valueCode": "UNK"}]),
        patient(
            "3", gender="female", extension=[{"url": f"{US_CORE}us-core-sex", "valueCoding": {"code": "248153007"}}]
        ),
        patient("4"),
    ]
    assert place.rows("patients", "patient_id, sex", *people) == [("1", "F"), ("2", "other"), ("3", "M"), ("4", None)]


def home(tract: str | None = None, start: str | None = None, end: str | None = None, **elements: Any) -> Resource:
    extension = [] if tract is None else [{"url": TRACT, "valueString": tract}]
    return {"use": "home", "period": {"start": start, "end": end}, "extension": extension, **elements}


def test_address_history_with_tracts(place: FhirPlace) -> None:
    place.options["tract_vintage"] = 2020
    on_line = {"use": "home", "_line": [{"extension": [{"url": TRACT, "valueString": "39061.000.300"}]}]}
    person = patient(
        address=[
            home("39061000100", "2015-04", "2018-06-30", use="old"),
            home("39061000200", "2018-07-01", "2020-02", use="old"),
            on_line,
            home("39061000900", use="work"),
            home("39061000900", type="postal"),
            home("39061000900", use="old"),
            home("39061000200", "2018-07-01"),
        ]
    )
    assert place.rows("addresses", "starts_on, ends_on, tract_geoid, tract_vintage, _source_row", person) == [
        ("2015-04-01", "2018-06-30", "39061000100", "2020", 1001),
        ("2018-07-01", "2020-02-29", "39061000200", "2020", 1002),
        ("2020-03-01", None, "39061000300", "2020", 1003),
    ]
    assert "warning: ehr/Patient.ndjson: 2 left out: nobody lives there" in place.said
    assert "warning: ehr/Patient.ndjson: 1 left out: an old address without dates" in place.said
    assert "warning: ehr/Patient.ndjson: 1 left out: it repeats another address of the person" in place.said


def test_an_only_address_without_dates_has_held_since_birth(place: FhirPlace) -> None:
    assert place.rows("addresses", "starts_on, ends_on, tract_geoid", patient(address=[home()])) == [
        ("2010-05-06", None, None)
    ]


def test_two_tracts_on_one_day_cannot_be_decided(place: FhirPlace) -> None:
    person = patient(address=[home("39061000100", "2020-01-01"), home("39061000200", "2020-01-01")])
    assert place.rows("addresses", "tract_geoid", person) == []
    reason = "two addresses of the person begin on the same day in different tracts"
    assert place.ask("rejects", "table_name, source_row, reason") == [
        ("addresses", 1001, reason),
        ("addresses", 1002, reason),
    ]


def test_sites_are_named_where_names_tell_them_apart(place: FhirPlace) -> None:
    def organization(number: int, name: str | None) -> Resource:
        known = [{"system": "urn:s", "value": f"v{number}"}]
        return {"resourceType": "Organization", "id": f"g{number}", "name": name, "identifier": known}

    people = [
        patient("1", managingOrganization=reference("Organization/g1")),
        patient("2", managingOrganization=reference("https://host/fhir/Organization/g2/_history/4")),
        patient("3", managingOrganization=reference("urn:uuid:g3")),
        patient("4", managingOrganization=reference("Organization?identifier=urn:s|v4")),
        patient("5", managingOrganization=reference("Organization/absent")),
        patient("6"),
        patient("7"),
    ]
    places = {"resourceType": "Location", "id": "l1", "managingOrganization": reference("Organization/g4")}
    visits = [
        encounter(id="a", subject=reference("Patient/6"), serviceProvider=reference("Organization/g1")),
        encounter(id="b", subject=reference("Patient/6"), location=[{"location": reference("Location/l1")}]),
        encounter(id="c", subject=reference("Patient/6"), location=[{"location": reference("Location/l1")}]),
        encounter(
            id="d", subject=reference("Patient/7"), serviceProvider=reference("Organization/g1"), status="cancelled"
        ),
    ]
    clinics = [organization(1, "North"), organization(2, "Twin"), organization(3, "Twin"), organization(4, "South")]
    assert place.rows("patients", "patient_id, site_id", *people, *clinics, places, *visits) == [
        ("1", "North"),
        ("2", "g2"),
        ("3", "g3"),
        ("4", "South"),
        ("5", "absent"),
        ("6", "South"),
        ("7", None),
    ]


def test_an_episode_of_the_registry_is_the_time_it_follows_the_person(place: FhirPlace) -> None:
    place.options["registry_episode_type"] = "T1D"

    def episode(
        number: int, kind: str, start: str, end: str | None, who: str = "p1", status: str = "active"
    ) -> Resource:
        period = {"start": start, "end": end}
        return {
            "resourceType": "EpisodeOfCare", "id": f"x{number}", "status": status, "type": [concept(text=kind)],
            "patient": reference(f"Patient/{who}"), "period": period,
        }  # fmt: skip

    episodes = [
        episode(1, "T1D", "2020-03-01", "2021-01-31"),
        episode(2, "T1D", "2022-05-01", "2023-06"),
        episode(3, "asthma", "2011-01-01", None),
        episode(4, "T1D", "2012-01-01", None, status="entered-in-error"),
        episode(5, "T1D", "2019-01-01", "2020-01-01", who="p2"),
        episode(6, "T1D", "2021-01-01", None, who="p2"),
    ]
    people = [patient("p1", deceasedDateTime="2024-03-04T01:00:00Z"), patient("p2")]
    assert place.rows("patients", "patient_id, enrolled_on, left_on, death_date", *people, *episodes) == [
        ("p1", "2020-03-01", "2023-06-30", "2024-03-04"),
        ("p2", "2019-01-01", None, None),
    ]


PAYERS: dict[str, tuple[Resource, str | None]] = {
    "source of payment typology": ({"type": concept(("https://nahdo.org/sopt", "2111"))}, "sopt:2"),
    "a code of the seed": ({"type": concept(("v3", "EHCPOL"), text="Some plan")}, "EHCPOL"),
    "the insurer's name": ({"payor": [reference("Organization/g1")], "type": concept(("x", "local"))}, "Medicaid"),
    "the insurer's name in R5": ({"insurer": {"display": "Tricare"}}, "Tricare"),
    "what nobody knows stays": ({"type": concept(text="Plan 9")}, "Plan 9"),
    "nothing": ({}, None),
}


@pytest.mark.parametrize("case", PAYERS)
def test_payers(place: FhirPlace, case: str) -> None:
    elements, expected = PAYERS[case]
    insurer = {"resourceType": "Organization", "id": "g1", "name": "Medicaid"}
    rows = place.rows("coverage", "payer, starts_on, ends_on", patient(), insurer, coverage(**elements))
    assert rows == [(expected, "2024-01-01", "2024-12-31")]


def test_coverage_that_does_not_count_and_one_without_a_start(place: FhirPlace) -> None:
    spans = [
        coverage(id="k1", status="cancelled"),
        coverage(id="k2", order=2),
        coverage(id="k3", period=None),
    ]
    assert place.rows("coverage", "patient_id, starts_on, ends_on", patient(), *spans) == [("p1", "2010-05-06", None)]
