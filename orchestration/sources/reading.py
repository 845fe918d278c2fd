"""Reads a file's rows into SQL: strictly first, row by row when that fails, so that only what is bad is set aside."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import duckdb

from orchestration.errors import SourceError
from orchestration.sources import sql
from orchestration.sources.content import require_whole_gzip
from orchestration.sources.csv_rows import separate
from orchestration.sources.landing import Written
from orchestration.sources.raw_zone import DATA
from orchestration.sources.table_file import TableFile, is_gzip, open_binary, open_file

_CLEAN, _SPILL = "clean.csv", "spill"


class ReadFailed(Exception):
    """A statement over readable rows, those of `relation`, failed. DuckDB's words may hold values and are dropped."""

    def __init__(self, relation: str, error: duckdb.Error) -> None:
        """`error` gives its type and nothing else."""
        self.relation, self.error_type = relation, type(error).__name__
        super().__init__(self.error_type)


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB in memory; what does not fit goes into the extract's own closed folder, not where the run was started."""
    return duckdb.connect(config={"temp_directory": str((folder / _SPILL).absolute())})


def opened(path: Path, label: str, delimiter: str = ",") -> TableFile:
    """The file with its header read, known to be whole as far as its format can tell. Raises SourceError."""
    if is_gzip(path) and path.is_file():
        require_whole_gzip(path, label)
    return open_file(path, label, delimiter=delimiter)


def use_rows(
    con: duckdb.DuckDBPyConnection, file: TableFile, folder: Path, use: Callable[[str], None]
) -> list[tuple[int, str]]:
    """Call `use` with the relation that holds the file's rows. It may be called twice, and then replaces what it did.

    Returns (row number, reason) of each row that cannot be read. Raises ReadFailed.
    """
    try:
        use(file.relation())
        return []
    except duckdb.Error as error:
        if file.format == "parquet":
            raise ReadFailed(file.relation(), error) from None
    clean, placeholder = folder / _CLEAN, secrets.token_hex(8)
    with open_binary(file.path) as source, clean.open("wb") as target:
        separated = separate(
            source,
            target,
            columns=len(file.columns),
            used=file.used_positions,
            delimiter=file.delimiter,
            placeholder=placeholder,
        )
    relation = file.csv_relation(clean, placeholder=placeholder)
    try:
        use(relation)
    except duckdb.Error as error:
        raise ReadFailed(relation, error) from None
    clean.unlink()
    return separated.rejects


def copy_rows(
    con: duckdb.DuckDBPyConnection,
    file: TableFile,
    folder: Path,
    select: Callable[[str], str],
    *,
    leaves_out: bool = False,
    notes: tuple[str, ...] = (),
) -> Written:
    """Write `select` of the rows as the extract's data. `leaves_out`: it need not take every row. Raises ReadFailed."""
    target = folder / DATA
    read = 0

    def use(relation: str) -> None:
        nonlocal read
        con.execute(f"copy ({select(relation)}) to {sql.text(str(target.absolute()))} (format parquet)")
        read = count(con, f"({relation})") if leaves_out else 0

    rejects = use_rows(con, file, folder, use)
    data = f"read_parquet({sql.file(target)})"
    pulled = count(con, data)
    columns = {row[0]: row[1] for row in con.execute(f"describe select * from {data}").fetchall()}
    read = max(read, pulled)
    return Written(columns, pulled, rejects, read - pulled, (*notes, *remarks(file, read + len(rejects))))


def remarks(file: TableFile, rows: int) -> tuple[str, ...]:
    """What is odd about a file with so many rows, though it can be read."""
    if rows == 0:
        return ("it has no rows",)
    if file.format == "csv" and not is_gzip(file.path):
        with file.path.open("rb") as content:
            content.seek(-1, 2)
            if content.read(1) not in b"\r\n":
                return ("its last line has no line end; if the file was cut there, its last value is short",)
    return ()


def count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    """The number of rows of a relation."""
    row = con.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0


def unreadable(file: TableFile, error_type: str) -> SourceError:
    """The error for a file whose rows cannot be read at all."""
    return SourceError(
        "a .parquet file is a whole Parquet file" if file.format == "parquet" else "the rows of a file can be read",
        where=file.label,
        found=f"reading fails ({error_type})",
        remedy="see that there is room in `data_dir` and in memory; else export the file again",
    )
