"""Pulls a CDC/ATSDR SVI file: percentile ranks of tracts, -999 where there is none, direction and edition on each row.

Layout: the SVI documentation of 2024-05-21. Themes: 1 socioeconomic status, 2 household characteristics, 3 racial and
ethnic minority status, 4 housing type and transportation. The 2010 edition spells its columns `R_PL_…`.
"""

from __future__ import annotations

from orchestration.settings import Settings
from orchestration.settings_area import SviFilesSource
from orchestration.sources import sql
from orchestration.sources.area_rows import NOT_GIVEN, AreaColumn, AreaTable, first_column, pull_index
from orchestration.sources.landing import Progress
from orchestration.sources.raw_zone import PulledFile
from orchestration.sources.table_file import TableFile

_MISSING = {
    **NOT_GIVEN,
    **dict.fromkeys(("-999", "-999.0", "-999.00"), "the index has no rank for the tract (-999)"),
}


def pull(source: SviFilesSource, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring the file into the raw zone unless it is there. Raises SourceError when it cannot be used as a whole."""
    return pull_index(source, settings, progress, _table)


def _table(source: SviFilesSource, file: TableFile) -> AreaTable:
    release = f"SVI {source.data_year}, {source.ranking} ranking"
    columns = []
    for theme in source.scores:
        end = "THEMES" if theme == "overall" else theme.upper()
        found = first_column(file, (f"RPL_{end}", f"R_PL_{end}"), f"the ranks of {theme}")
        measure = "deprivation" if theme == source.deprivation else f"svi_{theme}"
        columns.append(AreaColumn(found, measure, "higher_is_worse", missing=_MISSING, bounds=(0, 1)))
    return AreaTable(
        source.tract_column,
        source.tract_vintage,
        source.data_year,
        tuple(columns),
        release,
        key_sql=sql.area_key("k"),
    )
