"""Differences, ratios and p-values of two groups equal those of established packages (data/README.md)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from orchestration.statistics import differences, intervals, p_values, ratios
from orchestration.statistics.intervals import Interval

DATA = Path(__file__).parent / "data"


def _pairs(file: str, method: str, quantity: str) -> tuple[pd.DataFrame, list[np.ndarray]]:
    frame = pd.read_csv(DATA / file)
    cases = frame[frame["method"].eq(method) & frame["quantity"].eq(quantity)].reset_index(drop=True)
    assert len(cases) >= 34
    exposure = "n" if file == "two_proportions.csv" else "e"
    return cases, [cases[name].to_numpy(dtype=np.float64) for name in ("x1", f"{exposure}1", "x2", f"{exposure}2")]


def _assert_limits(found: Interval, cases: pd.DataFrame, rtol: float) -> None:
    """Equal where the package gives a limit; an empty upper limit is one that does not exist."""
    for limit, name in ((found.low, "lower95"), (found.high, "upper95")):
        expected = cases[name].to_numpy(dtype=np.float64)
        given = ~np.isnan(expected)
        assert given.sum() >= 20
        np.testing.assert_allclose(limit[given], expected[given], rtol=rtol, atol=1e-12)
        assert np.isinf(limit[~given]).all()


def test_newcombe_difference_also_at_zero_and_full_counts() -> None:
    cases, (x1, n1, x2, n2) = _pairs("two_proportions.csv", "newcombe-hybrid-score", "difference")
    one, two = intervals.wilson(x1, n1, 0.95), intervals.wilson(x2, n2, 0.95)
    _assert_limits(differences.mover_difference(x1 / n1, one, x2 / n2, two), cases, 1e-9)
    assert {(0, 20), (12, 12)} <= set(zip(x1, n1, strict=True))


def test_miettinen_nurminen_ratio() -> None:
    """Iterative in both packages: 1e-6 asked for, 1e-8 kept."""
    cases, groups = _pairs("two_proportions.csv", "miettinen-nurminen (skew=FALSE,bcf=TRUE)", "ratio")
    _assert_limits(ratios.score_ratio(*groups, 0.95, small_sample_correction=True), cases, 1e-8)


def test_koopman_ratio() -> None:
    """PropCIs is empty for large counts and off in the fifth digit in one case, which the next test settles."""
    cases, groups = _pairs("two_proportions.csv", "koopman-score", "ratio")
    known = (cases["lower95"].notna() & ~(cases["case"].eq("edges") & cases["pair"].eq("e04"))).to_numpy()
    found = ratios.score_ratio(*(values[known] for values in groups), 0.95)
    _assert_limits(found, cases[known].reset_index(drop=True), 1e-9)
    assert (cases["upper95"] == np.inf).any()


def test_koopman_lower_limit_solves_the_score_equation_where_a_package_does_not() -> None:
    """12 of 12 against 3 of 9: PropCIs says 1.548413; at the true limit the constrained chi-square is 1.96 squared."""
    found = ratios.score_ratio(*(np.array([count]) for count in (12.0, 12.0, 3.0, 9.0)), 0.95)

    def chi_square(ratio: float) -> float:
        second = np.linspace(1e-6, 1 / ratio - 1e-6, 2_000_001)
        likelihood = 12 * np.log(ratio * second) + 3 * np.log(second) + 6 * np.log1p(-second)
        p2 = second[np.argmax(likelihood)]
        p1 = ratio * p2
        return float((1 - ratio * 3 / 9) ** 2 / (p1 * (1 - p1) / 12 + ratio**2 * p2 * (1 - p2) / 9))

    assert chi_square(float(found.low[0])) == pytest.approx(1.959963984540054**2, rel=1e-5)
    assert abs(chi_square(1.548413) / 1.959963984540054**2 - 1) > 1e-5
    assert found.low[0] == pytest.approx(1.54847213, rel=1e-8)


def test_mover_ratio_of_proportions() -> None:
    cases, (x1, n1, x2, n2) = _pairs("two_proportions.csv", "mover-wilson", "ratio")
    one, two = intervals.wilson(x1, n1, 0.95), intervals.wilson(x2, n2, 0.95)
    _assert_limits(ratios.mover_ratio(x1 / n1, one, x2 / n2, two), cases, 1e-9)


def test_log_ratio_has_no_limits_at_zero_where_ours_has() -> None:
    cases, groups = _pairs("two_proportions.csv", "log-katz", "ratio")
    broken = cases["upper95"].isna() & (cases["x1"] == 0) & (cases["x2"] > 0)
    assert broken.any()
    assert np.isfinite(ratios.score_ratio(*groups, 0.95).high[broken]).all()


def test_mover_difference_of_rates_with_exact_limits() -> None:
    """ratesci centres on the median of a gamma posterior; we centre on the observed rates, as Zou and Donner do."""
    from scipy.special import gammaincinv

    cases, (x1, e1, x2, e2) = _pairs("two_rates.csv", "mover-exact", "difference")
    one, two = intervals.exact_poisson(x1, e1, 0.95), intervals.exact_poisson(x2, e2, 0.95)
    medians = gammaincinv(x1 + 0.5, 0.5) / e1, gammaincinv(x2 + 0.5, 0.5) / e2
    _assert_limits(differences.mover_difference(medians[0], one, medians[1], two), cases, 1e-9)
    assert (x1 == 0).any() and (x2 == 0).any()
    ours = differences.mover_difference(x1 / e1, one, x2 / e2, two)
    many = np.minimum(x1, x2) >= 100
    np.testing.assert_allclose(ours.low[many], cases["lower95"].to_numpy()[many], rtol=1e-3)
    np.testing.assert_allclose(ours.high[many], cases["upper95"].to_numpy()[many], rtol=1e-3)


@pytest.mark.parametrize("quantity", ["difference", "ratio"])
def test_mover_of_rates_with_score_limits(quantity: str) -> None:
    """The recovery step alone, from score limits (x + z²/2 ± z √(x + z²/4)) / exposure computed here."""
    cases, (x1, e1, x2, e2) = _pairs("two_rates.csv", "mover-rate-score", quantity)
    z = 1.959963984540054

    def score(x: np.ndarray, exposure: np.ndarray) -> Interval:
        half = z * np.sqrt(x + z**2 / 4)
        return Interval((x + z**2 / 2 - half) / exposure, (x + z**2 / 2 + half) / exposure)

    recover = differences.mover_difference if quantity == "difference" else ratios.mover_ratio
    _assert_limits(recover(x1 / e1, score(x1, e1), x2 / e2, score(x2, e2)), cases, 1e-9)


def test_conditional_test_agrees_with_the_exact_conditional_interval() -> None:
    """R's interval inverts the same two tails: p is below 0.05 exactly where it leaves out 1."""
    cases, groups = _pairs("two_rates.csv", "exact-conditional", "ratio")
    p = p_values.conditional_poisson(*groups)
    leaves_out_1 = (cases["lower95"] > 1) | (cases["upper95"] < 1)
    assert 5 < leaves_out_1.sum() < len(cases)
    np.testing.assert_array_equal(p < 0.05, leaves_out_1)


def test_welch_difference_of_means() -> None:
    cases = pd.read_csv(DATA / "mean_differences.csv")
    means = pd.read_csv(DATA / "means.csv").set_index(["case", "group"])
    sides = []
    for group in ("group1", "group2"):
        sums = means.loc[list(zip(cases["case"], cases[group], strict=True))]
        total, count, squares = (
            sums[name].to_numpy(dtype=np.float64) for name in ("sum_hundredths", "n", "sum_squared_hundredths")
        )
        sides.append((total / count, intervals.sample_variance(total, count, squares), count))
    (mean1, *spread1), (mean2, *spread2) = sides
    error, degrees = differences.welch_error(*spread1, *spread2)
    limits = differences.welch_difference(mean1 - mean2, error, degrees, 0.95)
    expected = {
        name: cases[name].to_numpy(dtype=np.float64) for name in ("diff", "se", "df", "lower95", "upper95", "p")
    }
    np.testing.assert_allclose((mean1 - mean2) / 100, expected["diff"], rtol=1e-9)
    np.testing.assert_allclose(error / 100, expected["se"], rtol=1e-9)
    np.testing.assert_allclose(degrees, expected["df"], rtol=1e-9)
    np.testing.assert_allclose(limits.low / 100, expected["lower95"], rtol=1e-9)
    np.testing.assert_allclose(limits.high / 100, expected["upper95"], rtol=1e-9)
    np.testing.assert_allclose(p_values.welch(mean1 - mean2, error, degrees), expected["p"], rtol=1e-9)


def test_pooled_z_is_the_chi_square_test() -> None:
    """Against scipy's Pearson chi-square without continuity correction."""
    from scipy.stats import chi2_contingency

    _, (x1, n1, x2, n2) = _pairs("two_proportions.csv", "mover-wilson", "ratio")
    inside = (x1 + x2 > 0) & (x1 + x2 < n1 + n2)
    found = p_values.pooled_proportions(x1, n1, x2, n2)
    for place in np.flatnonzero(inside):
        table = [[x1[place], n1[place] - x1[place]], [x2[place], n2[place] - x2[place]]]
        assert found[place] == pytest.approx(chi2_contingency(table, correction=False).pvalue, rel=1e-9)
    np.testing.assert_array_equal(found[~inside], 1.0)
