"""Edges and properties of the intervals of one group; their numbers are held against packages in tests/reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.errors import StatisticsError
from orchestration.statistics import intervals
from tests.support.strata_frames import array

COUNTS = st.tuples(st.integers(0, 5000), st.integers(1, 5000)).map(lambda pair: (min(pair), max(pair)))


@given(COUNTS)
def test_wilson_and_clopper_pearson_contain_the_estimate_and_stay_in_bounds(counts: tuple[int, int]) -> None:
    x, n = counts
    for limits in (intervals.wilson, intervals.clopper_pearson):
        low, high = limits(array(x), array(n), 0.95)
        assert 0 <= low[0] <= x / n <= high[0] <= 1


@given(COUNTS)
def test_complement_mirrors_a_proportion(counts: tuple[int, int]) -> None:
    x, n = counts
    for limits in (intervals.wilson, intervals.clopper_pearson):
        one, other = limits(array(x), array(n), 0.95), limits(array(n - x), array(n), 0.95)
        np.testing.assert_allclose([one.low[0], one.high[0]], [1 - other.high[0], 1 - other.low[0]], atol=1e-12)


@given(st.integers(0, 3000), st.floats(0.5, 1e6))
def test_rate_contains_the_estimate_and_scales_with_exposure(events: int, exposure: float) -> None:
    low, high = intervals.poisson_rate(array(events), array(exposure), 0.95)
    assert 0 <= low[0] <= events / exposure <= high[0]
    per_ten = intervals.poisson_rate(array(events), array(exposure * 10), 0.95)
    np.testing.assert_allclose([low[0], high[0]], [per_ten.low[0] * 10, per_ten.high[0] * 10], rtol=1e-12)


def test_zero_events_have_an_exact_upper_bound() -> None:
    """The bound at which no event at all has a chance of 2.5 %: -ln(0.025) / exposure."""
    low, high = intervals.poisson_rate(array(0), array(50), 0.95)
    assert low[0] == 0.0
    assert high[0] == pytest.approx(-np.log(0.025) / 50, rel=1e-12)


def test_full_and_zero_counts_give_exact_ends() -> None:
    low, high = intervals.wilson(array(0, 7), array(7, 7), 0.95)
    assert (low[0], high[1]) == (0.0, 1.0)


def test_nobody_has_no_interval() -> None:
    for limits in (intervals.wilson, intervals.clopper_pearson, intervals.exact_poisson, intervals.poisson_rate):
        low, high = limits(array(0, 1), array(0, 2), 0.95)
        assert np.isnan([low[0], high[0]]).all()
        assert not np.isnan([low[1], high[1]]).any()


def test_one_value_has_a_mean_but_no_interval() -> None:
    low, high = intervals.student_t(array(80), array(1), array(6400), 0.95)
    assert np.isnan([low[0], high[0]]).all()


def test_variance_of_many_near_equal_values_is_not_lost_to_rounding() -> None:
    """A million values of 81,234 and one of 81,235: the textbook formula is off in the sixth digit there."""
    n = 1_000_001
    total, squares = 81_234 * n + 1, 81_234**2 * (n - 1) + 81_235**2
    variance = intervals.sample_variance(array(total), array(n), array(squares))
    assert variance[0] == pytest.approx((1 - 1 / n) / (n - 1), rel=1e-9, abs=0)
    assert (float(squares) - float(total) ** 2 / n) / (n - 1) != pytest.approx(variance[0], rel=1e-7, abs=0)


def test_repeated_events_of_few_patients_widen_a_rate() -> None:
    """Twenty events of twenty patients against twenty events of four: the same rate, less evidence."""
    y, d, n = array(20, 20), array(1200, 1200), array(100, 100)
    squares = array(20, 100)
    relative = intervals.ratio_relative_variance(y, d, n, squares, array(240, 240), array(14400, 14400))
    degrees = intervals.cluster_degrees(y, n, squares)
    assert degrees.tolist() == [20, 4]
    found = intervals.cluster_ratio(y / d, relative, degrees, 0.95)
    assert (found.high - found.low)[1] > 1.9 * (found.high - found.low)[0]


def test_degrees_of_freedom_are_never_more_than_patients_less_one() -> None:
    assert intervals.cluster_degrees(array(12, 24), array(12, 12), array(12, 48)).tolist() == [11, 11]


def test_cluster_limits_are_t_limits_on_the_log_scale() -> None:
    """Five degrees of freedom leave 2.5706 standard errors, ninety-nine 1.9842."""
    found = intervals.cluster_ratio(array(0.4, 0.4), array(0.04, 0.04), array(5, 99), 0.95)
    np.testing.assert_allclose(np.log(found.high / 0.4), [2.5705818 * 0.2, 1.9842170 * 0.2], rtol=1e-7)
    np.testing.assert_allclose(found.low * found.high, 0.16, rtol=1e-12)


@pytest.mark.parametrize("confidence", [0.5, 1.0, 95.0, -1.0])
def test_confidence_is_a_share(confidence: float) -> None:
    limits = (
        lambda c: intervals.wilson(array(1), array(2), c),
        lambda c: intervals.clopper_pearson(array(1), array(2), c),
        lambda c: intervals.poisson_rate(array(1), array(2), c),
        lambda c: intervals.student_t(array(1), array(2), array(1), c),
        lambda c: intervals.cluster_ratio(array(1), array(0.1), array(20), c),
    )
    for limit in limits:
        with pytest.raises(StatisticsError, match="confidence"):
            limit(confidence)
