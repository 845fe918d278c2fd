"""Which file is which OMOP table, and a file's rows as the relation that the SELECTs read. Opens headers only."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from orchestration.errors import SourceError
from orchestration.sources import sql
from orchestration.sources.omop.cdm import CDM, REQUIRED, CdmTable, Kind
from orchestration.sources.reading import opened
from orchestration.sources.table_file import SUFFIXES, TableFile, has_table_suffix, open_binary

_HELP = "docs/sources/omop.md lists the tables and columns that are read"
_LONGEST_HEADER = 1 << 16


def find_files(folder: Path, name: str) -> dict[str, Path]:
    """The OMOP tables in a folder, by the files' names in upper or lower case: `person.csv`, `PERSON.csv.gz`, ….

    Raises SourceError when a table that is needed is absent or stands there twice.
    """
    if not folder.is_dir():
        raise SourceError(
            "the source's `path` is a folder or a DuckDB file",
            where=str(folder),
            found="nothing there" if not folder.exists() else "another kind of file",
            remedy=f"put (or link) the files there, or correct `path` of the source {name} in the settings",
        )
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        table = _table_of(path)
        if table is None:
            continue
        if table in found:
            raise SourceError(
                "an OMOP table is one file",
                where=f"{folder}, {table}",
                found=f"{found[table].name} and {path.name}",
                remedy="take one of them away, or put them together",
            )
        found[table] = path
    require_tables(found, str(folder))
    return found


def require_tables(found: Collection[str], where: str) -> None:
    """Raise SourceError unless the tables that nothing works without are there."""
    for table in REQUIRED:
        if table not in found:
            raise SourceError(
                f"an OMOP source has the table {table}",
                where=where,
                found=", ".join(found) or "no table of the CDM",
                remedy=f"export {table} too, or check that this user may read it; {_HELP}",
            )


def open_table(table: str, path: Path, label: str) -> TableFile:
    """The file of an OMOP table, known to have the columns that are needed. A tab or a comma separates its values."""
    file = opened(path, label, _delimiter(path))
    contract = CDM[table]
    columns = {name: own_column(file, contract, name) for name in contract.columns}
    absent = [name for name, own in columns.items() if own is None]
    lacking = [name for name in contract.needed if name in absent]
    if lacking:
        raise SourceError(
            f"the OMOP table {table} has the column {lacking[0]}, once",
            where=label,
            found=f"{len(file.columns)} columns, {len(columns) - len(absent)} of the {len(columns)} that are read",
            remedy=f"export it as the CDM defines it; {_HELP}",
        )
    return file.using(own for own in columns.values() if own is not None)


def own_column(file: TableFile, contract: CdmTable, name: str) -> str | None:
    """What the file calls a column of the CDM; the column that stands in for it when it is absent; else None."""
    own = file.column(name)
    other = contract.else_columns.get(name)
    return file.column(other) if own is None and other is not None else own


def typed(file: TableFile, contract: CdmTable, relation: str) -> str:
    """The SELECT of `_source_row` and every column of the CDM that is read, with its kind's type; absent ones NULL.

    Columns that the file is told to look at beyond those come as text under their own names.
    """
    items, taken = [], set[str]()
    for name, kind in contract.columns.items():
        own = own_column(file, contract, name)
        items.append(f"{_as(kind, own)} as {name}")
        taken.add(own or "")
    items += [f"{_as('text', own)} as {sql.name(own)}" for own in file.names if own not in taken]
    return f"select _source_row, {', '.join(items)} from ({relation})"


def empty(contract: CdmTable) -> str:
    """The same columns without a row."""
    items = ", ".join(f"{_as(kind, None)} as {name}" for name, kind in contract.columns.items())
    return f"select cast(null as bigint) as _source_row, {items} where false"


def _as(kind: Kind, own: str | None) -> str:
    if own is None:
        return "cast(null as bigint)" if kind == "integer" else "cast(null as varchar)"
    column = sql.name(own)
    if kind == "integer":
        return f"try_cast({column} as bigint)"
    return f"nullif(trim(cast({column} as varchar)), '')" if kind == "text" else column


def _table_of(path: Path) -> str | None:
    if not path.is_file() or not has_table_suffix(path):
        return None
    stem = path.name.lower()
    for suffix in SUFFIXES:
        stem = stem.removesuffix(suffix)
    return stem if stem in CDM else None


def _delimiter(path: Path) -> str:
    if path.name.lower().endswith(".parquet") or not path.is_file():
        return ","
    try:
        with open_binary(path) as file:
            header = file.readline(_LONGEST_HEADER)
    except (OSError, EOFError):
        return ","  # what is wrong with the file is said when it is opened
    return "\t" if header.count(b"\t") > header.count(b",") else ","
