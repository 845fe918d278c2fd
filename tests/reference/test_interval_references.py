"""Intervals of one group equal those of established packages (data/README.md)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from orchestration.statistics import intervals
from orchestration.statistics.intervals import Interval

DATA = Path(__file__).parent / "data"
CONFIDENCES = ((0.95, "95"), (0.998, "998"))


def _cases(file: str, *peers: str) -> pd.DataFrame:
    frame = pd.read_csv(DATA / file)
    chosen = frame[frame["peer"].isin(peers)].reset_index(drop=True)
    assert set(chosen["peer"]) == set(peers)
    return chosen


def _column(cases: pd.DataFrame, name: str) -> np.ndarray:
    return cases[name].to_numpy(dtype=np.float64)


def _assert_limits(found: Interval, cases: pd.DataFrame, suffix: str, scale: float | np.ndarray) -> None:
    for limit, name in ((found.low, "lower"), (found.high, "upper")):
        expected = _column(cases, name + suffix)
        given = ~np.isnan(expected)
        np.testing.assert_allclose((limit * scale)[given], expected[given], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("confidence", "suffix"), CONFIDENCES)
def test_wilson(confidence: float, suffix: str) -> None:
    cases = _cases("proportions.csv", "PHEindicatormethods::phe_proportion")
    found = intervals.wilson(_column(cases, "numerator"), _column(cases, "denominator"), confidence)
    _assert_limits(found, cases, suffix, 100)
    assert cases[f"lower{suffix}"].notna().sum() == 59


@pytest.mark.parametrize(("confidence", "suffix"), CONFIDENCES)
def test_clopper_pearson(confidence: float, suffix: str) -> None:
    cases = _cases("proportions.csv", "stats::binom.test", "statsmodels.proportion_confint(method='beta')")
    found = intervals.clopper_pearson(_column(cases, "numerator"), _column(cases, "denominator"), confidence)
    _assert_limits(found, cases, suffix, 100)


@pytest.mark.parametrize(("confidence", "suffix"), CONFIDENCES)
def test_rate_switches_from_exact_to_byar_at_ten_events(confidence: float, suffix: str) -> None:
    cases = _cases("rates.csv", "PHEindicatormethods::phe_rate")
    found = intervals.poisson_rate(_column(cases, "events"), _column(cases, "exposure"), confidence)
    _assert_limits(found, cases, suffix, _column(cases, "multiplier"))
    assert {9, 10} <= set(cases["events"])


@pytest.mark.parametrize(("confidence", "suffix"), CONFIDENCES)
def test_exact_poisson(confidence: float, suffix: str) -> None:
    cases = _cases("rates.csv", "stats::poisson.test", "statsmodels.confint_poisson(method='exact-c')")
    found = intervals.exact_poisson(_column(cases, "events"), _column(cases, "exposure"), confidence)
    _assert_limits(found, cases, suffix, _column(cases, "multiplier"))


def test_epitools_exact_poisson_is_off_by_up_to_a_thousandth() -> None:
    """pois.exact searches on a coarse grid: it differs from R's own poisson.test, and so from us, on purpose."""
    cases = _cases("rates.csv", "epitools::pois.exact")
    cases = cases[cases["events"] > 0].reset_index(drop=True)
    found = intervals.exact_poisson(_column(cases, "events"), _column(cases, "exposure"), 0.95)
    off = np.abs(found.low * _column(cases, "multiplier") / _column(cases, "lower95") - 1)
    assert 1e-6 < off.max() < 1e-2


def test_epitools_byar_is_another_formula() -> None:
    """pois.byar adds one half to the count in both limits; ours is Breslow and Day's, as in public health."""
    cases = _cases("rates.csv", "epitools::pois.byar")
    cases = cases[cases["events"] >= 10].reset_index(drop=True)
    found = intervals.byar(_column(cases, "events"), _column(cases, "exposure"), 0.95)
    assert (found.low * _column(cases, "multiplier") < _column(cases, "lower95")).all()
    assert (found.high * _column(cases, "multiplier") > _column(cases, "upper95")).all()


@pytest.mark.parametrize(("confidence", "suffix"), CONFIDENCES)
def test_student_t_from_sums(confidence: float, suffix: str) -> None:
    cases = _cases("means.csv", "PHEindicatormethods::phe_mean")
    sums = [_column(cases, name) for name in ("sum_hundredths", "n", "sum_squared_hundredths")]
    _assert_limits(intervals.student_t(*sums, confidence), cases, suffix, 0.01)
    np.testing.assert_allclose(np.sqrt(intervals.sample_variance(*sums)) * 0.01, _column(cases, "sd"), rtol=1e-11)


def test_cluster_robust_variance_is_the_linearised_one() -> None:
    """Against the definition, patient by patient, in plain Python: var(r) = n/(n-1) * sum (y - r d)^2 / (sum d)^2."""
    months = [12, 3, 7, 12, 12, 1, 9, 12, 12, 4, 12, 6]
    events = [0, 1, 4, 0, 2, 0, 1, 7, 0, 0, 1, 2]
    n, y, d = len(months), sum(events), sum(months)
    rate = y / d
    variance = n / (n - 1) * sum((a - rate * b) ** 2 for a, b in zip(events, months, strict=True)) / d**2
    pairs = list(zip(events, months, strict=True))
    sums = [np.array([float(total)]) for total in (
        y, d, n, sum(a * a for a in events), sum(a * b for a, b in pairs), sum(b * b for b in months)
    )]  # fmt: skip
    relative = intervals.ratio_relative_variance(*sums)
    np.testing.assert_allclose(relative, variance / rate**2, rtol=1e-12)
    # 2.200985160082949 is the 97.5 % point of Student's t with 11 degrees of freedom.
    factor = np.exp(2.200985160082949 * np.sqrt(variance) / rate)
    found = intervals.cluster_ratio(np.array([rate]), relative, np.array([11.0]), 0.95)
    np.testing.assert_allclose([found.low[0], found.high[0]], [rate / factor, rate * factor], rtol=1e-9)
