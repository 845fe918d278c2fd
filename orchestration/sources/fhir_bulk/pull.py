"""Pulls an EHR through FHIR Bulk Data: one export more, then all kept exports are landed in their order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from orchestration.settings import Settings
from orchestration.settings_fhir_bulk import FhirBulkSource
from orchestration.sources.fhir.ndjson import NdjsonFile, land_ndjson
from orchestration.sources.fhir_bulk.export import Exporter, last_full
from orchestration.sources.fhir_bulk.kept import EXPORTS, KeptExports
from orchestration.sources.fhir_bulk.keys import load_key
from orchestration.sources.fhir_bulk.manifest import instant
from orchestration.sources.fhir_bulk.smart import BackendTokens, discover
from orchestration.sources.fhir_bulk.transport import Transport
from orchestration.sources.fhir_bulk.waiting import SYSTEM_CLOCK, Clock
from orchestration.sources.landing import Progress
from orchestration.sources.raw_zone import PulledFile


def pull(
    source: FhirBulkSource, settings: Settings, progress: Progress, clock: Clock = SYSTEM_CLOCK
) -> list[PulledFile]:
    """Complete one export and land it after those before it, from the last export of everything on.

    Downloads are kept unchanged below `raw/<source>/_exports`. A pull that ends early leaves the active extracts as
    they were, and the next one goes on from there. Raises SourceError or SettingsError.
    """
    kept = kept_exports(source, settings)
    with kept.locked():
        fetch(source, kept, progress, clock)
        return land_ndjson(source.name, _files(source, kept), settings, progress, source)


def kept_exports(source: FhirBulkSource, settings: Settings) -> KeptExports:
    """The exports of a source in the raw zone."""
    return KeptExports(settings.raw_dir / source.name / EXPORTS)


def fetch(source: FhirBulkSource, kept: KeptExports, progress: Progress, clock: Clock = SYSTEM_CLOCK) -> None:
    """Complete one export more; `kept` must be locked. Raises SourceError or SettingsError."""
    kept.finish()
    with connected(source, clock) as transport:
        exporter = Exporter(source, kept, transport, progress)
        exporter.run()
        exporter.clear_up()


@contextmanager
def connected(source: FhirBulkSource, clock: Clock) -> Iterator[Transport]:
    """A connection to the source's server, with tokens where the settings name a client.

    Raises SettingsError when the key cannot be used, SourceError when the server does not say where tokens come from.
    """
    key = load_key(source) if source.client_id is not None else None
    with Transport(source.base_url, clock, ca_file=source.ca_file, proxy=source.proxy) as transport:
        if key is not None and source.client_id is not None:
            server = discover(transport, source.base_url, source.token_url)
            transport.tokens = BackendTokens(transport, server, source.client_id, key, source.types, source.scopes)
        yield transport


def _files(source: FhirBulkSource, kept: KeptExports) -> list[NdjsonFile]:
    return [
        NdjsonFile(
            resource_type=file.resource_type,
            path=kept.path(export, file),
            label=f"{source.name}/{export.export_id}/{file.name}",
            exported_at=instant(export.transaction_time),
            is_deletion=file.kind == "deleted",
        )
        for export in last_full(kept.exports())
        for file in export.files
        if file.kind != "outcome"
    ]
