"""Carries out one Reading: what it looks up is loaded beside the main rows, one SELECT makes the layout's columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from orchestration.errors import SourceError
from orchestration.sources import sql
from orchestration.sources.landing import Written
from orchestration.sources.omop.cdm import CDM
from orchestration.sources.omop.reading import Reading
from orchestration.sources.omop.tables import empty, open_table, typed
from orchestration.sources.raw_zone import DATA
from orchestration.sources.reading import ReadFailed, connect, copy_rows, count, unreadable, use_rows
from orchestration.sources.table_file import TableFile

# Looked up by their key, so that it must tell their rows apart.
_BY_KEY = ("care_site", "concept", "location", "provider")


@dataclass(frozen=True)
class CdmFile:
    """The file of one OMOP table.

    `is_read`: its rows become rows elsewhere, and those that cannot be read are set aside there. `extra_columns`: its
    columns beyond the CDM's that a SELECT names.
    """

    table: str
    path: Path
    label: str
    is_read: bool = False
    extra_columns: tuple[str, ...] = ()

    def opened(self) -> TableFile:
        """The file with its header checked. Raises SourceError."""
        file = open_table(self.table, self.path, self.label)
        extra = []
        for wanted in self.extra_columns:
            own = file.column(wanted)
            if own is None:
                raise SourceError(
                    f"the OMOP table {self.table} has the column {wanted}, once",
                    where=self.label,
                    found=f"not so among its {len(file.columns)} columns",
                    remedy="correct the name in the settings",
                )
            extra.append(own)
        return file.using([*file.names, *extra]) if extra else file


def write_reading(reading: Reading, main: CdmFile, looked_up: dict[str, CdmFile], folder: Path) -> Written:
    """Write the Reading's rows into `folder`. Raises SourceError when a file cannot be read."""
    file = main.opened()
    con = connect(folder)
    try:
        notes = tuple(
            note
            for table, condition in reading.looks_up.items()
            for note in _load(con, table, looked_up.get(table), condition, folder)
        )
        cdm = CDM[main.table]
        try:
            written = copy_rows(
                con,
                file,
                folder,
                lambda relation: _over(reading.select, typed(file, cdm, relation)),
                leaves_out=reading.leaves_out,
                notes=notes,
            )
        except ReadFailed as error:
            raise unreadable(file, error.error_type) from None
        return replace(written, notes=(*written.notes, *_remarks(con, reading, folder)))
    finally:
        con.close()


def _over(select: str, rows: str) -> str:
    """The SELECT with `main` bound to `rows`; its own CTEs may follow."""
    body = select.strip()
    main = f"with main as ({rows})"
    return f"{main}, {body.removeprefix('with ')}" if body.startswith("with ") else f"{main} {body}"


def _load(
    con: duckdb.DuckDBPyConnection, table: str, cdm_file: CdmFile | None, condition: str, folder: Path
) -> list[str]:
    """Make the temporary table `table`, empty when there is no file; returns what is to be said about it."""
    cdm = CDM[table]
    if cdm_file is None:
        con.execute(f"create or replace temp table {table} as {empty(cdm)}")
        return []
    file = cdm_file.opened()
    conditions = " and ".join(f"({each})" for each in (condition, cdm.wanted) if each) or "true"

    def use(relation: str) -> None:
        con.execute(
            f"create or replace temp table {table} as "
            f"select * exclude (_source_row) from ({typed(file, cdm, relation)}) where {conditions}"
        )

    try:
        rejects = use_rows(con, file, folder, use)
    except ReadFailed as error:
        raise unreadable(file, error.error_type) from None
    if table in _BY_KEY:
        _require_key(con, table, file)
    if not rejects or cdm_file.is_read:
        return []
    if cdm.is_vocabulary:
        return [f"{file.label}: {len(rejects):,} rows cannot be read, so their concepts are not known"]
    row, reason = rejects[0]
    raise SourceError(
        "every row of a table that is looked up can be read",
        where=f"{file.label}, row {row}",
        found=f"{reason}; {len(rejects):,} such rows",
        remedy="export the table again",
    )


def _require_key(con: duckdb.DuckDBPyConnection, table: str, file: TableFile) -> None:
    key = CDM[table].key
    repeated = count(con, f"(select 1 from {table} where {key} is not null group by {key} having count(*) > 1)")
    if repeated:
        raise SourceError(
            f"{key} tells the rows of {table} apart",
            where=file.label,
            found=f"{repeated:,} of its values stand on several rows",
            remedy="correct the table",
        )


def _remarks(con: duckdb.DuckDBPyConnection, reading: Reading, folder: Path) -> list[str]:
    data = f"read_parquet({sql.file(folder / DATA)})"
    counted = ((count(con, f"{data} where {remark.where}"), remark) for remark in reading.remarks)
    return [f"{rows:,} {remark.words}" for rows, remark in counted if rows]
