"""Standardised values beside crude ones: what they are, where they are given, and that they give no child away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from orchestration.errors import StatisticsError
from orchestration.statistics import standardise
from orchestration.statistics.estimates import add_estimates
from orchestration.statistics.intervals import byar, poisson_rate, wilson
from orchestration.statistics.standardise import (
    direct_mean,
    direct_proportion,
    direct_rate,
    has_heavy_event,
    indirect_ratio,
    indirect_share,
)
from orchestration.statistics.standardised import COLUMNS, METHODS, NUMBERS, add_standardised, round_to_digits
from tests.support.strata_frames import MEASURES, published, stratum, withheld

DAY = pd.Timestamp("2025-01-01")
WEIGHTS = {("young", "female"): 10, ("young", "male"): 10, ("old", "female"): 20, ("old", "male"): 60}


def age_sex(**groups: list[tuple[int, int]]) -> pd.DataFrame:
    """(numerator, denominator) per cell in the order of WEIGHTS; everyone at all sites is their sum."""
    whole = [tuple(sum(pairs[i][j] for pairs in groups.values()) for j in (0, 1)) for i in range(len(WEIGHTS))]
    rows = []
    for stratifier, name, pairs in [
        ("overall", "all", whole),
        *(("race", name, pairs) for name, pairs in groups.items()),
    ]:
        for (age, sex), (y, d) in zip(WEIGHTS, pairs, strict=True):
            if d:
                rows.append((stratifier, name, age, sex, WEIGHTS[age, sex], d, y, d, y))
    columns = ["stratifier", "stratum", "age_band", "sex", "weight", "n_patients", "sum_y", "sum_d", "sum_yy"]
    return pd.DataFrame(rows, columns=columns).assign(measure_id="above", period_starts_on=DAY, site="all")


def strata_of(cells: pd.DataFrame, *more: dict[str, Any]) -> pd.DataFrame:
    sums = cells[cells["stratifier"].eq("race")].groupby("stratum")[["sum_y", "sum_d"]].sum()
    rows = [stratum(str(name), int(y), int(d)) for name, y, d in sums.itertuples()]
    frame = published(*rows, *more)
    frame["disclosure_status"] = [row.get("disclosure_status", "published") for row in (*rows, *more)]
    return add_estimates(frame, MEASURES, 0.95, keep_sums=True)


SAME = [(5, 50), (10, 50), (15, 50), (20, 50)]
OLDER = [(1, 10), (2, 10), (27, 90), (36, 90)]


def test_two_groups_that_differ_only_in_age_are_equal_once_standardised() -> None:
    cells = age_sex(group_a=SAME, group_b=OLDER)
    found = add_standardised(strata_of(cells), cells, MEASURES, 0.95).set_index("stratum")
    assert found["value"].tolist() == pytest.approx([25, 33])
    expected = 100 * (0.1 * 0.1 + 0.1 * 0.2 + 0.2 * 0.3 + 0.6 * 0.4)
    assert found["value_standardised"].tolist() == pytest.approx([expected] * 2)
    assert found["observed_to_expected"].tolist() == pytest.approx([1, 1])
    assert (found["value_standardised_low"] < expected).all() and (found["value_standardised_high"] > expected).all()
    assert found[list(METHODS)].notna().all().all()


def test_only_published_years_are_standardised() -> None:
    cells = age_sex(group_a=SAME, group_b=OLDER)
    hidden = withheld(stratum("group_b", 66, 200))
    quarter = stratum("group_a", 50, 200, grain="quarter")
    strata = strata_of(cells[cells["stratum"].ne("group_b")], hidden, quarter)
    found = add_standardised(strata, cells, MEASURES, 0.95)
    assert found["value_standardised"].notna().tolist() == [True, False, False]
    assert found.loc[1:, list(COLUMNS)].isna().all().all()


def test_a_band_without_anybody_or_few_events_has_no_direct_value() -> None:
    cells = age_sex(
        group_a=SAME, group_b=[(0, 0), (4, 20), (6, 40), (8, 40)], group_c=[(1, 25), (2, 25), (3, 25), (3, 25)]
    )
    found = add_standardised(strata_of(cells), cells, MEASURES, 0.95).set_index("stratum")
    assert found["value_standardised"].notna().to_dict() == {"group_a": True, "group_b": False, "group_c": False}
    assert found["observed_to_expected"].notna().all()
    assert found.loc["group_c", "observed_to_expected_method"] == "indirect; Wilson"
    assert pd.isna(found.loc["group_b", "value_standardised_method"])


def test_values_have_three_digits_and_rest_on_four_cells_at_least() -> None:
    """More digits, or a sum over two cells, would let somebody work out the counts of a cell."""
    cells = age_sex(group_a=[(7, 53), (11, 47), (13, 59), (17, 61)], group_b=OLDER)
    found = add_standardised(strata_of(cells), cells, MEASURES, 0.95)
    numbers = found[list(NUMBERS)].to_numpy(dtype=np.float64)
    np.testing.assert_array_equal(numbers, [[float(f"{value:.3g}") for value in row] for row in numbers])
    three = cells[~(cells["age_band"].eq("young") & cells["sex"].eq("female"))]
    assert add_standardised(strata_of(three), three, MEASURES, 0.95)[list(NUMBERS)].isna().all().all()


def test_rounding_keeps_zero_and_nothing() -> None:
    values = np.array([0.0, np.nan, 123.456, 0.00123456, -98765.0])
    np.testing.assert_allclose(round_to_digits(values), [0.0, np.nan, 123.0, 0.00123, -98800.0])


def test_repeated_events_widen_both_by_the_design_effect() -> None:
    """Seventy events in bursts of four are 17.5 bursts; the lower limit stays above zero however few they are."""
    events, months, weights = np.array([[30.0], [40.0]]), np.array([[600.0], [800.0]]), np.array([3.0, 4.0])
    found = direct_rate(events, months, weights, 0.95, 4.0)
    low, high = byar(events.sum(axis=0) / 4, months.sum(axis=0) / 4, 0.95)
    np.testing.assert_allclose([found.low, found.high], [low, high], rtol=1e-12)
    few = direct_rate(events, months, weights, 0.95, 30.0)
    assert 0 < few.low[0] < found.low[0]
    heavy = direct_rate(events, months, np.array([1.0, 60.0]), 0.95, 30.0)
    wide = indirect_ratio(np.array([70.0]), np.array([50.0]), 0.95, design_effect=4.0)
    np.testing.assert_allclose([wide.low, wide.high], byar(np.array([70 / 4]), np.array([50 / 4]), 0.95), rtol=1e-12)
    assert 0 <= heavy.low[0] < heavy.value[0] < heavy.high[0]


def _bursts(**given: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two groups of 20 children of the standard's ages with 80 days in 400 months, and the days' sum of squares."""
    same = [(8, 40), (8, 40), (16, 80), (48, 240)]
    rates = age_sex(group_a=same, group_b=same)
    rows = [
        stratum(name, 80, 400, measure_id="visits", n_patients=20, sum_yy=yy, sum_yd=1600, sum_dd=8000)
        for name, yy in given.items()
    ]
    return rates.assign(measure_id="visits"), add_estimates(published(*rows), MEASURES, 0.95, keep_sums=True)


def test_few_degrees_of_freedom_count_in_standardised_rates_as_in_crude_ones() -> None:
    """The standardised rate is the crude one, with Byar's limits for so many bursts and t over z."""
    cells, strata = _bursts(group_a=400, group_b=401)
    found = add_standardised(strata, cells, MEASURES, 0.95).iloc[0]
    relative = 20 / 19 * (400 - 2 * 0.2 * 1600 + 0.04 * 8000) / 80**2
    effect = relative * 80 * (stats.t.ppf(0.975, 80**2 / 400) / stats.norm.ppf(0.975)) ** 2
    low, high = poisson_rate(np.array([80.0]), np.array([400.0]), 0.95, effect)
    limits = found[["value_standardised_low", "value_standardised_high"]].astype(float)
    np.testing.assert_allclose(limits, round_to_digits(1200 * np.concatenate([low, high])))
    assert found["value_standardised_method"] == "direct; Dobson with Byar, design effect"


def test_a_standardised_value_too_wide_for_the_standards_is_not_given() -> None:
    """The crude rate of group_b is as unreliable; its ratio to what was expected stays, with its interval."""
    cells, strata = _bursts(group_a=400, group_b=2400)
    found = add_standardised(strata, cells, MEASURES, 0.95).set_index("stratum")
    assert found["value_standardised"].notna().to_dict() == {"group_a": True, "group_b": False}
    assert found["observed_to_expected"].notna().all()
    at80 = add_standardised(strata, cells, MEASURES, 0.8).set_index("stratum")
    assert at80["value_standardised"].notna().to_dict() == {"group_a": True, "group_b": False}


def test_a_wide_standardised_proportion_is_not_given() -> None:
    """Of group_a a fifth of the standard is three children: 30 percentage points and more."""
    cells = age_sex(group_a=[(6, 200), (6, 200), (6, 200), (1, 3)], group_b=[(50, 200)] * 4)
    found = add_standardised(strata_of(cells), cells, MEASURES, 0.95).set_index("stratum")
    assert found["reliability_status"].tolist() == ["reliable", "reliable"]
    assert found["value_standardised"].notna().to_dict() == {"group_a": False, "group_b": True}


def test_no_more_people_are_observed_than_there_are() -> None:
    """158 of 172 tested beside 159 expected: Wilson's limits of the share, over the expected share."""
    found = indirect_share(np.array([158.0]), np.array([172.0]), np.array([159.0]), 0.95)
    low, high = wilson(np.array([158.0]), np.array([172.0]), 0.95)
    expected = [158 / 159, low[0] * 172 / 159, high[0] * 172 / 159]
    np.testing.assert_allclose([part[0] for part in found], expected, rtol=1e-12)
    assert found.high[0] * 159 < 172
    with pytest.raises(StatisticsError):
        indirect_share(np.array([173.0]), np.array([172.0]), np.array([159.0]), 0.95)


def test_a_heavy_rare_cell_gets_gamma_limits_that_allow_for_its_event() -> None:
    """Fay and Feuer 1997, by chi-squared quantiles; the group beside it keeps Dobson's."""
    events, months = np.array([[40.0, 40.0], [0.0, 20.0]]), np.array([[1000.0, 1000.0], [50.0, 400.0]])
    weights = np.array([3.0, 1.0])
    assert has_heavy_event(events, months, weights).tolist() == [True, False]
    found = direct_rate(events, months, weights, 0.95)
    rate, variance, heaviest = 0.75 * 0.04, 40 * (0.75 / 1000) ** 2, 0.25 / 50
    low = variance / (2 * rate) * stats.chi2.ppf(0.025, 2 * rate**2 / variance)
    more, spread = rate + heaviest, variance + heaviest**2
    high = spread / (2 * more) * stats.chi2.ppf(0.975, 2 * more**2 / spread)
    np.testing.assert_allclose([part[0] for part in found], [rate, low, high], rtol=1e-12)
    dobson = direct_rate(events[:, 1:], months[:, 1:], weights, 0.95)
    np.testing.assert_allclose([part[1] for part in found], [part[0] for part in dobson], rtol=1e-12)


def test_gamma_limits_of_bursts_allow_for_the_burst_that_did_not_come() -> None:
    events, months, weights = np.array([[40.0], [0.0]]), np.array([[1000.0], [50.0]]), np.array([3.0, 1.0])
    found = direct_rate(events, months, weights, 0.95, 4.0)
    rate, variance, heaviest = 0.75 * 0.04, 4 * 40 * (0.75 / 1000) ** 2, 4 * 0.25 / 50
    low = variance / (2 * rate) * stats.chi2.ppf(0.025, 2 * rate**2 / variance)
    more, spread = rate + heaviest, variance + heaviest**2
    high = spread / (2 * more) * stats.chi2.ppf(0.975, 2 * more**2 / spread)
    np.testing.assert_allclose([part[0] for part in found], [rate, low, high], rtol=1e-12)


def test_a_standardised_proportion_is_never_surer_than_its_people() -> None:
    """Cells of 5 and 95 % leave little variance within: 200 children stay 200."""
    found = direct_proportion(np.array([[5.0], [95.0]]), np.full((2, 1), 100.0), np.ones(2), 0.95)
    low, high = wilson(np.array([100.0]), np.array([200.0]), 0.95)
    np.testing.assert_allclose([found.low, found.high], [low, high], rtol=1e-12)


def test_the_gamma_limits_of_one_cell_are_the_exact_poisson_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standardise, "HEAVY", 0.5)
    found = direct_rate(np.array([[12.0]]), np.array([[300.0]]), np.ones(1), 0.95)
    limits = stats.chi2.ppf([0.025, 0.975], [24, 26]) / 2 / 300
    np.testing.assert_allclose([found.low[0], found.high[0]], limits, rtol=1e-12)


def test_a_rate_says_which_limits_it_has() -> None:
    cells = age_sex(group_a=[(40, 1000), (0, 10), (30, 900), (20, 800)], group_b=[(9, 30), (9, 30), (9, 30), (9, 30)])
    rates = MEASURES.assign(kind=MEASURES["kind"].replace("proportion", "rate"))
    found = add_standardised(strata_of(cells), cells, rates, 0.95).set_index("stratum")["value_standardised_method"]
    assert found.to_dict() == {"group_a": "direct; Fay and Feuer gamma", "group_b": "direct; Dobson with Byar"}


def test_intervals_of_direct_values_cover() -> None:
    """4000 simulated studies: a rate, a proportion and a mean of four cells; 95 % limits cover 94 to 98 %."""
    rng = np.random.default_rng(20263)
    weights, size = np.array([0.1, 0.2, 0.3, 0.4]), 4000
    n = np.array([40.0, 60.0, 80.0, 50.0])[:, None] * np.ones((1, size))
    truth = np.array([0.1, 0.3, 0.2, 0.4])[:, None]
    target = float((weights[:, None] * truth).sum())
    share = direct_proportion(rng.binomial(n.astype(int), truth).astype(float), n, weights, 0.95)
    rate = direct_rate(rng.poisson(n * truth).astype(float), n, weights, 0.95)
    values = [np.rint(rng.normal(80 + 20 * truth[i], 15, (size, int(n[i, 0])))) for i in range(4)]
    sums = [np.array([part.sum(axis=1) for part in group]) for group in (values, [part**2 for part in values])]
    mean = direct_mean(sums[0], n, sums[1], weights, 0.95)
    for found, true in ((share, target), (rate, target), (mean, 80 + 20 * target)):
        covered = np.mean((found.low <= true) & (true <= found.high))
        assert 0.94 < covered < 0.98


def test_a_frame_without_its_columns_is_refused() -> None:
    cells = age_sex(group_a=SAME)
    with pytest.raises(StatisticsError, match="`weight`"):
        add_standardised(strata_of(cells), cells.drop(columns="weight"), MEASURES, 0.95)
