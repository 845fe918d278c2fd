"""Compares two releases cell by cell, whatever source they come from."""

from __future__ import annotations

import pandas as pd

from orchestration.release.store import current_release
from orchestration.settings import Settings

TABLES = ("strata", "gaps", "held", "quality", "measures")


def published(settings: Settings, table: str) -> pd.DataFrame:
    """A table of the current release, without the release's own id."""
    release = current_release(settings)
    assert release is not None
    return pd.read_parquet(release / "tables" / f"{table}.parquet").drop(columns="release_id", errors="ignore")


def differing_tables(one: Settings, other: Settings) -> list[str]:
    """The tables that are not equal in every cell; each must have rows in both."""
    differing = []
    for table in TABLES:
        first, second = published(one, table), published(other, table)
        assert len(first), f"{table} is empty"
        if not first.equals(second):
            differing.append(table)
    return differing
