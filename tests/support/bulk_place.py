"""A source of type `fhir_bulk` in a folder of its own, with a clock that nobody has to wait for."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration.settings import Settings
from orchestration.settings_fhir_bulk import FhirBulkSource
from orchestration.sources.fhir_bulk.kept import Export, KeptExports
from orchestration.sources.fhir_bulk.pull import fetch, kept_exports
from orchestration.sources.fhir_bulk.waiting import Clock
from tests.support.bulk_server.authorization import CLIENT_ID
from tests.support.bulk_server.jobs import Content
from tests.support.bulk_server.keys import RSA_ID, pem, rsa_key
from tests.support.bulk_server.server import BulkServer

PATIENTS = tuple(
    json.dumps({"resourceType": "Patient", "id": f"secret-{number}", "birthDate": "2012-03-04"}) for number in range(3)
)
CONDITIONS = tuple(json.dumps({"resourceType": "Condition", "id": f"secret-c{number}"}) for number in range(5))
CONTENT = Content((("Patient", PATIENTS[:2]), ("Patient", PATIENTS[2:]), ("Condition", CONDITIONS)))


@dataclass
class PatientClock:
    """Time that passes only while somebody sleeps. `slept`: the pauses, in seconds."""

    moment: dt.datetime = dt.datetime(2026, 7, 1, 8, 0, tzinfo=dt.UTC)
    slept: list[float] = field(default_factory=list)

    def now(self) -> dt.datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += dt.timedelta(seconds=seconds)

    @property
    def clock(self) -> Clock:
        return Clock(self.now, self.sleep)


@dataclass
class BulkPlace:
    """Where one source's exports are kept, and what its settings say besides address and key."""

    root: Path
    server: BulkServer
    time: PatientClock
    own: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    @property
    def source(self) -> FhirBulkSource:
        key_file = self.root / "key.pem"
        if not key_file.exists():
            key_file.write_text(pem(rsa_key()), encoding="utf-8")
        defaults: dict[str, Any] = {
            "name": "ehr",
            "base_url": self.server.base_url,
            "group_id": "t1d",
            "types": ("Condition", "Patient"),
        }
        if self.server.secure:
            defaults |= {"client_id": CLIENT_ID, "key_file": key_file, "key_id": RSA_ID}
        return FhirBulkSource.model_validate({**defaults, **self.own})

    @property
    def settings(self) -> Settings:
        return Settings(data_dir=self.root / "var", as_of=dt.date(2026, 6, 30), sources=(self.source,))

    @property
    def kept(self) -> KeptExports:
        return kept_exports(self.source, self.settings)

    def fetch(self) -> Export:
        """Complete one export and return it."""
        self.said.clear()
        with self.kept.locked():
            fetch(self.source, self.kept, self.said.append, self.time.clock)
        return self.kept.exports()[-1]

    def lines(self, export: Export) -> dict[str, list[str]]:
        """What was kept of an export, by resource type."""
        import gzip

        found: dict[str, list[str]] = {}
        for file in export.files:
            content = self.kept.path(export, file).read_bytes()
            text = gzip.decompress(content) if file.name.endswith(".gz") else content
            found.setdefault(file.resource_type, []).extend(text.decode().splitlines())
        return found

    def under_way(self) -> bool:
        return self.kept.files_dir.exists()


@contextmanager
def bulk_place(root: Path, *exports: Content, **options: Any) -> Iterator[BulkPlace]:
    """A server and a place to pull from it. In the end the server must not have seen anything against the standard."""
    time = PatientClock()
    with BulkServer(list(exports) or [CONTENT], now=time.now, **options) as server:
        assert isinstance(server, BulkServer)
        yield BulkPlace(root, server, time)
        assert server.violations == []
