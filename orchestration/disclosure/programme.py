"""What all sums together say of a hidden count: its exact range by linear programming (HiGHS, through scipy).

`bounds.narrowed` looks at one sum after the other and may leave a range too wide. Here each connected part of the
system is one programme. One solution shows for many counts at once that they can be large, or small, so that few need a
programme of their own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse  # type: ignore[import-untyped]
from scipy.optimize import linprog  # type: ignore[import-untyped]
from scipy.sparse import csgraph  # type: ignore[import-untyped]

from orchestration.disclosure.bounds import FAR, is_safe

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_ROOM = 1e-6
# Larger than what any count needs to reach, and small enough for the solver's tolerances.
_MOST = 1e6


@dataclass(frozen=True)
class Exact:
    """Which counts are unsafe when all sums are used, the equations that show it, and which could not be looked at."""

    unsafe: BoolArray
    equations: BoolArray
    unchecked: BoolArray


def examine(
    equations: sparse.csr_matrix,
    value: FloatArray,
    hidden: BoolArray,
    low: FloatArray,
    high: FloatArray,
    counts: BoolArray,
    min_cell: int,
    until: float,
) -> Exact:
    """Examine `counts` (unknowns), smallest parts first, until the clock (time.monotonic) says `until`.

    `low`, `high`: bounds that are known to hold. Whole numbers are taken into account at the ends of a range only.
    """
    result = Exact(*(np.zeros(size, dtype=np.bool_) for size in (value.size, equations.shape[0], value.size)))
    for part in _parts(equations, value, hidden, counts):
        if time.monotonic() >= until:
            result.unchecked[part.counts] = True
            continue
        for index, unknown in part.not_shown_to_be_free(low, high, min_cell):
            if time.monotonic() >= until:
                result.unchecked[unknown] = True
                continue
            bottom, top, binding = part.range_of(index, low, high)
            if not is_safe(np.array([bottom]), np.array([top]), min_cell)[0]:
                result.unsafe[unknown] = True
                result.equations[binding] = True
    return result


@dataclass(frozen=True)
class _Part:
    """A connected part: its hidden `unknowns`, its `rows` of the system, the matrix between them, and the constants."""

    unknowns: IntArray
    rows: IntArray
    matrix: sparse.csr_matrix
    constant: FloatArray
    counts: IntArray

    def _bounds(self, low: FloatArray, high: FloatArray) -> FloatArray:
        return np.stack([low[self.unknowns], np.minimum(high[self.unknowns], _MOST)], axis=1)

    def not_shown_to_be_free(self, low: FloatArray, high: FloatArray, min_cell: int) -> list[tuple[int, int]]:
        """(position, unknown) of counts of which no solution found is `min_cell` or more, or none is 1 or less."""
        positions = np.searchsorted(self.unknowns, self.counts)
        large = self._without_witness(positions, float(min_cell), 1.0, low, high)
        small = self._without_witness(positions, 1.0, -1.0, low, high)
        return [(int(position), int(self.unknowns[position])) for position in np.union1d(large, small)]

    def _without_witness(
        self, positions: IntArray, goal: float, sign: float, low: FloatArray, high: FloatArray
    ) -> IntArray:
        """Counts that cannot be brought to `goal`, from below with `sign` 1 or from above with -1, with many others.

        One programme brings as many as it can as near as it can; the next takes those that it did not.
        """
        n_unknowns = self.unknowns.size
        while positions.size:
            n_counts = positions.size
            # sign * count + distance >= sign * goal, and the distances are to be as small as possible
            picked = sparse.csr_matrix(
                (np.full(n_counts, -sign), (np.arange(n_counts), positions)), shape=(n_counts, n_unknowns)
            )
            found = linprog(
                np.concatenate([np.zeros(n_unknowns), np.ones(n_counts)]),
                A_ub=sparse.hstack([picked, -sparse.identity(n_counts)]),
                b_ub=np.full(n_counts, -sign * goal),
                A_eq=sparse.hstack([self.matrix, sparse.csr_matrix((self.rows.size, n_counts))]),
                b_eq=self.constant,
                bounds=np.concatenate([self._bounds(low, high), np.tile([0.0, _MOST], (n_counts, 1))]),
                method="highs",
            )
            if found.status != 0:
                break
            is_there = sign * found.x[positions] >= sign * goal - _ROOM
            positions = positions[~is_there]
            if not is_there.any():
                break
        return positions

    def range_of(self, position: int, low: FloatArray, high: FloatArray) -> tuple[float, float, IntArray]:
        """The exact range of one count, and the rows of the system that hold it down. No solution: nothing is known."""
        objective = np.zeros(self.unknowns.size)
        objective[position] = -1.0
        bounds = self._bounds(low, high)
        most, least = (
            linprog(sign * objective, A_eq=self.matrix, b_eq=self.constant, bounds=bounds, method="highs")
            for sign in (1.0, -1.0)
        )
        if most.status != 0 or least.status != 0:
            return 0.0, FAR, self.rows[:0]
        binding = self.rows[np.abs(most.eqlin.marginals) > _ROOM]
        return float(np.ceil(least.fun - _ROOM)), float(np.floor(-most.fun + _ROOM)), binding


def _parts(equations: sparse.csr_matrix, value: FloatArray, hidden: BoolArray, counts: BoolArray) -> Iterator[_Part]:
    """The connected parts that have any of `counts`, the smallest first."""
    columns = np.flatnonzero(hidden)
    matrix = equations.tocsc()[:, columns].tocsr()
    rows = np.flatnonzero(np.diff(matrix.indptr) > 0)
    matrix = matrix[rows]
    constant = -(equations @ np.where(hidden, 0.0, value))[rows]
    graph = sparse.block_array([[None, abs(matrix)], [sparse.csr_matrix((columns.size, rows.size)), None]])
    _, label = csgraph.connected_components(graph, directed=False)
    of_rows, of_columns = label[: rows.size], label[rows.size :]
    wanted = np.flatnonzero(counts[columns])
    sizes = np.bincount(of_columns)
    by_row, by_column = np.argsort(of_rows, kind="stable"), np.argsort(of_columns, kind="stable")
    for part in sorted(np.unique(of_columns[wanted]), key=lambda number: int(sizes[number])):
        here_rows = by_row[slice(*np.searchsorted(of_rows[by_row], [part, part + 1]))]
        here = by_column[slice(*np.searchsorted(of_columns[by_column], [part, part + 1]))]
        if here_rows.size:
            mine = columns[here]
            yield _Part(mine, rows[here_rows], matrix[here_rows][:, here], constant[here_rows], mine[counts[mine]])
