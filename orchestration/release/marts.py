"""Copies the marts out of the private warehouse into a file of its own, and swaps it in for analysts.

Analysts query `marts/current.duckdb` at any time, also while the next run holds the warehouse. What leaves is a
whitelist: facts about patients under a keyed pseudonym, and no name, address, record number, birth date or free text.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.errors import EquityError, TransformError
from orchestration.release.published_database import STORAGE_VERSION, quoted
from orchestration.settings import Settings

if TYPE_CHECKING:
    import duckdb

CURRENT = "current.duckdb"
KEPT_SNAPSHOTS = 5
PATIENT_COLUMN, PSEUDONYM_COLUMN = "patient_id", "patient_pseudonym"
_KEY_FILE = "pseudonym.key"
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_MART = re.compile(r"(dim|fct)_[a-z0-9_]+")

# What a table about patients may carry beside the pseudonym: what it measures, when, and the groups at that time.
PATIENT_LEVEL_COLUMNS = frozenset(
    {
        *("measure_id", "population", "grain", "period_starts_on", "starts_on", "ends_on", "occurred_on", "numerator"),
        *("denominator", "value", "value_tenths", "days", "site", "cell_id", "cell_key", "is_in_population"),
        *("race_omb2024_aoic", "race_omb2024_multi", "race_omb2024_freq", "race_omb1997_hispanic_first", "race_mask"),
        *("language", "sex", "age_band", "payer", "poverty_quintile", "deprivation_quintile"),
    }
)
# Tables of groups, places and definitions. Any other mart is taken to be about patients, whatever its columns are.
AGGREGATE_MARTS = frozenset(
    {
        *("dim_cell", "dim_measure", "dim_period", "dim_site", "dim_stratifier", "dim_stratum"),
        *("fct_measure_cell", "fct_measure_stratum", "fct_quality", "fct_conservation", "fct_structure"),
        "fct_rare_event",
    }
)


@dataclass(frozen=True)
class _Mart:
    name: str
    columns: tuple[str, ...]
    left_out: tuple[str, ...]
    has_patients: bool


def snapshot(settings: Settings, run_id: str, *, keep: int = KEPT_SNAPSHOTS) -> Path:
    """Write `marts/<run_id>.duckdb` from the warehouse, make it current, and remove all but the newest `keep`.

    The warehouse must not be open for writing elsewhere. Raises what `copy_marts` does.
    """
    import duckdb

    _require_file_name(run_id)
    with duckdb.connect() as con:
        try:
            con.execute(f"attach {quoted(str(settings.warehouse_path))} as warehouse (read_only)")
            con.execute("use warehouse")
        except duckdb.Error as error:
            raise TransformError(
                "the warehouse can be read",
                where=str(settings.warehouse_path),
                found=type(error).__name__,
                remedy="wait until the run that writes it has ended; `equity run` builds it when it is missing",
            ) from None
        writing = copy_marts(con, settings, run_id)
    return swap_in(settings, run_id, writing, keep=keep)


def copy_marts(con: duckdb.DuckDBPyConnection, settings: Settings, run_id: str) -> Path:
    """Copy the marts of the warehouse behind `con` into a file that is not yet current, and return its path.

    `con` is of the copy alone while it goes on. Raises EquityError for a run id that is no file name, TransformError
    when there is nothing to copy.
    """
    _require_file_name(run_id)
    marts_dir = settings.marts_dir
    marts_dir.mkdir(parents=True, exist_ok=True)
    marts_dir.chmod(0o700)
    discard(settings)
    writing = marts_dir / f".writing-{run_id}.duckdb"
    _write(con, settings, writing)
    writing.chmod(0o600)
    return writing


def swap_in(settings: Settings, run_id: str, writing: Path, *, keep: int = KEPT_SNAPSHOTS) -> Path:
    """Make a copied file the current marts, and remove all but the newest `keep`; return its path.

    Nothing may have the copy open any more, nor the connection that it was made with. A reader that has an older
    snapshot open keeps reading it.
    """
    import duckdb

    # Beside other writers of one instance a checkpoint is refused: now that the file is alone, its log goes into it.
    with duckdb.connect(str(writing)) as alone:
        alone.execute("checkpoint")
    with writing.open("rb") as file:
        os.fsync(file.fileno())
    marts_dir = settings.marts_dir
    target = marts_dir / f"{run_id}.duckdb"
    os.replace(writing, target)
    pointer = marts_dir / f".writing-{run_id}.link"
    pointer.symlink_to(target.name)
    os.replace(pointer, marts_dir / CURRENT)
    _remove_old(marts_dir, target, keep)
    return target


def discard(settings: Settings) -> None:
    """Remove every copy that has not become current; nothing may write one meanwhile."""
    for leftover in settings.marts_dir.glob(".writing-*"):
        leftover.unlink()


def _require_file_name(run_id: str) -> None:
    if not _RUN_ID.fullmatch(run_id):
        raise EquityError("a run id is letters, digits, - and _", where="run id", found=f"{len(run_id)} characters")


def _remove_old(marts_dir: Path, current: Path, keep: int) -> None:
    files = [path for path in marts_dir.glob("*.duckdb") if not path.is_symlink() and path != current]
    newest_first = sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
    for path in newest_first[max(keep - 1, 0) :]:
        path.unlink()


def _write(con: duckdb.DuckDBPyConnection, settings: Settings, writing: Path) -> None:
    marts = _marts(con)
    if not marts:
        raise TransformError(
            "the warehouse has marts (dim_* and fct_*)",
            where=str(settings.warehouse_path),
            found="none",
            remedy="run the transformation first",
        )
    con.execute(f"attach {quoted(str(writing))} as marts (storage_version '{STORAGE_VERSION}')")
    try:
        if any(mart.has_patients for mart in marts):
            _create_pseudonyms(con, marts, _pseudonym_key(settings))
        for mart in marts:
            _copy(con, mart)
        _note_left_out(con, marts)
    finally:
        con.execute("detach marts")


def _marts(con: duckdb.DuckDBPyConnection) -> list[_Mart]:
    """Tables and views alike: a view becomes a table, so that nothing in the snapshot refers to the warehouse."""
    rows = con.execute(
        """select table_name, column_name from duckdb_columns()
        where database_name = current_database() and schema_name = 'main' order by table_name, column_index"""
    ).fetchall()
    columns: dict[str, list[str]] = {}
    for table, column in rows:
        if _MART.fullmatch(table):
            columns.setdefault(table, []).append(column)
    return [_mart(table, names) for table, names in columns.items()]


def _mart(table: str, names: list[str]) -> _Mart:
    has_patients = PATIENT_COLUMN in names
    others = [name for name in names if name != PATIENT_COLUMN]
    whole = table in AGGREGATE_MARTS and not has_patients
    kept = [name for name in others if whole or name in PATIENT_LEVEL_COLUMNS]
    return _Mart(table, tuple(kept), tuple(name for name in others if name not in kept), has_patients)


def _pseudonym_key(settings: Settings) -> bytes:
    """The installation's own key, made once and never copied: without it a pseudonym leads back to nobody."""
    path = settings.data_dir / _KEY_FILE
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise EquityError(
            "the pseudonym key is 64 hexadecimal characters",
            where=str(path),
            found="something else",
            remedy="restore it from a backup, or delete it: pseudonyms then change with the next run",
        )
    return key


def _create_pseudonyms(con: duckdb.DuckDBPyConnection, marts: list[_Mart], key: bytes) -> None:
    """HMAC-SHA-256 (RFC 2104) of each patient id, in SQL: one row per patient, 128 bits of it as the pseudonym."""
    block = key.ljust(64, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C))
    everyone = " union all ".join(
        f"select cast({PATIENT_COLUMN} as varchar) as {PATIENT_COLUMN} from main.{mart.name}"
        for mart in marts
        if mart.has_patients
    )
    con.execute(
        f"""create temp table pseudonym as
        select {PATIENT_COLUMN},
            left(sha256($outer::blob || unhex(sha256($inner::blob || encode({PATIENT_COLUMN})))), 32)
                as {PSEUDONYM_COLUMN}
        from (select distinct {PATIENT_COLUMN} from ({everyone}) where {PATIENT_COLUMN} is not null)""",
        {"inner": inner, "outer": outer},
    )


def _copy(con: duckdb.DuckDBPyConnection, mart: _Mart) -> None:
    columns = [f'source."{name}"' for name in mart.columns]
    join = ""
    if mart.has_patients:
        columns.insert(0, f"pseudonym.{PSEUDONYM_COLUMN}")
        join = f"left join pseudonym on pseudonym.{PATIENT_COLUMN} = cast(source.{PATIENT_COLUMN} as varchar)"
    if not columns:
        return
    con.execute(
        f"create table marts.main.{mart.name} as select {', '.join(columns)} from main.{mart.name} as source {join}"
    )
    comments = con.execute(
        """select column_name, comment from duckdb_columns()
        where database_name = current_database() and schema_name = 'main' and table_name = $table
            and comment is not null""",
        {"table": mart.name},
    ).fetchall()
    for column, comment in comments:
        if column in mart.columns:
            con.execute(f'comment on column marts.main.{mart.name}."{column}" is {quoted(comment)}')


def _note_left_out(con: duckdb.DuckDBPyConnection, marts: list[_Mart]) -> None:
    """Say in the snapshot itself which columns stayed in the warehouse."""
    con.execute("create table marts.main.columns_left_out (table_name varchar, column_name varchar)")
    con.execute(
        "comment on table marts.main.columns_left_out is 'Columns of these tables that stay in the private warehouse.'"
    )
    rows = [(mart.name, name) for mart in marts for name in mart.left_out]
    if rows:
        con.executemany("insert into marts.main.columns_left_out values (?, ?)", rows)
