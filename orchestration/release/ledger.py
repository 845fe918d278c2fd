"""The ledger: every count that any release ever showed, so that no two releases can be subtracted unnoticed.

It lies beside the releases and holds nothing that they did not publish. Each release has one file of what it was the
first to show; so the ledger stays small, and still knows what a folder said that somebody has removed since.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.errors import EquityError
from orchestration.release.manifest import MANIFEST_NAME
from orchestration.whole_file import replaced

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

LEDGER = ".ledger"
_KEY = "measure_id, grain, period_starts_on, site, stratifier, stratum, stratifier_2, stratum_2"
_COUNTS = "n_patients, numerator, denominator"
_SHOWN = f"select {_KEY}, {_COUNTS} from {{}} where disclosure_status = 'published' and n_patients is not null"


def settle(root: Path) -> None:
    """Enter every release below `root` that the ledger does not have yet, the oldest first.

    Raises EquityError where the table of a release cannot be read: what it showed would not be known.
    """
    releases = sorted(path for path in root.glob("[0-9]*") if (path / MANIFEST_NAME).is_file())
    missing = [path for path in releases if not _entry(root, path.name).is_file()]
    if not missing:
        return
    import duckdb

    (root / LEDGER).mkdir(exist_ok=True)
    with duckdb.connect() as con:
        for release in missing:
            _enter(con, root, release)


def shown_before(root: Path, release_id: str | None = None) -> pd.DataFrame | None:
    """Every version of every row that releases showed, before `release_id` where given; the latest first.

    Columns: measure, grain, period, site and groups (NULL where there is no second), n_patients, numerator, denominator
    and release_id, the first that showed it so. None where there is nothing.
    """
    settle(root)
    files = [file for file in sorted((root / LEDGER).glob("*.parquet")) if release_id is None or file.stem < release_id]
    if not files:
        return None
    import duckdb

    with duckdb.connect() as con:
        found: pd.DataFrame = con.execute(
            f"select {_KEY}, {_COUNTS}, release_id from read_parquet(?) order by release_id desc",
            [[str(file) for file in files]],
        ).df()
    return None if found.empty else found


def _entry(root: Path, release_id: str) -> Path:
    return root / LEDGER / f"{release_id}.parquet"


def _enter(con: duckdb.DuckDBPyConnection, root: Path, release: Path) -> None:
    import duckdb

    table = release / "tables" / "strata.parquet"
    known = [str(file) for file in sorted((root / LEDGER).glob("*.parquet"))]
    con.execute("set variable release_id = ?", [release.name])
    new = _SHOWN.format("read_parquet(?)")
    if known:
        new += f" except select {_KEY}, {_COUNTS} from read_parquet(?)"
    try:
        con.execute(
            "create or replace temp table new as "
            f"select *, getvariable('release_id')::varchar as release_id from ({new}) order by all",
            [str(table), *([known] if known else [])],
        )
    except duckdb.Error:
        raise EquityError(
            "what earlier releases showed can be read, so that a new one does not give it away",
            where=str(table),
            found="no table of strata that can be read",
            remedy="restore the file from a copy; if it was never handed to anybody, remove the whole folder",
        ) from None
    with replaced(_entry(root, release.name)) as draft:
        con.table("new").write_parquet(str(draft))
