"""The register of frozen references: which group each gap is measured against, kept from run to run with its date.

A reference that is chosen anew in every run can change without anybody deciding so, and then a gap changes that nobody
worked on. So what was chosen once is handed to every later run as a frame, and what a run chose for the first time is
added. Where the frame is kept is not known here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.errors import StatisticsError
from orchestration.statistics.intervals import IntArray

REGISTER_KEY = ("measure_id", "site", "stratifier", "reference_rule")
REGISTER_COLUMNS = (*REGISTER_KEY, "reference_stratum", "reference_stratum_2", "chosen_from", "frozen_on")
FROZEN_RULES = ("best", "largest")
_REMEDY = "correct the register of references, or remove the line to have the reference chosen anew"


def read_register(register: pd.DataFrame | None) -> pd.DataFrame:
    """The register with REGISTER_COLUMNS, checked; empty for None.

    Raises StatisticsError for missing columns, a line that stands twice, a rule that freezes nothing, and an empty
    reference or date.
    """
    if register is None:
        return pd.DataFrame({name: pd.Series(dtype="object") for name in REGISTER_COLUMNS})
    missing = [name for name in REGISTER_COLUMNS if name not in register.columns]
    rules = sorted(set(map(str, register["reference_rule"])) - set(FROZEN_RULES)) if not missing else []
    for wrong, rule, found in (
        (bool(missing), "the register of references has its columns", f"without {', '.join(missing)}"),
        (bool(rules), f"a frozen reference was chosen by {' or '.join(FROZEN_RULES)}", ", ".join(rules)),
    ):
        if wrong:
            raise StatisticsError(rule, where="references", found=found, remedy=_REMEDY)
    twice = register.duplicated(list(REGISTER_KEY))
    empty = register[[*REGISTER_KEY, "reference_stratum", "chosen_from", "frozen_on"]].isna().any(axis=1)
    for rows, rule in ((twice, "a reference is frozen once"), (empty, "a frozen reference has a group and its dates")):
        if rows.any():
            first = register[rows].iloc[0]
            raise StatisticsError(
                rule,
                where="references",
                found=f"{int(rows.sum())} lines otherwise, the first: "
                + " / ".join(str(first[name]) for name in REGISTER_KEY),
                remedy=_REMEDY,
            )
    return register[list(REGISTER_COLUMNS)].reset_index(drop=True)


def registered(
    keys: pd.DataFrame, positions: IntArray, register: pd.DataFrame, group: IntArray, since: npt.NDArray[np.datetime64]
) -> tuple[IntArray, npt.NDArray[np.datetime64]]:
    """`group` and `since` per row of `keys` (REGISTER_KEY), with what the register says in their place.

    `positions`: the register's groups as positions, line by line.
    """
    if not len(register):
        return group, since
    known = pd.MultiIndex.from_frame(register[list(REGISTER_KEY)].astype(object))
    codes, distinct = pd.factorize(pd.MultiIndex.from_frame(keys[list(REGISTER_KEY)].astype(object)))
    line = known.get_indexer(pd.MultiIndex.from_tuples(distinct))[codes]
    is_known = line >= 0
    dates = pd.to_datetime(register["chosen_from"]).to_numpy(dtype="datetime64[s]")
    return np.where(is_known, positions[line], group), np.where(is_known, dates[line], since)


def updated_register(register: pd.DataFrame | None, gaps: pd.DataFrame, frozen_on: pd.Timestamp) -> pd.DataFrame:
    """The register with what `gaps` were measured against for the first time, dated `frozen_on`; sorted by its key."""
    known = read_register(register)
    frozen = gaps["reference_rule"].isin(FROZEN_RULES) & gaps["reference_chosen_from"].notna()
    chosen = gaps.loc[
        frozen, [*REGISTER_KEY, "reference_stratum", "reference_stratum_2", "reference_chosen_from"]
    ].drop_duplicates(list(REGISTER_KEY))
    added = chosen.rename(columns={"reference_chosen_from": "chosen_from"}).assign(frozen_on=frozen_on)
    whole = pd.concat([known, added[list(REGISTER_COLUMNS)]], ignore_index=True) if len(known) else added
    whole = whole[list(REGISTER_COLUMNS)].drop_duplicates(list(REGISTER_KEY), keep="first")
    days = {name: pd.to_datetime(whole[name]).astype("datetime64[s]") for name in ("chosen_from", "frozen_on")}
    second = whole["reference_stratum_2"].astype(object).fillna("").astype(str)
    whole = whole.assign(reference_stratum_2=second, **days)
    return whole.sort_values(list(REGISTER_KEY), ignore_index=True)
