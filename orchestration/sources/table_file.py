"""One CSV, CSV.gz or Parquet file as a relation that SQL can select from, with its header checked beforehand.

In the relation a CSV column is text, a Parquet column keeps its type, and `_source_row` counts the data records from 1.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal, cast

import duckdb

from orchestration.errors import SourceError
from orchestration.sources import sql

SUFFIXES = (".csv", ".csv.gz", ".parquet")
_LONGEST_HEADER = 1 << 20


@dataclass(frozen=True)
class TableFile:
    """`columns`: names in file order, as they stand there; `types`: DuckDB's names of their types, in that order.

    `used`: the columns that are looked at, all when None. What stands in the others does not matter: a name with an
    accent in another encoding must not cost a person their place.
    """

    path: Path
    label: str
    format: Literal["csv", "parquet"]
    columns: tuple[str, ...]
    types: tuple[str, ...]
    delimiter: str = ","
    used: frozenset[str] | None = None

    def using(self, names: Iterable[str]) -> TableFile:
        """The same file, of which only these columns are looked at."""
        return replace(self, used=frozenset(names))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that can be named (their name stands once) and are looked at."""
        times = Counter(name.casefold() for name in self.columns)
        wanted = set(self.columns) if self.used is None else self.used
        return tuple(name for name in self.columns if times[name.casefold()] == 1 and name in wanted)

    @property
    def used_positions(self) -> frozenset[int]:
        """Where the columns that are looked at stand in a row, from 0."""
        return frozenset(self.columns.index(name) for name in self.names)

    def column(self, wanted: str) -> str | None:
        """The name in the file that equals `wanted` but for upper and lower case; None without one or with several."""
        matches = [name for name in self.columns if name.casefold() == wanted.casefold()]
        return matches[0] if len(matches) == 1 else None

    def relation(self) -> str:
        """A SELECT of `_source_row` and the columns in `names`."""
        if self.format == "csv":
            return self.csv_relation(self.path, compressed=is_gzip(self.path))
        rows = f"read_parquet({sql.file(self.path)}, file_row_number = true)"
        columns = "".join(f", {sql.name(name)}" for name in self.names)
        return f"select cast(file_row_number + 1 as bigint) as _source_row{columns} from {rows}"

    def csv_relation(self, path: Path, *, compressed: bool = False, placeholder: str | None = None) -> str:
        """The same out of a CSV file at `path`, read strictly; a record that begins with `placeholder` is left out.

        Columns are read by position: what a header says never decides how the file is read.
        """
        positions = [f"c{number}" for number in range(len(self.columns))]
        types = ", ".join(f"{position}: 'VARCHAR'" for position in positions)
        rows = (
            f"read_csv({sql.file(path)}, auto_detect = false, header = true, delim = {sql.text(self.delimiter)}, "
            f"""quote = '"', escape = '"', compression = '{"gzip" if compressed else "none"}', columns = {{{types}}})"""
        )
        named = "".join(f", {positions[self.columns.index(name)]} as {sql.name(name)}" for name in self.names)
        numbered = f"select cast(row_number() over () as bigint) as _source_row, * from {rows}"
        kept = "" if placeholder is None else f" where c0 is distinct from {sql.text(placeholder)}"
        return f"select _source_row{named} from ({numbered}){kept}"


def is_gzip(path: Path) -> bool:
    """Whether the name says that the file is compressed."""
    return path.name.lower().endswith(".gz")


def has_table_suffix(path: Path) -> bool:
    """Whether the name says that the file is one that can be read."""
    return path.name.lower().endswith(SUFFIXES)


def open_file(path: Path, label: str, *, delimiter: str = ",") -> TableFile:
    """The file at `path` with its header read. `label` names it in messages and in the raw zone.

    Raises SourceError when it is missing, closed to this user, empty, cut, of an unknown kind, or has no header.
    """
    if not path.is_file():
        raise SourceError("the file must exist", where=label, found="no such file", remedy=f"expected at {path}")
    if not os.access(path, os.R_OK):
        raise SourceError(
            "the file may be read", where=label, found="no right to", remedy="let the user that runs this read it"
        )
    if not has_table_suffix(path):
        raise SourceError(
            "a table is a .csv, .csv.gz or .parquet file",
            where=label,
            found=f"the suffix {path.suffix!r}",
            remedy="export it as one of these",
        )
    if path.stat().st_size == 0:
        raise SourceError(
            "a file has a header at least", where=label, found="0 bytes", remedy="export it again, or take it away"
        )
    if path.name.lower().endswith(".parquet"):
        return _open_parquet(path, label)
    columns = _csv_header(path, label, delimiter)
    return TableFile(path, label, "csv", columns, ("VARCHAR",) * len(columns), delimiter)


def _open_parquet(path: Path, label: str) -> TableFile:
    con = duckdb.connect()
    try:
        described = con.execute(f"describe select * from read_parquet({sql.file(path)})").fetchall()
    except duckdb.Error as error:
        raise SourceError(
            "a .parquet file is a whole Parquet file",
            where=label,
            found=f"it cannot be opened ({type(error).__name__})",
            remedy="export the file again; one that is cut lacks its last part, which says what is in it",
        ) from None
    finally:
        con.close()
    names, types = zip(*((row[0], row[1]) for row in described), strict=True)
    return TableFile(path, label, "parquet", names, types)


def open_binary(path: Path) -> BinaryIO:
    """The file's uncompressed bytes."""
    return cast(BinaryIO, gzip.open(path, "rb")) if is_gzip(path) else path.open("rb")


def _csv_header(path: Path, label: str, delimiter: str) -> tuple[str, ...]:
    with open_binary(path) as file:
        start = file.read(_LONGEST_HEADER)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise SourceError("a CSV file is UTF-8", where=label, found="UTF-16", remedy="export it as UTF-8")
    lines = (line.decode("utf-8") for line in start.removeprefix(codecs.BOM_UTF8).splitlines(keepends=True))
    try:
        header = next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True), [])
    except UnicodeDecodeError:
        raise SourceError(
            "a CSV file is UTF-8", where=label, found="a header that is not", remedy="export it as UTF-8"
        ) from None
    except csv.Error:
        header = []
    if not any(name.strip() for name in header):
        raise SourceError(
            "the first line of a CSV file names its columns",
            where=label,
            found="no names",
            remedy="export it with a header",
        )
    return tuple(name.strip() or f"column_{number}" for number, name in enumerate(header, start=1))
