"""Pulls an EHR registry from CSV, CSV.gz or Parquet files, in the registry layout or through a mapping file."""

from __future__ import annotations

from functools import partial

from orchestration.settings import RegistryFilesSource, Settings
from orchestration.sources.landing import Progress, Task, land
from orchestration.sources.layout_rows import require_layout, write_layout
from orchestration.sources.mapped_rows import require_mapping, write_mapped
from orchestration.sources.mapping import MappingFile, load_mapping
from orchestration.sources.raw_zone import PulledFile, zone_of
from orchestration.sources.registry_plan import Plan, PlannedFile, plan_layout, plan_mapping


def pull(source: RegistryFilesSource, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring the registry's files into the raw zone; files whose content is there already are skipped.

    One entry per file and table. Rows that cannot be read are set aside with their reason. Raises SourceError or
    SettingsError when a file or the mapping cannot be used as a whole: then the active extracts are those of before.
    """
    plan, mapping = _plan(source)
    for note in plan.notes:
        progress(f"warning: {note}")
    tasks = [_task(source, mapping, file) for file in plan.files]
    zone = zone_of(settings.raw_dir, source.name)
    with zone.locked():
        return land(zone, tasks, source.mode, progress)


def look(source: RegistryFilesSource) -> Plan:
    """The plan of a pull, when every file has the columns that it needs. Reads headers; raises what a pull would."""
    plan, mapping = _plan(source)
    for file in plan.files:
        if mapping is None or file.mapped is None or source.mapping is None:
            require_layout(file.table, file.path, file.label)
        else:
            require_mapping(file, file.mapped, mapping, source.mapping)
    return plan


def _plan(source: RegistryFilesSource) -> tuple[Plan, MappingFile | None]:
    mapping = load_mapping(source.mapping) if source.mapping else None
    return plan_layout(source) if mapping is None else plan_mapping(source, mapping), mapping


def _task(source: RegistryFilesSource, mapping: MappingFile | None, file: PlannedFile) -> Task:
    if mapping is None or file.mapped is None or source.mapping is None:
        return Task(file.table.name, file.path, file.label, partial(write_layout, file.table, file.path, file.label))
    return Task(
        file.table.name,
        file.path,
        file.label,
        partial(write_mapped, file, file.mapped, mapping, source.mapping),
        file.number,
        mapping.part_sha256(file.mapped.part, file.mapped.constants),
        file.mapped.joined,
    )
