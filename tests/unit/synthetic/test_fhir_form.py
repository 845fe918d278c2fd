"""The invented registry as FHIR: sound resources that say what the tables say, planted faults included."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from orchestration.settings import DEMO_AS_OF
from orchestration.synthetic.fhir import RESOURCES
from orchestration.synthetic.formats import REWRITES, TABLE_FORMATS, write_registry

PATIENTS, MONTHS = 250, 12
Resource = dict[str, Any]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("forms")
    for form in ("files", "fhir"):
        write_registry(root / form, form, patients=PATIENTS, as_of=DEMO_AS_OF, months=MONTHS)
    return {form: root / form for form in ("files", "fhir")}


def lines(folders: dict[str, Path], kind: str) -> list[str]:
    return (folders["fhir"] / f"{kind}.ndjson").read_text(encoding="utf-8").splitlines()


def whole(folders: dict[str, Path], kind: str) -> list[Resource]:
    found = []
    for line in lines(folders, kind):
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def table(folders: dict[str, Path], name: str) -> list[dict[str, str]]:
    with (folders["files"] / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_in_the_folder(folders: dict[str, Path]) -> None:
    expected = {*(f"{kind}.ndjson" for kind in RESOURCES), "tracts.csv", "truth.json"}
    assert {path.name for path in folders["fhir"].iterdir()} == expected
    assert (folders["fhir"] / "tracts.csv").read_bytes() == (folders["files"] / "tracts.csv").read_bytes()
    truths = [json.loads((folder / "truth.json").read_text(encoding="utf-8")) for folder in folders.values()]
    assert truths[0] == truths[1]


@pytest.mark.parametrize("kind", RESOURCES)
def test_resources_are_sound(folders: dict[str, Path], kind: str) -> None:
    def empty(value: object) -> bool:
        if isinstance(value, dict):
            return not value or any(empty(each) for each in value.values())
        return value is None or value == [] or (isinstance(value, list) and any(empty(each) for each in value))

    found = whole(folders, kind)
    assert found
    assert {each["resourceType"] for each in found} == {kind}
    assert all(re.fullmatch(r"[A-Za-z0-9.-]{1,64}", each["id"]) for each in found)
    assert [each["id"] for each in found if empty(each)] == []


def test_cut_lines_stand_for_rows_that_cannot_be_read(folders: dict[str, Path]) -> None:
    tables = {"Patient": "patients", "Encounter": "encounters", "Observation": "observations"}
    for kind in RESOURCES:
        n_cut = len(lines(folders, kind)) - len(whole(folders, kind))
        rows = table(folders, tables[kind]) if kind in tables else []
        assert n_cut == sum(None in row for row in rows), kind


def test_each_row_of_care_is_a_resource(folders: dict[str, Path]) -> None:
    for kind, name in (("Encounter", "encounters"), ("Condition", "conditions"), ("Coverage", "coverage")):
        assert len(lines(folders, kind)) == len(table(folders, name))
    results = [each for each in whole(folders, "Observation") if "issued" in each or "valueQuantity" in each]
    rows = [row for row in table(folders, "observations") if None not in row]
    expected = Counter((row["observation_id"], row["patient_id"], row["code"], row["observed_on"]) for row in rows)
    found = Counter(
        (
            each["id"],
            each["subject"]["reference"].removeprefix("Patient/"),
            each["code"]["coding"][0]["code"],
            each.get("effectiveDateTime", ""),
        )
        for each in results
    )
    assert found == expected


def test_race_is_said_as_often_as_in_the_tables(folders: dict[str, Path]) -> None:
    people = {each["id"]: each for each in whole(folders, "Patient")}
    said = Counter(
        part["valueCoding"]["code"]
        for person in people.values()
        for extension in person.get("extension", [])
        for part in extension["extension"]
        if part["url"] == "ombCategory"
    )
    surveys = [each for each in whole(folders, "Observation") if "valueCodeableConcept" in each]
    said.update(
        coding["code"]
        for each in surveys
        for coding in each["valueCodeableConcept"].get("coding", [])
        if each["code"]["coding"][0]["code"] in ("46463-6", "59362-4")
    )
    recorded = Counter(row["value"] for row in table(folders, "race_ethnicity"))
    codes = [code for code in recorded if re.fullmatch(r"\d{4}-\d", code)]
    assert len(codes) >= 8
    assert {code: said[code] for code in codes} == {code: recorded[code] for code in codes}


def test_the_same_arguments_give_the_same_bytes(folders: dict[str, Path], tmp_path: Path) -> None:
    write_registry(tmp_path, "fhir", patients=PATIENTS, as_of=DEMO_AS_OF, months=MONTHS)
    for path in folders["fhir"].iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_command_knows_every_form() -> None:
    import inspect

    from orchestration.cli.synth import synth

    forms = inspect.signature(synth, eval_str=True).parameters["form"].annotation.__origin__.__args__
    assert set(forms) == {*TABLE_FORMATS, *REWRITES}
