"""What holds for limits whatever the numbers: units, gaps, order of series, a frozen baseline, nothing from nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from orchestration.errors import StatisticsError
from orchestration.statistics.spc import limits

SERIES = arrays(np.float64, (3, 14), elements=st.floats(1, 50, width=32))
SIZES = arrays(np.int64, (3, 14), elements=st.integers(60, 400)).map(lambda n: n.astype(np.float64))
EVERY = np.ones((3, 14), dtype=bool)


def parts(found: limits.Limits) -> np.ndarray:
    return np.stack([found.centre, found.low, found.high, found.near_low, found.near_high])


@given(SERIES, st.floats(0.01, 100))
def test_another_unit_changes_the_unit_only(y: np.ndarray, factor: float) -> None:
    one, other = limits.individuals(y, EVERY), limits.individuals(y * factor, EVERY)
    np.testing.assert_allclose(parts(other), parts(one) * factor, rtol=1e-6, atol=1e-6 * factor)


@given(SERIES, SIZES)
def test_series_do_not_know_of_each_other(y: np.ndarray, n: np.ndarray) -> None:
    for draw in (
        lambda rows: limits.individuals(y[rows], EVERY[rows]),
        lambda rows: limits.proportions_prime(y[rows], n[rows], EVERY[rows]),
        lambda rows: limits.rates_prime(y[rows], n[rows], EVERY[rows]),
        lambda rows: limits.averages(y[rows], y[rows] / 3, n[rows], EVERY[rows]),
    ):
        np.testing.assert_array_equal(parts(draw([2, 0, 1])), parts(draw([0, 1, 2]))[:, [2, 0, 1]])


@given(SERIES, SIZES)
def test_a_frozen_baseline_does_not_hear_of_what_follows(y: np.ndarray, n: np.ndarray) -> None:
    baseline = np.arange(14)[None, :] < np.full((3, 1), 8)
    later = y.copy()
    later[:, 8:] = 59.0
    for draw in (limits.proportions, limits.rates, limits.rates_prime):
        np.testing.assert_array_equal(parts(draw(y, n, baseline)), parts(draw(later, n, baseline)))
    np.testing.assert_array_equal(parts(limits.individuals(y, baseline)), parts(limits.individuals(later, baseline)))


@given(SERIES, SIZES, st.integers(1, 12))
def test_a_gap_takes_nothing_but_its_point(y: np.ndarray, n: np.ndarray, at: int) -> None:
    holed, sizes = np.insert(y, at, np.nan, axis=1), np.insert(n, at, np.nan, axis=1)
    every = np.ones(holed.shape, dtype=bool)
    for draw in (limits.proportions, limits.rates):
        whole, with_gap = draw(y, n, EVERY), draw(holed, sizes, every)
        np.testing.assert_allclose(np.delete(parts(with_gap), at, axis=2), parts(whole), rtol=1e-12)
    np.testing.assert_array_equal(
        limits.mean_moving_range(holed, every & ~np.isnan(holed)), limits.mean_moving_range(y, EVERY)
    )


@given(SERIES, SIZES)
def test_limits_stay_where_values_can_be(y: np.ndarray, n: np.ndarray) -> None:
    share, rate = limits.proportions_prime(y, n, EVERY), limits.rates(y, n, EVERY)
    assert (share.low >= 0).all() and (share.high <= 1).all() and (rate.low >= 0).all()
    assert (share.low <= share.near_low).all() and (share.near_high <= share.high).all()


def test_nothing_comes_from_nothing() -> None:
    y = np.full((1, 5), np.nan)
    nobody = np.zeros((1, 5), dtype=bool)
    for found in (
        limits.individuals(y, nobody), limits.proportions(y, y, nobody), limits.rates_prime(y, y, nobody),
        limits.counts(y, nobody), limits.averages(y, y, y, nobody), limits.deviations(y, y, nobody),
        limits.between_counts(y, nobody), limits.between_times(y, nobody), limits.difference(y, y, nobody),
    ):  # fmt: skip
        assert np.isnan(parts(found)).all()


def test_a_gap_is_weighed_by_its_own_standard_error() -> None:
    value, sigma = np.array([[10.0, 20.0, 90.0]]), np.array([[1.0, 2.0, 5.0]])
    baseline = np.array([[True, True, False]])
    found = limits.difference(value, sigma, baseline)
    assert found.centre[0].tolist() == [12.0] * 3  # (10 / 1 + 20 / 4) / (1 + 1 / 4)
    assert (found.high - found.centre)[0].tolist() == [3.0, 6.0, 15.0]


@pytest.mark.parametrize("y", [np.ones(4), np.array([[1.0, np.inf]])])
def test_what_is_no_series_is_refused(y: np.ndarray) -> None:
    with pytest.raises(StatisticsError):
        limits.require_series(y, np.ones((1, 2), dtype=bool))
