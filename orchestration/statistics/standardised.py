"""Puts age- and sex-standardised values beside the crude ones: from sums by age band and sex to columns of strata.

Given for years, and only in rows whose crude value is published. Unlike every other published number these rest on
counts that are not published themselves (children of one age band and sex in one group). So that none of them can be
worked out, a value is a sum over at least LEAST_CELLS cells and is rounded to DIGITS significant digits.

`value_standardised` is direct: groups can be compared with each other. `observed_to_expected` is indirect: it compares
a group with all sites' children of the same ages and sexes in that year, and not with other groups. Children whose sex
is not female or male are in the crude value only, as the standard has no weight for them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from orchestration.statistics.counts import (
    MEAN,
    PROPORTION,
    PUBLISHED,
    RATE,
    floats,
    match,
    read_kinds,
    require_columns,
)
from orchestration.statistics.estimates import CLUSTER_ROBUST, METHOD_NAMES
from orchestration.statistics.intervals import (
    BYAR_FROM_EVENTS,
    BoolArray,
    FloatArray,
    IntArray,
    Interval,
    cluster_degrees,
    normal_quantile,
    t_quantile,
)
from orchestration.statistics.references import ALL_SITES
from orchestration.statistics.reliability import STANDARD_CONFIDENCE, is_narrow_proportion, is_narrow_rate
from orchestration.statistics.standardise import (
    Standardised,
    direct_mean,
    direct_proportion,
    direct_rate,
    expected_events,
    has_heavy_event,
    indirect_ratio,
    indirect_share,
)

DIRECT, INDIRECT = "value_standardised", "observed_to_expected"
NUMBERS = tuple(f"{name}{end}" for name in (DIRECT, INDIRECT) for end in ("", "_low", "_high"))
METHODS = (f"{DIRECT}_method", f"{INDIRECT}_method")
COLUMNS = (*NUMBERS[:3], METHODS[0], *NUMBERS[3:], METHODS[1])
GRAIN = "year"
LEAST_CELLS = 4
DIGITS = 3

DIRECT_METHODS = {
    RATE: "direct; Dobson with Byar",  # or HEAVY_RATE
    PROPORTION: "direct; Wilson of the effective number",
    MEAN: "direct; Student t, Satterthwaite",
}
INDIRECT_SHARE = "indirect; Wilson"
HEAVY_RATE = "direct; Fay and Feuer gamma"
BY_DESIGN = ", design effect"
_SUMS = ("sum_y", "sum_d", "sum_yy", "weight")
_GROUP = ["measure_id", "period_starts_on", "site", "stratifier", "stratum"]


def add_standardised(
    strata: pd.DataFrame, age_sex: pd.DataFrame, measures: pd.DataFrame, confidence: float
) -> pd.DataFrame:
    """`strata` with COLUMNS; NULL where the row is not published, no year, or cannot be standardised.

    `strata` comes from `add_estimates(keep_sums=True)`; `age_sex` is int_stratum__age_sex: sums by measure, year, site,
    stratifier, stratum, age band and sex with the standard's weight; `measures` is dim_measure. Only cells in which
    all sites together have somebody are weighted. Direct: rates Dobson's limits, or Fay and Feuer's with a heavy rare
    cell, proportions Wilson's for the effective number of people, means t; from 10 events on, and only where each
    weighted cell has somebody, and not where its 95 % interval is too wide for the standards by which the crude
    value is judged. Indirect: rates exact Poisson below 10 events and Byar's from 10, proportions Wilson's. The
    crude rate's design effect widens both. Raises StatisticsError for frames without their columns.
    """
    require_columns(age_sex, (*_GROUP, "age_band", "sex", *_SUMS), "sums by age and sex")
    numbers = {name: np.full(len(strata), np.nan) for name in NUMBERS}
    methods = {name: np.full(len(strata), None, dtype=object) for name in METHODS}
    published = strata["disclosure_status"].eq(PUBLISHED).to_numpy(dtype=bool) & strata["value"].notna().to_numpy()
    rows = np.flatnonzero(published & strata["grain"].eq(GRAIN).to_numpy(dtype=bool) & _has_one_group(strata))
    if rows.size and len(age_sex):
        for found_rows, direct, indirect, names in _by_kind(strata, rows, age_sex, measures, confidence):
            for prefix, found in ((DIRECT, direct), (INDIRECT, indirect)):
                for end, part in zip(("", "_low", "_high"), found, strict=True):
                    numbers[prefix + end][found_rows] = round_to_digits(part)
            for column, method in names.items():
                methods[column][found_rows] = method
    for column, number in zip(METHODS, (DIRECT, INDIRECT), strict=True):
        methods[column][np.isnan(numbers[number])] = None
    return strata.assign(**{name: (numbers | methods)[name] for name in COLUMNS})


def round_to_digits(values: FloatArray, digits: int = DIGITS) -> FloatArray:
    """Rounded to so many significant digits; 0 and NaN stay."""
    with np.errstate(divide="ignore", invalid="ignore"):
        places = np.where(np.isfinite(values) & (values != 0), digits - 1 - np.floor(np.log10(np.abs(values))), 0.0)
    scale = 10.0**places
    return np.asarray(np.round(values * scale) / scale, dtype=np.float64)


def _has_one_group(strata: pd.DataFrame) -> np.ndarray:
    return strata["stratum_2"].astype(object).fillna("").eq("").to_numpy(dtype=bool)


def _by_kind(
    strata: pd.DataFrame, rows: IntArray, age_sex: pd.DataFrame, measures: pd.DataFrame, confidence: float
) -> list[tuple[IntArray, Standardised, Standardised, dict[str, np.ndarray]]]:
    """For each kind of measure its rows with their standardised numbers, in the measure's unit, and method names."""
    some = strata.iloc[rows]
    measure = match(some, "measure_id", measures, "strata")
    kinds = read_kinds(measures)[measure]
    multiplier = floats(measures, "multiplier", "measures")[measure]
    sums, reference = _cells(some, age_sex)
    weight = np.where(reference["sum_d"] > 0, sums["weight"].max(axis=1, initial=0.0)[:, None], 0.0)
    enough = (weight > 0).sum(axis=0) >= LEAST_CELLS
    effect = _design_effect(some, confidence)
    found = []
    for kind in (RATE, PROPORTION, MEAN):
        here = np.flatnonzero((kinds == kind) & enough)
        if not here.size:
            continue
        y, d, yy = (sums[name][:, here] for name in ("sum_y", "sum_d", "sum_yy"))
        indirect = Standardised(*(np.full(here.size, np.nan) for _ in range(3)))
        if kind != MEAN:
            expected = expected_events(d, reference["sum_y"][:, here], reference["sum_d"][:, here])
            observed, people = y.sum(axis=0), d.sum(axis=0)
            indirect = (
                indirect_ratio(observed, expected, confidence, design_effect=effect[here])
                if kind == RATE
                else indirect_share(observed, people, expected, confidence)
            )
        cells = kind, y, d, yy, weight[:, here], effect[here]
        direct = _direct(*cells, confidence)
        at95 = direct if confidence == STANDARD_CONFIDENCE else _direct(*cells, STANDARD_CONFIDENCE)
        direct = direct.where(_is_narrow(kind, at95))
        scale = multiplier[here]
        widened = np.where(effect[here] > 1, BY_DESIGN, "").astype(object)
        few = y.sum(axis=0) / effect[here] < BYAR_FROM_EVENTS
        exact = np.where(few, "indirect; exact Poisson", "indirect; Byar").astype(object)
        if kind == PROPORTION:
            exact[:] = INDIRECT_SHARE
        named = np.full(here.size, DIRECT_METHODS[kind], dtype=object)
        if kind == RATE:
            named[has_heavy_event(y, d, weight[:, here])] = HEAVY_RATE
        names = {METHODS[0]: named + widened, METHODS[1]: exact + widened}
        found.append((rows[here], Standardised(*(part * scale for part in direct)), indirect, names))
    return found


def _direct(
    kind: int,
    y: FloatArray,
    d: FloatArray,
    yy: FloatArray,
    weight: FloatArray,
    effect: FloatArray,
    confidence: float,
) -> Standardised:
    if kind == MEAN:
        return direct_mean(y, d, yy, weight, confidence)
    if kind == PROPORTION:
        return direct_proportion(y, d, weight, confidence)
    return direct_rate(y, d, weight, confidence, effect)


def _is_narrow(kind: int, at95: Standardised) -> BoolArray:
    """By the standards' width alone: a mean has no such standard."""
    interval = Interval(at95.low, at95.high)
    if kind == RATE:
        return is_narrow_rate(at95.value, interval)
    return np.full(at95.value.shape, True) if kind == MEAN else is_narrow_proportion(at95.value, interval)


def _cells(some: pd.DataFrame, age_sex: pd.DataFrame) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Sums of each row's cells, and those of everybody at all sites in its measure and year; shape (cells, rows)."""
    day = "period_starts_on"
    keyed = age_sex.assign(**{day: pd.to_datetime(age_sex[day]).astype("datetime64[s]")})
    wanted = pd.MultiIndex.from_frame(some[_GROUP].assign(**{day: pd.to_datetime(some[day]).astype("datetime64[s]")}))
    cell = keyed.groupby(["age_band", "sex"], sort=True).ngroup().to_numpy(dtype=np.int64)
    n_cells = int(cell.max()) + 1
    own = wanted.get_indexer(pd.MultiIndex.from_frame(keyed[_GROUP]))
    everyone = keyed["stratifier"].eq("overall").to_numpy(dtype=bool) & keyed["site"].eq(ALL_SITES).to_numpy(dtype=bool)
    panels = pd.MultiIndex.from_frame(wanted.to_frame()[_GROUP[:2]].drop_duplicates())
    panel_of_row = panels.get_indexer(pd.MultiIndex.from_frame(wanted.to_frame()[_GROUP[:2]]))
    panel = panels.get_indexer(pd.MultiIndex.from_frame(keyed[_GROUP[:2]]))
    sums, reference = {}, {}
    for name in _SUMS:
        values = floats(keyed, name, "sums by age and sex")
        table, whole = np.zeros((n_cells, len(some))), np.zeros((n_cells, len(panels)))
        table[cell[own >= 0], own[own >= 0]] = values[own >= 0]
        of_everyone = everyone & (panel >= 0)
        whole[cell[of_everyone], panel[of_everyone]] = values[of_everyone]
        sums[name], reference[name] = table, whole[:, panel_of_row]
    return sums, reference


def _design_effect(some: pd.DataFrame, confidence: float) -> FloatArray:
    """By how much events in bursts widen the crude rate's variance; 1 for other measures and for less than nothing.

    The degrees of freedom of a robust variance go with it, as they do with an effective number of people (Korn and
    Graubard 1998): the effect is multiplied by the square of t over z.
    """
    y, n, yy = (floats(some, name, "strata") for name in ("numerator", "n_patients", "sum_yy"))
    robust = some["ci_method"].eq(METHOD_NAMES[CLUSTER_ROBUST]).to_numpy(dtype=bool)
    wider = (t_quantile(cluster_degrees(y, n, yy), confidence) / normal_quantile(confidence)) ** 2
    effect = np.fmax(floats(some, "design_effect", "strata"), 1.0)
    return np.where(robust, effect * wider, effect)
