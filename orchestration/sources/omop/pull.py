"""Pulls an OMOP source: finds its tables, copies a database's into the raw zone first, lands one file per SELECT."""

from __future__ import annotations

import hashlib
from collections import Counter
from functools import partial
from pathlib import Path

from orchestration.settings import Settings
from orchestration.settings_omop import OmopSource
from orchestration.sources.landing import Progress, Task, land
from orchestration.sources.omop import duckdb_file
from orchestration.sources.omop.cdm import CDM
from orchestration.sources.omop.plan import plan_readings
from orchestration.sources.omop.reading import Reading
from orchestration.sources.omop.tables import find_files
from orchestration.sources.omop.write import CdmFile, write_reading
from orchestration.sources.raw_zone import PulledFile, zone_of

# Raise it when the meaning of a column changes in a way that the SELECTs' own text does not show.
_RULES_VERSION = 1


def pull(source: OmopSource, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring the source's tables into the raw zone in the registry layout; what is there already is skipped.

    One entry per OMOP table and table of the layout. Rows that cannot be read are set aside with their reason. Raises
    SourceError or SettingsError when something cannot be used as a whole: then what was active before stays active.
    """
    zone = zone_of(settings.raw_dir, source.name)
    with zone.locked():
        paths = _paths(source, zone.root, progress)
        plan = plan_readings(source, paths)
        for note in plan.notes:
            progress(f"warning: {note}")
        return land(zone, _tasks(source, plan.readings, paths), "snapshot", progress)


def _paths(source: OmopSource, root: Path, progress: Progress) -> dict[str, Path]:
    """The file of each OMOP table: those of the folder, or copies of a database's tables in the raw zone."""
    if source.postgres is not None:
        from orchestration.sources.omop import postgres

        return postgres.copy_tables(source, source.postgres, root, progress)
    path = source.path or Path()
    if duckdb_file.is_duckdb_file(path):
        return duckdb_file.copy_tables(source, path, root, progress)
    return find_files(path, source.name)


def _tasks(source: OmopSource, readings: tuple[Reading, ...], paths: dict[str, Path]) -> list[Task]:
    mains = {reading.main for reading in readings}
    files = {table: cdm_file(source, table, path, table in mains) for table, path in paths.items()}
    times: Counter[tuple[str, str]] = Counter()
    tasks = []
    for reading in readings:
        main = files[reading.main]
        looked_up = {table: files[table] for table in reading.looks_up if table in files}
        times[reading.table.name, reading.main] += 1
        number = times[reading.table.name, reading.main]
        rules = [_RULES_VERSION, reading.select, dict(reading.looks_up), repr(sorted(CDM.items()))]
        tasks.append(
            Task(
                reading.table.name,
                main.path,
                f"{main.label}#{number}" if number > 1 else main.label,
                partial(write_reading, reading, main, looked_up),
                number,
                hashlib.sha256(repr(rules).encode()).hexdigest(),
                {table: file.path for table, file in looked_up.items()},
            )
        )
    return tasks


def cdm_file(source: OmopSource, table: str, path: Path, is_read: bool = False) -> CdmFile:
    """The file of a table, with the column beyond the CDM's that the settings name."""
    extra = (source.location_tract_column,) if table == "location" and source.location_tract_column else ()
    # A copy's name is its content's; the table's name says more.
    name = path.name if path.parent == source.path else table
    return CdmFile(table, path, f"{source.name}/{name}", is_read, extra)
