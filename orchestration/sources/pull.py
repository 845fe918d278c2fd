"""Pulls any source by its type. Only dispatch belongs here."""

from __future__ import annotations

from orchestration.settings import IdentityMapSource, RegistryFilesSource, Settings, Source
from orchestration.settings_fhir import FhirFilesSource
from orchestration.settings_fhir_bulk import FhirBulkSource
from orchestration.settings_omop import OmopSource, SyntheaSource
from orchestration.sources import area_files, fhir_files, identity_map, registry_files
from orchestration.sources.landing import Progress
from orchestration.sources.omop import pull as omop
from orchestration.sources.raw_zone import PulledFile
from orchestration.sources.synthea import as_registry_files


def pull_source(source: Source, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring one source's files into the raw zone: one entry per file and table. `progress` gets a line for each.

    Raises SourceError or SettingsError when something cannot be used as a whole; what was active before stays active.
    """
    if isinstance(source, RegistryFilesSource):
        return registry_files.pull(source, settings, progress)
    if isinstance(source, FhirBulkSource):
        # HTTP and signatures take a while to import, and most runs need neither.
        from orchestration.sources.fhir_bulk import pull as fhir_bulk

        return fhir_bulk.pull(source, settings, progress)
    if isinstance(source, FhirFilesSource):
        return fhir_files.pull(source, settings, progress)
    if isinstance(source, SyntheaSource):
        return registry_files.pull(as_registry_files(source), settings, progress)
    if isinstance(source, OmopSource):
        return omop.pull(source, settings, progress)
    if isinstance(source, IdentityMapSource):
        return identity_map.pull(source, settings, progress)
    return area_files.pull(source, settings, progress)
