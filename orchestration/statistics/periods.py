"""Puts what dim_period says of a period beside each row of a frame: when it ends and whether it is complete."""

from __future__ import annotations

import numpy as np
import pandas as pd

from orchestration.errors import StatisticsError
from orchestration.statistics.counts import require_columns
from orchestration.statistics.intervals import IntArray


def period_rows(frame: pd.DataFrame, periods: pd.DataFrame) -> IntArray:
    """Row of `periods` (dim_period) for each row of `frame`, by grain and first day.

    Raises StatisticsError when a period is not in dim_period or stands there twice.
    """
    require_columns(frame, ("grain", "period_starts_on"), "strata")
    require_columns(periods, ("grain", "period_starts_on"), "periods")
    known = _keys(periods)
    if not known.is_unique:
        raise StatisticsError(
            "a period stands once in dim_period",
            where="periods",
            found="a grain and first day that stand twice",
            remedy="check the grain of dim_period",
        )
    # A frame has few periods and many rows: look each distinct one up once.
    grains, grain_names = pd.factorize(frame["grain"])
    days, day_names = pd.factorize(frame["period_starts_on"])
    codes, pairs = pd.factorize(grains * max(len(day_names), 1) + days)
    distinct = _keys(
        pd.DataFrame(
            {
                "grain": np.asarray(grain_names, dtype=object)[pairs // max(len(day_names), 1)],
                "period_starts_on": pd.to_datetime(day_names)[pairs % max(len(day_names), 1)],
            }
        )
    )
    rows = known.get_indexer(distinct)
    if (rows < 0).any():
        raise StatisticsError(
            "each row's period is one of dim_period",
            where="strata",
            found=", ".join(sorted(str(key) for key, row in zip(distinct, rows, strict=True) if row < 0)),
            remedy="build strata and dim_period from the same run",
        )
    return np.asarray(rows, dtype=np.int64)[codes]


def _keys(frame: pd.DataFrame) -> pd.Index:
    days = pd.to_datetime(frame["period_starts_on"]).dt.strftime(" %Y-%m-%d")
    keys: pd.Index = pd.Index(frame["grain"].astype(object) + days.astype(object))
    return keys
