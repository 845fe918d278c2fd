"""Points of registered baselines, kept from run to run: the limits of a chart stay when the window has left them.

A team that writes a baseline into the register `chart_phases` asks for limits from those days, for good. The measured
window moves on, so the published points of such baselines are handed from run to run, and stand before the window's
own points while limits are drawn. They are not charted again.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from orchestration.statistics.spc.panel import GAP, SERIES, STRATUM
from orchestration.statistics.spc.phases import ANY

_COUNTS = ("numerator", "denominator", "ci_low", "ci_high", "confidence")
_KEY = ("subject", *SERIES, "reference_stratum", "period_starts_on")
KEPT_COLUMNS = (*_KEY, "period_ends_on", *_COUNTS, "reference_rule", "difference", "quality_status")
_NUMBERS = (*_COUNTS, "difference")


def none_kept() -> pd.DataFrame:
    """No points, with KEPT_COLUMNS."""
    frame = pd.DataFrame({name: pd.Series(dtype="object") for name in KEPT_COLUMNS})
    return frame.astype(dict.fromkeys(_NUMBERS, "float64"))


def before_window(kept: pd.DataFrame, periods: pd.DataFrame, subject: str, confidence: float) -> pd.DataFrame:
    """Rows like those of publish.strata (or publish.gaps) for kept points older than every period of their grain.

    `subject` is STRATUM or GAP. Raises nothing: points that were kept with another confidence level are left out, as a
    mean's spread cannot be read from their limits.
    """
    first = periods.groupby("grain")["period_starts_on"].min()
    starts = pd.to_datetime(kept["period_starts_on"])
    is_older = (starts < pd.to_datetime(kept["grain"].map(first))).to_numpy(dtype=bool)
    same = np.isclose(kept["confidence"].to_numpy(dtype="float64"), confidence)
    chosen: pd.DataFrame = kept[is_older & same & kept["subject"].eq(subject).to_numpy(dtype=bool)]
    return chosen.assign(disclosure_status="published", stratifier_2=None, stratum_2=None)


def with_kept(rows: pd.DataFrame, older: pd.DataFrame) -> pd.DataFrame:
    """`rows` with the kept ones before them, in the columns of `rows`; empty cells where those have none."""
    if older.empty:
        return rows
    found = older.reindex(columns=list(rows.columns))
    for name in rows.columns:
        if pd.api.types.is_datetime64_any_dtype(rows[name]):
            found[name] = pd.to_datetime(found[name])
    return pd.concat([found.astype(rows.dtypes.to_dict()), rows], ignore_index=True)


def periods_with_kept(periods: pd.DataFrame, older: pd.DataFrame) -> pd.DataFrame:
    """dim_period with the periods of kept points."""
    if older.empty:
        return periods
    names = ["grain", "period_starts_on", "period_ends_on"]
    added = older[names].drop_duplicates().assign(is_complete=True)
    found = added.reindex(columns=list(periods.columns))
    for name in names[1:]:
        found[name] = pd.to_datetime(found[name]).astype(periods[name].dtype)
    return pd.concat([found, periods], ignore_index=True)


def kept_points(
    kept: pd.DataFrame,
    strata: pd.DataFrame,
    gaps: pd.DataFrame,
    series: pd.DataFrame,
    phases: pd.DataFrame,
    periods: pd.DataFrame,
    confidence: float,
) -> pd.DataFrame:
    """Published points of the baselines of `series` that `phases` names, with those `kept` before; for the next run.

    `series` is chart_series, which knows each baseline's days. A point that the window still has is taken from it.
    """
    named = series[_is_named(series, phases) & series["subject"].isin([STRATUM, GAP]).to_numpy(dtype=bool)]
    times = periods[["grain", "period_starts_on", "period_ends_on"]]
    older = [before_window(kept, periods, subject, confidence) for subject in (GAP, STRATUM)]
    between = _in_baselines(gaps, named[named["subject"] == GAP], [*SERIES, "reference_stratum"]).assign(subject=GAP)
    alone = _in_baselines(strata, named[named["subject"] == STRATUM], list(SERIES))
    # Limits of a gap need the counts of its reference too, whether or not the register names that.
    beside = between[[*SERIES, "period_starts_on"]].assign(
        stratum=between["reference_stratum"],
        stratifier=between["stratifier"].where(between["reference_rule"] != "overall", "overall"),
    )
    beside = _published(strata).merge(beside.drop_duplicates(), on=[*SERIES, "period_starts_on"])
    groups = pd.concat([alone, beside], ignore_index=True).drop_duplicates([*SERIES, "period_starts_on"])
    found = [
        rows.drop(columns="period_ends_on", errors="ignore").merge(times, on=["grain", "period_starts_on"])
        for rows in (between, groups.assign(subject=STRATUM))
    ]
    found = [rows.assign(confidence=confidence).reindex(columns=list(KEPT_COLUMNS)) for rows in found]
    found += [
        rows[_is_named(rows, phases) | _is_beside(rows, kept)].reindex(columns=list(KEPT_COLUMNS)) for rows in older
    ]
    whole = pd.concat([frame for frame in found if len(frame)] or [none_kept()], ignore_index=True)
    whole["reference_stratum"] = whole["reference_stratum"].astype(object).fillna("")
    days = {
        name: pd.to_datetime(whole[name]).astype("datetime64[s]") for name in ("period_starts_on", "period_ends_on")
    }
    numbers = {name: whole[name].astype("float64") for name in _NUMBERS}
    return whole.assign(**days, **numbers).sort_values(list(_KEY), ignore_index=True)


def _published(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["disclosure_status"].eq("published") & rows["stratum_2"].astype(object).fillna("").eq("")]


def _in_baselines(rows: pd.DataFrame, series: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Published `rows` of `series` in the days of its baseline."""
    both = _published(rows).merge(series[[*keys, "baseline_starts_on", "baseline_ends_on"]].dropna(), on=keys)
    day = pd.to_datetime(both["period_starts_on"])
    starts, ends = (pd.to_datetime(both[f"baseline_{end}_on"]) for end in ("starts", "ends"))
    return both[(day >= starts) & (day <= ends)]


def _is_beside(rows: pd.DataFrame, kept: pd.DataFrame) -> np.ndarray:
    """Groups that kept gaps are measured against."""
    keys = ["measure_id", "grain", "site", "stratifier", "stratum"]
    gaps = kept[kept["subject"] == GAP]
    references = gaps.assign(
        stratum=gaps["reference_stratum"],
        stratifier=gaps["stratifier"].where(gaps["reference_rule"] != "overall", "overall"),
    )
    found: np.ndarray = pd.MultiIndex.from_frame(rows[keys]).isin(pd.MultiIndex.from_frame(references[keys]))
    return found


def _is_named(rows: pd.DataFrame, phases: pd.DataFrame) -> np.ndarray:
    named = np.zeros(len(rows), dtype=bool)
    for entry in phases.to_dict("records"):
        one = np.ones(len(rows), dtype=bool)
        for column in ("measure_id", "stratifier", "stratum", "site"):
            if entry[column] != ANY:
                one &= rows[column].eq(entry[column]).to_numpy(dtype=bool)
        named |= one
    return named
