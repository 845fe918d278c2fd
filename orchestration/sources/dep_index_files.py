"""Pulls Brokamp's deprivation index: 0 to 1, higher is worse, and the fractions of people that it is made of.

Editions differ: those of 2015 and 2018 count people without health insurance, that of 2023 people with it. The value
stays as the file has it, and its direction follows the column.
"""

from __future__ import annotations

from orchestration.errors import SourceError
from orchestration.settings import Settings
from orchestration.settings_area import DepIndexFilesSource
from orchestration.sources import sql
from orchestration.sources.area_rows import AreaColumn, AreaTable, pull_index, tract_key
from orchestration.sources.landing import Progress
from orchestration.sources.raw_zone import PulledFile
from orchestration.sources.table_file import TableFile

_WORSE, _BETTER = "higher_is_worse", "higher_is_better"
_SHARE = (0.0, 1.0)
# (columns of the editions, measure in the raw zone, direction, bounds), the first found counts.
_PARTS: dict[str, tuple[tuple[tuple[str, ...], str, str, tuple[float, float] | None], ...]] = {
    "dep_index": ((("dep_index",), "dep_index", _WORSE, _SHARE),),
    "poverty": (
        (("fraction_poverty", "dep_index_fraction_poverty"), "dep_index_poverty", _WORSE, _SHARE),
    ),
    "assisted_income": (
        (("fraction_assisted_income", "dep_index_fraction_snap"), "dep_index_assisted_income", _WORSE, _SHARE),
    ),
    "high_school": (
        (("fraction_high_school_edu", "dep_index_fraction_hs"), "dep_index_high_school", _BETTER, _SHARE),
    ),
    "median_income": ((("median_income", "dep_index_median_income"), "dep_index_median_income", _BETTER, None),),
    "uninsured": (
        (("fraction_no_health_ins", "dep_index_fraction_no_health_ins"), "dep_index_uninsured", _WORSE, _SHARE),
        (("fraction_insured", "dep_index_fraction_insured"), "dep_index_insured", _BETTER, _SHARE),
    ),
    "vacant": (
        (("fraction_vacant_housing", "dep_index_fraction_vacant"), "dep_index_vacant", _WORSE, _SHARE),
    ),
}  # fmt: skip
_KEYS = {
    2010: ("census_tract_id_2010", "census_tract_fips", "census_tract_id", "geoid"),
    2020: ("census_tract_id_2020", "census_tract_id", "geoid"),
}


def pull(source: DepIndexFilesSource, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring the file into the raw zone unless it is there. Raises SourceError when it cannot be used as a whole."""
    return pull_index(source, settings, progress, _table)


def _table(source: DepIndexFilesSource, file: TableFile) -> AreaTable:
    key = tract_key(file, source.tract_column, _KEYS, source.tract_vintage)
    columns = []
    for part in source.scores:
        column, measure, direction, bounds = _found(file, part)
        measure = "deprivation" if part == source.deprivation else measure
        columns.append(AreaColumn(column, measure, direction, bounds=bounds))
    release = f"deprivation index {source.data_year}"
    return AreaTable(key, source.tract_vintage, source.data_year, tuple(columns), release, key_sql=sql.area_key("k"))


def _found(file: TableFile, part: str) -> tuple[str, str, str, tuple[float, float] | None]:
    for names, measure, direction, bounds in _PARTS[part]:
        for name in names:
            column = file.column(name)
            if column is not None:
                return column, measure, direction, bounds
    raise SourceError(
        f"the file has the index's part {part}",
        where=file.label,
        found=f"no column for it among: {', '.join(file.columns[:30])}",
        remedy="take it out of `also`, or see that this is the tract file of the index",
    )
