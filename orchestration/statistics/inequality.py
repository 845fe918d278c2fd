"""Summary indices of inequality per measure, period, site and stratifier: from published strata to a table of indices.

Sign as for gaps: where an index has one (par, paf, sii, aci, rci and their kin), positive means that the worse-off
groups are at a disadvantage, whatever the measure's direction, and rii above 1 means the same. Distances have none.

An index speaks for all groups together, so it is given only where they are there: from two groups on, published groups
at least 85 % of the slice's groups (WHO's rule), all of them for an ordered index; complex indices from three groups
on. Everything comes from published values and their intervals: a group's standard error is its interval's half width
over the normal quantile, for a rate with events that of its logarithm times the rate. Reasons why a group is not known
are not groups, nor is a group of nobody. Stratifiers whose groups overlap have no index, as shares of people would not
add up to one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.errors import StatisticsError
from orchestration.statistics.counts import (
    KEY,
    KINDS,
    MEAN,
    PROPORTION,
    PUBLISHED,
    RATE,
    SLICE,
    floats,
    match,
    require_columns,
)
from orchestration.statistics.inequality_groups import COMPLEX_FROM_GROUPS, Groups
from orchestration.statistics.inequality_indices import COMPLEX, SIMPLE, unordered_indices
from orchestration.statistics.inequality_limits import (
    ANALYTIC_METHODS,
    RATIOS,
    SIMULATION_METHOD,
    SIMULATION_METHOD_OF_MORE,
    unordered_limits,
)
from orchestration.statistics.inequality_ordered import BOUNDED, LINEAR, Estimate, bounded_indices, linear_indices
from orchestration.statistics.intervals import BoolArray, FloatArray, IntArray, normal_quantile
from orchestration.statistics.references import ALL_SITES, describe_cells, group_codes
from orchestration.statistics.reliability import NOT_ASSESSED, RELIABLE, UNRELIABLE

# Given for years at each site and for years and quarters at all sites together: shorter or smaller slices have too few
# published groups to sum up.
GRAINS_AT_SITES, GRAINS_AT_ALL = ("year",), ("year", "quarter")
LEAST_SHARE_OF_GROUPS = 0.85
BURDEN = "burden"
# A slice without any index has one row of this name that says why.
EVERY_INDEX = "every_index"

NUMBERS = ("index_value", "index_low", "index_high")
COLUMNS = (
    *("measure_id", "grain", "period_starts_on", "period_ends_on", "site", "stratifier", "index_id", *NUMBERS),
    *("index_unit", "index_method", "index_note", "n_groups", "n_groups_published", "reference_stratum"),
    *("reference_stratum_2", "disclosure_status", "reliability_status", "quality_status"),
)
IN_UNIT, SQUARED, RATIO, PERCENT, PER_1000, COUNT = (
    *("the measure's unit", "the measure's unit, squared", "ratio", "percent", "per 1,000"),
    "events, people or days",
)
UNITS = {
    **dict.fromkeys(("mrd", "bgsd", "mdm_u", "mdm_w", "mdb_u", "mdb_w", "mdr_u", "mdr_w"), IN_UNIT),
    **dict.fromkeys(("par", "ends_difference", "sii", "sii_logit", "aci"), IN_UNIT),
    **dict.fromkeys(("mrr", "srr", "ends_ratio", "rii", "rii_logit", "rci", "rci_wagstaff", "aci_erreygers"), RATIO),
    **dict.fromkeys(("index_of_disparity", "cov", "idis_u", "idis_w", "paf"), PERCENT),
    **dict.fromkeys(("theil", "mld"), PER_1000),
    **{"bgv": SQUARED, BURDEN: COUNT},
}
ORDERED_METHODS = {
    **dict.fromkeys(("ends_difference", "sii", "aci", "aci_erreygers"), "normal, exact for a weighted sum"),
    "ends_ratio": "log normal",
    **dict.fromkeys(("rii", "rci"), "Fieller"),
    **dict.fromkeys(("sii_logit", "rii_logit"), "delta method, logistic model"),
    "rci_wagstaff": "delta method",
}
AS_FOR_PAR = "as for par"
NO_LIMITS = "the fit at its lower end cannot be told from 0: without an interval"
NO_UPPER_LIMIT = "no upper limit: the fit at its higher end cannot be told from 0"
LINE_REACHES_ZERO = "the fit is not above 0 at both ends"
ZERO_GROUP = "a group has none: its logarithm does not exist"
ZERO_IN_THEIL = "a group has none: it counts as the limit, 0; without an interval"

_Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class _Slices:
    """What is known of each slice, one element per slice; `rows` is a row of it in the strata frame."""

    rows: IntArray
    kind: IntArray
    multiplier: FloatArray
    people: FloatArray
    with_more_draws: BoolArray
    n_groups: IntArray
    n_published: IntArray
    is_held: BoolArray
    is_ordered: BoolArray
    reliability: _Texts
    groups: Groups


def compute_inequality(
    strata: pd.DataFrame,
    gaps: pd.DataFrame,
    measures: pd.DataFrame,
    stratifiers: pd.DataFrame,
    strata_labels: pd.DataFrame,
    confidence: float,
) -> pd.DataFrame:
    """One row per slice and index (COLUMNS), slices in the order of `strata`; what the module says holds for all.

    `strata` and `gaps` are the published frames of the same run (`gaps` gives the frozen references, for mdr);
    `measures`, `stratifiers` and `strata_labels` the dim_ tables. A slice without any index has one row EVERY_INDEX:
    `suppressed` where too many groups are, `not_assessed` where it is held or has fewer than two groups; an index that
    does not exist in a slice that has others is a row without numbers, `not_assessed`, with a note.
    `reliability_status` is the worst of the groups'. Raises StatisticsError for unknown measures, groups and
    stratifiers, and for a stratifier that is ordered from a side that is neither first nor last.
    """
    require_columns(strata, (*KEY, "value", "ci_low", "ci_high", "denominator", "quality_status"), "strata")
    chosen = strata.iloc[_chosen(strata, stratifiers)].reset_index(drop=True)
    if chosen.empty:
        return pd.DataFrame({name: pd.Series(dtype="object") for name in COLUMNS}).astype(_TYPES)
    slices = _slices(chosen, gaps, measures, stratifiers, strata_labels, confidence)
    long = _long(slices, _estimates(slices, confidence))
    keys = chosen.iloc[slices.rows[long.pop("slice").to_numpy()]]
    named = keys[["measure_id", "grain", "period_starts_on", "period_ends_on", "site", "stratifier", "quality_status"]]
    references = keys[["reference_stratum", "reference_stratum_2"]]
    whole = pd.concat([part.reset_index(drop=True) for part in (named, references, long)], axis=1)
    result: pd.DataFrame = whole[list(COLUMNS)].astype(_TYPES)
    return result


_TYPES = {**dict.fromkeys(NUMBERS, "float64"), "n_groups": "int64", "n_groups_published": "int64"}


def _chosen(strata: pd.DataFrame, stratifiers: pd.DataFrame) -> IntArray:
    require_columns(stratifiers, ("stratifier", "kind", "is_exclusive", "disadvantaged_end"), "stratifiers")
    place = match(strata, "stratifier", stratifiers, "strata")
    exclusive = (stratifiers["is_exclusive"].astype(bool) & stratifiers["kind"].ne("overall")).to_numpy(dtype=bool)
    at_all = strata["site"].eq(ALL_SITES).to_numpy(dtype=bool)
    grains = [strata["grain"].isin(grains).to_numpy(dtype=bool) for grains in (GRAINS_AT_ALL, GRAINS_AT_SITES)]
    return np.flatnonzero(exclusive[place] & np.where(at_all, *grains))


def _slices(
    strata: pd.DataFrame,
    gaps: pd.DataFrame,
    measures: pd.DataFrame,
    stratifiers: pd.DataFrame,
    strata_labels: pd.DataFrame,
    confidence: float,
) -> _Slices:
    measure = match(strata, "measure_id", measures, "strata")
    stratifier = match(strata, "stratifier", stratifiers, "strata")
    kind = np.array([KINDS[str(name)] for name in measures["kind"]], dtype=np.int64)[measure]
    sign = np.where(measures["direction"].eq("lower_is_better").to_numpy(dtype=bool), 1.0, -1.0)[measure]
    cells, cell = describe_cells(strata, strata_labels)
    is_missing = cells["is_missing"].to_numpy(dtype=bool)[cell]
    code = group_codes(strata, list(SLICE))
    n_slices = int(code.max()) + 1
    _name_references(strata, gaps)

    published = strata["disclosure_status"].eq(PUBLISHED).to_numpy(dtype=bool)
    value, denominator = floats(strata, "value", "strata"), floats(strata, "denominator", "strata")
    is_group = ~is_missing & ~(published & ~(denominator > 0))
    is_shown = is_group & published & ~np.isnan(value)
    ends = stratifiers["disadvantaged_end"].fillna("").astype(str).to_numpy(dtype=object)
    unknown = sorted(set(ends) - {"", "first", "last"})
    if unknown:
        raise StatisticsError(
            "`disadvantaged_end` is first, last or empty",
            where="stratifiers",
            found=", ".join(unknown),
            remedy="correct seeds/stratifiers.csv",
        )
    end = ends[stratifier]

    shown = np.flatnonzero(is_shown)
    # Cells stand in the order of presentation; an ordered slice begins with its most disadvantaged group.
    order = shown[np.lexsort((np.where(end[shown] == "last", -cell[shown], cell[shown]), code[shown]))]
    counts = np.bincount(code[order], minlength=n_slices)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    position = np.arange(order.size) - starts[code[order]]
    shape = (max(int(counts.max(initial=0)), 1), n_slices)
    arrays = [np.full(shape, np.nan) for _ in range(5)]
    for array, column in zip(arrays, (value, denominator, *_errors(strata, value, kind, confidence)), strict=True):
        array[position, code[order]] = column[order]
    reference = np.full(n_slices, -1, dtype=np.int64)
    is_reference = _is_reference(strata)[order]
    reference[code[order][is_reference]] = position[is_reference]
    rows = np.full(n_slices, -1, dtype=np.int64)
    rows[code[::-1]] = np.arange(code.size)[::-1]
    is_ordered = end[rows] != ""
    n_groups = np.bincount(code[is_group], minlength=n_slices)
    with_order = is_ordered & (counts == n_groups) & (counts > 0)
    multiplier = floats(measures, "multiplier", "measures")[measure]
    return _Slices(
        rows=rows,
        kind=kind[rows],
        multiplier=multiplier[rows],
        people=np.bincount(code[order], weights=denominator[order], minlength=n_slices).astype(np.float64),
        with_more_draws=(strata["site"].eq(ALL_SITES) & strata["grain"].eq("year")).to_numpy(dtype=bool)[rows],
        n_groups=n_groups,
        n_published=counts,
        is_held=_any(code, ~published & strata["disclosure_status"].eq(NOT_ASSESSED).to_numpy(dtype=bool), n_slices),
        is_ordered=is_ordered,
        reliability=_worst(strata, code, order, n_slices),
        groups=Groups(
            *(arrays[0], arrays[2], arrays[1], sign[rows], reference, np.where(with_order, counts - 1, -1)),
            *arrays[3:],
        ),
    )


def _errors(strata: pd.DataFrame, value: FloatArray, kind: IntArray, confidence: float) -> tuple[FloatArray, ...]:
    """Standard error of each row's value, and the factors of one standard error down and up where it is a rate's.

    A rate's limits lie on a log scale: half their distance says too much of a wide interval's lower side.
    """
    z = normal_quantile(confidence)
    low, high = floats(strata, "ci_low", "strata"), floats(strata, "ci_high", "strata")
    on_log = (kind == RATE) & (low > 0)
    down, up = (np.full(value.size, np.nan) for _ in range(2))
    down[on_log] = np.maximum(value[on_log] / low[on_log], 1) ** (1 / z)
    up[on_log] = np.maximum(high[on_log] / value[on_log], 1) ** (1 / z)
    error = (high - low) / (2 * z)
    error[on_log] = value[on_log] * np.log(down[on_log] * up[on_log]) / 2
    return error, down, up


def _name_references(strata: pd.DataFrame, gaps: pd.DataFrame) -> None:
    """Put the slice's frozen reference beside each row."""
    names = ["reference_stratum", "reference_stratum_2"]
    known = gaps[[*SLICE, *names]].drop_duplicates(list(SLICE))
    found = strata[list(SLICE)].merge(known, how="left", on=list(SLICE))
    for name in names:
        strata[name] = found[name].astype(object).where(found[name].notna(), None).to_numpy(dtype=object)


def _is_reference(strata: pd.DataFrame) -> BoolArray:
    same = strata["stratum"].to_numpy(dtype=object) == strata["reference_stratum"].to_numpy(dtype=object)
    second = strata["stratum_2"].astype(object).fillna("").to_numpy(dtype=object)
    named = strata["reference_stratum_2"].astype(object).fillna("").to_numpy(dtype=object)
    return np.asarray(same & (second == named), dtype=np.bool_)


def _any(code: IntArray, condition: BoolArray, size: int) -> BoolArray:
    return np.bincount(code, weights=condition, minlength=size) > 0


def _worst(strata: pd.DataFrame, code: IntArray, rows: IntArray, size: int) -> _Texts:
    status = strata["reliability_status"].to_numpy(dtype=object)[rows]
    worst = np.full(size, RELIABLE, dtype=object)
    for word in (NOT_ASSESSED, UNRELIABLE):
        worst[_any(code[rows], status == word, size)] = word
    return worst


def _estimates(slices: _Slices, confidence: float) -> dict[str, tuple[IntArray, Estimate]]:
    """Per index, for which slices it is meant and its numbers there, with the sign of disadvantage."""
    with np.errstate(invalid="ignore", divide="ignore"):
        enough = slices.n_published >= LEAST_SHARE_OF_GROUPS * slices.n_groups
    given = np.flatnonzero(enough & (slices.n_published >= 2) & ~slices.is_held)
    found: dict[str, tuple[IntArray, Estimate]] = {}
    if not given.size:
        return found
    groups = slices.groups.take(given)
    upper = np.where(slices.kind == PROPORTION, slices.multiplier, np.inf)[given]
    values = unordered_indices(groups)
    limits = unordered_limits(groups, values, confidence, upper, slices.with_more_draws[given])
    many = slices.n_published[given] >= COMPLEX_FROM_GROUPS
    for name in (*SIMPLE, *COMPLEX):
        some = many if name in COMPLEX else np.ones(given.size, dtype=bool)
        if name in ("mdr_u", "mdr_w"):
            some = some & (groups.reference >= 0)
        numbers = Estimate(np.abs(values[name]), limits[name].low, limits[name].high)
        found[name] = given[some], Estimate(*(part[some] for part in numbers))
    counted = np.flatnonzero(many & (slices.kind[given] != MEAN))
    scale = (slices.people / slices.multiplier)[given[counted]]
    par = (np.abs(values["par"]), *limits["par"])
    found[BURDEN] = given[counted], Estimate(*(part[counted] * scale for part in par))
    return found | _ordered(slices, given, confidence)


def _ordered(slices: _Slices, given: IntArray, confidence: float) -> dict[str, tuple[IntArray, Estimate]]:
    ordered = given[(slices.groups.advantaged[given] >= 0) & (slices.n_published[given] >= COMPLEX_FROM_GROUPS)]
    shares = ordered[slices.kind[ordered] == PROPORTION]
    found: dict[str, tuple[IntArray, Estimate]] = {}
    if ordered.size:
        groups = slices.groups.take(ordered)
        for name, numbers in linear_indices(groups, confidence).items():
            found[name] = ordered, _of_disadvantage(name, numbers, groups.sign)
    if shares.size:
        whole, scale = slices.groups.take(shares), slices.multiplier[shares]
        groups = Groups(
            whole.value / scale, whole.error / scale, whole.weight, whole.sign, whole.reference, whole.advantaged
        )
        for name, numbers in bounded_indices(groups, confidence).items():
            if name == "sii_logit":
                numbers = Estimate(*(part * scale for part in numbers))
            found[name] = shares, _of_disadvantage(name, numbers, groups.sign)
    return found


_RATIOS_OF_ADVANTAGE = ("ends_ratio", "rii", "rii_logit")


def _of_disadvantage(name: str, numbers: Estimate, sign: FloatArray) -> Estimate:
    """WHO's sign says how the value goes with advantage; ours says how much worse off the disadvantaged are.

    The inverse of a ratio that may be 0 has no upper limit, and that of 0 does not exist: both are NaN.
    """
    lower = sign > 0
    if name in _RATIOS_OF_ADVANTAGE:
        turned = [np.divide(1.0, part, out=np.full(part.shape, np.nan), where=part > 0) for part in numbers]
    else:
        turned = [-part for part in numbers]
    value, low, high = (np.where(lower, turn, part) for turn, part in zip(turned, numbers, strict=True))
    return Estimate(value, np.where(lower, turned[2], low), np.where(lower, turned[1], high))


def _long(slices: _Slices, found: dict[str, tuple[IntArray, Estimate]]) -> pd.DataFrame:
    """Slice after slice, its indices in the order of the module's tables."""
    names = [name for name in (*SIMPLE, *COMPLEX, BURDEN, *LINEAR, *BOUNDED) if name in found]
    has_any = np.zeros(slices.rows.size, dtype=bool)
    for name in names:
        has_any[found[name][0]] = True
    without = np.flatnonzero(~has_any)
    parts = [(index, *found[name]) for index, name in enumerate(names)]
    empty = np.full(without.size, np.nan)
    parts.append((len(names), without, Estimate(empty, empty, empty)))
    slice_of = np.concatenate([where for _, where, _ in parts])
    index_of = np.concatenate([np.full(where.size, index) for index, where, _ in parts])
    numbers = [np.concatenate([estimate[place] for _, _, estimate in parts]) for place in range(3)]
    order = np.lexsort((index_of, slices.rows[slice_of]))
    slice_of, index_of = slice_of[order], index_of[order]
    value, low, high = (part[order] for part in numbers)

    ids = np.array([*names, EVERY_INDEX], dtype=object)[index_of]
    methods = np.array([*(_method(name) for name in names), None], dtype=object)[index_of]
    # Against the best group, whichever that is, par has the limits of the distance from the best.
    methods[np.isin(ids, ("par", BURDEN)) & (slices.groups.advantaged < 0)[slice_of]] = SIMULATION_METHOD
    methods[(methods == SIMULATION_METHOD) & slices.with_more_draws[slice_of]] = SIMULATION_METHOD_OF_MORE
    units = np.array([*(UNITS[name] for name in names), None], dtype=object)[index_of]
    is_row_of_slice = index_of == len(names)
    undefined = np.isnan(value)
    methods[np.isnan(low) | undefined] = None
    status = np.where(undefined, NOT_ASSESSED, PUBLISHED).astype(object)
    hidden = (slices.n_published < slices.n_groups) & ~slices.is_held & (slices.n_groups >= 2)
    status[is_row_of_slice & hidden[slice_of]] = "suppressed"
    return pd.DataFrame(
        {
            "slice": slice_of,
            "index_id": ids,
            "index_value": value,
            "index_low": np.where(undefined, np.nan, low),
            "index_high": np.where(undefined, np.nan, high),
            "index_unit": units,
            "index_method": methods,
            "index_note": _notes(slices, slice_of, ids, undefined, np.isnan(low), np.isnan(high)),
            "n_groups": slices.n_groups[slice_of],
            "n_groups_published": slices.n_published[slice_of],
            "disclosure_status": status,
            "reliability_status": np.where(status == PUBLISHED, slices.reliability[slice_of], NOT_ASSESSED),
        }
    )


def _method(name: str) -> str:
    if name in ORDERED_METHODS:
        return ORDERED_METHODS[name]
    if name == BURDEN:
        return AS_FOR_PAR
    return ANALYTIC_METHODS.get(name, SIMULATION_METHOD)


def _notes(
    slices: _Slices,
    slice_of: IntArray,
    ids: _Texts,
    undefined: BoolArray,
    without_low: BoolArray,
    without_high: BoolArray,
) -> _Texts:
    with np.errstate(invalid="ignore"):
        has_zero = (slices.groups.value == 0).any(axis=0)[slice_of]
    partly = (slices.n_published < slices.n_groups)[slice_of]
    notes = np.full(ids.size, None, dtype=object)
    notes[partly & ~undefined] = "of the published groups"
    notes[~undefined & without_low & (ids == "rii")] = NO_LIMITS
    notes[~undefined & ~without_low & without_high & (ids == "rii")] = NO_UPPER_LIMIT
    notes[undefined] = "does not exist for these values"
    notes[undefined & (ids == "rii")] = LINE_REACHES_ZERO
    notes[undefined & np.isin(ids, RATIOS)] = "over zero"
    notes[has_zero & (ids == "mld")] = ZERO_GROUP
    notes[has_zero & (ids == "theil")] = ZERO_IN_THEIL
    every = ids == EVERY_INDEX
    notes[every] = "too many groups are suppressed"
    notes[every & (slices.n_groups < 2)[slice_of]] = "fewer than two groups"
    notes[every & slices.is_held[slice_of]] = "held"
    return notes
