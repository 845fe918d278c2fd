"""Secondary suppression on tables of which established packages say how many cells they hide beyond the small ones.

Several patterns are equally right, so cells are not compared: every small count must be safe by exact ranges, and the
number of hidden cells near the packages'.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from orchestration.disclosure.secondary import hide_further
from tests.support.plain_tables import TOTAL, Key, attainable, flat_trees, full, table_system, with_margins

DATA = Path(__file__).parent / "data"
MIN_CELL = 11


def expected() -> list[dict[str, str]]:
    with (DATA / "suppression_expected.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table(case: dict[str, str]) -> tuple[dict[Key, int], list[dict[str, list[str]]]]:
    """Every cell of the case with its margins, and the tree of each dimension."""
    n_dimensions = len(case["dimensions"].split())
    with (DATA / "suppression_cells.csv").open(encoding="utf-8", newline="") as file:
        counts = {
            tuple(row[f"level_{number}"] for number in range(1, n_dimensions + 1)): int(row["count"])
            for row in csv.DictReader(file)
            if row["case_id"] == case["case_id"]
        }
    trees = flat_trees(counts)
    if case["hierarchy"]:
        parts = dict(part.split("=") for part in case["hierarchy"].split())
        trees[-1] = {parent: children.split("+") for parent, children in parts.items()}
    return with_margins(full(counts), trees), trees


@pytest.mark.parametrize("case", expected(), ids=lambda case: case["case_id"])
def test_every_small_count_is_safe_and_not_much_more_is_hidden_than_elsewhere(case: dict[str, str]) -> None:
    keys, system = table_system(*table(case))
    small = (system.value >= 1) & (system.value < MIN_CELL)
    assert small.sum() == int(case["primary"])
    hidden = hide_further(system, small, MIN_CELL, exact_seconds=60.0)
    assert hidden[small].all()
    ranges = attainable(system, hidden)[small[hidden]]
    assert (ranges[:, 1] >= MIN_CELL).all()
    assert (ranges[:, 1] - ranges[:, 0] >= MIN_CELL - 1).all()
    # Against exact disclosure alone a package needs fewer than for a range as wide as asked for here.
    allowed = 1.2 if case["peer"].endswith("range 10") else 1.7
    assert hidden.sum() <= max(allowed * int(case["hidden"]), int(case["hidden"]) + 4)
    assert not hidden[keys.index((TOTAL,) * len(keys[0]))]


@pytest.mark.parametrize("case", expected(), ids=lambda case: case["case_id"])
def test_small_counts_alone_are_not_enough(case: dict[str, str]) -> None:
    """Where the packages hide more, an attacker gets hold of a small count if nothing more is hidden."""
    _, system = table_system(*table(case))
    small = (system.value >= 1) & (system.value < MIN_CELL)
    ranges = attainable(system, small)
    unsafe = (ranges[:, 1] < MIN_CELL) | (ranges[:, 1] - ranges[:, 0] < MIN_CELL - 1)
    assert unsafe.any() == (int(case["hidden"]) > int(case["primary"]))
    assert np.all(ranges[:, 0] <= system.value[small])
