"""Points of registered baselines, kept from run to run: the limits of a chart stay when the window has left them.

A team that writes a baseline into the register `chart_phases` asks for limits from those days, for good. The measured
window moves on, so what was published of such baselines is handed from run to run, and stands before the window's own
points while limits are drawn. It is not charted again. What was suppressed or held then is kept as that, without a
number.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import stdtrit  # type: ignore[import-untyped]

from orchestration.statistics.intervals import BoolArray
from orchestration.statistics.spc.panel import GAP, SERIES, STRATUM, references_of
from orchestration.statistics.spc.phases import PERIODS_PER_YEAR, is_named

_KEY = ("subject", *SERIES, "reference_stratum", "period_starts_on")
_WORDS = ("reference_rule", "disclosure_status", "quality_status")
KEPT_NUMBERS = ("numerator", "denominator", "ci_low", "ci_high", "confidence", "difference")
KEPT_COLUMNS = (*_KEY, *_WORDS, *KEPT_NUMBERS)


def none_kept() -> pd.DataFrame:
    """No points, with KEPT_COLUMNS."""
    frame = pd.DataFrame({name: pd.Series(dtype="object") for name in KEPT_COLUMNS})
    return frame.astype(dict.fromkeys(KEPT_NUMBERS, "float64"))


def before_window(kept: pd.DataFrame, periods: pd.DataFrame, subject: str, confidence: float) -> pd.DataFrame:
    """Rows like those of publish.strata or publish.gaps (`subject` STRATUM or GAP) from before every period.

    Limits are those of a mean at `confidence`, whatever they were kept with; nothing else looks at them.
    """
    rows = _older(kept, periods, subject)
    middle, half = (rows["ci_low"] + rows["ci_high"]) / 2, (rows["ci_high"] - rows["ci_low"]) / 2
    free = np.maximum(rows["denominator"] - 1, 1)
    half *= stdtrit(free, 0.5 + confidence / 2) / stdtrit(free, 0.5 + rows["confidence"] / 2)
    return rows.assign(ci_low=middle - half, ci_high=middle + half)


def with_kept(rows: pd.DataFrame, older: pd.DataFrame) -> pd.DataFrame:
    """The kept rows and then `rows`, in the columns that charts look at."""
    chosen = rows[[name for name in rows.columns if name in KEPT_COLUMNS]]
    return chosen if older.empty else pd.concat([older[list(chosen.columns)], chosen], ignore_index=True)


def periods_with_kept(periods: pd.DataFrame, older: pd.DataFrame) -> pd.DataFrame:
    """dim_period with every period from the first kept one on."""
    found = [periods]
    for grain, first in older.groupby("grain")["period_starts_on"].min().items():
        length = pd.DateOffset(months=12 // PERIODS_PER_YEAR[str(grain)])
        until = pd.to_datetime(periods.loc[periods["grain"] == grain, "period_starts_on"]).min()
        starts = pd.date_range(first, until, freq=length, inclusive="left")
        found.append(
            pd.DataFrame(
                {"grain": grain, "period_starts_on": starts, "period_ends_on": starts + length - pd.DateOffset(days=1)}
            ).assign(is_complete=True)
        )
    return pd.concat(found, ignore_index=True)


def kept_points(
    kept: pd.DataFrame,
    strata: pd.DataFrame,
    gaps: pd.DataFrame,
    series: pd.DataFrame,
    phases: pd.DataFrame,
    periods: pd.DataFrame,
    confidence: float,
) -> pd.DataFrame:
    """What is published of the baselines of `series` that `phases` names, with those `kept` before; for the next run.

    `series` is chart_series, which knows each baseline's days. A point that the window still has is taken from it.
    """
    named = series[_are_named(series, phases)]
    between = _in_baselines(gaps, named[named["subject"] == GAP], [*SERIES, "reference_stratum"])
    alone = _in_baselines(strata, named[named["subject"] == STRATUM], list(SERIES))
    # Limits of a gap need the counts of its reference too, whether or not the register names that.
    at = [*SERIES, "period_starts_on"]
    beside = references_of(between).assign(period_starts_on=between["period_starts_on"]).drop_duplicates()
    groups = pd.concat([alone, _single(strata).merge(beside, on=at)], ignore_index=True).drop_duplicates(at)
    older_gaps, older_groups = (_older(kept, periods, subject) for subject in (GAP, STRATUM))
    older_gaps = older_gaps[_are_named(older_gaps, phases)]
    is_beside = _index(older_groups).isin(_index(references_of(older_gaps)))
    found = [
        between.assign(subject=GAP, confidence=confidence),
        groups.assign(subject=STRATUM, confidence=confidence),
        older_gaps,
        older_groups[_are_named(older_groups, phases) | is_beside],
    ]
    given = [rows.reindex(columns=list(KEPT_COLUMNS)).astype(dict.fromkeys(KEPT_NUMBERS, "float64")) for rows in found]
    whole = pd.concat([rows for rows in given if len(rows)] or [none_kept()], ignore_index=True)
    shown = whole["disclosure_status"].eq("published")
    whole[list(KEPT_NUMBERS)] = whole[list(KEPT_NUMBERS)].where(shown)
    words = {name: whole[name].astype(object).fillna("") for name in ("reference_stratum", *_WORDS)}
    starts = pd.to_datetime(whole["period_starts_on"]).astype("datetime64[s]")
    return whole.assign(**words, period_starts_on=starts).sort_values(list(_KEY), ignore_index=True)


def _older(kept: pd.DataFrame, periods: pd.DataFrame, subject: str) -> pd.DataFrame:
    """Kept points of a subject that are older than every period of their grain."""
    first = pd.to_datetime(kept["grain"].map(periods.groupby("grain")["period_starts_on"].min()))
    return kept[(pd.to_datetime(kept["period_starts_on"]) < first) & kept["subject"].eq(subject)]


def _single(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["stratum_2"].astype(object).fillna("").eq("")]


def _in_baselines(rows: pd.DataFrame, series: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The `rows` of `series` in the days of its baseline."""
    both = _single(rows).merge(series[[*keys, "baseline_starts_on", "baseline_ends_on"]].dropna(), on=keys)
    day = pd.to_datetime(both["period_starts_on"])
    starts, ends = (pd.to_datetime(both[f"baseline_{end}_on"]) for end in ("starts", "ends"))
    return both[(day >= starts) & (day <= ends)]


def _index(rows: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(rows[list(SERIES)])


def _are_named(rows: pd.DataFrame, phases: pd.DataFrame) -> BoolArray:
    named = np.zeros(len(rows), dtype=np.bool_)
    for entry in phases.to_dict("records"):
        named |= is_named(rows, entry)
    return named
