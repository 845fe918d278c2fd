"""Numbers that no group can have are refused by every function that takes counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from orchestration.errors import StatisticsError
from orchestration.statistics import bounds, differences, intervals, p_values, ratios, reliability, standardise
from orchestration.statistics.inequality_groups import Groups
from orchestration.statistics.inequality_indices import unordered_indices
from orchestration.statistics.spc import limits

OF_SHARES: dict[str, Callable[[Any, Any], Any]] = {
    "wilson": lambda x, n: intervals.wilson(x, n, 0.95),
    "clopper_pearson": lambda x, n: intervals.clopper_pearson(x, n, 0.95),
    "score_ratio": lambda x, n: ratios.score_ratio(x, n, x, n, 0.95),
    "pooled_proportions": lambda x, n: p_values.pooled_proportions(x, n, x, n),
    "proportion_status": lambda x, n: reliability.proportion_status(x, n),
    "p chart": lambda x, n: limits.proportions(x[None], n[None], ~np.isnan(n[None])),
    "p' chart": lambda x, n: limits.proportions_prime(x[None], n[None], ~np.isnan(n[None])),
    "direct_proportion": lambda x, n: standardise.direct_proportion(x[None], n[None], np.ones(1), 0.95),
}
OF_RATES: dict[str, Callable[[Any, Any], Any]] = {
    "exact_poisson": lambda x, n: intervals.exact_poisson(x, n, 0.95),
    "byar": lambda x, n: intervals.byar(x, n, 0.95),
    "poisson_rate": lambda x, n: intervals.poisson_rate(x, n, 0.95),
    "ratio_relative_variance": lambda x, n: intervals.ratio_relative_variance(x, n, n, x, x, n),
    "u chart": lambda x, n: limits.rates(x[None], n[None], ~np.isnan(n[None])),
    "u' chart": lambda x, n: limits.rates_prime(x[None], n[None], ~np.isnan(n[None])),
    "c chart": lambda x, n: limits.counts(x[None], ~np.isnan(n[None])),
    "g chart": lambda x, n: limits.between_counts(x[None], ~np.isnan(n[None])),
    "t chart": lambda x, n: limits.between_times(x[None], ~np.isnan(n[None])),
    "S chart": lambda x, n: limits.deviations(x[None], n[None], ~np.isnan(n[None])),
    "X-bar chart": lambda x, n: limits.averages(x[None], x[None], n[None], ~np.isnan(n[None])),
    "expected_events": lambda x, n: standardise.expected_events(n[None], x[None], n[None]),
    "clustered_rates": lambda x, n: p_values.clustered_rates(x, n, n, n, x, n, n, n),
    "welch_error": lambda x, n: differences.welch_error(x, np.full(x.size, 9.0), x, np.full(x.size, 9.0)),
    "conditional_poisson": lambda x, n: p_values.conditional_poisson(x, n, x, n),
    "direct_rate": lambda x, n: standardise.direct_rate(x[None], n[None], np.ones(1), 0.95),
    "indirect_ratio": lambda x, n: standardise.indirect_ratio(x, n, 0.95),
    "student_t": lambda x, n: intervals.student_t(x, n, x, 0.95),
}
# These take effective numbers, which are seldom whole.
FRACTIONAL = {"wilson", "exact_poisson", "byar", "conditional_poisson", "clustered_rates", "welch_error"} | {
    *("p chart", "p' chart", "u chart", "u' chart", "c chart", "g chart", "t chart", "S chart", "X-bar chart"),
    "expected_events",
}


@pytest.mark.parametrize("name", [*OF_SHARES, *OF_RATES])
@pytest.mark.parametrize("wrong", [-1.0, np.inf, 2.5], ids=["negative", "endless", "broken"])
def test_a_count_that_cannot_be_is_refused(name: str, wrong: float) -> None:
    function = {**OF_SHARES, **OF_RATES}[name]
    counts, of = np.array([3.0, wrong, np.nan]), np.array([np.inf if np.isinf(wrong) else 40.0, 40.0, np.nan])
    if wrong == 2.5 and name in FRACTIONAL:
        function(counts, of)
        return
    with pytest.raises(StatisticsError, match="from 0 up") as error:
        function(counts, of)
    assert "2.5" not in str(error.value)


@pytest.mark.parametrize("name", OF_SHARES)
def test_a_numerator_above_its_denominator_is_refused(name: str) -> None:
    with pytest.raises(StatisticsError, match="numerator is at most its denominator"):
        OF_SHARES[name](np.array([3.0, 41.0]), np.array([40.0, 40.0]))


def test_half_an_event_has_the_limits_of_half_an_event() -> None:
    low, high = intervals.exact_poisson(np.array([0.5]), np.array([1.0]), 0.95)
    assert (low[0], high[0]) == pytest.approx((stats.gamma.ppf(0.025, 0.5), stats.gamma.ppf(0.975, 1.5)))


def test_sums_that_no_values_have_are_refused() -> None:
    """Three values with sum 30 have squares of 300 at least."""
    assert intervals.sample_variance(np.array([30.0]), np.array([3.0]), np.array([300.0]))[0] == 0
    for function in (intervals.sample_variance, lambda *sums: intervals.student_t(*sums, 0.95)):
        with pytest.raises(StatisticsError, match="as large as its sum demands"):
            function(np.array([30.0]), np.array([3.0]), np.array([299.0]))


@pytest.mark.parametrize("wrong", [-0.01, 1.5, np.inf])
def test_a_p_that_cannot_be_is_refused(wrong: float) -> None:
    with pytest.raises(StatisticsError, match="`p` is from 0 to 1"):
        p_values.benjamini_hochberg(np.array([0.02, wrong, np.nan]), np.zeros(3, dtype=np.int64))


@pytest.mark.filterwarnings("error")
def test_a_comparison_with_nobody_or_with_what_is_withheld_is_none() -> None:
    """NaN, both limits of it, and no warning: an unknown ratio is not one from 0 up."""
    x, n = np.array([3.0, 0.0, np.nan]), np.array([40.0, 0.0, np.nan])
    other, of = np.full(3, 5.0), np.full(3, 50.0)
    for first, second in (((x, n), (other, of)), ((other, of), (x, n))):
        for limit in ratios.score_ratio(*first, *second, 0.95):
            assert np.isnan(limit).tolist() == [False, True, True]
        for p in (p_values.pooled_proportions, p_values.conditional_poisson):
            assert np.isnan(p(*first, *second)).tolist() == [False, True, True]


@pytest.mark.parametrize(("numerator", "high"), [(-1.0, 1.0), (11.0, 1.0), (np.inf, np.inf), (401.0, 40.0)])
def test_unknown_patients_have_what_patients_can_have(numerator: float, high: float) -> None:
    side = bounds.Side(np.array([20.0]), np.array([100.0]), np.array([False]))
    unknown = [np.array([value]) for value in (numerator, 10.0, 0.0, high)]
    with pytest.raises(StatisticsError):
        bounds.gap_bounds(side, side, bounds.Unknown(*unknown))
    low, high_end = bounds.gap_bounds(side, side, bounds.Unknown(np.array([10.0]), *unknown[1:]))
    assert low[0] < 0 < high_end[0]


@pytest.mark.parametrize("sign", [0.0, np.nan, 2.0])
def test_a_direction_is_one_way_or_the_other(sign: float) -> None:
    some = np.ones((2, 1))
    nobody = np.full(1, -1)
    with pytest.raises(StatisticsError, match="a sign is 1 or -1"):
        Groups(some, some, some, np.array([sign]), nobody, nobody)


def test_of_nobody_there_is_no_index_and_of_one_group_no_negative_zero() -> None:
    value = np.array([[np.nan, 2.0], [np.nan, np.nan]])
    groups = Groups(value, np.ones((2, 2)), np.ones((2, 2)), np.ones(2), np.full(2, -1), np.full(2, -1))
    found = unordered_indices(groups)
    assert all(np.isnan(number[0]) for number in found.values())
    assert (found["mld"][1], np.signbit(found["mld"][1])) == (0, False)


@pytest.mark.parametrize("name", [*OF_SHARES, *OF_RATES])
def test_withheld_counts_pass(name: str) -> None:
    {**OF_SHARES, **OF_RATES}[name](np.array([3.0, np.nan]), np.array([40.0, np.nan]))


def test_sums_that_no_patients_have_are_refused() -> None:
    one = np.ones(1)
    with pytest.raises(StatisticsError, match="sum of products is at most"):
        intervals.ratio_relative_variance(5 * one, 24 * one, 10 * one, 5 * one, 60 * one, 48 * one)


def test_a_side_of_a_gap_has_no_more_than_its_patients_can() -> None:
    one = np.ones(1)
    good = bounds.Side(10 * one, 20 * one, np.zeros(1, dtype=bool))
    bad = bounds.Side(20 * one, 10 * one, np.zeros(1, dtype=bool))
    unknown = bounds.Unknown(one, 2 * one, 0 * one, one)
    assert bounds.gap_bounds(good, good, unknown)[0] < 0
    for sides in ((good, bad), (bad, good)):
        with pytest.raises(StatisticsError, match="numerator is at most its denominator"):
            bounds.gap_bounds(*sides, unknown)


def test_weights_of_another_standard_are_refused() -> None:
    with pytest.raises(StatisticsError, match="one weight per cell"):
        standardise.direct_rate(np.ones((3, 2)), np.ones((3, 2)), np.ones(2), 0.95)


def test_rates_without_exposure_have_no_p() -> None:
    counts = np.array([12.0, 12.0])
    months = np.array([0.0, 100.0])
    p = p_values.clustered_rates(counts, months, counts, counts, counts, np.full(2, 90.0), counts, counts)
    assert np.isnan(p[0]) and 0 < p[1] <= 1


def test_less_than_an_event_has_no_limit_below_zero() -> None:
    low, high = intervals.byar(np.array([0.01, 0.3, 12.0]), np.ones(3), 0.95)
    assert (low >= 0).all() and low[0] == 0 and (high > low).all()
