"""What follows for each hidden count from the sums that it stands in: bounds, narrowed until nothing more follows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse  # type: ignore[import-untyped]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

# Larger than any count, and small enough that sums of it and of counts stay exact in double precision.
FAR = 1e9
_MOST_ROUNDS = 1_000


@dataclass(frozen=True)
class Attack:
    """The hidden unknowns' sums, ready to be searched: one element per appearance of an unknown in an equation.

    `equation`, `unknown`, `sign`: sorted by equation, which are numbered anew; `row`: their numbers in the system;
    `constant`: what the shown unknowns of each equation come to.
    """

    equation: IntArray
    unknown: IntArray
    sign: FloatArray
    constant: FloatArray
    row: IntArray

    def only(self, equations: BoolArray) -> Attack:
        """The chosen equations alone, numbered as before."""
        kept = equations[self.equation]
        return replace(self, equation=self.equation[kept], unknown=self.unknown[kept], sign=self.sign[kept])


def attack_on(
    equations: sparse.csr_matrix, value: FloatArray, hidden: BoolArray, among: IntArray | None = None
) -> Attack:
    """The sums in which something is hidden, with what is shown in them added up; only those `among` where given."""
    chosen = equations if among is None else equations[among]
    matrix = chosen.tocoo()
    constant = chosen @ np.where(hidden, 0.0, value)
    kept = np.flatnonzero(hidden[matrix.col])  # sorted by row, as compressed rows are
    rows, columns = matrix.row[kept], matrix.col[kept]
    is_first = np.ones(rows.size, dtype=np.bool_)
    is_first[1:] = rows[1:] != rows[:-1]
    row = rows[is_first].astype(np.int64)
    return Attack(
        np.cumsum(is_first, dtype=np.int64) - 1,
        columns.astype(np.int64),
        matrix.data[kept],
        constant[row],
        row if among is None else among[row],
    )


def narrowed(attack: Attack, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The narrowest bounds that single sums, used again and again, give for every hidden unknown from `low`, `high`.

    Counts are whole and not negative; FAR stands for no upper bound. What is found is always true; several sums used
    at one time (a linear programme) may find more.
    """
    low, high = low.copy(), high.copy()
    part = attack
    for _ in range(_MOST_ROUNDS):
        new_low, new_high = implied(part, low, high)
        better = np.flatnonzero((new_low > low[part.unknown]) | (new_high < high[part.unknown]))
        if not better.size:
            break
        found = part.unknown[better]
        np.maximum.at(low, found, new_low[better])
        np.minimum.at(high, found, new_high[better])
        # Only sums in which something has changed can say more.
        changed = np.zeros(low.size, dtype=np.bool_)
        changed[found] = True
        touched = np.zeros(attack.constant.size, dtype=np.bool_)
        touched[attack.equation[changed[attack.unknown]]] = True
        part = attack.only(touched)
    return low, high


def implied(attack: Attack, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What each sum says of each unknown in it, given the bounds of the others: lower and upper bounds."""
    unknown, equation, sign = attack.unknown, attack.equation, attack.sign
    positive = sign > 0
    least = sign * np.where(positive, low[unknown], high[unknown])
    most = sign * np.where(positive, high[unknown], low[unknown])
    # sign * x = - constant - the others, and the others lie between their least and their most
    rest = -attack.constant[equation]
    top = rest - (np.bincount(equation, least, attack.constant.size)[equation] - least)
    bottom = rest - (np.bincount(equation, most, attack.constant.size)[equation] - most)
    # whole numbers; the room is for a coefficient of two
    new_high = np.floor(np.where(positive, top, bottom) / sign + 1e-9)
    new_low = np.ceil(np.where(positive, bottom, top) / sign - 1e-9)
    return new_low, new_high


def start(value: FloatArray, hidden: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Bounds before any sum is looked at: what is shown is known, what is hidden is a count."""
    return np.where(hidden, 0.0, value), np.where(hidden, FAR, value)


def is_safe(low: FloatArray, high: FloatArray, min_cell: int) -> BoolArray:
    """Whether the range of each count is as wide as the rule asks and reaches counts that might be shown."""
    return np.asarray((high >= min_cell) & (high - low >= min_cell - 1), dtype=np.bool_)
