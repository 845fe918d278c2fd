"""The codes of a MeasureReport: HL7's where there are any, else the project's own under `urn:equity-pipeline`.

What is read here is the vocabulary of a measure, a group or a number that is not there; no row of a table is built.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.settings import PROJECT_ROOT

Json = dict[str, Any]

OWN = "urn:equity-pipeline"
CDCREC = "urn:oid:2.16.840.1.113883.6.238"
DATA_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
MEASURE_SCORING = "http://hl7.org/fhir/us/davinci-deqm/StructureDefinition/extension-measureScoring"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_SEEDS = PROJECT_ROOT / "seeds"

# Of a kind of measure: how HL7 calls its scoring, and which column counts which population. Where the denominator is
# of children, `n_patients` repeats it: whom a measure left out before is not published, so no initial population is
# claimed. The sum behind a mean is not a count and stays out.
_SCORING = {"proportion": "proportion", "rate": "ratio", "mean": "continuous-variable"}
_POPULATIONS = {
    "proportion": (("denominator", "denominator"), ("numerator", "numerator")),
    "rate": (("initial-population", "n_patients"), ("denominator", "denominator"), ("numerator", "numerator")),
    "mean": (("measure-population", "denominator"),),
}
_IMPROVES_BY = {"higher_is_better": "increase", "lower_is_better": "decrease"}
# Characters that a FHIR string cannot have.
_NOT_IN_FHIR = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


@dataclass(frozen=True)
class RaceCodes:
    """Which groups have a code of the CDC: `stratifiers` that are about race and ethnicity, `codes` by group."""

    stratifiers: frozenset[str]
    codes: Mapping[str, str]


def race_codes() -> RaceCodes:
    """What the project's vocabularies say of race and ethnicity."""
    with (_SEEDS / "stratifiers.csv").open(encoding="utf-8", newline="") as file:
        about_race = frozenset(
            row["stratifier"] for row in csv.DictReader(file) if row["quality_field"] == "race_ethnicity"
        )
    with (_SEEDS / "race_categories.csv").open(encoding="utf-8", newline="") as file:
        return RaceCodes(about_race, {row["category"]: row["cdcrec_code"] for row in csv.DictReader(file)})


def text(value: str) -> str:
    """`value` as a FHIR string can hold it."""
    return _NOT_IN_FHIR.sub("\ufffd", value)


def coded(system: str, code: str, label: str | None = None) -> Json:
    """A CodeableConcept with one code, and with words where there are any."""
    concept: Json = {"coding": [{"system": system, "code": " ".join(text(code).split())}]}
    return {**concept, "text": text(label)} if label and label.strip() else concept


def stratifier_concept(stratifier: str, label: str | None) -> Json:
    """What a stratifier is called."""
    return coded(f"{OWN}:stratifier", stratifier, label)


def group_concept(stratifier: str, group: str, label: str | None, race: RaceCodes) -> Json:
    """What a group is called: the CDC's code for a category of race and ethnicity, else the project's own."""
    if stratifier in race.stratifiers and group in race.codes:
        return coded(CDCREC, race.codes[group], label)
    return coded(f"{OWN}:stratifier:{stratifier}", group, label)


def absent(reason: str) -> Json:
    """The extension that says why a value is not there; `reason` is a code of HL7's data-absent-reason."""
    return {"extension": [{"url": DATA_ABSENT_REASON, "valueCode": reason}]}


class MeasureCodes:
    """What all reports of a measure share. `measure` is its row of the table `measures`."""

    def __init__(self, measure: Mapping[str, Any]) -> None:
        kind, measure_id = measure["kind"], measure["measure_id"]
        # Not of the definition: which release this is, and where the measure stands in a list.
        definition = {name: value for name, value in measure.items() if name not in ("release_id", "sort_order")}
        version = hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()[:12]
        self.canonical = f"{OWN}:measure:{measure_id}|{version}"
        self.title = coded(f"{OWN}:measure", measure_id, measure["title"])
        self.scoring = {
            "url": MEASURE_SCORING,
            "valueCodeableConcept": coded(f"{_TERMINOLOGY}/measure-scoring", _SCORING[kind]),
        }
        self.improvement = coded(f"{_TERMINOLOGY}/measure-improvement-notation", _IMPROVES_BY[measure["direction"]])
        # (what HL7 calls the population, the column that counts it)
        self.populations = tuple(
            (coded(f"{_TERMINOLOGY}/measure-population", code), column) for code, column in _POPULATIONS[kind]
        )
        self.unit: Json = {"unit": text(measure["unit"])} if measure["unit"] else {}
        ucum = _ucum(kind, measure["unit"] or "", measure["multiplier"], measure["denominator_unit"])
        if ucum:
            self.unit |= {"system": "http://unitsofmeasure.org", "code": ucum}


def _ucum(kind: str, unit: str, multiplier: float, denominator_unit: str) -> str | None:
    """The unit in UCUM, or None where it has none: per cent, or per so many years of patients' time."""
    if kind == "rate" and denominator_unit == "patient_months" and multiplier >= 12 and multiplier % 12 == 0:
        years = int(multiplier // 12)
        return "/a" if years == 1 else f"/({years}.a)"
    return "%" if unit.startswith("%") else None
