"""Runs the examples on real data as a user would: a copy of the example's folder, the data linked in, the whole job."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from orchestration.settings import PROJECT_ROOT, Settings, load_settings
from tests.support.person_months import KEYS, SUMS
from tests.support.small_run import run_job

REALDATA = os.environ.get("EQUITY_REALDATA")


def real_folder(name: str) -> Path:
    """A folder of the public data that EQUITY_REALDATA names."""
    return Path(str(REALDATA)) / name


def run_example(name: str, folder: Path, data: Mapping[str, Path], as_of: dt.date | None = None) -> Settings:
    """Copy examples/<name> into `folder`, link each of `data` (path in the copy -> where it is), run the whole job.

    `as_of` is for an example that leaves the day to the user's own data.
    """
    shutil.copytree(PROJECT_ROOT / "examples" / name, folder, dirs_exist_ok=True)
    for at, target in data.items():
        (folder / at).parent.mkdir(parents=True, exist_ok=True)
        (folder / at).symlink_to(target)
    settings = load_settings(folder / "equity.toml")
    settings = settings.model_copy(update={"as_of": as_of or settings.as_of})
    run_job(settings)
    return settings


def ask(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query of the warehouse."""
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
        return con.execute(sql).fetchall()


def counted_strata(settings: Settings) -> pd.DataFrame:
    """KEYS and SUMS of every stratum that the pipeline counted, before anything is suppressed."""
    rows = ask(settings, f"select {', '.join(KEYS + SUMS)} from fct_measure_stratum")
    return pd.DataFrame(rows, columns=KEYS + SUMS)


def differing_cells(counted: pd.DataFrame, expected: pd.DataFrame) -> list[dict[str, Any]]:
    """Strata whose sums differ (the first twenty). One that nobody is in may be absent, or there with zeros."""
    assert not counted.duplicated(KEYS).any()
    assert not expected.duplicated(KEYS).any()
    both = counted.merge(expected, on=KEYS, how="outer", suffixes=("", "_expected"))
    both = both.fillna(dict.fromkeys([*SUMS, *(f"{name}_expected" for name in SUMS)], 0))
    differs = pd.concat([both[name] != both[f"{name}_expected"] for name in SUMS], axis=1).any(axis=1)
    found: list[dict[str, Any]] = both[differs].head(20).to_dict("records")
    return found
