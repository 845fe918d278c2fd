"""Pulls the identity map: which records of which sources are one person. What it says is judged in the warehouse."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from orchestration.errors import SourceError
from orchestration.settings import IdentityMapSource, Settings
from orchestration.sources import sql
from orchestration.sources.landing import Progress, Task, Written, land
from orchestration.sources.layout import IDENTITY_MAP
from orchestration.sources.raw_zone import DATA, PulledFile, zone_of
from orchestration.sources.reading import ReadFailed, connect, copy_rows, count, opened, unreadable
from orchestration.sources.table_file import TableFile

HEADER = {"record_source": "source_name", "patient_id": "patient_id", "person_id": "person_id"}


def pull(source: IdentityMapSource, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring the map into the raw zone unless it is there already.

    Raises SourceError when the file cannot be used as a whole, or gives one record to two people.
    """
    label = f"{source.name}/{source.path.name}"
    others = [other for other in settings.sources if other.name != source.name]
    if not others:
        raise SourceError(
            "an identity map is about the records of other sources",
            where=label,
            found="no other source in the settings",
            remedy="name them, or take the map away",
        )
    task = Task(IDENTITY_MAP.name, source.path, label, partial(_write, source.path, label))
    zone = zone_of(settings.raw_dir, source.name)
    with zone.locked():
        return land(zone, [task], "snapshot", progress)


def _write(path: Path, label: str, folder: Path) -> Written:
    file = opened(path, label)
    columns = {name: own_column(file, wanted) for name, wanted in HEADER.items()}
    # Identifiers are text: 007 is not 7.
    items = ", ".join(f"cast({sql.name(own)} as varchar) as {name}" for name, own in columns.items())
    con = connect(folder)
    try:
        written = copy_rows(
            con,
            file.using(columns.values()),
            folder,
            lambda relation: f"select {items}, _source_row from ({relation})",
        )
        conflicts = count(
            con,
            "(select 1 from (select trim(record_source) as s, trim(patient_id) as p, trim(person_id) as person "
            f"from read_parquet({sql.file(folder / DATA)})) where person <> '' group by s, p "
            "having count(distinct person) > 1)",
        )
    except ReadFailed as error:
        raise unreadable(file, error.error_type) from None
    finally:
        con.close()
    if conflicts:
        raise SourceError(
            "the identity map gives a record to one person",
            where=label,
            found=f"{conflicts:,} record(s) that it gives to several",
            remedy="correct the map: nobody here can tell which is right",
        )
    return written


def own_column(file: TableFile, wanted: str) -> str:
    """What the file calls the column. Raises SourceError without it."""
    found = file.column(wanted)
    if found is None:
        raise SourceError(
            f"the identity map has the column {wanted}, once",
            where=file.label,
            found=f"not so among its {len(file.columns)} columns",
            remedy="give it the columns source_name, patient_id and person_id",
        )
    return found
