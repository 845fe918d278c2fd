"""When a gap changed between two years: how much came from each side, and whether it closed for the wrong reason.

A gap is the group's value less the reference's, with the sign of disadvantage. So its change is the sum of two parts:
what the group's own value changed, and what the reference's changed. Both have the sign of the gap: below 0 narrows it.
A gap that narrows because the reference got worse is levelling down, and nobody is better off for it.

Each complete year is compared with the first complete one of the measure. Everything comes from published gaps and
values. The two years are taken as independent; children who are in both make their values go together, so intervals
err on the wide side.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from orchestration.statistics.counts import KEY, PUBLISHED, floats, match, require_columns
from orchestration.statistics.differences import mover_difference
from orchestration.statistics.intervals import BoolArray, FloatArray, IntArray, Interval
from orchestration.statistics.periods import period_rows
from orchestration.statistics.reliability import NOT_ASSESSED, worse_of, worse_quality

GRAIN = "year"
METHOD = "MOVER of the two years' intervals"
NARROWED, WIDENED, TURNED, UNCLEAR = "narrowed", "widened", "turned around", "unclear"
YES, POSSIBLE, NO = "yes", "possible", "no"

NUMBERS = (
    *("difference_before", "difference", "difference_change", "difference_change_low", "difference_change_high"),
    *("group_part", "reference_part", "reference_part_low", "reference_part_high"),
)
WORDS = ("change_verdict", "levelling_down")
COLUMNS = (
    *("measure_id", "grain", "period_starts_on", "period_ends_on", "baseline_starts_on", "site", "stratifier"),
    *("stratum", "stratifier_2", "stratum_2", "reference_rule", "reference_stratum", "reference_stratum_2"),
    *(*NUMBERS, "change_method", *WORDS, "disclosure_status", "reliability_status", "quality_status"),
)
_GROUP = ["measure_id", "site", "stratifier", "stratum", "stratum_2"]


def compute_changes(
    strata: pd.DataFrame, gaps: pd.DataFrame, measures: pd.DataFrame, periods: pd.DataFrame
) -> pd.DataFrame:
    """One row per gap and later complete year (COLUMNS), in the order of `gaps`; numbers in the measure's unit.

    `difference_change` = `group_part` + `reference_part`. `change_verdict`, where the change's interval leaves
    out 0: `narrowed` towards no gap, `widened` away from it, or `turned around` to the other side of it, whoever was
    worse off at first; else `unclear`. `levelling_down`, where a gap to the disadvantage of the group got smaller:
    `yes` when it narrowed and the reference got worse, both beyond chance (the intervals leave out no change);
    `possible` when the reference got worse beyond chance but the narrowing may be chance, or the other way around with
    at least half of it brought by the reference; else `no`.

    `disclosure_status`: published where the gap is in both years; suppressed where one is; else not_assessed, also
    where the reference is another one than at the baseline. Raises StatisticsError for frames without their columns.
    """
    require_columns(gaps, (*KEY, "difference", "difference_low", "difference_high", "disclosure_status"), "gaps")
    require_columns(periods, ("is_complete",), "periods")
    complete = periods["is_complete"].to_numpy(dtype=bool)[period_rows(gaps, periods)]
    years = gaps[complete & gaps["grain"].eq(GRAIN).to_numpy(dtype=bool)].reset_index(drop=True)
    first = years.groupby("measure_id")["period_starts_on"].transform("min")
    later = years[years["period_starts_on"] > first].reset_index(drop=True)
    baseline = first[years["period_starts_on"] > first].reset_index(drop=True)
    before = _rows_at(years, later, baseline)
    there = before >= 0
    after = _numbers(later)
    earlier = {
        name: np.where(there, np.append(values, np.nan)[before], np.nan) for name, values in _numbers(years).items()
    }
    sign = np.where(measures["direction"].eq("lower_is_better").to_numpy(dtype=bool), 1.0, -1.0)
    sign = sign[match(later, "measure_id", measures, "gaps")]
    statuses = _statuses(later, years, before)
    shown = statuses["disclosure_status"] == PUBLISHED

    change, low, high = _change(after, earlier)
    worse, worse_low, worse_high = _reference_change(strata, later, baseline, sign)
    numbers = {
        "difference_before": earlier["difference"],
        "difference": after["difference"],
        "difference_change": change,
        "difference_change_low": low,
        "difference_change_high": high,
        "group_part": change + worse,
        "reference_part": -worse,
        "reference_part_low": -worse_high,
        "reference_part_high": -worse_low,
    }
    shown &= ~np.isnan(change + worse)
    statuses["disclosure_status"][(statuses["disclosure_status"] == PUBLISHED) & ~shown] = NOT_ASSESSED
    words = _words(numbers, shown)
    return later.assign(
        baseline_starts_on=baseline,
        **{name: np.where(shown, values, np.nan) for name, values in numbers.items()},
        change_method=np.array([None, METHOD], dtype=object)[shown.astype(np.int64)],
        **words,
        **statuses,
    )[list(COLUMNS)]


def _numbers(gaps: pd.DataFrame) -> dict[str, FloatArray]:
    return {name: floats(gaps, name, "gaps") for name in ("difference", "difference_low", "difference_high")}


def _change(after: dict[str, FloatArray], before: dict[str, FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """After less before, with limits recovered from each one's own (MOVER); keys `difference`, its _low and _high."""
    one, two = (Interval(gap["difference_low"], gap["difference_high"]) for gap in (after, before))
    limits = mover_difference(after["difference"], one, before["difference"], two)
    return after["difference"] - before["difference"], limits.low, limits.high


def _index(frame: pd.DataFrame, columns: list[str], starts: pd.Series) -> pd.MultiIndex:
    keys = frame[columns].astype(object).fillna("")
    return pd.MultiIndex.from_frame(keys.assign(starts=pd.to_datetime(starts).astype("datetime64[s]").to_numpy()))


def _rows_at(years: pd.DataFrame, wanted: pd.DataFrame, starts: pd.Series) -> IntArray:
    """Row of `years` with the same group and reference in the year that starts on `starts`; -1 without."""
    columns = [*_GROUP, "reference_stratum", "reference_stratum_2"]
    found = _index(years, columns, years["period_starts_on"]).get_indexer(_index(wanted, columns, starts))
    return np.asarray(found, dtype=np.int64)


def _reference_change(
    strata: pd.DataFrame, later: pd.DataFrame, baseline: pd.Series, sign: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """By how much the reference got worse since the baseline, with limits; NaN where a value is not published."""
    overall = later["reference_rule"].eq("overall").to_numpy(dtype=bool)
    wanted = pd.DataFrame(
        {
            "measure_id": later["measure_id"],
            "site": later["site"],
            "stratifier": later["stratifier"].astype(object).where(~overall, "overall"),
            "stratum": later["reference_stratum"],
            "stratum_2": later["reference_stratum_2"],
        }
    )
    years = strata[strata["grain"].eq(GRAIN)]
    known = _index(years, _GROUP, years["period_starts_on"])
    columns = [floats(years, name, "strata") for name in ("value", "ci_low", "ci_high")]

    def value_at(starts: pd.Series) -> dict[str, FloatArray]:
        rows = known.get_indexer(_index(wanted, _GROUP, starts))
        ends = ("", "_low", "_high")
        return {
            f"difference{end}": np.where(rows >= 0, np.append(values, np.nan)[rows], np.nan)
            for end, values in zip(ends, columns, strict=True)
        }

    change, low, high = _change(value_at(later["period_starts_on"]), value_at(baseline))
    lower = sign > 0
    return sign * change, np.where(lower, low, -high), np.where(lower, high, -low)


def _statuses(later: pd.DataFrame, years: pd.DataFrame, before: IntArray) -> dict[str, np.ndarray]:
    def sides(column: str) -> tuple[np.ndarray, np.ndarray]:
        values = years[column].to_numpy(dtype=object)
        own = later[column].to_numpy(dtype=object)
        return own, np.where(before >= 0, values[before], own) if len(years) else own

    now, then = sides("disclosure_status")
    status = np.full(len(later), NOT_ASSESSED, dtype=object)
    status[(now == "suppressed") | (then == "suppressed")] = "suppressed"
    status[(now == PUBLISHED) & (then == PUBLISHED)] = PUBLISHED
    quality = worse_quality(*sides("quality_status"))
    status[(before < 0) | (quality == "hold") | (now == NOT_ASSESSED) | (then == NOT_ASSESSED)] = NOT_ASSESSED
    reliability = worse_of(*sides("reliability_status"))
    reliability[status != PUBLISHED] = NOT_ASSESSED
    return {"disclosure_status": status, "reliability_status": reliability, "quality_status": quality}


def _words(numbers: dict[str, FloatArray], shown: BoolArray) -> dict[str, np.ndarray]:
    with np.errstate(invalid="ignore"):
        narrowing = (numbers["difference_change"] < 0) & (numbers["difference_before"] > 0)
        worse = narrowing & (numbers["reference_part_high"] < 0)
        narrowed = narrowing & (numbers["difference_change_high"] < 0)
        half = narrowed & (numbers["reference_part"] <= numbers["difference_change"] / 2)
        before, after = numbers["difference_before"], numbers["difference"]
        certain = (numbers["difference_change_high"] < 0) | (numbers["difference_change_low"] > 0)
        is_closer = np.abs(after) < np.abs(before)
        verdict = np.where(certain, np.where(is_closer, NARROWED, WIDENED), UNCLEAR).astype(object)
        verdict[certain & (before * after < 0)] = TURNED
    down = np.where(worse & narrowed, YES, np.where(worse | half, POSSIBLE, NO)).astype(object)
    verdict[~shown] = None
    down[~shown] = None
    return {"change_verdict": verdict, "levelling_down": down}
