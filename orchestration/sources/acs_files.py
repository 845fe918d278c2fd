"""Pulls a table downloaded from the Census web site: a zip (or its CSV) with two header rows, codes and labels.

Tracts and counties are taken; Connecticut's must be keyed as in the year of the data (planning regions from 2022 on).
"""

from __future__ import annotations

import csv
import hashlib
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from orchestration.errors import SourceError
from orchestration.settings import Settings
from orchestration.settings_area import AcsColumn, AcsFilesSource
from orchestration.sources.acs_values import (
    ESTIMATE_SYMBOLS,
    EXACT_SYMBOLS,
    JAM_SHAPE,
    JAM_TEXTS,
    MARGIN_SYMBOLS,
    OPEN_INTERVAL,
    label_parts,
)
from orchestration.sources.area_rows import AreaColumn, AreaTable, pull_table, write_table
from orchestration.sources.landing import Progress, Written
from orchestration.sources.raw_zone import PulledFile
from orchestration.sources.table_file import TableFile, open_file

_KEY = "GEO_ID"
_KEY_SQL = "case when regexp_full_match(k, '1400000US[0-9]{11}|0500000US[0-9]{5}') then substr(k, 10) else k end"
_YEAR = re.compile(r"ACS[A-Z]{2}[135]Y(\d{4})\.")
_MOST_BYTES = 4 * 1024**3


def pull(source: AcsFilesSource, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring the download into the raw zone unless it is there. Rows are counted per area and measure.

    Raises SourceError when the file, or every row, cannot be used, and when a label is not the one in the settings.
    """
    rules = hashlib.sha256(source.model_dump_json(exclude={"path"}).encode()).hexdigest()
    return pull_table(source.name, source.path, rules, partial(_write, source), settings, progress)


def _write(source: AcsFilesSource, label: str, folder: Path) -> Written:
    path = folder / "data.csv"
    with _opened(source, label) as download:
        codes, labels = (_header(download, label) for _ in range(2))
        with path.open("wb") as target:
            target.write(",".join('"' + code.replace('"', '""') + '"' for code in codes).encode() + b"\n")
            shutil.copyfileobj(download, target, 1 << 20)
    found = dict(zip(codes, labels, strict=False))
    for column in source.columns:
        _require_label(column, found, label)
    file = open_file(path, label)
    written = write_table(file, _table(source, file), folder)
    path.unlink()
    return written


def look(source: AcsFilesSource) -> None:
    """Open the download and hold its year and labels against the settings. Raises SourceError when a pull would."""
    label = str(source.path)
    with _opened(source, label) as download:
        codes, labels = (_header(download, label) for _ in range(2))
    for column in source.columns:
        _require_label(column, dict(zip(codes, labels, strict=False)), label)


def _table(source: AcsFilesSource, file: TableFile) -> AreaTable:
    columns = tuple(
        AreaColumn(
            f"{column.column}E",
            column.measure,
            column.direction,
            column.category,
            missing={**ESTIMATE_SYMBOLS, **JAM_TEXTS},
            patterns={"[0-9,.]+[+-]": OPEN_INTERVAL, JAM_SHAPE: "code of the census:"},
            divisor=column.divisor,
            moe=f"{column.column}M" if file.column(f"{column.column}M") else None,
            no_moe=(*MARGIN_SYMBOLS, *(code for code in JAM_TEXTS if code not in EXACT_SYMBOLS)),
            exact=EXACT_SYMBOLS,
        )
        for column in source.columns
    )
    return AreaTable(
        _KEY,
        source.tract_vintage,
        source.year,
        columns,
        f"ACS {source.year}",
        key_sql=_KEY_SQL,
        year_of_geography=source.year,
        has_counties=True,
        cv_limit=source.cv_limit,
    )


@contextmanager
def _opened(source: AcsFilesSource, label: str) -> Iterator[IO[bytes]]:
    """The data file, out of the zip if it is one."""
    _require_year(source, source.path.name, label)
    if not source.path.name.lower().endswith(".zip"):
        with source.path.open("rb") as file:
            yield file
        return
    try:
        with zipfile.ZipFile(source.path) as archive:
            data = [info for info in archive.infolist() if info.filename.lower().endswith("-data.csv")]
            if len(data) != 1 or data[0].file_size > _MOST_BYTES:
                raise SourceError(
                    "a downloaded zip holds one …-Data.csv of at most 4 GiB",
                    where=label,
                    found=f"{len(data)} of them among {len(archive.namelist())} files",
                    remedy="download one table at a time",
                )
            _require_year(source, Path(data[0].filename).name, label)
            with archive.open(data[0]) as file:
                yield file
    except zipfile.BadZipFile:
        raise SourceError(
            "a .zip file is a whole zip", where=label, found="it is cut or damaged", remedy="download it again"
        ) from None


def _require_year(source: AcsFilesSource, name: str, label: str) -> None:
    said = _YEAR.search(name)
    if said and int(said[1]) != source.year:
        raise SourceError(
            f"the table is of {source.year}, as `year` says",
            where=label,
            found=f"it is called {said[0]}…",
            remedy="correct `year`, or name the right file",
        )


def _header(file: IO[bytes], label: str) -> list[str]:
    try:
        return next(csv.reader([file.readline(1 << 22).decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, csv.Error):
        raise SourceError(
            "a downloaded table begins with two header rows in UTF-8",
            where=label,
            found="a row that is not",
            remedy="download the table as CSV from the Census web site again",
        ) from None


def _require_label(column: AcsColumn, labels: dict[str, str], where: str) -> None:
    code = f"{column.column}E"
    found = labels.get(code)
    if found is None:
        known = sorted({name[:-1] for name in labels if name.endswith("E") and name.startswith(column.column[:5])})
        raise SourceError(
            f"the table has the column {code}",
            where=where,
            found=f"not so; it has {', '.join(known[:10]) or 'no column of that table'}",
            remedy="correct `column`, without its last letter",
        )
    if label_parts(found) != label_parts(column.label):
        raise SourceError(
            f"{code} is {column.label!r}",
            where=where,
            found=repr(found),
            remedy="lines move between vintages: find the label's column in this one",
        )
