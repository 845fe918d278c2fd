"""Brings NDJSON files of FHIR resources into the raw zone, in the registry layout. How files come here is others' work.

A file is one extract per table that its resource type fills. What an extract holds also depends on other files (a
newer version, a deletion, the condition that an encounter points to), so the identity of each covers them as well.
"""

from __future__ import annotations

import hashlib
import shutil
from functools import partial

from orchestration.errors import SourceError
from orchestration.settings import Settings
from orchestration.settings_fhir import FhirReading
from orchestration.sources.fhir.conversion import FILLINGS, Conversion, rules
from orchestration.sources.fhir.export import NdjsonFile, NumberedFile, identity, numbered
from orchestration.sources.fhir.resources import TYPES
from orchestration.sources.landing import Progress, Task, land
from orchestration.sources.raw_zone import PulledFile, RawZone, zone_of

__all__ = ["NdjsonFile", "land_ndjson"]


def land_ndjson(
    source_name: str,
    files: list[NdjsonFile],
    settings: Settings,
    progress: Progress,
    reading: FhirReading | None = None,
) -> list[PulledFile]:
    """Make `files`, in export order, the whole content of the source: one entry per file and table.

    A newer version of a resource replaces older ones (by `meta.lastUpdated`, then by export), a deletion removes what
    earlier exports brought. Lines that cannot be read are set aside with their reason. Files of resource types that
    are not used are passed over. Raises SourceError when a file cannot be used as a whole, or no file has patients:
    then the active extracts are those of before.
    """
    reading = reading or FhirReading()
    unused = sorted({file.resource_type for file in files if file.resource_type not in TYPES and not file.is_deletion})
    if unused:
        progress(f"not used: {', '.join(unused)}")
    used = [file for file in files if file.resource_type in TYPES or file.is_deletion]
    if not any(file.resource_type == "Patient" and not file.is_deletion for file in used):
        raise SourceError(
            "a registry has Patient resources",
            where=source_name,
            found=", ".join(sorted({file.resource_type for file in used})) or "no file of a type that is used",
            remedy="export Patient as well",
        )
    zone = zone_of(settings.raw_dir, source_name)
    with zone.locked():
        return _land(zone, numbered(used), reading, progress)


def _land(zone: RawZone, files: list[NumberedFile], reading: FhirReading, progress: Progress) -> list[PulledFile]:
    # A name that the zone clears away when a pull was killed.
    folder = zone.root / "ndjson" / ".writing-stage"
    folder.mkdir(mode=0o700, parents=True)
    conversion = Conversion(folder, files, reading)
    try:
        return land(zone, _tasks(conversion, files, reading), "snapshot", progress)
    finally:
        conversion.close()
        shutil.rmtree(folder.parent)


def _tasks(conversion: Conversion, files: list[NumberedFile], reading: FhirReading) -> list[Task]:
    tasks = []
    for table, filling in FILLINGS.items():
        read = [each for each in files if each.file.is_deletion or each.file.resource_type in filling.reads]
        basis = identity(read, rules(reading, table))
        for each in files:
            if each.file.resource_type in filling.rows_of and not each.file.is_deletion:
                write = partial(conversion.write, table, each)
                own = hashlib.sha256(f"{basis} {each.file.label}".encode()).hexdigest()
                tasks.append(Task(table, each.file.path, each.file.label, write, mapping_sha256=own))
    return tasks
