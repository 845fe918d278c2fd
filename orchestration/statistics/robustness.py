"""Whether a gap stands whoever the patients of unknown group are: its bounds beside it, and the hold where it does not.

The bounds' formulas are in `bounds.py`; here they meet the strata frame. What is unknown is counted from published rows
only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.quality_metrics import FIELDS
from orchestration.statistics import bounds
from orchestration.statistics.counts import Counts, match, require_columns, texts
from orchestration.statistics.intervals import BoolArray
from orchestration.statistics.references import Pairs, describe_cells
from orchestration.statistics.reliability import NOT_ASSESSED, StatusArray

HOLD = "hold"
_FIELD_KEY = ("quality_field", "site", "grain", "period_starts_on")


@dataclass(frozen=True)
class Missingness:
    """How much of each field is not known, and from which share on a gap is held that the unknown could turn around.

    `shares`: quality_field, site, grain, period_starts_on, missing_share (0 to 1). `hold_above` None holds nothing.
    """

    shares: pd.DataFrame
    hold_above: float | None


def bound_columns(
    strata: pd.DataFrame,
    counts: Counts,
    measures: pd.DataFrame,
    stratifiers: pd.DataFrame,
    strata_labels: pd.DataFrame,
    pairs: Pairs,
    published: BoolArray,
) -> pd.DataFrame:
    """Bounds of every published gap, with their method and what they say of the sign."""
    row, reference = pairs.row, np.maximum(pairs.reference, 0)
    cells, cell = describe_cells(strata, strata_labels)
    stratifier = match(strata, "stratifier", stratifiers, "strata")
    exclusive = np.ones(len(stratifiers), dtype=bool)
    if "is_exclusive" in stratifiers.columns:
        exclusive = stratifiers["is_exclusive"].to_numpy(dtype=bool)
    unknown = bounds.unknown_of_slices(
        strata,
        counts,
        cells["is_missing"].to_numpy(dtype=bool)[cell],
        exclusive[stratifier],
        stratifiers["kind"].eq("overall").to_numpy(dtype=bool)[stratifier],
    )
    low, high = (
        part[row] for part in bounds.limits_of(counts, measures, match(strata, "measure_id", measures, "strata"))
    )
    given = published & (counts.denominator[row] > 0) & (counts.denominator[reference] > 0)
    fixed = pairs.rule == "overall"
    group = bounds.Side(counts.numerator[row], counts.denominator[row], np.zeros(row.size, dtype=bool))
    other = bounds.Side(counts.numerator[reference], counts.denominator[reference], fixed)
    lowest, highest = bounds.gap_bounds(
        group, other, bounds.Unknown(unknown.numerator[row], unknown.denominator[row], low, high)
    )
    scale, lower_is_better = counts.multiplier[row], counts.sign[row] > 0
    bound_low = np.where(given, np.where(lower_is_better, lowest, -highest) * scale, np.nan)
    bound_high = np.where(given, np.where(lower_is_better, highest, -lowest) * scale, np.nan)
    known = ~np.isnan(bound_low)
    robust = pd.array((bound_low > 0) | (bound_high < 0), dtype="boolean")
    robust[~known] = pd.NA
    method = bounds.methods_of(counts.kind[row], low * scale, high * scale, unknown.is_outer[row], known, given)
    return pd.DataFrame(
        {"bound_low": bound_low, "bound_high": bound_high, "bound_method": texts(method), "is_sign_robust": robust}
    )


def hold_unless_robust(
    strata: pd.DataFrame,
    stratifiers: pd.DataFrame,
    pairs: Pairs,
    missingness: Missingness,
    numbers: pd.DataFrame,
    statuses: dict[str, StatusArray],
) -> StatusArray:
    """Takes the numbers from gaps that the unknown could turn around, and gives the reason per gap (None for most)."""
    reason = np.full(pairs.row.size, None, dtype=object)
    if missingness.hold_above is None or not pairs.row.size:
        return reason
    require_columns(missingness.shares, (*_FIELD_KEY, "missing_share"), "missing shares")
    require_columns(stratifiers, ("quality_field",), "stratifiers")
    rows = strata.iloc[pairs.row]
    field = stratifiers["quality_field"].fillna("").astype(str).to_numpy(dtype=object)
    field = field[match(rows, "stratifier", stratifiers, "strata")]
    wanted = rows[list(_FIELD_KEY[1:])].assign(quality_field=field)
    known = missingness.shares[[*_FIELD_KEY, "missing_share"]].drop_duplicates(list(_FIELD_KEY))
    day = "period_starts_on"
    found = wanted.assign(**{day: pd.to_datetime(wanted[day])}).merge(
        known.assign(**{day: pd.to_datetime(known[day])}), how="left", on=list(_FIELD_KEY)
    )
    robust = numbers["is_sign_robust"].array
    not_robust = np.asarray(~robust.fillna(True), dtype=np.bool_)
    share = found["missing_share"].to_numpy(dtype="float64", na_value=np.nan)
    held = bounds.turned_around(not_robust, share, missingness.hold_above)
    for name in numbers.columns:
        numbers[name] = numbers[name].mask(held)
    statuses["disclosure_status"][held] = NOT_ASSESSED
    statuses["reliability_status"][held] = NOT_ASSESSED
    statuses["quality_status"][held] = HOLD
    for name in np.unique(field[held]):
        label = FIELDS.get(str(name), str(name))
        reason[held & (field == name)] = (
            f"The {label} of more than {missingness.hold_above:.0%} of children is not known,"
            " and who they are could turn this gap around"
        )
    return reason
