"""The published series that an aim is judged by: the gap and its groups' values, and what stands in the baseline."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from orchestration.statistics.intervals import FloatArray, IntArray

# One point may be chance: a target counts as met, and a gap as improved, when so many latest published points say so.
HELD, HIDDEN, NO_VALUE = "held for data quality", "hidden to protect children", "without a value"
LASTING = {"month": 3, "quarter": 2, "year": 1}


class Line(NamedTuple):
    """One series of an aim: the gap, or a group's value; what is published of it, oldest first."""

    starts: pd.Series
    ends: pd.Series
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    disclosure: str
    quality: str


def line_of(rows: pd.DataFrame, names: tuple[str, str, str], times: pd.DataFrame) -> Line:
    """The series over every complete period of the grain; a period without a row is one that nothing is known of."""
    index = pd.DatetimeIndex(pd.to_datetime(times["period_starts_on"])).astype("datetime64[s]")
    own = rows.assign(_at=pd.to_datetime(rows["period_starts_on"]).astype("datetime64[s]")).set_index("_at")
    own = own[~own.index.duplicated()].reindex(index)
    shown = own["disclosure_status"].eq("published").to_numpy(dtype=bool)
    value, low, high = (np.where(shown, own[name].to_numpy(dtype="float64", na_value=np.nan), np.nan) for name in names)
    ends = pd.Series(pd.DatetimeIndex(pd.to_datetime(times["period_ends_on"])))
    last = own[["disclosure_status", "quality_status"]].astype(object).fillna("").to_numpy()
    disclosure, quality = last[-1] if len(last) else ("", "")
    return Line(pd.Series(index), ends, value, low, high, disclosure or "not_assessed", quality or "publish")


def latest_points(value: FloatArray, grain: str) -> IntArray:
    """Positions of the last published points, as many as it takes (LASTING) or as there are."""
    return np.flatnonzero(~np.isnan(value))[-LASTING[grain] :]


def lasting_words(grain: str) -> str:
    """`each of the last 3 published months`, for reasons."""
    points = LASTING[grain]
    return f"the latest {grain}" if points == 1 else f"each of the last {points} published {grain}s"


def without_value(unknown: list[tuple[str, Line]], grain: str) -> str:
    """Why the latest values of these lines are not there, for reasons: held, hidden and missing are three things."""
    names: dict[str, list[str]] = {}
    for name, line in unknown:
        word = HELD if line.quality == "hold" else HIDDEN if line.disclosure == "suppressed" else NO_VALUE
        names.setdefault(word, []).append(name)
    return "; ".join(f"{word} in the latest {grain}: {', '.join(names[word])}" for word in sorted(names))


def baseline_rows(aim: dict[str, Any], rows: pd.DataFrame) -> pd.DataFrame:
    """The published row of the period that is exactly the baseline, of whatever grain."""
    return rows[is_baseline(aim, rows) & (rows["disclosure_status"] == "published")]


def is_baseline(aim: dict[str, Any], periods: pd.DataFrame) -> pd.Series:
    """Which rows stand for a period that is exactly the aim's baseline."""
    starts, ends = (pd.to_datetime(periods[column]) for column in ("period_starts_on", "period_ends_on"))
    return (starts == pd.Timestamp(aim["baseline_starts_on"])) & (ends == pd.Timestamp(aim["baseline_ends_on"]))


def in_baseline(aim: dict[str, Any], rows: pd.DataFrame, name: str) -> float:
    """The published value of the baseline; NaN without one."""
    same = baseline_rows(aim, rows)
    return float(same[name].iloc[0]) if len(same) else np.nan
