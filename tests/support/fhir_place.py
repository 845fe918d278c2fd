"""A folder of small FHIR resources, and what a pull makes of them, for the tests of the FHIR sources."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration.settings import Settings
from orchestration.settings_fhir import FhirFilesSource
from orchestration.sources.pull import pull_source
from orchestration.sources.raw_zone import PulledFile
from tests.support.source_files import AS_OF, query

Resource = dict[str, Any]
CDCREC = "urn:oid:2.16.840.1.113883.6.238"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
LOINC, ICD10CM, SNOMED = "http://loinc.org", "http://hl7.org/fhir/sid/icd-10-cm", "http://snomed.info/sct"


@dataclass
class FhirPlace:
    """A folder of NDJSON files (`data`), its settings, and what was said during the last pull."""

    root: Path
    options: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        source = FhirFilesSource(name="ehr", path=self.root / "data", **self.options)
        return Settings(data_dir=self.root / "var", as_of=AS_OF, sources=(source,))

    def write(self, name: str, *resources: Resource | str, end: str = "\n") -> Path:
        """The resources as lines of a file; text is a line as it stands. Names that end in .gz are compressed."""
        path = self.root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [each if isinstance(each, str) else json.dumps(each) for each in resources]
        content = ("\n".join(lines) + (end if lines else "")).encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    def pull(self) -> list[PulledFile]:
        self.said.clear()
        return pull_source(self.settings.sources[0], self.settings, self.said.append)

    def rows(self, table: str, columns: str, *resources: Resource) -> list[tuple[Any, ...]]:
        """Write `resources` into files by their type, pull, and give the rows of `raw.<table>`."""
        by_type: dict[str, list[Resource]] = {}
        for resource in resources:
            by_type.setdefault(resource["resourceType"], []).append(resource)
        for kind, those in by_type.items():
            self.write(f"{kind}.ndjson", *those)
        self.pull()
        return self.ask(table, columns)

    def ask(self, table: str, columns: str) -> list[tuple[Any, ...]]:
        return query(self.settings, f"select {columns} from raw.{table} order by all")


def patient(patient_id: str = "p1", **elements: Any) -> Resource:
    return {"resourceType": "Patient", "id": patient_id, "birthDate": "2010-05-06", **elements}


def us_core(name: str, *said: tuple[str, str]) -> Resource:
    """A US Core race or ethnicity extension out of (ombCategory | detailed | text, code or text)."""
    parts: list[Resource] = []
    for url, value in said:
        is_text = url == "text"
        parts.append(
            {"url": url, "valueString": value}
            if is_text
            else {"url": url, "valueCoding": {"system": CDCREC, "code": value}}
        )
    return {"url": f"{US_CORE}us-core-{name}", "extension": parts}


def concept(*codings: tuple[str, str], text: str | None = None) -> Resource:
    found: Resource = {"coding": [{"system": system, "code": code} for system, code in codings]}
    return found if text is None else {**found, "text": text}


def reference(to: str) -> Resource:
    return {"reference": to}


def encounter(**elements: Any) -> Resource:
    base = {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": reference("Patient/p1"),
        "period": {"start": "2025-03-04T23:30:00-05:00", "end": "2025-03-05T01:00:00-05:00"},
    }
    return {**base, **elements}


def condition(**elements: Any) -> Resource:
    base = {
        "resourceType": "Condition",
        "id": "c1",
        "code": concept((ICD10CM, "E10.9")),
        "subject": reference("Patient/p1"),
        "onsetDateTime": "2020-02-03",
    }
    return {**base, **elements}


def observation(**elements: Any) -> Resource:
    base = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": concept((LOINC, "4548-4")),
        "subject": reference("Patient/p1"),
        "effectiveDateTime": "2025-06-07T08:00:00Z",
        "valueQuantity": {"value": 7.4, "unit": "%", "code": "%"},
    }
    return {**base, **elements}


def coverage(**elements: Any) -> Resource:
    base = {
        "resourceType": "Coverage",
        "id": "k1",
        "status": "active",
        "beneficiary": reference("Patient/p1"),
        "period": {"start": "2024-01-01", "end": "2024-12-31"},
    }
    return {**base, **elements}


def deletion(*urls: str) -> Resource:
    """A Bundle as bulk exports have it in the files of what was deleted."""
    entries = [{"request": {"method": "DELETE", "url": url}} for url in urls]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
