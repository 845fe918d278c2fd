"""Edges and properties of differences, ratios and p-values of two groups; their numbers are held against packages in
tests/reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from orchestration.statistics import differences, intervals, p_values, ratios
from orchestration.statistics.intervals import Interval
from tests.support.strata_frames import array

GROUP = st.tuples(st.integers(0, 400), st.integers(1, 400)).map(lambda pair: (min(pair), max(pair)))
RATE = st.tuples(st.integers(0, 400), st.integers(10, 4000))


def _newcombe(x1: int, n1: int, x2: int, n2: int) -> Interval:
    one, two = intervals.wilson(array(x1), array(n1), 0.95), intervals.wilson(array(x2), array(n2), 0.95)
    return differences.mover_difference(array(x1 / n1), one, array(x2 / n2), two)


def _koopman(x1: int, n1: int, x2: int, n2: int) -> Interval:
    return ratios.score_ratio(array(x1), array(n1), array(x2), array(n2), 0.95)


@given(GROUP, GROUP)
def test_newcombe_contains_the_difference_and_swapping_mirrors_it(one: tuple[int, int], two: tuple[int, int]) -> None:
    found, swapped = _newcombe(*one, *two), _newcombe(*two, *one)
    estimate = one[0] / one[1] - two[0] / two[1]
    assert -1 - 1e-12 <= found.low[0] <= estimate <= found.high[0] <= 1 + 1e-12
    np.testing.assert_allclose([found.low[0], found.high[0]], [-swapped.high[0], -swapped.low[0]], atol=1e-12)


@given(GROUP, GROUP)
def test_koopman_contains_the_ratio_and_swapping_inverts_it(one: tuple[int, int], two: tuple[int, int]) -> None:
    found, swapped = _koopman(*one, *two), _koopman(*two, *one)
    assert 0 <= found.low[0] < found.high[0]
    if two[0] > 0:
        estimate = one[0] * two[1] / (one[1] * two[0])
        assert found.low[0] <= estimate * (1 + 1e-12)
        assert estimate <= found.high[0] * (1 + 1e-12)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(found.low, 1 / swapped.high, rtol=1e-9)


@given(GROUP, GROUP)
def test_pooled_p_and_koopman_never_disagree(one: tuple[int, int], two: tuple[int, int]) -> None:
    p = p_values.pooled_proportions(array(one[0]), array(one[1]), array(two[0]), array(two[1]))[0]
    found = _koopman(*one, *two)
    if abs(p - 0.05) > 1e-9:
        assert (p < 0.05) == (found.low[0] > 1 or found.high[0] < 1)


@given(RATE, RATE)
def test_mover_difference_and_ratio_of_rates_never_disagree(one: tuple[int, int], two: tuple[int, int]) -> None:
    rates, limits = [], []
    for events, exposure in (one, two):
        rates.append(array(events / exposure))
        limits.append(intervals.poisson_rate(array(events), array(exposure), 0.95))
    difference = differences.mover_difference(rates[0], limits[0], rates[1], limits[1])
    ratio = ratios.mover_ratio(rates[0], limits[0], rates[1], limits[1])
    assert difference.low[0] <= rates[0][0] - rates[1][0] <= difference.high[0]
    assert np.sign(difference.low[0]) == np.sign(ratio.low[0] - 1) or abs(difference.low[0]) < 1e-12
    assert np.sign(difference.high[0]) == np.sign(ratio.high[0] - 1) or abs(difference.high[0]) < 1e-12


@given(RATE, RATE)
def test_conditional_p_is_symmetric(one: tuple[int, int], two: tuple[int, int]) -> None:
    forward = p_values.conditional_poisson(*(array(value) for value in (*one, *two)))
    backward = p_values.conditional_poisson(*(array(value) for value in (*two, *one)))
    assert 0 <= forward[0] <= 1
    assert forward[0] == pytest.approx(backward[0], rel=1e-9, abs=1e-300)


def test_ratio_over_zero_has_a_lower_limit_only() -> None:
    koopman = _koopman(5, 20, 0, 20)
    assert koopman.low[0] > 1 and np.isinf(koopman.high[0])
    limits = [intervals.poisson_rate(array(events), array(60), 0.95) for events in (4, 0)]
    mover = ratios.mover_ratio(array(4 / 60), limits[0], array(0), limits[1])
    assert mover.low[0] > 0 and np.isinf(mover.high[0])


def test_ratio_of_two_zeros_is_unknown() -> None:
    assert _koopman(0, 15, 0, 30) == (0, np.inf)
    limits = intervals.poisson_rate(array(0), array(60), 0.95)
    assert ratios.mover_ratio(array(0), limits, array(0), limits) == (0, np.inf)


def test_ratio_of_two_full_counts_has_both_limits() -> None:
    found = _koopman(12, 12, 30, 30)
    assert 0.7 < found.low[0] < 1 < found.high[0] < 1.4


def test_mover_ratio_of_means_is_fieller() -> None:
    """With symmetric limits: the roots of (m1 - r m2)^2 = h1^2 + r^2 h2^2, written out."""
    (m1, h1), (m2, h2) = (9.1, 0.4), (7.8, 0.3)
    one, two = Interval(array(m1 - h1), array(m1 + h1)), Interval(array(m2 - h2), array(m2 + h2))
    found = ratios.mover_ratio(array(m1), one, array(m2), two)
    roots = np.roots([m2**2 - h2**2, -2 * m1 * m2, m1**2 - h1**2])
    np.testing.assert_allclose([found.low[0], found.high[0]], sorted(roots), rtol=1e-12)


def test_ratio_to_a_mean_that_could_be_zero_has_no_upper_limit() -> None:
    one, two = Interval(array(2), array(4)), Interval(array(-0.5), array(2.5))
    assert np.isinf(ratios.mover_ratio(array(3), one, array(1), two).high[0])


def test_welch_needs_two_values_a_side_and_some_variation() -> None:
    error, degrees = differences.welch_error(array(np.nan, 0, 0), array(1, 5, 5), array(2, 0, 2), array(9, 5, 5))
    assert np.isnan(error).tolist() == [True, True, False]
    limits = differences.welch_difference(array(1, 1, 1), error, degrees, 0.95)
    assert np.isnan(limits.low).tolist() == [True, True, False]
    assert np.isnan(p_values.welch(array(1, 1, 1), error, degrees)).tolist() == [True, True, False]


def test_clustered_test_with_equal_rates_and_with_no_event_on_one_side() -> None:
    def p(x1: float, x2: float) -> float:
        sides = ((array(x), array(1200), array(3 if x else 1.5), array(99 if x else np.inf)) for x in (x1, x2))
        return float(p_values.clustered_rates(*next(sides), *next(sides))[0])

    assert p(20, 20) == pytest.approx(1.0)
    # Twelve events with a design effect of 3 count as four: two tails of (1/2)^4.
    assert p(12, 0) == pytest.approx(2 * 0.5**4)
    assert p(0, 12) == pytest.approx(p(12, 0))
    assert p(40, 20) > p_values.conditional_poisson(array(40), array(1200), array(20), array(1200))[0]


def test_degrees_of_freedom_of_two_clustered_rates_are_satterthwaites() -> None:
    """Relative variances 3/30 and 2/20 with 9 and 4 degrees: 0.2^2 / (0.1^2/9 + 0.1^2/4) = 11.077 of them."""
    p = p_values.clustered_rates(
        *(array(30), array(1000), array(3), array(9)), *(array(20), array(1000), array(2), array(4))
    )
    t = np.log(1.5) / np.sqrt(0.2)
    assert p[0] == pytest.approx(2 * stats.t.sf(t, 0.04 / (0.01 / 9 + 0.01 / 4)))
    poisson = p_values.clustered_rates(
        *(array(30), array(1000), array(3), array(9)), *(array(20), array(1000), array(2), array(np.inf))
    )
    assert poisson[0] == pytest.approx(2 * stats.t.sf(t, 0.04 / (0.01 / 9)))


def test_exact_test_of_effective_counts_takes_the_larger_effect() -> None:
    found = p_values.effective_poisson(array(12), array(1200), array(3), array(4), array(1200), array(1.5))
    assert found[0] == pytest.approx(p_values.conditional_poisson(array(4), array(400), array(4 / 3), array(400))[0])
    fewer = p_values.effective_poisson(array(12), array(1200), array(0.5), array(4), array(1200), array(0.5))
    assert fewer[0] == p_values.conditional_poisson(array(12), array(1200), array(4), array(1200))[0]


def test_benjamini_hochberg_by_family() -> None:
    """Family 0 is Benjamini and Hochberg's own example (1995, p. 295); NaN is not among the tests."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    values = array(*p, 0.04, np.nan, 0.03)
    family = np.array([0] * 15 + [7, 7, 7])
    found = p_values.benjamini_hochberg(values, family)
    assert (found[:15] <= 0.05).tolist() == [True] * 4 + [False] * 11
    assert found[0] == pytest.approx(0.0015)
    np.testing.assert_allclose(found[15:], [0.04, np.nan, 0.04])


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3)), min_size=1, max_size=40))
def test_benjamini_hochberg_equals_scipy_and_ignores_order(tests: list[tuple[float, int]]) -> None:
    from scipy.stats import false_discovery_control

    p, family = np.array([t[0] for t in tests]), np.array([t[1] for t in tests])
    found = p_values.benjamini_hochberg(p, family)
    for one in np.unique(family):
        np.testing.assert_allclose(found[family == one], false_discovery_control(p[family == one]), rtol=1e-12)
    order = np.random.default_rng(len(tests)).permutation(len(p))
    np.testing.assert_allclose(p_values.benjamini_hochberg(p[order], family[order]), found[order])


def test_benjamini_hochberg_of_nothing() -> None:
    assert p_values.benjamini_hochberg(array(), np.array([], dtype=np.int64)).size == 0
    assert np.isnan(p_values.benjamini_hochberg(array(np.nan), np.array([0]))).all()
