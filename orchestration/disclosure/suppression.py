"""Suppression as a whole: what is too small to show, and what else must be hidden so that it cannot be worked out."""

from __future__ import annotations

import pandas as pd

from orchestration.disclosure.cell_sums import CELL
from orchestration.disclosure.earlier import KEY, plain_keys, rows_that_differ_by_few, vintages_of
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
    before: pd.DataFrame | None = None,
    *,
    hides_zeros: bool = False,
    shown: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """`strata` (fct_measure_stratum) with `disclosure_status`, and NULL counts and sums in suppressed rows.

    Rows with a small count and the further ones have one and the same status: which is which would itself narrow them
    down. `measures`, `stratifiers`, `periods`: the dim_ tables; `members`: which codes each group of a roll-up consists
    of (dimension, stratifier, stratum, code); `wanted`: measure_id, stratifier and stratum of groups that are hidden
    last; `exact_seconds`: see `secondary.hide_further`; `hides_zeros`: see `primary.protect`; `before`: keys and
    `disclosure_status` of the rows of the release before. What it hid stays hidden, and what it showed is hidden for
    the sake of others only where nothing else is left: who has both releases would know it. `shown`: what any release
    ever showed (see `earlier.vintages_of`); a row that differs from it by few is suppressed like a small count. Raises
    StatisticsError as `primary.protect` does.
    """
    result = protect(strata, measures, min_cell, hides_zeros=hides_zeros)
    was_hidden, was_shown = _in_release_before(strata, before)
    # The same rows in another order are to lead to the same choice.
    order = strata.sort_values(["measure_id", *CELL]).index
    ordered = strata.loc[order]
    vintages = vintages_of(ordered, shown)
    system = linked_cells(
        *(ordered, measures, stratifiers, periods, members, wanted),
        hides_zeros=hides_zeros,
        vintages=vintages,
        min_cell=min_cell,
    )
    is_hidden = (result["disclosure_status"].ne(PUBLISHED) | was_hidden).loc[order].to_numpy()
    is_hidden = is_hidden | rows_that_differ_by_few(ordered, measures, vintages, min_cell)
    rows = hide_further(system, is_hidden, min_cell, exact_seconds, was_shown.loc[order].to_numpy())
    hidden = pd.Series(rows, index=order).reindex(result.index)
    columns = [name for name in _NUMBERS if name in result.columns]
    status = result["disclosure_status"].mask(hidden, SUPPRESSED)
    return result.assign(**{name: result[name].mask(hidden) for name in columns}, disclosure_status=status)


def _in_release_before(strata: pd.DataFrame, before: pd.DataFrame | None) -> tuple[pd.Series, pd.Series]:
    """Which rows the release before had and hid, and which it showed."""
    if before is None or before.empty:
        nothing = pd.Series(data=False, index=strata.index)
        return nothing, nothing
    status = plain_keys(before).assign(status=before["disclosure_status"].to_numpy()).drop_duplicates(list(KEY))
    found = plain_keys(strata).merge(status, on=list(KEY), how="left")["status"].set_axis(strata.index)
    return found.eq(SUPPRESSED).fillna(value=False), found.eq(PUBLISHED).fillna(value=False)
