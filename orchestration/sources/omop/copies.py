"""Copies of a database's tables in the raw zone, source-shaped: `raw/<source>/_tables/<table>/<content>.parquet`.

A copy is written aside and renamed to a name that its content decides, so that the same content is one file and a copy
is never changed. Patient data: folders are 0700, files 0400.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from orchestration.sources import sql
from orchestration.sources.content import sha256_of
from orchestration.sources.omop.cdm import CDM, CdmTable

_TABLES, _WRITING = "_tables", ".writing-"


def keep_copy(root: Path, table: str, write: Callable[[Path], None]) -> Path:
    """Let `write` make the Parquet file of `table` and give it its place below `root`, the zone of the source."""
    folder = root / _TABLES / table
    writing = root / _TABLES / f"{_WRITING}{table}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.parent.chmod(0o700)
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir(mode=0o700)
    try:
        path = writing / "data.parquet"
        write(path)
        path.chmod(0o400)
        target = folder / f"{sha256_of(path)[:16]}.parquet"
        os.replace(path, target)
    finally:
        shutil.rmtree(writing, ignore_errors=True)
    return target


def copied_columns(cdm: CdmTable, have: Iterable[str], extra: Iterable[str] = ()) -> dict[str, str]:
    """Which columns are copied (the CDM's that are read, their stand-ins, `extra`), to the database's names."""
    wanted = {*cdm.columns, *cdm.else_columns.values(), *(name.lower() for name in extra)}
    return {name.lower(): name for name in have if name.lower() in wanted}


def select_of(cdm: CdmTable, relation: str, columns: dict[str, str]) -> str:
    """The rows to copy, in a fixed order: the same content gives the same file. `relation` is quoted already."""
    items = ", ".join(f"{sql.name(own)} as {sql.name(name)}" for name, own in columns.items())
    wanted = f" where {cdm.wanted}" if cdm.wanted and set(cdm.needed) <= set(columns) else ""
    order = sql.name(cdm.key) if cdm.key in columns else ", ".join(str(place + 1) for place in range(len(columns)))
    return f"select * from (select {items} from {relation}) as copied{wanted} order by {order}"


def known_tables(names: Iterable[str]) -> dict[str, str]:
    """The CDM's tables among `names`, to the database's own spelling."""
    return {name.lower(): name for name in names if name.lower() in CDM}
