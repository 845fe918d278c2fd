"""Pulls a Child Opportunity Index file: z-scores of tracts, higher is better, one release and year at a time.

Layout: COI 3.0 of diversitydatakids.org, one row per tract and year; a copy without a year column is of one year.
"""

from __future__ import annotations

from orchestration.settings import Settings
from orchestration.settings_area import CoiFilesSource
from orchestration.sources import sql
from orchestration.sources.area_rows import AreaColumn, AreaTable, first_column, pull_index, tract_key
from orchestration.sources.landing import Progress
from orchestration.sources.raw_zone import PulledFile
from orchestration.sources.table_file import TableFile

_COLUMNS = {
    "overall": ("z_COI_nat", "coi"),
    "education": ("z_ED_nat", "coi_education"),
    "health": ("z_HE_nat", "coi_health_env"),
    "social": ("z_SE_nat", "coi_social_econ"),
}
_KEYS = {2010: ("geoid10", "census_tract_id_2010"), 2020: ("geoid20", "census_tract_id_2020")}


def pull(source: CoiFilesSource, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring the file into the raw zone unless it is there. Raises SourceError when it cannot be used as a whole."""
    return pull_index(source, settings, progress, _table)


def _table(source: CoiFilesSource, file: TableFile) -> AreaTable:
    key = tract_key(file, source.tract_column, _KEYS, source.tract_vintage)
    columns = []
    columns_of = {str(domain): column for domain, column in source.columns.items()}
    for domain in source.scores:
        named = columns_of.get(domain)
        found = first_column(file, (named,) if named else _COLUMNS[domain], f"the z-scores of {domain}")
        measure = "deprivation" if domain == source.deprivation else f"coi_{domain}"
        columns.append(AreaColumn(found, measure, "higher_is_better"))
    year = file.column("year")
    return AreaTable(
        key,
        source.tract_vintage,
        source.data_year,
        tuple(columns),
        f"COI {source.release}, {source.data_year}",
        key_sql=sql.area_key("k"),
        only=(year, str(source.data_year)) if year else None,
    )
