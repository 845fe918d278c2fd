"""Folders of NDJSON: which files are read, which version of a resource holds, and what becomes of bad lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestration.errors import SourceError
from orchestration.settings_fhir import FhirFilesSource
from orchestration.sources.fhir_files import plan_files
from tests.support.fhir_place import (
    FhirPlace,
    Resource,
    condition,
    deletion,
    encounter,
    observation,
    patient,
    reference,
)


@pytest.fixture
def place(tmp_path: Path) -> FhirPlace:
    return FhirPlace(tmp_path)


def born(place: FhirPlace) -> dict[str, str]:
    """Birth date by patient, of those that hold."""
    return dict(place.ask("patients", "patient_id, birth_date"))


def updated(patient_id: str, birth_date: str, at: str | None = None, **meta: object) -> Resource:
    return patient(patient_id, birthDate=birth_date, meta={**({"lastUpdated": at} if at else {}), **meta})


def export(place: FhirPlace, folder: str, time: str | None = None) -> None:
    if time:
        place.write(f"{folder}/manifest.json", json.dumps({"transactionTime": time}))


@pytest.mark.parametrize(
    "name",
    [
        "Patient.ndjson",
        "Patient.000.ndjson",
        "1.Patient.ndjson",
        "Patient-7.ndjson.gz",
        "export_Patient_2.jsonl",
        "output_17.ndjson",
        "3fa85f64.ndjson.gz",
    ],
)
def test_files_by_name_or_by_their_first_line(place: FhirPlace, name: str) -> None:
    place.write(name, patient())
    assert [(file.table_name, file.source_file, file.rows_pulled) for file in place.pull()] == [
        ("patients", f"ehr/{name}", 1),
        ("race_ethnicity", f"ehr/{name}", 0),
        ("languages", f"ehr/{name}", 0),
        ("addresses", f"ehr/{name}", 0),
    ]
    assert born(place) == {"p1": "2010-05-06"}


def test_other_types_are_named_and_passed_over(place: FhirPlace) -> None:
    place.write("Patient.ndjson", patient())
    place.write("Procedure.ndjson", {"resourceType": "Procedure", "id": "x"})
    place.write("notes.ndjson", "{}")
    place.write("readme.txt", "no resources")
    place.pull()
    assert "not used: Procedure" in place.said
    assert "warning: ehr/notes.ndjson is passed over: neither its name nor its first line tells the type" in place.said


def test_what_is_not_there_is_said(place: FhirPlace) -> None:
    with pytest.raises(SourceError, match="`path` is a folder") as error:
        place.pull()
    assert "put (or link) the files there" in error.value.remedy
    place.write("readme.txt", "no resources")
    with pytest.raises(SourceError, match="has NDJSON files"):
        place.pull()
    place.write("Encounter.ndjson", encounter())
    with pytest.raises(SourceError, match="has Patient resources"):
        place.pull()


def test_bad_lines_are_set_aside_with_their_line_and_never_shown(place: FhirPlace) -> None:
    place.write(
        "Patient.ndjson",
        patient("p1"),
        '{"resourceType": "Patient", "id": "secret", "birthDate": ',
        '["secret"]',
        encounter(id="secret"),
        {"resourceType": "Patient", "birthDate": "2011-11-11"},
        patient("p2"),
        '{"resourceType": "Patient", "id": "secr',
        end="",
    )
    files = {file.table_name: file for file in place.pull()}
    assert (files["patients"].rows_in, files["patients"].rows_pulled, files["patients"].rows_quarantined) == (7, 2, 5)
    assert files["languages"].rows_in == 0
    cut, other = "the line is not one JSON object; it may be cut", "the resource is not of type Patient"
    assert place.ask("rejects", "table_name, source_file, source_row, reason") == [
        ("patients", "ehr/Patient.ndjson", 2, cut),
        ("patients", "ehr/Patient.ndjson", 3, cut),
        ("patients", "ehr/Patient.ndjson", 4, other),
        ("patients", "ehr/Patient.ndjson", 5, "the resource has no id"),
        ("patients", "ehr/Patient.ndjson", 7, cut),
    ]
    assert place.ask("patients", "patient_id, _source_row") == [("p1", 1), ("p2", 6)]
    assert "secret" not in "\n".join(place.said)


def test_bytes_that_are_no_text_cost_one_line(place: FhirPlace) -> None:
    path = place.write("Patient.ndjson", patient("p1"), patient("p2", name="?"), patient("p3"))
    path.write_bytes(path.read_bytes().replace(b"?", b"\xff\xe9"))
    assert next(file.rows_quarantined for file in place.pull()) == 1
    assert set(born(place)) == {"p1", "p3"}


@pytest.mark.parametrize("name", ["Patient.ndjson", "Patient.ndjson.gz", "3fa85f64.ndjson", "3fa85f64.ndjson.gz"])
def test_a_byte_order_mark_costs_no_line(place: FhirPlace, name: str) -> None:
    place.write(name, "\ufeff" + json.dumps(patient("p1")), patient("p2"))
    place.write("deleted/Bundle.ndjson", "\ufeff" + json.dumps(deletion("Patient/absent")))
    assert next((file.rows_pulled, file.rows_quarantined) for file in place.pull()) == (2, 0)
    assert place.ask("patients", "patient_id, _source_row") == [("p1", 1), ("p2", 2)]


def test_a_cut_gzip_file_changes_nothing(place: FhirPlace) -> None:
    place.write("Patient.ndjson.gz", patient("p1"))
    place.pull()
    path = place.write("Patient.ndjson.gz", *(patient(f"p{number}") for number in range(500)))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SourceError, match=r"Patient\.ndjson\.gz"):
        place.pull()
    assert set(born(place)) == {"p1"}


def test_an_empty_file_has_no_rows(place: FhirPlace) -> None:
    place.write("Patient.ndjson", patient())
    place.write("Encounter.ndjson")
    assert {file.table_name: file.rows_in for file in place.pull()}["encounters"] == 0


def test_the_same_files_are_read_once(place: FhirPlace) -> None:
    place.write("Patient.ndjson", patient())
    place.write("Encounter.ndjson", encounter())
    assert not any(file.skipped for file in place.pull())
    assert all(file.skipped for file in place.pull())
    # what an encounter's row says also depends on the conditions
    place.write("Condition.ndjson", condition(encounter=reference("Encounter/e1")))
    skipped = {file.table_name: file.skipped for file in place.pull()}
    assert skipped == {
        "patients": True,
        "race_ethnicity": True,
        "languages": True,
        "addresses": True,
        "encounters": False,
        "conditions": False,
    }
    assert place.ask("encounters", "primary_dx") == [("E10.9",)]
    place.options["race_standard"] = "omb2024"
    assert not any(file.skipped for file in place.pull())


def test_the_newest_version_holds(place: FhirPlace) -> None:
    export(place, "2026-01", "2026-01-01T00:00:00Z")
    export(place, "2026-02", "2026-02-01T00:00:00Z")
    place.write(
        "2026-01/Patient.ndjson",
        updated("by_time", "2010-01-01", "2026-01-05T00:00:00+02:00"),
        updated("by_export", "2010-01-01"),
        updated("older_again", "2010-01-01", "2026-01-05T12:00:00Z"),
        updated("same_time", "2010-01-01", "2026-01-05T12:00:00Z"),
        updated("part", "2010-01-01", "2026-01-05T12:00:00Z"),
    )
    place.write(
        "2026-02/Patient.ndjson",
        updated("by_time", "2012-02-02", "2026-01-04T22:30:00Z"),
        updated("by_export", "2012-02-02"),
        updated("older_again", "2012-02-02", "2026-01-05T11:00:00Z"),
        updated("same_time", "2012-02-02", "2026-01-05T12:00:00Z"),
        updated("part", "2012-02-02", "2026-01-06T12:00:00Z", tag=[{"code": "SUBSETTED"}]),
    )
    files = {file.source_file: file for file in place.pull() if file.table_name == "patients"}
    assert born(place) == {
        "by_time": "2012-02-02",
        "by_export": "2012-02-02",
        "older_again": "2010-01-01",
        "same_time": "2012-02-02",
        "part": "2010-01-01",
    }
    first, second = files["ehr/2026-01/Patient.ndjson"], files["ehr/2026-02/Patient.ndjson"]
    assert (first.rows_in, first.rows_left_out, second.rows_in, second.rows_left_out) == (2, 3, 3, 2)
    assert "warning: ehr/2026-02/Patient.ndjson: 1 left out: only a part of the resource" in place.said


def test_versions_that_nobody_can_order_are_all_kept(place: FhirPlace) -> None:
    place.write("Patient.1.ndjson", updated("p1", "2010-01-01"))
    place.write("Patient.2.ndjson", updated("p1", "2012-02-02"))
    place.pull()
    assert place.ask("patients", "birth_date") == [("2010-01-01",), ("2012-02-02",)]


def test_manifests_give_the_order_of_exports_else_names_do(place: FhirPlace) -> None:
    place.write("a/Patient.ndjson", updated("p1", "2012-02-02"))
    place.write("b/Patient.ndjson", updated("p1", "2010-01-01"))
    place.pull()
    assert born(place) == {"p1": "2010-01-01"}
    assert "warning: ehr: exports are put in the order of their folders' names" in place.said
    export(place, "a", "2026-02-01T00:00:00Z")
    export(place, "b", "2026-01-01T00:00:00Z")
    place.pull()
    assert born(place) == {"p1": "2012-02-02"}


def test_what_was_deleted_is_gone_until_it_comes_again(place: FhirPlace) -> None:
    place.write("1/Patient.ndjson", *(patient(name) for name in ("gone", "back", "same_export", "stays")))
    place.write("1/Encounter.ndjson", encounter(id="gone"), encounter(id="stays"))
    place.write("2/Patient.ndjson", patient("same_export", birthDate="2012-02-02"))
    urls = ["Patient/gone", "https://host/fhir/Patient/back", "Patient/same_export", "Encounter/gone", "Observation/x"]
    place.write("2/deleted/Bundle.ndjson", deletion(*urls[:3]), deletion(*urls[3:]))
    place.write("3/Patient.ndjson", patient("back", birthDate="2013-03-03"))
    files = {(file.table_name, file.source_file): file for file in place.pull()}
    assert born(place) == {"stays": "2010-05-06", "same_export": "2012-02-02", "back": "2013-03-03"}
    assert place.ask("encounters", "encounter_id") == [("stays",)]
    first = files["patients", "ehr/1/Patient.ndjson"]
    assert (first.rows_in, first.rows_pulled, first.rows_left_out) == (1, 1, 3)
    assert "warning: ehr/1/Patient.ndjson: 3 left out: deleted" in place.said


def test_exports_of_one_time_are_several_all_the_same(place: FhirPlace) -> None:
    """A server may state the time of its nightly load, which two exports share."""
    for folder in ("1", "2"):
        export(place, folder, "2026-06-01T00:00:00Z")
    place.write("1/Patient.ndjson", patient("gone"), patient("stays"))
    place.write("2/Observation.ndjson", {"resourceType": "Observation", "id": "x"})
    place.write("2/deleted/Bundle.ndjson", deletion("Patient/gone"))
    place.pull()
    assert set(born(place)) == {"stays"}


def test_deletions_that_cannot_be_read_stop_the_pull(place: FhirPlace) -> None:
    place.write("Patient.ndjson", patient("p1"))
    place.pull()
    place.write("deleted/Bundle.ndjson", deletion("Patient/p1"), '{"resourceType": "Bundle", "en')
    with pytest.raises(SourceError, match=r"deleted/Bundle\.ndjson, line 2: every line of a file of deletions"):
        place.pull()
    assert born(place) == {"p1": "2010-05-06"}


def merged(patient_id: str, *into: str) -> Resource:
    links = [{"type": "replaced-by", "other": reference(f"Patient/{other}")} for other in into]
    return patient(patient_id, link=links)


def test_a_merged_record_gives_way_and_its_care_goes_along(place: FhirPlace) -> None:
    place.write(
        "Patient.ndjson",
        merged("first", "second"),
        merged("second", "third"),
        patient("third"),
        merged("stray", "absent"),
        patient("other", link=[{"type": "seealso", "other": reference("Patient/third")}]),
    )
    care = [
        observation(id=name, subject=reference(f"Patient/{name}")) for name in ("first", "second", "third", "stray")
    ]
    place.write("Observation.ndjson", *care)
    place.pull()
    assert set(born(place)) == {"third", "stray", "other"}
    assert place.ask("observations", "observation_id, patient_id") == [
        ("first", "third"),
        ("second", "third"),
        ("stray", "stray"),
        ("third", "third"),
    ]


@pytest.mark.parametrize(
    "circle",
    [
        [merged("a", "b"), merged("b", "a")],
        [merged("a", "b"), merged("b", "c"), merged("c", "a")],
        [merged("a", "b", "kept"), merged("b", "a")],
        [merged("a", "b"), merged("b", "a"), merged("leads_there", "a")],
        [merged(f"n{number}", f"n{(number + 1) % 40}") for number in range(40)],
    ],
    ids=["of two", "of three", "and out of it", "and into it", "of forty"],
)
def test_records_that_are_merged_in_a_circle_are_set_aside(place: FhirPlace, circle: list[Resource]) -> None:
    place.write("Patient.ndjson", patient("kept"), merged("gives_way", "kept"), *circle)
    care = [observation(id=each["id"], subject=reference(f"Patient/{each['id']}")) for each in circle]
    place.write("Observation.ndjson", *care)
    files = {file.table_name: file for file in place.pull()}
    patients = files["patients"]
    assert (patients.rows_pulled, patients.rows_left_out, patients.rows_quarantined) == (1, 1, len(circle))
    assert set(born(place)) == {"kept"}
    assert place.ask("rejects", "source_row, reason") == [
        (row, "merge links lead in a circle") for row in range(3, 3 + len(circle))
    ]
    assert {one for one, other in place.ask("observations", "observation_id, patient_id") if one == other} == {
        each["id"] for each in circle
    }


def test_a_record_that_is_merged_into_itself_stays(place: FhirPlace) -> None:
    place.write("Patient.ndjson", merged("p1", "p1"), merged("p2", "p2", "p1"))
    place.pull()
    assert set(born(place)) == {"p1"}


def test_a_long_chain_of_merges_ends_in_its_last_record(place: FhirPlace) -> None:
    place.write("Patient.ndjson", *(merged(f"p{number}", f"p{number + 1}") for number in range(30)), patient("p30"))
    place.write("Observation.ndjson", observation(subject=reference("Patient/p0")))
    place.pull()
    assert set(born(place)) == {"p30"}
    assert place.ask("observations", "patient_id") == [("p30",)]


def test_what_a_killed_pull_left_is_cleared_away(place: FhirPlace) -> None:
    place.write("Patient.ndjson", patient())
    left = place.root / "var/raw/ehr/ndjson/.writing-stage"
    left.mkdir(parents=True)
    (left / "Patient.1.parquet").write_bytes(b"half")
    place.pull()
    assert born(place) == {"p1": "2010-05-06"}
    assert not left.parent.exists()


def test_names_do_not_reach_sql(place: FhirPlace) -> None:
    name = "it's a [test]*/Patient.ndjson"
    place.write(name, patient())
    place.pull()
    assert place.ask("patients", "patient_id, _source_file") == [("p1", f"ehr/{name}")]


def test_a_plan_opens_no_more_than_it_must(tmp_path: Path) -> None:
    (tmp_path / "Patient.ndjson").write_bytes(b"\xff")
    plan = plan_files(FhirFilesSource(name="ehr", path=tmp_path))
    assert [file.resource_type for file in plan.files] == ["Patient"]
