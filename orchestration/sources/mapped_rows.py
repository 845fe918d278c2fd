"""What becomes of a file that a mapping describes: joined files are loaded, one SELECT makes the layout's columns."""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.errors import SourceError
from orchestration.sources import sql
from orchestration.sources.landing import Written
from orchestration.sources.mapping import Join, MappingFile, Part
from orchestration.sources.mapping_sql import PartPlan, joined_rows, joined_table, used_columns
from orchestration.sources.reading import ReadFailed, connect, copy_rows, count, opened, unreadable, use_rows
from orchestration.sources.registry_plan import MappedFile, PlannedFile
from orchestration.sources.table_file import TableFile


def write_mapped(
    planned: PlannedFile, mapped: MappedFile, mapping: MappingFile, mapping_path: Path, folder: Path
) -> Written:
    """Write the file's rows into `folder`. Raises SourceError for the files, SettingsError for the mapping."""
    file, plan = _planned(planned, mapped, mapping, mapping_path)
    con = connect(folder)
    try:
        for join in mapped.part.join:
            plan.require_valid_join(con, join)
            _load(con, join, plan.joined[join.name], plan.missing, folder)
        select = plan.select(file)
        plan.require_valid_sql(con, file)
        try:
            return copy_rows(con, file, folder, select, leaves_out=mapped.part.where is not None)
        except ReadFailed as error:
            failing = plan.failing_expression(con, file, error.relation)
            raise failing or unreadable(file, error.error_type) from None
    finally:
        con.close()


def require_mapping(planned: PlannedFile, mapped: MappedFile, mapping: MappingFile, mapping_path: Path) -> None:
    """Raise SourceError or SettingsError unless the files have the columns that the mapping's part names.

    Its SQL is tried over them. Reads headers, no row.
    """
    file, plan = _planned(planned, mapped, mapping, mapping_path)
    with duckdb.connect() as con:
        for join in mapped.part.join:
            plan.require_valid_join(con, join)
            other = plan.joined[join.name]
            rows = joined_rows(other, plan.missing, other.relation(), join.where)
            con.execute(f"create temp table {sql.name(joined_table(join.name))} as {rows} limit 0")
        plan.select(file)
        plan.require_valid_sql(con, file)


def _planned(
    planned: PlannedFile, mapped: MappedFile, mapping: MappingFile, mapping_path: Path
) -> tuple[TableFile, PartPlan]:
    file = _opened(planned.path, planned.label, mapped.part, mapping.delimiter)
    joined = {name: _opened(path, str(path), mapped.part, mapping.delimiter) for name, path in mapped.joined.items()}
    missing = mapping.missing_tokens(mapped.part)
    return file, PartPlan(planned.table, mapped.part, mapping_path, mapped.constants, missing, joined)


def _opened(path: Path, label: str, part: Part, delimiter: str) -> TableFile:
    file = opened(path, label, delimiter)
    return file.using(used_columns(part, file))


def _load(con: duckdb.DuckDBPyConnection, join: Join, file: TableFile, missing: tuple[str, ...], folder: Path) -> None:
    target = sql.name(joined_table(join.name))

    def use(relation: str) -> None:
        con.execute(f"create or replace temp table {target} as {joined_rows(file, missing, relation, join.where)}")

    try:
        rejects = use_rows(con, file, folder, use)
    except ReadFailed as error:
        raise unreadable(file, error.error_type) from None
    if rejects:
        row, reason = rejects[0]
        raise SourceError(
            "every row of a joined file can be read",
            where=f"{file.label}, row {row}",
            found=f"{reason}; {len(rejects)} such rows",
            remedy="correct the file",
        )
    keys = [own for own in (file.column(other) for other in join.by.values()) if own is not None]
    if len(keys) < len(join.by):
        return  # the SELECT's own check names the column that is missing
    key = ", ".join(sql.name(own) for own in keys)
    has_key = " and ".join(f"{sql.name(own)} is not null" for own in keys)
    repeated = count(con, f"(select 1 from {target} where {has_key} group by {key} having count(*) > 1)")
    if repeated:
        raise SourceError(
            f"{' and '.join(keys)} tells the rows of a joined file apart",
            where=file.label,
            found=f"{repeated} of its values stand on several rows",
            remedy="correct the file, join by more columns, or choose one row of each with the join's `where`",
        )
