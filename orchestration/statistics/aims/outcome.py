"""What became of an aim's gap since its baseline, in words: smaller by more than chance, fairly, lastingly, harmlessly.

A gap's change is the sum of two parts: what the aim's own group changed and what the reference changed, as in
`changes.py`. `improved` needs the own group to have brought at least half of the narrowing, and a reference that did
not get worse beyond chance. Everything is read from released values; without them nothing is said.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from orchestration.statistics.aims.balancing import Balance
from orchestration.statistics.aims.lines import (
    LASTING,
    Line,
    baseline_rows,
    is_baseline,
    lasting_words,
    latest_points,
    line_of,
)
from orchestration.statistics.differences import mover_difference
from orchestration.statistics.intervals import BoolArray, FloatArray, Interval

UNKNOWN = "cannot be said"
VALUE, DIFFERENCE = ("value", "ci_low", "ci_high"), ("difference", "difference_low", "difference_high")


def outcome_of(
    aim: dict[str, Any],
    gap: Line,
    own: Line,
    gap_rows: pd.DataFrame,
    strata: pd.DataFrame,
    times: pd.DataFrame,
    complete: pd.DataFrame,
    sign: float,
    improvements: set[pd.Timestamp],
    safety: Balance | None,
) -> str:
    """The outcome in words. `gap_rows`, `strata`: published rows of the aim's gap, and of its measure at its site.

    `times`: periods of the aim's grain, `complete`: of every grain. `improvements`: last days of the periods that the
    gap's control chart marks as improvement.
    """
    grain = str(aim["grain"])
    if not len(gap.value) or np.isnan(gap.value[-1]):
        return UNKNOWN
    if not is_baseline(aim, complete).any():
        return f"{UNKNOWN}: the baseline is not one period of this release"
    before = baseline_rows(aim, gap_rows)
    at = latest_points(gap.value, grain)
    if before.empty:
        return f"{UNKNOWN}: the gap of the baseline is not published"
    if len(at) < LASTING[grain]:
        return f"{UNKNOWN}: fewer than {LASTING[grain]} {grain}s are published"
    then = before[list(DIFFERENCE)].iloc[0].to_numpy(dtype="float64")
    change = gap.value[at] - then[0]
    if change[-1] >= 0:
        return "gap not smaller than in the baseline"
    if (change >= 0).any():
        return f"gap smaller in the latest {grain}, but not in {lasting_words(grain)}"
    unfair = _levelling_down(aim, own, gap_rows, before, strata, times, sign, change, at)
    if unfair.startswith(UNKNOWN):
        return unfair
    marked = np.isin(gap.ends.to_numpy(dtype="datetime64[s]")[at], _days(improvements))
    # What chance may have done is nobody's doing: it is not said to have been brought by anybody.
    if not (marked | _is_less(gap, at, then)).all():
        return "gap smaller, but not by more than chance explains"
    if unfair:
        return unfair
    if safety is not None and safety.worse:
        return "gap smaller, but not called improved: the balancing measure signals worse"
    if safety is not None and safety.judged < max(safety.groups, 1):
        return "improved, but not fully checked: the balancing measure cannot be judged in every group"
    return "improved"


def _levelling_down(
    aim: dict[str, Any],
    own: Line,
    gap_rows: pd.DataFrame,
    before: pd.DataFrame,
    strata: pd.DataFrame,
    times: pd.DataFrame,
    sign: float,
    change: FloatArray,
    at: np.ndarray,
) -> str:
    """Why the narrowing is not the own group's doing, or cannot be said to be; empty where it is."""
    first = before.iloc[0]
    starts = pd.to_datetime(gap_rows["period_starts_on"]).astype("datetime64[s]")
    used = gap_rows[(gap_rows["grain"] == aim["grain"]) & starts.isin(own.starts.iloc[at])]
    if not used["reference_stratum"].eq(first["reference_stratum"]).all():
        return f"{UNKNOWN}: the reference is another group than in the baseline"
    overall = first["reference_rule"] == "overall"
    theirs = strata[
        strata["stratum"].eq(first["reference_stratum"])
        & strata["stratifier"].eq("overall" if overall else aim["stratifier"])
    ]
    mine = strata[strata["stratum"].eq(aim["stratum"]) & strata["stratifier"].eq(aim["stratifier"])]
    own_before, reference_before = (baseline_rows(aim, rows) for rows in (mine, theirs))
    reference = line_of(theirs[theirs["grain"] == aim["grain"]], VALUE, times)
    if own_before.empty or reference_before.empty or np.isnan([own.value[at], reference.value[at]]).any():
        return f"{UNKNOWN}: the group or its reference is not published in the baseline and in {_periods(aim)}"
    group_part = sign * (own.value[at] - float(own_before["value"].iloc[0]))
    if group_part[-1] >= 0:
        return "gap smaller only because others are served less well (levelling down)"
    if (group_part > change / 2).any():
        return "gap smaller, but more than half of it because others are served less well (levelling down)"
    limits = _change(reference, at[-1:], reference_before[list(VALUE)].iloc[0].to_numpy(dtype="float64"))
    if (limits.low[0] if sign > 0 else -limits.high[0]) > 0:
        return "gap smaller, but the reference is served less well by more than chance explains (levelling down)"
    return ""


def _periods(aim: dict[str, Any]) -> str:
    return lasting_words(str(aim["grain"]))


def _change(line: Line, at: np.ndarray, then: FloatArray) -> Interval:
    before = [np.full(len(at), number) for number in then]
    return mover_difference(
        line.value[at], Interval(line.low[at], line.high[at]), before[0], Interval(before[1], before[2])
    )


def _is_less(gap: Line, at: np.ndarray, then: FloatArray) -> BoolArray:
    """Whether each of these gaps is smaller than the baseline's, as published, by more than chance explains."""
    less: BoolArray = _change(gap, at, then).high < 0
    return less


def _days(days: set[pd.Timestamp]) -> np.ndarray:
    return np.array(sorted(days), dtype="datetime64[s]")
