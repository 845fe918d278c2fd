"""What earlier releases showed of the same groups: a count that differs from it by few tells of few children.

Late records, corrected ones and changed code lists move counts between two releases. Who has both can subtract, so a
count that differs by 1 to `min_cell` - 1 from what any release showed is treated like a count of that size.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.disclosure.cell_sums import CELL

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

KEY = ("measure_id", *CELL)
COUNTS = ("n_patients", "numerator", "denominator")
# Of `counts_of`, those that a row shows by themselves; the others follow by subtraction.
SHOWN_COUNTS = ("patients", "numerator", "denominator")


def counts_of(rows: pd.DataFrame, kind: str, *, of_patients: bool) -> dict[str, FloatArray]:
    """The counts of children or events of one measure's rows, by name: those shown, and what follows by subtraction.

    The sum of a mean and person-time are not such counts.
    """
    n, numerator, denominator = (rows[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in COUNTS)
    found = {"patients": n}
    if kind != "mean":
        found["numerator"] = numerator
    if of_patients:
        found |= {"denominator": denominator, "outside": n - denominator}
    if kind == "proportion":
        found["complement"] = denominator - numerator
    return found


def few_differ(now: FloatArray, earlier: Iterable[FloatArray], min_cell: int) -> BoolArray:
    """Where `now` differs from any of `earlier` by 1 to `min_cell` - 1; NaN was not shown."""
    found = np.zeros(now.size, dtype=np.bool_)
    for before in earlier:
        apart = np.abs(now - before)
        found |= (apart >= 1) & (apart < min_cell)
    return found


def vintages_of(strata: pd.DataFrame, shown: pd.DataFrame | None) -> tuple[pd.DataFrame, ...]:
    """COUNTS as earlier releases showed them, row by row of `strata` (NaN where they did not): the latest first.

    `shown`: KEY and COUNTS, one row for each version of a group that was ever shown, the latest first.
    """
    if shown is None or shown.empty:
        return ()
    known = plain_keys(shown).assign(**{name: shown[name].to_numpy() for name in COUNTS})
    number = known.groupby(list(KEY), sort=False).cumcount().to_numpy()
    keys = plain_keys(strata)
    return tuple(
        keys.merge(known[number == one], on=list(KEY), how="left")[list(COUNTS)].astype("float64")
        for one in range(int(number.max()) + 1)
    )


def rows_that_differ_by_few(
    strata: pd.DataFrame, measures: pd.DataFrame, vintages: tuple[pd.DataFrame, ...], min_cell: int
) -> BoolArray:
    """The rows of `strata` of which any count differs by few from what any of `vintages` says of the same row."""
    found = np.zeros(len(strata), dtype=np.bool_)
    kinds = measures.set_index("measure_id")
    frame = strata.reset_index(drop=True)
    for measure, rows in frame.groupby("measure_id", sort=False).indices.items():
        kind = str(kinds.at[measure, "kind"])
        of_patients = bool(kinds.at[measure, "denominator_unit"] == "patients")
        now = counts_of(frame.iloc[rows], kind, of_patients=of_patients)
        for one in vintages:
            before = counts_of(one.iloc[rows], kind, of_patients=of_patients)
            for name, values in now.items():
                found[rows] |= few_differ(values, [before[name]], min_cell)
    return found


def plain_keys(frame: pd.DataFrame) -> pd.DataFrame:
    """The key as plain text: releases have NULL where the facts have an empty text."""
    days = pd.to_datetime(frame["period_starts_on"]).dt.strftime("%Y-%m-%d")
    return frame[list(KEY)].assign(period_starts_on=days).astype(object).fillna("").reset_index(drop=True)
