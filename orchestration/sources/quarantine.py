"""The account of a run: each row that came in was used or set aside, and what was set aside is kept with its reason."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from orchestration.errors import EquityError, SourceError, TransformError
from orchestration.settings import Cohort, Settings
from orchestration.sources import sql

if TYPE_CHECKING:
    import pandas as pd

# Rows in are counted again from the pull, apart from dbt's own account of them.
_ACCOUNT = """
    select
        coalesce(pull.source_name, used.source_name) as source_name,
        coalesce(pull.table_name, used.table_name) as table_name,
        coalesce(pull.rows_in, 0) as rows_in,
        coalesce(used.rows_used, 0) as rows_used,
        coalesce(quarantined.rows_quarantined, 0) as rows_quarantined
    from (
        select source_name, table_name, cast(sum(rows_in) as bigint) as rows_in from raw.pull group by all
    ) as pull
    full join main.fct_conservation as used
        on pull.source_name = used.source_name and pull.table_name = used.table_name
    left join (
        select source_name, table_name, count(*) as rows_quarantined from main.quarantine group by all
    ) as quarantined
        on
            coalesce(pull.source_name, used.source_name) = quarantined.source_name
            and coalesce(pull.table_name, used.table_name) = quarantined.table_name
    order by 1, 2
"""


def require_somebody(con: duckdb.DuckDBPyConnection, cohort: Cohort, folder: Path) -> None:
    """Raise SourceError when nobody is left to measure: no patient row is used, or nobody is in the cohort.

    `folder` is where the rows set aside lie. The warehouse must be built.
    """
    patients, members = con.execute(
        "select (select count(*) from main.int_patient), (select count(*) from main.pop_t1d)"
    ).fetchall()[0]
    files = ", ".join(
        name
        for (name,) in con.execute(
            "select distinct source_file from raw.pull where table_name = 'patients' order by 1 limit 5"
        ).fetchall()
    )
    if not patients:
        reasons = con.execute(
            "select reason || ' (' || count(*) || ')' from main.quarantine where table_name = 'patients' "
            "group by reason order by count(*) desc, reason limit 3"
        ).fetchall()
        why = "; ".join(reason for (reason,) in reasons)
        raise SourceError(
            "a registry has patients that can be used",
            where=files or "patients",
            found=f"none; rows were set aside: {why}" if why else "a table without rows",
            remedy=f"{folder} holds the rows with their reasons" if why else "export the table anew",
        )
    if not members:
        codes = " or ".join(cohort.condition_prefixes)
        raise SourceError(
            "somebody is in the cohort: has the condition, is of the age, and is followed in the window",
            where=files,
            found=f"{patients:,} patients and none of them",
            remedy=f"see that `conditions` has codes that begin with {codes}; `[cohort]` and `[window]` say who counts",
        )


def export(settings: Settings, run_id: str) -> Path:
    """Write `quarantine/<run_id>/<table>.parquet`, one row per unusable row with its reason and source line.

    The warehouse must be built and not open elsewhere. Raises TransformError when rows were lost on the way.
    """
    if not run_id.replace("-", "").replace("_", "").isalnum():
        raise EquityError("a run id is letters, digits, - and _", where="run id", found=f"{len(run_id)} characters")
    folder = settings.quarantine_dir / run_id
    writing = settings.quarantine_dir / f".writing-{run_id}"
    settings.quarantine_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.quarantine_dir.chmod(0o700)
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir(mode=0o700)
    con = _open(settings)
    try:
        for (table,) in con.execute("select distinct table_name from main.quarantine order by 1").fetchall():
            rows = f"select * from main.quarantine where table_name = {sql.text(table)} order by all"
            con.execute(f"copy ({rows}) to {sql.text(str((writing / f'{table}.parquet').absolute()))} (format parquet)")
        shutil.rmtree(folder, ignore_errors=True)
        writing.rename(folder)
        conservation(con)
    finally:
        con.close()
    return folder


def conservation(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """source_name, table_name, rows_in, rows_used, rows_quarantined: one row per table of each source.

    `con` is open on a built warehouse. Raises TransformError, with the numbers, unless in = used + quarantined.
    """
    account = con.execute(_ACCOUNT).df()
    lost = account[account["rows_in"] != account["rows_used"] + account["rows_quarantined"]]
    if len(lost):
        row = lost.iloc[0]
        raise TransformError(
            "rows in = rows used + rows quarantined",
            where=f"{row['source_name']}, {row['table_name']}",
            found=f"{row['rows_in']:,} in, {row['rows_used']:,} used, {row['rows_quarantined']:,} quarantined"
            + (f"; {len(lost) - 1} more tables do not add up" if len(lost) > 1 else ""),
            remedy="a model loses or multiplies rows: compare the counts of its staging and checked models",
        )
    return account


def _open(settings: Settings) -> duckdb.DuckDBPyConnection:
    try:
        con = duckdb.connect(str(settings.warehouse_path), read_only=True)
    except duckdb.Error as error:
        raise TransformError(
            "the warehouse can be read",
            where=str(settings.warehouse_path),
            found=type(error).__name__,
            remedy="wait until the run that writes it has ended",
        ) from None
    found = con.execute(
        "select table_name from information_schema.tables "
        "where table_catalog = current_database() and table_schema = 'main'"
    ).fetchall()
    if not {"quarantine", "fct_conservation"} <= {name for (name,) in found}:
        con.close()
        raise TransformError(
            "the transformation has run",
            where=str(settings.warehouse_path),
            found="no account of rows",
            remedy="run it first",
        )
    return con
