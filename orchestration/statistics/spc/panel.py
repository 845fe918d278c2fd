"""Turns strata and gaps of one grain into series x periods: one row per group, or per gap, and one column per period.

Only what is published becomes a point. A suppressed or held row is a gap that keeps its status; a period without a row
is a gap without one. Nothing is ever filled in, and no zero stands for any of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.statistics.counts import DIRECTIONS, KINDS, MEAN, match
from orchestration.statistics.intervals import BoolArray, FloatArray, IntArray
from orchestration.statistics.spc.selection import Points

SERIES = ("measure_id", "grain", "site", "stratifier", "stratum")
STRATUM, GAP, SPREAD = "stratum", "gap", "spread"


@dataclass(frozen=True)
class Panel:
    """Series of one grain. 2-D arrays are series x periods, NaN where nothing is published.

    `keys` has SERIES and, for gaps, `reference_stratum`; `value` is in natural units (before the multiplier), a gap's
    with the sign of disadvantage; `deviation` is the standard deviation behind a mean. `status` and `quality` are the
    published words, None without a row. `first` and `second`: for gaps, rows of `strata` on both sides.
    """

    keys: pd.DataFrame
    starts: npt.NDArray[np.datetime64]
    ends: npt.NDArray[np.datetime64]
    kind: IntArray
    sign: FloatArray
    multiplier: FloatArray
    value: FloatArray
    numerator: FloatArray
    denominator: FloatArray
    deviation: FloatArray
    points: Points
    status: npt.NDArray[np.object_]
    quality: npt.NDArray[np.object_]
    group: IntArray
    reference: IntArray

    def __len__(self) -> int:
        return len(self.keys)


def periods_of(periods: pd.DataFrame, grain: str) -> pd.DataFrame:
    """Complete periods of a grain, oldest first."""
    chosen = periods[(periods["grain"] == grain) & periods["is_complete"].astype(bool)]
    return chosen.sort_values("period_starts_on").reset_index(drop=True)


def strata_panel(
    strata: pd.DataFrame, measures: pd.DataFrame, periods: pd.DataFrame, confidence_factor: FloatArray
) -> Panel:
    """Groups as series. `strata` are rows of publish.strata of one grain; `periods` from `periods_of`.

    A mean's standard deviation is worked out from its published t interval: half width / t * root n, t being
    `confidence_factor` per row.
    """
    keys, series = _series(strata, list(SERIES))
    period, known = _period(strata, periods)
    shape = (len(keys), len(periods))

    def wide(values: FloatArray) -> FloatArray:
        return _wide(values[known], series[known], period[known], shape)

    measure = match(keys, "measure_id", measures, "charts")
    kind = np.array([KINDS[str(word)] for word in measures["kind"]], dtype=np.int64)[measure]
    published = strata["disclosure_status"].eq("published").to_numpy(dtype=bool)
    numbers = {
        name: np.where(published, strata[name].to_numpy(dtype="float64", na_value=np.nan), np.nan)
        for name in ("numerator", "denominator", "ci_low", "ci_high")
    }
    n, y = numbers["denominator"], numbers["numerator"]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(n > 0, y / n, np.nan)
        half = (numbers["ci_high"] - numbers["ci_low"]) / 2
        deviation = half / confidence_factor * np.sqrt(n)
    multiplier = measures["multiplier"].to_numpy(dtype="float64")[measure]
    sign = np.array([DIRECTIONS[str(word)] for word in measures["direction"]])[measure]
    status, quality = (_words(strata, name, series, period, known, shape) for name in _STATUS)
    wide_value = wide(value)
    is_mean = (kind == MEAN)[:, None]
    return Panel(
        keys=keys,
        starts=periods["period_starts_on"].to_numpy(dtype="datetime64[s]"),
        ends=periods["period_ends_on"].to_numpy(dtype="datetime64[s]"),
        kind=kind,
        sign=sign,
        multiplier=multiplier,
        value=wide_value,
        numerator=wide(y),
        denominator=wide(n),
        deviation=np.where(is_mean, wide(deviation) / multiplier[:, None], np.nan),
        points=_points(wide_value, status),
        status=status,
        quality=quality,
        group=np.arange(len(keys)),
        reference=np.full(len(keys), -1),
    )


def gaps_panel(gaps: pd.DataFrame, strata: Panel, periods: pd.DataFrame) -> Panel:
    """Gaps as series, beside the panel of the groups that they are between; those without a charted side are left out.

    A gap's reference is frozen, so a series has one; rows against another one, as after a change of the rule, are a
    series of their own.
    """
    keys, series = _series(gaps, [*SERIES, "reference_rule", "reference_stratum"])
    found = pd.MultiIndex.from_frame(strata.keys[list(SERIES)])
    group = found.get_indexer(pd.MultiIndex.from_frame(keys[list(SERIES)]))
    reference = found.get_indexer(pd.MultiIndex.from_frame(references_of(keys)))
    period, known = _period(gaps, periods)
    shape = (len(keys), len(periods))
    published = gaps["disclosure_status"].eq("published").to_numpy(dtype=bool)
    raw = np.where(published, gaps["difference"].to_numpy(dtype="float64", na_value=np.nan), np.nan)
    value = _wide(raw[known], series[known], period[known], shape)
    status, quality = (_words(gaps, name, series, period, known, shape) for name in _STATUS)
    used = (group >= 0) & (reference >= 0)
    group, reference, value = group[used], reference[used], value[used]
    multiplier = strata.multiplier[group]
    value = value / multiplier[:, None]
    nothing = np.full_like(value, np.nan)
    return Panel(
        keys=keys[used].reset_index(drop=True),
        starts=strata.starts,
        ends=strata.ends,
        kind=strata.kind[group],
        sign=np.ones(len(group)),  # a larger gap is worse, whatever the measure
        multiplier=multiplier,
        value=value,
        numerator=nothing,
        denominator=nothing,
        deviation=nothing,
        points=_points(value, status[used]),
        status=status[used],
        quality=quality[used],
        group=group,
        reference=reference,
    )


def references_of(gaps: pd.DataFrame) -> pd.DataFrame:
    """SERIES of the groups that gaps are measured against, row by row; `overall` is everybody's."""
    return gaps[list(SERIES)].assign(
        stratum=gaps["reference_stratum"],
        stratifier=gaps["stratifier"].where(gaps["reference_rule"] != "overall", "overall"),
    )


_STATUS = ("disclosure_status", "quality_status")


def _series(frame: pd.DataFrame, columns: list[str]) -> tuple[pd.DataFrame, IntArray]:
    """Distinct series in their first order, and each row's."""
    code = np.zeros(len(frame), dtype=np.int64)
    for column in columns:
        part, values = pd.factorize(frame[column], use_na_sentinel=False)
        code = pd.factorize(code * max(len(values), 1) + part)[0].astype(np.int64)
    _, first = np.unique(code, return_index=True)
    return frame.iloc[first][columns].reset_index(drop=True), code


def _period(frame: pd.DataFrame, periods: pd.DataFrame) -> tuple[IntArray, BoolArray]:
    code, distinct = pd.factorize(pd.to_datetime(frame["period_starts_on"]).astype("datetime64[s]"))
    known = pd.Index(pd.to_datetime(periods["period_starts_on"]).astype("datetime64[s]"))
    position = known.get_indexer(pd.Index(distinct)) if len(distinct) else np.zeros(0, dtype=np.int64)
    found = np.asarray(position, dtype=np.int64)[code] if len(frame) else np.zeros(0, dtype=np.int64)
    return found, found >= 0


def _wide(values: FloatArray, series: IntArray, period: IntArray, shape: tuple[int, int]) -> FloatArray:
    found = np.full(shape, np.nan)
    found[series, period] = values
    return found


def _words(
    frame: pd.DataFrame, column: str, series: IntArray, period: IntArray, known: BoolArray, shape: tuple[int, int]
) -> npt.NDArray[np.object_]:
    found = np.full(shape, None, dtype=object)
    found[series[known], period[known]] = frame[column].to_numpy(dtype=object)[known]
    return found


def _points(value: FloatArray, status: npt.NDArray[np.object_]) -> Points:
    return Points(~np.isnan(value), status == "suppressed", status == "not_assessed")
