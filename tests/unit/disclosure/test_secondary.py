"""Secondary suppression on table systems of every shape: what is small stays safe, whatever adds up to what."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.disclosure.bounds import attack_on, is_safe, narrowed, start
from orchestration.disclosure.secondary import hide_further
from tests.support.plain_tables import TOTAL, Key, attainable, flat_trees, full, table_system, with_margins

MIN_CELL = 11


@st.composite
def tables(draw: st.DrawFn) -> dict[Key, int]:
    """Counts of one to four dimensions with two to four levels each; many are small or zero."""
    n_dimensions = draw(st.integers(1, 4))
    most = {1: 8, 2: 5, 3: 3, 4: 2}[n_dimensions]
    sizes = [draw(st.integers(2, most)) for _ in range(n_dimensions)]
    count = st.one_of(st.just(0), st.integers(1, 14), st.integers(15, 200))
    keys = itertools.product(*([f"{axis}{level}" for level in range(size)] for axis, size in enumerate(sizes)))
    return {key: draw(count) for key in keys}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables())
def test_every_small_count_is_safe_by_exact_ranges(counts: dict[Key, int]) -> None:
    trees = flat_trees(counts)
    _, system = table_system(with_margins(full(counts), trees), trees)
    small = (system.value >= 1) & (system.value < MIN_CELL)
    hidden = hide_further(system, small, MIN_CELL, exact_seconds=60.0)
    assert hidden[small].all()
    if not small.any() or system.value.max() < MIN_CELL:
        return
    ranges = attainable(system, hidden)
    assert (ranges[:, 0] <= system.value[hidden]).all() and (system.value[hidden] <= ranges[:, 1]).all()
    of_small = ranges[small[hidden]]
    # Where fewer than `min_cell` people are counted at all, nothing that could be hidden makes a count safe.
    assert is_safe(of_small[:, 0], of_small[:, 1], MIN_CELL).all()


@settings(max_examples=60, deadline=None)
@given(tables(), st.randoms())
def test_bounds_hold_the_truth_and_are_no_narrower_than_exact_ones(counts: dict[Key, int], random: object) -> None:
    trees = flat_trees(counts)
    _, system = table_system(with_margins(full(counts), trees), trees)
    hidden = np.array([random.random() < 0.4 for _ in system.value])  # type: ignore[attr-defined]
    low, high = narrowed(attack_on(system.equations, system.value, hidden), *start(system.value, hidden))
    assert (low <= system.value).all() and (system.value <= high).all()
    exact = attainable(system, hidden)
    assert (low[hidden] <= exact[:, 0] + 1e-6).all() and (exact[:, 1] <= np.minimum(high[hidden], 1e6) + 1e-6).all()


def test_what_is_large_enough_and_costs_least_is_hidden() -> None:
    counts = {("a",): 5, ("b",): 9, ("c",): 30, ("d",): 400}
    keys, system = table_system(with_margins(counts, flat_trees(counts)), flat_trees(counts))
    small = (system.value >= 1) & (system.value < MIN_CELL)
    hidden = hide_further(system, small, MIN_CELL)
    assert [key[0] for key, gone in zip(keys, hidden, strict=True) if gone] == ["a", "b"]
    alone = {**counts, ("b",): 90}
    keys, system = table_system(with_margins(alone, flat_trees(alone)), flat_trees(alone))
    hidden = hide_further(system, (system.value >= 1) & (system.value < MIN_CELL), MIN_CELL)
    assert [key[0] for key, gone in zip(keys, hidden, strict=True) if gone] == ["a", "c"]


def test_what_readers_know_already_is_hidden_only_where_nothing_else_is_left() -> None:
    counts = {("a",): 5, ("b",): 90, ("c",): 30, ("d",): 400}
    keys, system = table_system(with_margins(counts, flat_trees(counts)), flat_trees(counts))
    small = (system.value >= 1) & (system.value < MIN_CELL)

    def hidden(*known: str) -> list[str]:
        is_known = np.array([key[0] in known for key in keys])
        found = hide_further(system, small, MIN_CELL, is_known_row=is_known)
        return [key[0] for key, gone in zip(keys, found, strict=True) if gone]

    assert hidden() == ["a", "c"]
    assert hidden("c") == ["a", "b"]
    assert hidden("b", "c", "d") == ["a", "c"]


def test_two_releases_together_hardly_give_away_what_either_hid() -> None:
    """First a table by two dimensions, then the same people by three: what either shows is known.

    Where all that could be hidden is known already, nothing helps; without looking back it happens all the time.
    """
    given_away = {True: 0, False: 0}
    rng = np.random.default_rng(11)
    for _ in range(60):
        levels = itertools.product(*([f"{axis}{level}" for level in range(3)] for axis in "abc"))
        counts = {key: int(rng.choice([0, 3, 12, 25, 60])) for key in levels}
        keys, system = table_system(with_margins(counts, flat_trees(counts)), flat_trees(counts))
        small = (system.value >= 1) & (system.value < MIN_CELL)
        was_there = np.array([key[2] == TOTAL for key in keys])
        two = {key[:2]: int(value) for key, value in zip(keys, system.value, strict=True) if key[2] == TOTAL}
        first_keys, first_system = table_system(two, flat_trees({key: n for key, n in two.items() if TOTAL not in key}))
        first = hide_further(first_system, (first_system.value >= 1) & (first_system.value < MIN_CELL), MIN_CELL)
        was_hidden = np.array([key[2] == TOTAL and bool(first[first_keys.index(key[:2])]) for key in keys])
        was_shown = was_there & ~was_hidden
        for looks_back in given_away:
            start_with, known = (small | was_hidden, was_shown) if looks_back else (small, None)
            second = hide_further(system, start_with, MIN_CELL, is_known_row=known)
            unknown = second & ~was_shown
            low, high = narrowed(attack_on(system.equations, system.value, unknown), *start(system.value, unknown))
            given_away[looks_back] += int((small & unknown & ~is_safe(low, high, MIN_CELL)).sum())
    assert given_away[False] > 30
    assert given_away[True] <= 1


@pytest.mark.parametrize("counts", [{("a",): 40, ("b",): 0}, {("a",): 40, ("b",): 11}])
def test_nothing_is_hidden_where_nothing_is_small(counts: dict[Key, int]) -> None:
    _, system = table_system(with_margins(counts, flat_trees(counts)), flat_trees(counts))
    assert not hide_further(system, np.zeros(system.value.size, dtype=np.bool_), MIN_CELL).any()


def test_several_sums_together_are_only_seen_by_the_programme() -> None:
    """Each sum leaves enough room by itself; all together do not, and with time to examine them more is hidden."""
    found = 0
    rng = np.random.default_rng(3)
    for _ in range(40):
        levels = itertools.product(*([f"{axis}{level}" for level in range(3)] for axis in "abc"))
        counts = {key: int(rng.choice([0, 3, 7, 12, 25, 60])) for key in levels}
        _, system = table_system(with_margins(counts, flat_trees(counts)), flat_trees(counts))
        small = (system.value >= 1) & (system.value < MIN_CELL)
        by_sums, exactly = (hide_further(system, small, MIN_CELL, exact_seconds=seconds) for seconds in (0.0, 60.0))
        assert (by_sums <= exactly).all()
        ranges = attainable(system, by_sums)[small[by_sums]]
        if small.any() and not is_safe(ranges[:, 0], ranges[:, 1], MIN_CELL).all():
            found += 1
            assert exactly.sum() > by_sums.sum()
    assert found > 0
