"""All counts of one release as one system of linear equations: what anybody can work out from what is shown.

The equations come from the release contract, not from a list: strata add up to everybody where a stratifier is
exclusive, sites to all sites, crossings to their margins, months to quarters and years where the counts are additive,
numerator and complement to the denominator, roll-ups that share people by their difference; and measures that count the
same people share one unknown. A new stratifier, crossing or measure is covered by being in the frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, reduce

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse  # type: ignore[import-untyped]

from orchestration.disclosure.cell_sums import (
    CELL,
    CellSums,
    cell_sums,
    cell_weights,
    group_numbers,
    nested_cells,
    totals,
)
from orchestration.disclosure.earlier import SHOWN_COUNTS, counts_of, few_differ

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


# How much dearer a group is that a team's aim names.
WANTED = 30.0


@dataclass(frozen=True)
class System:
    """Unknowns (columns of `equations`) with their true `value`; `equations @ value` is 0.

    Every unknown counts people or events. `row_of`, `unknown_of`: pairs that say which row of the strata frame shows
    which unknown: it is hidden as long as all of its rows are. Unknowns without a row are differences that nobody
    publishes. `cost`: what is lost when an unknown is hidden; `is_total`: it counts everybody; `panel_of_row`: which
    rows stand beside each other, by number; `is_protected`: it is hidden like a small count, as a zero that may not be
    known, or because it differs by few from what was published before.
    """

    value: FloatArray
    cost: FloatArray
    is_total: BoolArray
    equations: sparse.csr_matrix
    row_of: IntArray
    unknown_of: IntArray
    panel_of_row: IntArray
    is_protected: BoolArray

    def is_small(self, min_cell: int) -> BoolArray:
        """Which unknowns may not be worked out: counts from 1 to `min_cell` - 1, and what is protected too."""
        return self.is_protected | ((self.value >= 1) & (self.value < min_cell))

    def hidden(self, is_hidden_row: BoolArray) -> BoolArray:
        """Which unknowns nobody can read, given which rows are hidden."""
        shown = np.zeros(self.value.size, dtype=np.bool_)
        shown[self.unknown_of[~is_hidden_row[self.row_of]]] = True
        return ~shown

    @cached_property
    def is_in_sums(self) -> BoolArray:
        """Which unknowns stand in any equation."""
        return np.asarray(np.diff(self._by_unknown.indptr) > 0, dtype=np.bool_)

    @cached_property
    def has_rows(self) -> BoolArray:
        """Which unknowns any row shows."""
        found = np.zeros(self.value.size, dtype=np.bool_)
        found[self.unknown_of] = True
        return found

    def equations_near(self, unknowns: BoolArray, hidden: BoolArray) -> IntArray:
        """The equations from which anything may follow for `unknowns`: those connected with them by what is hidden."""
        reached, near = unknowns.copy(), np.zeros(self.equations.shape[0], dtype=np.bool_)
        new = np.flatnonzero(unknowns)
        while new.size:
            equations, found = np.zeros_like(near), np.zeros_like(reached)
            equations[_listed(self._by_unknown, new)] = True
            equations &= ~near
            near |= equations
            found[_listed(self.equations, np.flatnonzero(equations))] = True
            found &= hidden & ~reached
            reached |= found
            new = np.flatnonzero(found)
        return np.flatnonzero(near)

    @cached_property
    def _by_unknown(self) -> sparse.csc_matrix:
        return self.equations.tocsc()


def _listed(matrix: sparse.csr_matrix | sparse.csc_matrix, keys: IntArray) -> IntArray:
    """The indices that a compressed matrix has at its rows (or columns) `keys`, one after another."""
    first, number = matrix.indptr[keys].astype(np.int64), np.diff(matrix.indptr)[keys].astype(np.int64)
    at = np.arange(number.sum()) + np.repeat(first - (np.cumsum(number) - number), number)
    return np.asarray(matrix.indices[at], dtype=np.int64)


@dataclass(frozen=True)
class _Quantity:
    """One kind of count over cells: `cells` (sorted) and `values`; per measure that shows it, its cells and rows.

    `protected`: the cells in which this count may not be known although it is not small; `before`: what it was when it
    was last published, NaN where it was not.
    """

    cells: IntArray
    values: FloatArray
    rows: tuple[tuple[IntArray, IntArray], ...]
    is_additive_over_time: bool
    protected: IntArray
    before: FloatArray


def linked_cells(
    strata: pd.DataFrame,
    measures: pd.DataFrame,
    stratifiers: pd.DataFrame,
    periods: pd.DataFrame,
    members: pd.DataFrame,
    wanted: pd.DataFrame | None = None,
    *,
    hides_zeros: bool = False,
    vintages: tuple[pd.DataFrame, ...] = (),
    min_cell: int = 1,
) -> System:
    """The system of all rows of `strata` (fct_measure_stratum: keys and counts, none missing).

    `measures`, `stratifiers`, `periods`: the dim_ tables. `members`: dimension, stratifier, stratum and code: which
    codes each group of a roll-up consists of, so that groups that are equal or lie within each other are seen.
    `wanted`: measure_id, stratifier and stratum of groups that a team follows: they are dear. `hides_zeros`: that
    nobody, or everybody, of a group has the outcome is protected like a small count. `vintages`: the counts of the same
    rows as earlier releases showed them (n_patients, numerator, denominator; the latest first): what differs from one
    of them by 1 to `min_cell` - 1 is protected too.
    """
    frame = strata.reset_index(drop=True)
    cell_of = _numbered(frame, list(CELL))
    cells = frame.loc[~pd.Series(cell_of).duplicated().to_numpy(), list(CELL)].reset_index(drop=True)
    sums = cell_sums(cells, stratifiers, periods)
    pairs = nested_cells(cells, members)
    weights = _Weights(cell_weights(cells), group_numbers(cells), _wanted_cells(cells, wanted))
    quantities = _merged(
        _quantities(frame, cell_of, measures, vintages, min_cell, hides_zeros=hides_zeros)
    )
    return _system(quantities, sums, pairs, weights, totals(cells), _panels(frame), min_cell)


def _quantities(
    frame: pd.DataFrame,
    cell_of: IntArray,
    measures: pd.DataFrame,
    vintages: tuple[pd.DataFrame, ...],
    min_cell: int,
    *,
    hides_zeros: bool,
) -> list[tuple[str, str, _Quantity]]:
    """(measure, name, quantity) for what each measure counts, and for what follows by subtraction."""
    kinds = measures.set_index("measure_id")
    found = []
    for measure, rows in frame.groupby("measure_id", sort=False).indices.items():
        at = np.asarray(rows, dtype=np.int64)
        order = at[np.argsort(cell_of[at], kind="stable")]
        cells = cell_of[order]
        kind = str(kinds.at[measure, "kind"])
        of_patients = bool(kinds.at[measure, "denominator_unit"] == "patients")
        now = counts_of(frame.iloc[order], kind, of_patients=of_patients)
        earlier = [counts_of(one.iloc[order], kind, of_patients=of_patients) for one in vintages]
        for name, values in now.items():
            shown = ((cells, order),) if name in SHOWN_COUNTS else ()
            protected = few_differ(values, [one[name] for one in earlier], min_cell)
            if hides_zeros and name in ("numerator", "complement"):
                protected |= (values == 0) & (frame["denominator"].to_numpy(dtype=np.float64)[order] > 0)
            before = earlier[0][name] if earlier else np.full(values.size, np.nan)
            is_events = kind == "rate" and name == "numerator"
            found.append((str(measure), name, _Quantity(cells, values, shown, is_events, cells[protected], before)))
    return found


def _merged(found: list[tuple[str, str, _Quantity]]) -> dict[tuple[str, str], _Quantity]:
    """Equal counts of several measures are one quantity: the same people, or the tested who are another's everyone.

    Equal are two that agree wherever both are given, one of them nowhere but where the other is.
    """
    clusters: list[_Quantity] = []
    cluster_of: dict[tuple[str, str], int] = {}
    for measure, name, quantity in sorted(found, key=lambda each: -each[2].cells.size):
        for index, other in enumerate(clusters):
            at = np.minimum(np.searchsorted(other.cells, quantity.cells), other.cells.size - 1)
            if np.array_equal(other.cells[at], quantity.cells) and np.array_equal(other.values[at], quantity.values):
                is_additive = other.is_additive_over_time or quantity.is_additive_over_time
                before = other.before.copy()
                before[at] = np.where(np.isnan(before[at]), quantity.before, before[at])
                clusters[index] = replace(
                    other,
                    rows=other.rows + quantity.rows,
                    is_additive_over_time=is_additive,
                    protected=np.union1d(other.protected, quantity.protected),
                    before=before,
                )
                cluster_of[measure, name] = index
                break
        else:
            cluster_of[measure, name] = len(clusters)
            clusters.append(quantity)
    return {key: clusters[index] for key, index in cluster_of.items()}


def _system(
    quantities: dict[tuple[str, str], _Quantity],
    sums: CellSums,
    pairs: IntArray,
    weights: _Weights,
    total: BoolArray,
    panels: IntArray,
    min_cell: int,
) -> System:
    """Unknowns of all quantities one after another, then the differences between nested groups."""
    every = list({id(quantity): quantity for quantity in quantities.values()}.values())
    start = dict(zip(map(id, every), np.cumsum([0, *(quantity.cells.size for quantity in every)]), strict=False))
    size = sum(quantity.cells.size for quantity in every)
    blocks: list[tuple[IntArray, IntArray, FloatArray]] = []  # equation, unknown, sign
    n_equations = 0

    def add(equation: IntArray, unknown: IntArray, sign: FloatArray) -> None:
        nonlocal n_equations
        if equation.size:
            blocks.append((equation + n_equations, unknown, sign))
            n_equations += int(equation.max()) + 1

    differences: list[FloatArray] = []
    differ_by_few: list[BoolArray] = []
    measures_of: dict[int, list[str]] = {}
    for (measure, _), quantity in quantities.items():
        measures_of.setdefault(id(quantity), []).append(measure)
    costs = [weights.costs(quantity, measures_of[id(quantity)]) for quantity in every]
    for quantity in every:
        first = start[id(quantity)]
        position = np.full(total.size, -1, dtype=np.int64)
        position[quantity.cells] = np.arange(quantity.cells.size)
        for equation, cell, sign in sums.that_hold(quantity.cells, quantity.values, quantity.is_additive_over_time):
            add(equation, first + position[cell], sign)
        inner, outer = position[pairs[0]], position[pairs[1]]
        there = (inner >= 0) & (outer >= 0)
        inner, outer, equal = inner[there], outer[there], pairs[2][there] == 1
        number = np.arange(inner.size)
        own = size + sum(one.size for one in differences) + np.arange(int((~equal).sum()))
        add(
            np.concatenate([number, number, number[~equal]]),
            np.concatenate([first + inner, first + outer, own]),
            np.concatenate([np.ones(inner.size), -np.ones(outer.size), np.ones(own.size)]),
        )
        now, before = ((of[outer] - of[inner])[~equal] for of in (quantity.values, quantity.before))
        differences.append(now)
        differ_by_few.append(few_differ(now, [before], min_cell))
    for whole, parts in (("denominator", ("numerator", "complement")), ("patients", ("denominator", "outside"))):
        for equation, unknown, sign in _of_a_measure(quantities, start, whole, parts):
            add(equation, unknown, sign)
    value = np.concatenate([*(quantity.values for quantity in every), *differences])
    equation, unknown, sign = (np.concatenate(columns) for columns in zip(*blocks, strict=True))
    shown = [
        (rows, start[id(quantity)] + np.searchsorted(quantity.cells, cells))
        for quantity in every
        for cells, rows in quantity.rows
    ]
    matrix = sparse.csr_matrix((sign, (equation, unknown)), shape=(n_equations, value.size))
    matrix.eliminate_zeros()  # where one quantity is both a part and the whole
    return System(
        value=value,
        cost=np.concatenate([*costs, *differences]),
        is_total=np.concatenate(
            [
                *(total[quantity.cells] for quantity in every),
                *(np.zeros(one.size, dtype=np.bool_) for one in differences),
            ]
        ),
        equations=matrix,
        is_protected=np.concatenate(
            [*(np.isin(quantity.cells, quantity.protected) for quantity in every), *differ_by_few]
        ),
        row_of=np.concatenate([rows for rows, _ in shown]),
        unknown_of=np.concatenate([unknowns for _, unknowns in shown]),
        panel_of_row=panels,
    )


@dataclass(frozen=True)
class _Weights:
    """What a cell is worth: `cell` by where it stands, `group` its number over time, `wanted` the cells by measure."""

    cell: FloatArray
    group: IntArray
    wanted: dict[str, IntArray]

    def costs(self, quantity: _Quantity, measures: list[str]) -> FloatArray:
        """The group's usual count, so that the same group gives way in every period, times what the cell is worth."""
        group = self.group[quantity.cells]
        usual = np.bincount(group, quantity.values) / np.maximum(1, np.bincount(group))
        costs = (1 + usual[group]) * self.cell[quantity.cells]
        for measure in measures:
            costs[np.isin(quantity.cells, self.wanted.get(measure, []))] *= WANTED
        return np.asarray(costs, dtype=np.float64)


def _wanted_cells(cells: pd.DataFrame, wanted: pd.DataFrame | None) -> dict[str, IntArray]:
    if wanted is None or wanted.empty:
        return {}
    named = cells.reset_index(names="cell").merge(wanted, on=["stratifier", "stratum"])
    return {str(measure): rows["cell"].to_numpy(dtype=np.int64) for measure, rows in named.groupby("measure_id")}


def _panels(frame: pd.DataFrame) -> IntArray:
    return _numbered(frame, ["measure_id", "grain", "period_starts_on", "site", "stratifier"])


def _numbered(frame: pd.DataFrame, names: list[str]) -> IntArray:
    return np.asarray(frame.groupby(names, sort=False, dropna=False).ngroup(), dtype=np.int64)


def _of_a_measure(
    quantities: dict[tuple[str, str], _Quantity], start: dict[int, int], whole: str, parts: tuple[str, str]
) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
    """`whole` = both `parts`, cell by cell, for each measure that has all three; once for the same three quantities."""
    seen = set()
    for measure in dict.fromkeys(measure for measure, _ in quantities):
        three = [found for name in (*parts, whole) if (found := quantities.get((measure, name))) is not None]
        identity = tuple(id(quantity) for quantity in three)
        if len(three) < 3 or identity in seen:
            continue
        seen.add(identity)
        cells = reduce(np.intersect1d, [quantity.cells for quantity in three])
        number = np.arange(cells.size)
        yield (
            np.tile(number, 3),
            np.concatenate([start[id(each)] + np.searchsorted(each.cells, cells) for each in three]),
            np.repeat([1.0, 1.0, -1.0], number.size),
        )
