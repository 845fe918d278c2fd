"""How far a gap could move if it were known which group the patients of unknown group belong to: worst-case bounds.

Nothing is assumed about who they are (Manski 1989; Horowitz and Manski 2000): the range runs over all ways to allocate
them. What each of them contributes is known in total, so that the extreme allocations can be written down. Let the
unknown have a numerator Y over a denominator D, and let one contribution lie between `low` and `high` per unit of
denominator. Then at most m = (Y - low·D) / (high - low) of them are at `high`, and the others at `low`. The gap of one
group over another is largest when those at `high` join the one and those at `low` the other.

For proportions (low 0, high 1) these bounds are exact: they are reached. For means they are reached if the unknown
values may be as far apart as the stated limits allow. For rates there is no highest rate: events are then parted from
the person-time in which they happened, so the true range lies inside.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.statistics.checks import require_counts, require_part
from orchestration.statistics.counts import MEAN, PROPORTION, PUBLISHED, SLICE, Counts
from orchestration.statistics.intervals import BoolArray, FloatArray, IntArray
from orchestration.statistics.references import group_codes

EXACT, OUTER = "all allocations, exact", "all allocations, outer"
NO_COUNT = "none: how many children are of unknown group is withheld"
NO_STATED_LIMITS = "none: the measure states no lowest and highest value"
WITH_WITHHELD = ", with those whose group is withheld"


class Side(NamedTuple):
    """Numerator and denominator of one side of each gap; `is_fixed` where the unknown are counted in it already."""

    numerator: FloatArray
    denominator: FloatArray
    is_fixed: BoolArray


class Unknown(NamedTuple):
    """Numerator and denominator of the patients of unknown group, and the limits of one contribution, per gap."""

    numerator: FloatArray
    denominator: FloatArray
    low: FloatArray
    high: FloatArray


def gap_bounds(first: Side, second: Side, unknown: Unknown) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest value of first - second over all allocations, in natural units; NaN where an input is.

    Contains the gap itself. `high` may be infinite. A fixed side (everyone, for instance) does not move. Raises
    StatisticsError for a side or unknown patients with more, or unknown ones with less, than the limits of one
    contribution allow.
    """
    require_counts("gap_bounds", whole=False, numerator=unknown.numerator, denominator=unknown.denominator)
    require_part("gap_bounds", unknown.low * unknown.denominator, unknown.numerator)
    limited = ~np.isinf(unknown.high)
    for side in (first, second):
        require_counts("gap_bounds", whole=False, numerator=side.numerator, denominator=side.denominator)
        require_part("gap_bounds", side.numerator[limited], unknown.high[limited] * side.denominator[limited])
    require_part("gap_bounds", unknown.numerator[limited], unknown.high[limited] * unknown.denominator[limited])
    with np.errstate(divide="ignore", invalid="ignore"):
        span = unknown.high - unknown.low
        above = np.maximum(unknown.numerator - unknown.low * unknown.denominator, 0)
        at_high = np.minimum(np.where(np.isinf(unknown.high), 0.0, above / span), unknown.denominator)
        at_low = unknown.denominator - at_high
        gain = np.where(np.isinf(unknown.high), unknown.numerator, at_high * unknown.high)
        loss = at_low * unknown.low
        raised, lowered = (at_high, gain), (at_low, loss)
        high = _moved(first, *raised) - _moved(second, *lowered)
        low = _moved(first, *lowered) - _moved(second, *raised)
    return low, high


def _moved(side: Side, denominator: FloatArray, numerator: FloatArray) -> FloatArray:
    more = np.where(side.is_fixed, 0.0, 1.0)
    return np.asarray((side.numerator + more * numerator) / (side.denominator + more * denominator), dtype=np.float64)


class Withheld(NamedTuple):
    """What is not known of the groups of a slice, one element per row of the strata frame (the same within a slice).

    NaN where it cannot be said from published counts. `is_outer`: it contains groups whose counts are withheld.
    """

    numerator: FloatArray
    denominator: FloatArray
    is_outer: BoolArray


def unknown_of_slices(
    strata: pd.DataFrame, counts: Counts, is_missing: BoolArray, is_exclusive: BoolArray, is_overall: BoolArray
) -> Withheld:
    """Numerator and denominator of the patients of unknown group in each row's slice, from published counts only.

    Where every reason for a missing group is published: their sum. Where one is withheld and groups do not overlap:
    everyone less the published groups, which is at least as many (people of withheld groups are among them), so bounds
    get wider and stay true. `is_overall` marks the row of everyone, which is found by measure, period and site.
    """
    published = strata["disclosure_status"].eq(PUBLISHED).to_numpy(dtype=bool)
    code = group_codes(strata, list(SLICE))
    size = int(code.max(initial=-1)) + 1

    def total(values: FloatArray, rows: BoolArray) -> FloatArray:
        return np.bincount(code[rows], weights=values[rows], minlength=size).astype(np.float64)[code]

    hidden = np.bincount(code[is_missing & ~published], minlength=size)[code] > 0
    numbers = []
    panel = group_codes(strata, ["measure_id", "grain", "period_starts_on", "site"])
    everyone = np.full(int(panel.max(initial=-1)) + 1, -1, dtype=np.int64)
    rows = np.flatnonzero(is_overall & published)
    everyone[panel[rows]] = rows
    whole = everyone[panel]
    for values in (counts.numerator, counts.denominator):
        sure = total(values, is_missing & published)
        rest = np.where(whole >= 0, values[whole], np.nan) - total(values, ~is_missing & published)
        outer = np.where(is_exclusive & (rest >= 0), rest, np.nan)
        numbers.append(np.where(hidden, outer, sure))
    return Withheld(numbers[0], numbers[1], hidden)


def limits_of(counts: Counts, measures: pd.DataFrame, measure: IntArray) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest contribution per unit of denominator, per row: what the measure's kind or definition says.

    Proportions 0 and 1, rates 0 and no limit, means `numerator_low` and `numerator_high` of dim_measure; NaN without.
    """
    stated = [
        measures[name].to_numpy(dtype="float64", na_value=np.nan)[measure]
        if name in measures.columns
        else np.full(measure.size, np.nan)
        for name in ("numerator_low", "numerator_high")
    ]
    low = np.where(counts.kind == MEAN, stated[0], 0.0)
    high = np.where(counts.kind == MEAN, stated[1], np.where(counts.kind == PROPORTION, 1.0, np.inf))
    return low, high


def methods_of(
    kind: IntArray, low: FloatArray, high: FloatArray, is_outer: BoolArray, given: BoolArray, published: BoolArray
) -> npt.NDArray[np.object_]:
    """The method per gap, or why a `published` one has no bounds; `low` and `high` in the measure's unit."""
    names = np.where(kind == PROPORTION, EXACT, OUTER).astype(object)
    means = given & (kind == MEAN)
    for one, other in np.unique(np.stack([low[means], high[means]]), axis=1).T:
        names[means & (low == one) & (high == other)] = f"{EXACT} for values from {one:g} to {other:g}"
    names[is_outer] = names[is_outer] + WITH_WITHHELD
    names[~given] = None
    names[published & ~given] = NO_COUNT
    names[published & ~given & np.isnan(low)] = NO_STATED_LIMITS
    return names


def turned_around(not_robust: BoolArray, missing_share: FloatArray, limit: float) -> BoolArray:
    """Gaps to hold: the unknown could turn their sign, and are a larger share than `limit`."""
    with np.errstate(invalid="ignore"):
        return not_robust & (missing_share > limit)
