"""Secondary suppression: what else is hidden, so that totals do not give away what was too small to show.

A hidden count is safe when all that is shown leaves it a range of at least `min_cell - 1` that reaches `min_cell`. The
choice is greedy, cheapest first (few people, and counts whose sums have other gaps already); it ends when nothing
unsafe is left, and where the rounds run out everything that a count is added up with is hidden: safe, never lax.
Following Cox 1980 (J Am Stat Assoc 75:377-385) on secondary cells, and Fischetti and Salazar 2001 (Manage Sci
47:1008-1027) on what protection means.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse  # type: ignore[import-untyped]

from orchestration.disclosure.bounds import Attack, attack_on, implied, is_safe, narrowed, start
from orchestration.disclosure.links import System
from orchestration.disclosure.programme import examine

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_GREEDY_ROUNDS = 80
_LEVELS = 8
# A round that mends less than this share of the unsafe counts asked the wrong ones.
_SLOW = 0.05


def hide_further(
    system: System,
    is_hidden_row: BoolArray,
    min_cell: int,
    exact_seconds: float = 0.0,
    is_known_row: BoolArray | None = None,
) -> BoolArray:
    """`is_hidden_row` with the rows that have to be hidden as well, so that every small count is safe.

    Safe from whoever uses one sum after the other; and, as far as `exact_seconds` go, from whoever uses all at once.
    `is_known_row`: rows that are hidden only where nothing else is left, because readers know them already.
    """
    known = np.zeros(system.value.size, dtype=np.bool_)
    if is_known_row is not None:
        known[system.unknown_of[is_known_row[system.row_of]]] = True
    rows = _hide_by_sums(system, is_hidden_row, min_cell, known)
    until = time.monotonic() + exact_seconds
    small = system.is_small(min_cell)
    while time.monotonic() < until:
        hidden = system.hidden(rows)
        low, high = narrowed(attack_on(system.equations, system.value, hidden), *start(system.value, hidden))
        found = examine(system.equations, system.value, hidden, low, high, small & hidden, min_cell, until)
        if not found.unsafe.any():
            break
        rows = _hide_by_sums(system, rows | _in_their_sums(system, hidden, found.equations), min_cell, known)
    return rows


def _in_their_sums(system: System, hidden: BoolArray, equations: BoolArray) -> BoolArray:
    """The rows of the cheapest shown unknown in each of the equations."""
    members = system.equations[np.flatnonzero(equations)].tocoo()
    usable = np.flatnonzero((system.has_rows & ~hidden & (system.value > 0))[members.col])
    dear = system.is_total[members.col[usable]] | (members.data[usable] < 0)
    order = usable[np.lexsort((system.cost[members.col[usable]], dear, members.row[usable]))]
    first = np.ones(order.size, dtype=np.bool_)
    first[1:] = members.row[order][1:] != members.row[order][:-1]
    chosen = np.zeros(system.value.size, dtype=np.bool_)
    chosen[members.col[order[first]]] = True
    rows = np.zeros(system.panel_of_row.size, dtype=np.bool_)
    rows[system.row_of[chosen[system.unknown_of]]] = True
    return rows


def _hide_by_sums(system: System, is_hidden_row: BoolArray, min_cell: int, known: BoolArray) -> BoolArray:
    rows = is_hidden_row.copy()
    owners = sparse.csr_matrix(
        (np.ones(system.row_of.size), (system.unknown_of, system.row_of)), shape=(system.value.size, rows.size)
    )
    small = system.is_small(min_cell)
    tired, spared = np.zeros(system.value.size, dtype=np.bool_), system.is_total | known
    hidden = system.hidden(rows)
    low, high = narrowed(attack_on(system.equations, system.value, hidden), *start(system.value, hidden))
    left = np.inf
    for _ in range(_GREEDY_ROUNDS):
        unsafe = small & system.is_in_sums & ~is_safe(low, high, min_cell)
        if not unsafe.any():
            return rows
        is_slow, left = unsafe.sum() > (1 - _SLOW) * left, unsafe.sum()
        attack = attack_on(system.equations, system.value, hidden, system.equations_near(unsafe, hidden))
        said = implied(attack, low, high)
        search = _Search(system, attack, *said, hidden, low, high, tired, spared, min_cell)
        chosen, asked = search.choose(unsafe)
        if chosen.any():
            rows |= _one_per_panel(system, owners.T @ chosen)
            before, hidden = hidden, system.hidden(rows)
            low, high = _narrowed_again(system, hidden, unsafe, hidden & ~before, low, high)
        elif not (asked & ~tired).any():
            if not spared.any():
                break
            tired, spared, left = np.zeros_like(tired), np.zeros_like(spared), np.inf
            continue
        if is_slow or not chosen.any():
            tired |= asked  # asking these leads nowhere
    return _whole_sums(system, owners, rows, small, min_cell)


def _narrowed_again(
    system: System, hidden: BoolArray, unsafe: BoolArray, new: BoolArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Bounds after the `new` unknowns have been hidden: wherever that can matter to the `unsafe`.

    Elsewhere they stay as they were or are narrower than need be, which is on the safe side.
    """
    attack = attack_on(system.equations, system.value, hidden, system.equations_near(unsafe | new, hidden))
    again = new.copy()
    again[attack.unknown] = True
    widest_low, widest_high = start(system.value, hidden)
    return narrowed(attack, np.where(again, widest_low, low), np.where(again, widest_high, high))


def _one_per_panel(system: System, votes: FloatArray) -> BoolArray:
    """Of the rows that stand beside each other the one that most sums chose: often it serves the others too."""
    voted = np.flatnonzero(votes > 0)
    order = voted[np.lexsort((voted, -votes[voted], system.panel_of_row[voted]))]
    first = np.ones(order.size, dtype=np.bool_)
    first[1:] = system.panel_of_row[order][1:] != system.panel_of_row[order][:-1]
    result = np.zeros(votes.size, dtype=np.bool_)
    result[order[first]] = True
    return result


@dataclass(frozen=True)
class _Search:
    """One look at all unsafe counts at once.

    `low` and `high`: what follows for every unknown from what is shown now; `implied_low` and `implied_high`: what each
    sum says by itself, as `implied` gives it; `tired`: hidden unknowns that it is no use to ask; `spared`: those that
    are not to be hidden.
    """

    system: System
    attack: Attack
    implied_low: FloatArray
    implied_high: FloatArray
    hidden: BoolArray
    low: FloatArray
    high: FloatArray
    tired: BoolArray
    spared: BoolArray
    min_cell: int

    def choose(self, unsafe: BoolArray) -> tuple[FloatArray, BoolArray]:
        """How many sums choose each shown unknown to be hidden, so that the unsafe ones can be larger; which hidden
        ones were asked to give way.

        In each sum that bounds one of them either hidden parts could give way, if what bounds those gave way (the next
        level), or the cheapest shown part is hidden. On the last level only the latter is left.
        """
        value = self.system.value
        up, down = (np.zeros(value.size) for _ in range(2))
        up[unsafe] = (np.maximum(self.min_cell, self.low + self.min_cell - 1) - self.high)[unsafe]
        chosen = np.zeros(value.size)
        seen_up, seen_down = unsafe.copy(), np.zeros(value.size, dtype=np.bool_)
        for level in range(_LEVELS):
            sums, side, lacking, bound = self._bounding(up, down)
            if not sums.size:
                break
            is_last = level == _LEVELS - 1
            found, more_up, more_down = self._in_sums(sums, side, lacking, bound, is_last=is_last)
            chosen += found
            up = np.where(seen_up, 0.0, more_up)
            down = np.where(seen_down, 0.0, more_down)
            seen_up |= up > 0
            seen_down |= down > 0
        return chosen, (seen_up | seen_down) & ~unsafe

    def _bounding(self, up: FloatArray, down: FloatArray) -> tuple[IntArray, FloatArray, FloatArray, IntArray]:
        """Per sum that keeps a count from rising or falling as wanted: its number, the side to give way, how much.

        Last, the pairs of sum and count that this is about, as `_pair` numbers them.
        """
        attack = self.attack
        holds_down = (up > 0)[attack.unknown] & (self.implied_high <= self.high[attack.unknown])
        holds_up = (down > 0)[attack.unknown] & (self.implied_low >= self.low[attack.unknown])
        raised, lowered = (
            (attack.row[attack.equation[here]], attack.unknown[here], attack.sign[here])
            for here in (np.flatnonzero(holds_down), np.flatnonzero(holds_up))
        )
        sums = np.concatenate([raised[0], lowered[0]])
        side = np.concatenate([raised[2], -lowered[2]])
        lacking = np.concatenate([up[raised[1]], down[lowered[1]]])
        order = np.lexsort((-lacking, side, sums))
        sums, side, lacking = sums[order], side[order], lacking[order]
        first = np.ones(sums.size, dtype=np.bool_)
        first[1:] = (sums[1:] != sums[:-1]) | (side[1:] != side[:-1])
        bound = self._pair(sums, np.concatenate([raised[1], lowered[1]])[order])
        return sums[first], side[first], lacking[first], bound

    def _pair(self, sums: IntArray, unknowns: IntArray) -> IntArray:
        return sums.astype(np.int64) * self.system.value.size + unknowns

    def _in_sums(
        self,
        sums: IntArray,
        side: FloatArray,
        lacking: FloatArray,
        bound: IntArray,
        *,
        is_last: bool,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(how many sums choose each shown unknown, by how much hidden ones should be able to rise, and to fall)."""
        system, value = self.system, self.system.value
        members = system.equations[sums].tocoo()
        number, column = members.row, members.col
        falls = np.sign(members.data) == np.sign(side[number])
        wanted = lacking[number]

        room = np.where(falls, self.low[column], np.where(self.high[column] < value[column] + wanted, wanted, 0.0))
        gives_way = self.hidden[column] & (room > 0) & ~self.tired[column] & (not is_last)
        gives_way &= ~np.isin(self._pair(sums[number], column), bound)  # what a sum binds cannot give way in it
        is_shown = (system.has_rows & ~self.spared)[column] & ~self.hidden[column] & (value[column] > 0)
        # What is hidden already comes first; then a part that is large enough, else the largest part; and the whole
        # only where it is all that is left.
        size = np.where(self.hidden[column], np.where(falls, room, wanted), np.where(falls, value[column], wanted))
        enough = size >= wanted
        is_dear = (members.data < 0) | self.system.is_total[column]
        tier = np.where(is_dear, 2, np.where(enough, 0, 1))
        is_free = self.hidden[column] & system.has_rows[column]
        price = np.where(tier == 1, -size, np.where(is_free, 0.0, self._cost[column]))
        kept = np.flatnonzero(gives_way | is_shown)
        order = kept[np.lexsort((column[kept], price[kept], tier[kept], number[kept]))]
        first = np.ones(order.size, dtype=np.bool_)
        first[1:] = number[order][1:] != number[order][:-1]
        best = order[first]
        chosen = np.bincount(column[best[is_shown[best]]], minlength=value.size).astype(np.float64)
        passed = best[gives_way[best]]
        more_up, more_down = np.zeros(value.size), np.zeros(value.size)
        np.maximum.at(more_up, column[passed[~falls[passed]]], wanted[passed[~falls[passed]]])
        further_down = passed[falls[passed]]
        np.maximum.at(more_down, column[further_down], np.minimum(wanted, room)[further_down])
        return chosen, more_up, more_down

    @cached_property
    def _cost(self) -> FloatArray:
        """What hiding loses, dearer for what would stand alone in a sum, where it is given away at once."""
        every = abs(self.system.equations)
        without_gap = (every @ self.hidden.astype(np.float64)) == 0
        return np.asarray(self.system.cost * (1 + every.T @ without_gap.astype(np.float64)), dtype=np.float64)


def _whole_sums(
    system: System, owners: sparse.csr_matrix, rows: BoolArray, small: BoolArray, min_cell: int
) -> BoolArray:
    """Hide whatever is added up with a count that is still unsafe, again and again: the safe end of the search."""
    every = abs(system.equations)
    while True:
        hidden = system.hidden(rows)
        attack = attack_on(system.equations, system.value, hidden)
        low, high = narrowed(attack, *start(system.value, hidden))
        unsafe = small & ~is_safe(low, high, min_cell)
        if not unsafe.any():
            return rows
        further, reached, before = rows, unsafe, 0
        while np.array_equal(further, rows) and reached.sum() > before:
            before = reached.sum()
            reached = reached | ((every.T @ ((every @ reached.astype(np.float64)) > 0).astype(np.float64)) > 0)
            further = rows | ((owners.T @ reached.astype(np.float64)) > 0)
        if np.array_equal(further, rows):
            return rows  # nothing is left to hide: what is known of these counts does not come from what is shown
        rows = further
