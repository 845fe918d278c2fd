"""What becomes of a file in the registry layout: its columns are checked, its values stay as they are."""

from __future__ import annotations

import shutil
from pathlib import Path

from orchestration.errors import SourceError
from orchestration.sources import sql
from orchestration.sources.landing import Written
from orchestration.sources.layout import Table
from orchestration.sources.raw_zone import DATA
from orchestration.sources.reading import ReadFailed, connect, copy_rows, count, opened, remarks, unreadable
from orchestration.sources.table_file import TableFile


def write_layout(table: Table, path: Path, label: str, folder: Path) -> Written:
    """Write the file's rows into `folder`. Raises SourceError when a needed column is missing or it is unreadable."""
    file, kept = require_layout(table, path, label)
    if file.format == "parquet" and set(file.columns) <= set(table.column_names):
        return _copied(file, folder)
    names = ", ".join([*(f"{sql.name(own)} as {sql.name(name)}" for name, own in kept.items()), "_source_row"])
    extra = sorted(set(file.columns) - set(kept.values()))
    notes = (f"columns that are not in the layout are left out: {', '.join(extra)}",) if extra else ()
    con = connect(folder)
    try:
        file = file.using(kept.values())
        return copy_rows(con, file, folder, lambda relation: f"select {names} from ({relation})", notes=notes)
    except ReadFailed as error:
        raise unreadable(file, error.error_type) from None
    finally:
        con.close()


def require_layout(table: Table, path: Path, label: str) -> tuple[TableFile, dict[str, str]]:
    """The file, and what it calls the columns of the layout that it has. Reads the header; raises SourceError."""
    file = opened(path, label)
    found = {name: file.column(name) for name in table.column_names}
    kept = {name: own for name, own in found.items() if own is not None}
    lacking = [name for name in table.required_names if name not in kept]
    if not lacking:
        return file, kept
    # A file without a header has a person's values in its place: only names that the layout knows are repeated.
    known = ", ".join(kept) or "none"
    raise SourceError(
        f"a {table.name} file has the column {lacking[0]}, once",
        where=file.label,
        found=f"{len(file.columns)} columns; of those that the layout knows: {known}",
        remedy="add it, or describe the file in a mapping (docs/mapping.md)",
    )


def _copied(file: TableFile, folder: Path) -> Written:
    """A Parquet file with the layout's columns is taken byte for byte; row numbers come from the rows' positions."""
    try:
        shutil.copyfile(file.path, folder / DATA)
    except OSError as error:
        raise SourceError(
            "the file can be copied into the raw zone",
            where=file.label,
            found=error.strerror or type(error).__name__,
            remedy="see that there is room in `data_dir`",
        ) from None
    con = connect(folder)
    try:
        rows = count(con, f"read_parquet({sql.file(folder / DATA)})")
    finally:
        con.close()
    return Written(dict(zip(file.columns, file.types, strict=True)), rows, notes=remarks(file, rows))
