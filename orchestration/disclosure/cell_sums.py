"""Which cells of a release add up to which, whatever is counted in them; and which groups lie within others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse  # type: ignore[import-untyped]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

CELL = ("grain", "period_starts_on", "site", "stratifier", "stratum", "stratifier_2", "stratum_2")
ALL_SITES, OVERALL = "all", "overall"
_LONGER = (("month", "quarter"), ("quarter", "year"), ("month", "year"))


@dataclass(frozen=True)
class CellSums:
    """Two sparse matrices (sums, cells), +1 for parts and -1 for their whole: at one time, and over time."""

    at_once: sparse.csr_matrix
    over_time: sparse.csr_matrix

    def that_hold(
        self, cells: IntArray, values: FloatArray, is_additive_over_time: bool
    ) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
        """(sum, cell, sign) of the sums that have a whole among `cells` and add up; a part without a row is zero.

        What does not add up tells nobody anything: months of a group that children move in and out of, say.
        """
        full = np.zeros(self.at_once.shape[1])
        full[cells] = values
        is_there = np.zeros(self.at_once.shape[1])
        is_there[cells] = 1.0
        for matrix in (self.at_once, self.over_time) if is_additive_over_time else (self.at_once,):
            has_whole = (matrix < 0) @ is_there > 0
            has_part = (matrix > 0) @ is_there > 0
            kept = np.flatnonzero(has_whole & has_part & (matrix @ full == 0))
            chosen = matrix[kept].tocoo()
            present = is_there[chosen.col] > 0
            yield (
                chosen.row[present].astype(np.int64),
                chosen.col[present].astype(np.int64),
                chosen.data[present],
            )


def cell_sums(cells: pd.DataFrame, stratifiers: pd.DataFrame, periods: pd.DataFrame) -> CellSums:
    """The sums among `cells` (columns CELL, one row each). `stratifiers`, `periods`: dim_stratifier and dim_period."""
    facts = stratifiers.set_index("stratifier")
    exclusive, crossing = (
        cells["stratifier"].map(facts[name]).fillna(False).astype(bool).to_numpy()
        for name in ("is_exclusive", "is_crossing")
    )
    everyone = cells["stratifier"].eq(OVERALL).to_numpy()
    of_all_sites = cells["site"].eq(ALL_SITES).to_numpy()
    place = ["grain", "period_starts_on", "site"]
    at_once = [
        _sums(cells, [*place], [*place, "stratifier"], everyone, exclusive & ~crossing & ~everyone),
        _sums(cells, [name for name in CELL if name != "site"], [], of_all_sites, ~of_all_sites),
        *_margins(cells, facts, crossing),
    ]
    return CellSums(_stacked(at_once, len(cells)), _stacked(list(_over_time(cells, periods)), len(cells)))


def _sums(
    cells: pd.DataFrame, shared: list[str], grouped: list[str], is_whole: np.ndarray, is_part: np.ndarray
) -> sparse.csr_matrix:
    """One sum per value of `grouped` (or `shared`) among the parts; its whole is the cell with the same `shared`."""
    group = cells.groupby(shared, sort=False, dropna=False).ngroup().to_numpy(dtype=np.int64)
    whole_of = np.full(group.max(initial=-1) + 1, -1, dtype=np.int64)
    whole_of[group[is_whole]] = np.flatnonzero(is_whole)
    parts = np.flatnonzero(is_part & (whole_of[group] >= 0))
    sums = cells.groupby(grouped or shared, sort=False, dropna=False).ngroup().to_numpy()[parts].astype(np.int64)
    return _matrix(sums, parts, whole_of[group[parts]], len(cells))


def _matrix(sums: IntArray, parts: IntArray, wholes: IntArray, n_cells: int) -> sparse.csr_matrix:
    codes, first = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    if sums.size:
        _, first, codes = np.unique(sums, return_index=True, return_inverse=True)
    rows = np.concatenate([codes, np.arange(first.size)])
    columns = np.concatenate([parts, wholes[first]])
    signs = np.concatenate([np.ones(parts.size), -np.ones(first.size)])
    return sparse.csr_matrix((signs, (rows, columns)), shape=(first.size, n_cells))


def _stacked(matrices: list[sparse.csr_matrix], n_cells: int) -> sparse.csr_matrix:
    return sparse.vstack([sparse.csr_matrix((0, n_cells)), *matrices], format="csr")


def _margins(cells: pd.DataFrame, facts: pd.DataFrame, crossing: np.ndarray) -> Iterator[sparse.csr_matrix]:
    """A crossing's cells add up to the groups of each of its two stratifiers, wherever those are given.

    The second stratifier stands on the row; the first is every exclusive one that has all of the crossing's groups.
    """
    place = ["grain", "period_starts_on", "site"]
    for name in cells.loc[crossing, "stratifier"].unique():
        inside = cells["stratifier"].eq(name).to_numpy()
        groups = set(cells.loc[inside, "stratum"])
        second = cells.loc[inside, "stratifier_2"].iloc[0]
        firsts = [
            other
            for other in cells["stratifier"].unique()
            if bool(facts["is_exclusive"].get(other)) and not bool(facts["is_crossing"].get(other))
            and groups <= set(cells.loc[cells["stratifier"].eq(other), "stratum"])
        ]  # fmt: skip
        for parent, column in (*((first, "stratum") for first in firsts), (second, "stratum_2")):
            marked = cells.assign(margin=cells[column].where(inside, cells["stratum"]))
            yield _sums(marked, [*place, "margin"], [], cells["stratifier"].eq(parent).to_numpy(), inside)


def _over_time(cells: pd.DataFrame, periods: pd.DataFrame) -> Iterator[sparse.csr_matrix]:
    """Shorter periods add up to the longer one that they lie in."""
    rest = [name for name in CELL if name not in ("grain", "period_starts_on")]
    for short, long in _LONGER:
        shorter, longer = (periods[periods["grain"].eq(grain)] for grain in (short, long))
        if shorter.empty or longer.empty:
            continue
        starts = longer.sort_values("period_starts_on")
        found = np.searchsorted(
            starts["period_starts_on"].to_numpy(), shorter["period_starts_on"].to_numpy(), side="right"
        )
        within = starts["period_starts_on"].to_numpy()[np.maximum(found - 1, 0)]
        ends = starts["period_ends_on"].to_numpy()[np.maximum(found - 1, 0)]
        inside = (found > 0) & (shorter["period_ends_on"].to_numpy() <= ends)
        parent = pd.Series(within[inside], index=shorter["period_starts_on"].to_numpy()[inside])
        is_short, is_long = (cells["grain"].eq(grain).to_numpy() for grain in (short, long))
        block = cells["period_starts_on"].where(~is_short, cells["period_starts_on"].map(parent))
        marked = cells.assign(block=block)
        yield _sums(marked, ["block", *rest], [], is_long, is_short & block.notna().to_numpy())


def cell_weights(cells: pd.DataFrame) -> FloatArray:
    """How dear each cell is beside what it counts: totals dearest, then all sites together, then what is recent."""
    age = pd.factorize(cells["period_starts_on"], sort=True)[0]
    recent = 1 + 4 * age / max(1, age.max(initial=0))
    total = np.where(cells["stratifier"].eq(OVERALL), 20.0, 1.0)
    together = np.where(cells["site"].eq(ALL_SITES), 2.0, 1.0)
    return np.asarray(recent * total * together, dtype=np.float64)


def group_numbers(cells: pd.DataFrame) -> IntArray:
    """The same number for the same group at the same place in all periods of a grain."""
    names = [name for name in CELL if name != "period_starts_on"]
    return np.asarray(cells.groupby(names, sort=False, dropna=False).ngroup(), dtype=np.int64)


def totals(cells: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which cells are everybody at their place."""
    return np.asarray(cells["stratifier"].eq(OVERALL), dtype=np.bool_)


def nested_cells(cells: pd.DataFrame, members: pd.DataFrame) -> IntArray:
    """Pairs (inner, outer, 1 where they are equal) of cells at one place whose groups are nested, shape (3, pairs).

    `members` says of which codes each group consists. Groups of one exclusive stratifier never lie within each other;
    of equal groups each pair stands once.
    """
    groups = (
        members.groupby(["dimension", "stratifier", "stratum"])["code"].agg(frozenset).reset_index()
        if len(members)
        else pd.DataFrame(columns=["dimension", "stratifier", "stratum", "code"])
    )
    listed = list(groups.itertuples(index=False, name=None))
    pairs = [
        (inner[1], inner[2], outer[1], outer[2], int(inner[3] == outer[3]))
        for index, inner in enumerate(listed)
        for other, outer in enumerate(listed)
        if inner[0] == outer[0] and inner[1] != outer[1]
        and (inner[3] < outer[3] or (inner[3] == outer[3] and index < other))
    ]  # fmt: skip
    frame = pd.DataFrame(pairs, columns=["inner", "inner_stratum", "outer", "outer_stratum", "equal"], dtype=object)
    single = cells[cells["stratum_2"].fillna("").eq("")]
    place = single.assign(
        place=single.groupby(["grain", "period_starts_on", "site"], sort=False).ngroup(), cell=single.index
    )[["place", "stratifier", "stratum", "cell"]]
    joined = frame.merge(place, left_on=["inner", "inner_stratum"], right_on=["stratifier", "stratum"]).merge(
        place, left_on=["outer", "outer_stratum", "place"], right_on=["stratifier", "stratum", "place"],
        suffixes=("_inner", "_outer"),
    )  # fmt: skip
    return np.stack([joined[name].to_numpy(dtype=np.int64) for name in ("cell_inner", "cell_outer", "equal")])
