"""Pulls any source by its type. Only dispatch belongs here."""

from __future__ import annotations

from orchestration import settings_area as area
from orchestration.settings import IdentityMapSource, RegistryFilesSource, Settings, Source
from orchestration.settings_fhir import FhirFilesSource
from orchestration.settings_fhir_bulk import FhirBulkSource
from orchestration.settings_omop import OmopSource, SyntheaSource
from orchestration.sources import (
    acs_files,
    adi_files,
    area_files,
    census_acs,
    coi_files,
    dep_index_files,
    fhir_files,
    geocode_files,
    identity_map,
    registry_files,
    svi_files,
    tract_crosswalk,
)
from orchestration.sources.landing import Progress
from orchestration.sources.layout import ADDRESSES, IDENTITY_MAP, REGISTRY, TRACT_CROSSWALK, TRACT_MEASURES, Table
from orchestration.sources.omop import pull as omop
from orchestration.sources.raw_zone import PulledFile, zone_of
from orchestration.sources.synthea import as_registry_files


def tables_of_source(source: Source) -> tuple[Table, ...]:
    """The tables that a source of this type can have."""
    if source.type == "area_files" or isinstance(source, area.AREA_SOURCES):
        return (TRACT_MEASURES,)
    if isinstance(source, IdentityMapSource):
        return (IDENTITY_MAP,)
    if isinstance(source, area.TractCrosswalkSource):
        return (TRACT_CROSSWALK,)
    if isinstance(source, area.GeocodeFilesSource):
        return (ADDRESSES,)
    return tuple(REGISTRY.values())


def pull_source(source: Source, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring one source's files into the raw zone: one entry per file and table. `progress` gets a line for each.

    Raises SourceError or SettingsError when something cannot be used as a whole; what was active before stays active.
    """
    pulled = _pull(source, settings, progress)
    zone_of(settings.raw_dir, source.name).record_settings(source)
    return pulled


def _pull(source: Source, settings: Settings, progress: Progress) -> list[PulledFile]:
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
    if isinstance(source, area.CensusAcsSource):
        return census_acs.pull(source, settings, progress)
    if isinstance(source, area.AcsFilesSource):
        return acs_files.pull(source, settings, progress)
    if isinstance(source, area.SviFilesSource):
        return svi_files.pull(source, settings, progress)
    if isinstance(source, area.AdiFilesSource):
        return adi_files.pull(source, settings, progress)
    if isinstance(source, area.CoiFilesSource):
        return coi_files.pull(source, settings, progress)
    if isinstance(source, area.DepIndexFilesSource):
        return dep_index_files.pull(source, settings, progress)
    if isinstance(source, area.TractCrosswalkSource):
        return tract_crosswalk.pull(source, settings, progress)
    if isinstance(source, area.GeocodeFilesSource):
        return geocode_files.pull(source, settings, progress)
    return area_files.pull(source, settings, progress)
