"""Pulls a tract-level table into `tract_measures`: one row per tract and declared measure, the tract key as text."""

from __future__ import annotations

import hashlib
from functools import partial

from orchestration.errors import SettingsError
from orchestration.settings import AreaFilesSource, Settings
from orchestration.sources.acs_values import JAM_SHAPE, JAM_TEXTS
from orchestration.sources.area_rows import AreaColumn, AreaTable, pull_table, write_file
from orchestration.sources.landing import Progress
from orchestration.sources.raw_zone import PulledFile


def pull(source: AreaFilesSource, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring one area file into the raw zone unless it is there already. Rows are counted per tract and measure.

    Raises SourceError when the file, or every row, cannot be used; SettingsError when a measure is declared twice.
    """
    declared = [(measure.measure, measure.category or "") for measure in source.measures]
    twice = [name for name, category in declared if declared.count((name, category)) > 1]
    if twice or not declared:
        raise SettingsError(
            "an area source declares each measure once, and one at least",
            where=f"source {source.name}, measures",
            found=f"{twice[0]} twice" if twice else "none",
            remedy="name each measure's column once; a second file is a source of its own",
        )
    rules = source.model_dump_json(include={"tract_column", "tract_vintage", "data_year", "measures"})
    rules_sha256 = hashlib.sha256(rules.encode()).hexdigest()
    table = _table(source)
    write = partial(write_file, source.path, lambda _: table)
    return pull_table(source.name, source.path, rules_sha256, write, settings, progress)


def _table(source: AreaFilesSource) -> AreaTable:
    columns = tuple(
        AreaColumn(
            column=measure.column,
            measure=measure.measure,
            direction=measure.direction,
            category=measure.category or "",
            missing={**JAM_TEXTS, **dict.fromkeys(measure.missing_tokens, "not given in the file")},
            patterns={JAM_SHAPE: "code of the census:"},
            divisor=measure.divisor,
        )
        for measure in source.measures
    )
    return AreaTable(source.tract_column, source.tract_vintage, source.data_year, columns)
