"""Tables of counts with margins in any number of dimensions, as systems of equations and as an attacker sees them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import linprog

from orchestration.disclosure.links import System

TOTAL = "Total"
Key = tuple[str, ...]
Hierarchy = Mapping[str, Sequence[str]]


def with_margins(counts: Mapping[Key, int], trees: Sequence[Hierarchy]) -> dict[Key, int]:
    """All cells: the counts and every margin of each dimension's tree (parent -> children, `Total` on top)."""
    cells = dict(counts)
    for axis, tree in enumerate(trees):
        for parent in reversed(list(tree)):
            rests = {key[:axis] + key[axis + 1 :] for key in cells if key[axis] in tree[parent]}
            for rest in rests:
                parts = [(*rest[:axis], child, *rest[axis:]) for child in tree[parent]]
                cells[(*rest[:axis], parent, *rest[axis:])] = sum(cells.get(part, 0) for part in parts)
    return cells


def table_system(cells: Mapping[Key, int], trees: Sequence[Hierarchy]) -> tuple[list[Key], System]:
    """The cells in order and their system: one row per cell; every margin is a sum along its dimension."""
    keys = sorted(cells)
    number = {key: index for index, key in enumerate(keys)}
    rows, columns, signs, n_sums = [], [], [], 0
    for axis, tree in enumerate(trees):
        for key in keys:
            if key[axis] in tree:
                parts = [(*key[:axis], child, *key[axis + 1 :]) for child in tree[key[axis]]]
                present = [number[part] for part in parts if part in number]
                rows += [n_sums] * (len(present) + 1)
                columns += [*present, number[key]]
                signs += [1.0] * len(present) + [-1.0]
                n_sums += 1
    every = np.arange(len(keys))
    value = np.array([cells[key] for key in keys], dtype=np.float64)
    return keys, System(
        value=value,
        cost=value + 1,
        is_total=np.array([all(level == TOTAL for level in key) for key in keys]),
        equations=sparse.csr_matrix((signs, (rows, columns)), shape=(n_sums, len(keys))),
        row_of=every,
        unknown_of=every,
        panel_of_row=every,
        is_protected=np.zeros(len(keys), dtype=np.bool_),
    )


def attainable(system: System, hidden: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """The exact range of every hidden count, shape (hidden, 2): two linear programmes each, whole at the ends."""
    matrix = system.equations.toarray()
    constant = -(matrix[:, ~hidden] @ system.value[~hidden])
    found = []
    for index in range(int(hidden.sum())):
        objective = np.zeros(int(hidden.sum()))
        objective[index] = 1.0
        ends = [
            linprog(sign * objective, A_eq=matrix[:, hidden], b_eq=constant, bounds=(0, 1e6), method="highs").fun * sign
            for sign in (1.0, -1.0)
        ]
        found.append((np.ceil(ends[0] - 1e-6), np.floor(ends[1] + 1e-6)))
    return np.array(found).reshape(-1, 2)


def flat_trees(counts: Mapping[Key, int]) -> list[dict[str, list[str]]]:
    """One level below `Total` in each dimension."""
    return [{TOTAL: sorted({key[axis] for key in counts})} for axis in range(len(next(iter(counts))))]


def full(counts: Mapping[Key, int]) -> dict[Key, int]:
    """The counts with every combination of levels that is not there as zero."""
    axes = [sorted({key[axis] for key in counts}) for axis in range(len(next(iter(counts))))]
    return {key: counts.get(key, 0) for key in itertools.product(*axes)}
