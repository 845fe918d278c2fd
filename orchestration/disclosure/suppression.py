"""Suppression as a whole: what is too small to show, and what else must be hidden so that it cannot be worked out."""

from __future__ import annotations

import pandas as pd

from orchestration.disclosure.cell_sums import CELL
from orchestration.disclosure.links import linked_cells
from orchestration.disclosure.primary import PUBLISHED, SUPPRESSED, protect
from orchestration.disclosure.secondary import hide_further

_NUMBERS = ("n_patients", "numerator", "denominator", "sum_yy", "sum_yd", "sum_dd")


def suppress(
    strata: pd.DataFrame,
    measures: pd.DataFrame,
    stratifiers: pd.DataFrame,
    periods: pd.DataFrame,
    members: pd.DataFrame,
    min_cell: int,
    wanted: pd.DataFrame | None = None,
    exact_seconds: float = 0.0,
) -> pd.DataFrame:
    """`strata` (fct_measure_stratum) with `disclosure_status`, and NULL counts and sums in suppressed rows.

    Rows with a small count and the further ones have one and the same status: which is which would itself narrow them
    down. `measures`, `stratifiers`, `periods`: the dim_ tables; `members`: which codes each group of a roll-up consists
    of (dimension, stratifier, stratum, code); `wanted`: measure_id, stratifier and stratum of groups that are hidden
    last; `exact_seconds`: see `secondary.hide_further`. Raises StatisticsError as `primary.protect` does.
    """
    result = protect(strata, measures, min_cell)
    # The same rows in another order are to lead to the same choice.
    order = strata.sort_values(["measure_id", *CELL]).index
    system = linked_cells(strata.loc[order], measures, stratifiers, periods, members, wanted)
    is_small = result["disclosure_status"].ne(PUBLISHED)
    hidden = pd.Series(hide_further(system, is_small.loc[order].to_numpy(), min_cell, exact_seconds), index=order)
    hidden = hidden.reindex(result.index)
    columns = [name for name in _NUMBERS if name in result.columns]
    status = result["disclosure_status"].mask(hidden, SUPPRESSED)
    return result.assign(**{name: result[name].mask(hidden) for name in columns}, disclosure_status=status)
