"""Splits a gap between two race groups into neighborhoods' mix and what is left within neighborhoods (Kitagawa 1955).

With c the share of a group's people in each fifth of neighborhood poverty and y its value there:

    gap = Σ (c_group - c_reference) · (y_group + y_reference) / 2      part by composition
        + Σ (y_group - y_reference) · (c_group + c_reference) / 2      part within neighborhoods

It is exact arithmetic and says nothing about causes: every row carries that caveat in words. It speaks for the people
whose neighborhood is known. Everything comes from published cells of the crossing, all of which must be there.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from orchestration.statistics.counts import PUBLISHED, floats, match, require_columns
from orchestration.statistics.intervals import FloatArray, IntArray, normal_quantile
from orchestration.statistics.reliability import NOT_ASSESSED, worse_of, worse_quality

# Which grouping a crossing is the finer form of.
CROSSINGS = {"race_by_poverty": "race_omb2024_multi"}
GRAIN = "year"
METHOD = "normal; the mix of neighborhoods taken as known"
CAVEAT = (
    "Arithmetic, not cause: the part by neighborhood is what would go if both groups lived in the same mix of"
    " neighborhoods and each neighborhood's values stayed as they are. Where families live is itself shaped by racism"
    " in housing, so that part is no lesser injustice; and the part within neighborhoods is not due to race but to"
    " how systems treat people there."
)
NUMBERS = (
    *("difference", "composition_part", "composition_part_low", "composition_part_high"),
    *("within_part", "within_part_low", "within_part_high"),
)
COLUMNS = (
    *("measure_id", "grain", "period_starts_on", "period_ends_on", "site", "stratifier", "stratum", "stratifier_2"),
    *("reference_stratum", *NUMBERS, "decomposition_method", "caveat"),
    *("disclosure_status", "reliability_status", "quality_status"),
)
_PANEL = ["measure_id", "period_starts_on", "site"]


def compute_decomposition(
    strata: pd.DataFrame,
    gaps: pd.DataFrame,
    measures: pd.DataFrame,
    strata_labels: pd.DataFrame,
    confidence: float,
) -> pd.DataFrame:
    """One row per year, measure, site and race group that the crossing is given for (COLUMNS), in the measure's unit.

    `difference` is the gap among people whose neighborhood is known, with the sign of disadvantage; its two parts add
    up to it. Limits are normal, from the cells' published intervals. The reference is the race grouping's own frozen
    one. `disclosure_status`: published where every cell of both groups is; suppressed where one is; not_assessed where
    one is held, empty, or the reference is not known. Raises StatisticsError for frames without their columns.
    """
    require_columns(strata, ("grain", *_PANEL, "stratifier", "stratum", "stratum_2", "value", "ci_low"), "strata")
    parts = [
        _of_crossing(strata, gaps, measures, strata_labels, confidence, crossing, grouping)
        for crossing, grouping in CROSSINGS.items()
    ]
    whole = pd.concat(parts, ignore_index=True)
    return whole[list(COLUMNS)].astype(dict.fromkeys(NUMBERS, "float64"))


def _of_crossing(
    strata: pd.DataFrame,
    gaps: pd.DataFrame,
    measures: pd.DataFrame,
    strata_labels: pd.DataFrame,
    confidence: float,
    crossing: str,
    grouping: str,
) -> pd.DataFrame:
    cells = strata[strata["stratifier"].eq(crossing) & strata["grain"].eq(GRAIN)].reset_index(drop=True)
    of_grouping = gaps[gaps["stratifier"].eq(grouping) & gaps["grain"].eq(GRAIN)]
    pairs = of_grouping.merge(cells[_PANEL].drop_duplicates(), on=_PANEL).reset_index(drop=True)
    second = cells["stratifier_2"].iloc[0] if len(cells) else ""
    labels = strata_labels[strata_labels["stratifier"].eq(second) & ~strata_labels["is_missing"].astype(bool)]
    fifths = [name for name in labels["stratum"] if name in set(cells["stratum_2"])]
    group, reference = (_rows(cells, pairs, name, fifths) for name in ("stratum", "reference_stratum"))
    statuses = _statuses(cells, pairs, np.concatenate([group, reference]))
    numbers = _numbers(cells, group, reference, normal_quantile(confidence))
    sign = np.where(measures["direction"].eq("lower_is_better").to_numpy(dtype=bool), 1.0, -1.0)
    sign = sign[match(pairs, "measure_id", measures, "gaps")]
    shown = (statuses["disclosure_status"] == PUBLISHED) & ~np.isnan(numbers["difference"])
    statuses["disclosure_status"][(statuses["disclosure_status"] == PUBLISHED) & ~shown] = NOT_ASSESSED
    statuses["reliability_status"][~shown] = NOT_ASSESSED
    low = {name: np.where(sign > 0, numbers[name], -numbers[name.replace("_low", "_high")]) for name in _LOWS}
    high = {
        name.replace("_low", "_high"): np.where(sign > 0, numbers[name.replace("_low", "_high")], -numbers[name])
        for name in _LOWS
    }
    signed = {name: sign * numbers[name] for name in ("difference", "composition_part", "within_part")}
    columns = {name: np.where(shown, values, np.nan) for name, values in (signed | low | high).items()}
    return pairs[
        ["measure_id", "grain", "period_starts_on", "period_ends_on", "site", "stratum", "reference_stratum"]
    ].assign(
        stratifier=grouping,
        stratifier_2=second,
        **columns,
        decomposition_method=np.array([None, METHOD], dtype=object)[shown.astype(np.int64)],
        caveat=CAVEAT,
        **statuses,
    )


_LOWS = ("composition_part_low", "within_part_low")


def _rows(cells: pd.DataFrame, pairs: pd.DataFrame, column: str, fifths: list[str]) -> IntArray:
    """Row of each fifth's cell for the group that `column` names, shape (fifths, pairs); -1 without."""
    known = pd.MultiIndex.from_frame(cells[[*_PANEL, "stratum", "stratum_2"]].astype(object))
    keys = pairs[[*_PANEL, column]].astype(object)
    rows = [known.get_indexer(pd.MultiIndex.from_frame(keys.assign(fifth=fifth))) for fifth in fifths]
    return np.array(rows, dtype=np.int64).reshape(len(fifths), len(pairs))


def _statuses(cells: pd.DataFrame, pairs: pd.DataFrame, rows: IntArray) -> dict[str, np.ndarray]:
    """The statuses of all cells of both groups together; a cell that nobody is in has no row."""
    status = np.full(len(pairs), PUBLISHED, dtype=object)
    quality = pairs["quality_status"].to_numpy(dtype=object).copy()
    reliability = np.full(len(pairs), "reliable", dtype=object)
    disclosure = [np.append(cells[name].to_numpy(dtype=object), extra) for name, extra in (
        ("disclosure_status", NOT_ASSESSED), ("quality_status", "publish"), ("reliability_status", NOT_ASSESSED),
    )]  # fmt: skip
    for row in rows:
        here = [values[row] for values in disclosure]
        status[(here[0] == "suppressed") & (status == PUBLISHED)] = "suppressed"
        status[here[0] == NOT_ASSESSED] = NOT_ASSESSED
        quality, reliability = worse_quality(quality, here[1]), worse_of(reliability, here[2])
    status[(quality == "hold") | pairs["reference_stratum"].isna().to_numpy()] = NOT_ASSESSED
    if not len(rows):
        status[:] = NOT_ASSESSED
    reliability[status != PUBLISHED] = NOT_ASSESSED
    return {"disclosure_status": status, "reliability_status": reliability, "quality_status": quality}


def _numbers(cells: pd.DataFrame, group: IntArray, reference: IntArray, z: float) -> dict[str, FloatArray]:
    """Group less reference, unsigned by direction; NaN where a cell has no value."""
    columns = [
        np.append(floats(cells, name, "strata"), np.nan) for name in ("value", "ci_low", "ci_high", "denominator")
    ]
    value, low, high, people = columns
    error = (high - low) / (2 * z)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = [people[rows] / people[rows].sum(axis=0) for rows in (group, reference)]
        ours, theirs = value[group], value[reference]
        variance = error[group] ** 2 + error[reference] ** 2
        mix, level = shares[0] - shares[1], (shares[0] + shares[1]) / 2
        composition = (mix * (ours + theirs) / 2).sum(axis=0)
        within = (level * (ours - theirs)).sum(axis=0)
        halves = [z * np.sqrt((weights**2 * variance).sum(axis=0)) for weights in (mix / 2, level)]
    return {
        "difference": composition + within,
        "composition_part": composition,
        "composition_part_low": composition - halves[0],
        "composition_part_high": composition + halves[0],
        "within_part": within,
        "within_part_low": within - halves[1],
        "within_part_high": within + halves[1],
    }
