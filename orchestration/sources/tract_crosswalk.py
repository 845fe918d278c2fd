"""Pulls a crosswalk between tracts of two censuses: weights as supplied, or made from a Census relationship file.

A weight is the share of a from-tract that lies in a to-tract. Shares by land area are crude: people are not spread
evenly over land. Weights by people need a column with the people of each part.
"""

from __future__ import annotations

import hashlib
import shutil
from functools import partial
from pathlib import Path

import duckdb

from orchestration.errors import SourceError
from orchestration.settings import Settings
from orchestration.settings_area import TractCrosswalkSource
from orchestration.sources import sql
from orchestration.sources.area_rows import require_column
from orchestration.sources.landing import Progress, Task, Written, land
from orchestration.sources.layout import TRACT_CROSSWALK
from orchestration.sources.raw_zone import DATA, PulledFile, zone_of
from orchestration.sources.reading import ReadFailed, connect, count, opened, remarks, unreadable, use_rows

_TOLERANCE = 1e-9
_WATER = "AREAWATER_PART"


def pull(source: TractCrosswalkSource, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring the crosswalk into the raw zone unless it is there.

    Raises SourceError unless every row can be used and each from-tract's weights sum to 1 (within 1e-9): with less,
    people would be lost on the way, with more, made.
    """
    label = f"{source.name}/{source.path.name}"
    rules = hashlib.sha256(source.model_dump_json(exclude={"path"}).encode()).hexdigest()
    task = Task(TRACT_CROSSWALK.name, source.path, label, partial(_write, source, label), mapping_sha256=rules)
    zone = zone_of(settings.raw_dir, source.name)
    with zone.locked():
        return land(zone, [task], "snapshot", progress)


def _write(source: TractCrosswalkSource, label: str, folder: Path) -> Written:
    # A relationship file is called .txt and has pipes.
    copied = folder / "crosswalk.csv"
    is_text = source.path.suffix.lower() == ".txt"
    if is_text:
        shutil.copyfile(source.path, copied)
    with source.path.open("rb") as start:
        delimiter = "|" if b"|" in start.readline(1 << 16) else ","
    file = opened(copied if is_text else source.path, label, delimiter)
    is_relationship = source.form == "relationship"
    names = [
        source.from_column or (f"GEOID_TRACT_{source.from_vintage % 100}" if is_relationship else "from_geoid"),
        source.to_column or (f"GEOID_TRACT_{source.to_vintage % 100}" if is_relationship else "to_geoid"),
        *{"weights": [source.weight_column], "relationship": [source.part_column], "one_to_one": []}[source.form],
    ]
    own = [require_column(file, name, "the crosswalk's columns") for name in names]
    water = file.column(_WATER) if is_relationship else None
    file = file.using([*own, *([water] if water else [])])
    con = connect(folder)

    def use(relation: str) -> None:
        size = f"try_cast({_text(own[2])} as double)" if len(own) > 2 else "1.0"
        wet = f"try_cast({_text(water)} as double)" if water else "0.0"
        con.execute(
            f"""create or replace temp table parts as
            select _source_row, {_text(own[0])} as from_geoid, {_text(own[1])} as to_geoid, {size} as size, {wet} as wet
            from ({relation})"""
        )

    try:
        unread = use_rows(con, file, folder, use)
        if unread:
            raise _refused(label, "every row can be read", f"row {unread[0][0]}: {unread[0][1]}")
        _require_sound(con, label)
        con.execute(f"create temp table weighted as {_weighted(source)}")
        _require_conserved(con, label)
        columns = ", ".join(column.name for column in TRACT_CROSSWALK.columns)
        rows = f"select {columns}, _source_row from weighted order by _source_row"
        con.execute(f"copy ({rows}) to {sql.text(str((folder / DATA).absolute()))} (format parquet)")
        n_rows = count(con, "weighted")
    except ReadFailed as error:
        raise unreadable(file, error.error_type) from None
    finally:
        con.close()
        copied.unlink(missing_ok=True)
    types = {column.name: column.type for column in TRACT_CROSSWALK.columns}
    notes = remarks(file, n_rows) if not is_text else ()
    return Written({**types, "_source_row": "BIGINT"}, n_rows, notes=notes)


def _weighted(source: TractCrosswalkSource) -> str:
    if source.form != "relationship":
        weight, part, basis = "size", "cast(null as double)", "supplied"
    else:
        # A tract without land (or people) is shared out by its water, so that it is not lost; its size stays 0.
        part, basis = "size", source.part_is
        dry = "sum(size) over tract"
        weight = f"""case when {dry} > 0 then size / {dry}
            when sum(wet) over tract > 0 then wet / sum(wet) over tract else 1.0 / count(*) over tract end"""
    return f"""
        select _source_row, from_geoid, cast({source.from_vintage} as integer) as from_vintage,
            to_geoid, cast({source.to_vintage} as integer) as to_vintage,
            {weight} as weight, {part} as part_size, {sql.text(basis)} as basis
        from parts window tract as (partition by from_geoid)
    """


def _require_sound(con: duckdb.DuckDBPyConnection, label: str) -> None:
    bad = con.execute(
        """select _source_row, case
            when not coalesce(regexp_full_match(from_geoid, '[0-9]{11}'), false) then 'the from-tract has no 11 digits'
            when not coalesce(regexp_full_match(to_geoid, '[0-9]{11}'), false) then 'the to-tract has no 11 digits'
            when not coalesce(isfinite(size) and size >= 0 and wet >= 0, false)
            then 'the weight or size is no number from 0 up'
            when count(*) over (partition by from_geoid, to_geoid) > 1 then 'the pair of tracts stands twice'
        end as reason
        from parts qualify reason is not null order by 1 limit 1"""
    ).fetchone()
    if bad is not None:
        raise _refused(label, "every row is a pair of tracts with its weight or size", f"row {bad[0]}: {bad[1]}")


def _require_conserved(con: duckdb.DuckDBPyConnection, label: str) -> None:
    wrong = con.execute(
        f"""select from_geoid, sum(weight) as total, count(*) over () as n from weighted
        group by from_geoid having not abs(sum(weight) - 1) <= {_TOLERANCE} order by 1 limit 1"""
    ).fetchone()
    if wrong is not None:
        found = f"{wrong[1]:.12g} for the tract {wrong[0]}" + (f", and {wrong[2] - 1:,} more" if wrong[2] > 1 else "")
        raise _refused(label, "the weights of each from-tract sum to 1, within 1e-9", found)


def _refused(label: str, rule: str, found: str) -> SourceError:
    return SourceError(rule, where=label, found=found, remedy="correct the crosswalk; none of it was taken")


def _text(name: str) -> str:
    return f"trim(cast({sql.name(name)} as varchar))"
