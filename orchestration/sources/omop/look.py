"""What `equity doctor` says of an OMOP source: which tables are there and may be read. Reads headers, no row."""

from __future__ import annotations

from pathlib import Path

from orchestration.settings_omop import OmopSource
from orchestration.sources.omop import duckdb_file
from orchestration.sources.omop.plan import plan_readings
from orchestration.sources.omop.pull import cdm_file
from orchestration.sources.omop.tables import find_files


def look(source: OmopSource) -> tuple[str, tuple[str, ...]]:
    """Where the source is and which tables it has, and the plan's notes. Raises EquityError when a pull would."""
    if source.postgres is not None:
        from orchestration.sources.omop.postgres import readable_tables

        place, tables = source.postgres, readable_tables(source.postgres)
        where = f"{place.host}, database {place.database}, schema {place.cdm_schema}"
    else:
        path = source.path or Path()
        where = str(path)
        if duckdb_file.is_duckdb_file(path):
            tables = duckdb_file.readable_tables(source, path)
        else:
            files = find_files(path, source.name)
            for table, file in files.items():
                cdm_file(source, table, file).opened()
            tables = list(files)
    return f"{where}: {', '.join(sorted(tables))}", plan_readings(source, tables).notes
