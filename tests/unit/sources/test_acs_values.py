"""Codes for no value, labels across vintages, and the Census Bureau's own worked examples of derived margins."""

from __future__ import annotations

import math

import numpy as np
import pytest

from orchestration.sources.acs_values import (
    OPEN_INTERVAL,
    Estimate,
    estimate_of,
    label_parts,
    product,
    proportion,
    ratio,
    total,
)


def one(value: float, moe: float, reason: str | None = None) -> Estimate:
    return Estimate(np.array([value]), np.array([moe]), np.array([reason], dtype=object))


def said(value: str | None, margin: str | None, note: str | None = None, margin_note: str | None = None) -> Estimate:
    return estimate_of([value], [margin], [note], [margin_note])


def pair(estimate: Estimate) -> tuple[float, float]:
    return float(estimate.value[0]), float(estimate.moe[0])


# Understanding and Using ACS Data (2020), chapter 8: women who never married, and those of them with a degree.
def test_the_handbook_s_sum() -> None:
    value, moe = pair(total([one(135_173, 3_860), one(43_104, 2_642), one(24_842, 1_957)]))
    assert value == 203_119
    assert round(moe) == 5_070


def test_the_handbook_s_proportion() -> None:
    value, moe = pair(proportion(one(4_634, 989), one(31_713, 601)))
    assert (round(value, 4), round(moe, 4)) == (0.1461, 0.0311)


def test_the_handbook_s_ratio() -> None:
    value, moe = pair(ratio(one(4_634, 989), one(6_440, 1_328)))
    assert (round(value, 4), round(moe, 4)) == (0.7196, 0.2135)


def test_a_proportion_whose_root_would_be_negative_takes_the_ratio_s_formula() -> None:
    part, whole = one(95, 10), one(100, 40)
    assert 10**2 - 0.95**2 * 40**2 < 0
    assert pair(proportion(part, whole)) == pair(ratio(part, whole)) != pair(proportion(part, one(100, 1)))
    assert pair(proportion(part, whole))[1] == pytest.approx(math.sqrt(10**2 + 0.95**2 * 40**2) / 100)


def test_a_product_has_both_relative_margins() -> None:
    value, moe = pair(product(one(200, 30), one(0.5, 0.1)))
    assert value == 100
    assert (moe / 100) ** 2 == pytest.approx((30 / 200) ** 2 + (0.1 / 0.5) ** 2)


def test_of_several_estimates_of_zero_one_margin_counts() -> None:
    assert pair(total([one(100, 30), one(0, 12), one(0, 40), one(0, 12)])) == (100, 50)
    assert pair(total([one(0, 12), one(0, 12)])) == (0, 12)


def test_a_share_of_nobody_is_missing_and_no_zero() -> None:
    share = proportion(one(0, 12), one(0, 12))
    assert np.isnan(share.value[0]) and np.isnan(share.moe[0])
    assert "nobody" in share.reason[0]


def test_what_is_missing_in_a_part_is_missing_in_the_whole() -> None:
    missing = said("-666666666", "-222222222")
    assert np.isnan(total([one(5, 1), missing]).value[0])
    assert total([one(5, 1), missing]).reason[0] == missing.reason[0] == "too few sample observations to compute it"
    assert proportion(one(5, 1), missing).reason[0] == missing.reason[0]


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("-666666666", "observations"),
        ("-999999999", "cases"),
        ("-888888888", "applicable"),
        ("-222222222", "observations"),
        ("-333333333", "open-ended"),
        ("-555555555", "controlled"),
        ("-987654321", "-987654321"),
        (None, "not available"),
    ],
)
def test_every_code_is_a_missing_value_with_its_reason(code: str | None, word: str) -> None:
    estimate = said(code, "-222222222")
    assert np.isnan(estimate.value[0]) and np.isnan(estimate.moe[0])
    assert word in estimate.reason[0]


def test_negative_estimates_that_are_no_codes_stay() -> None:
    assert pair(said("-1200", "300")) == (-1200, 300)


def test_margins_that_are_none_and_that_are_zero() -> None:
    assert pair(said("500", "-555555555")) == (500, 0)
    assert pair(said("500", None, None, "*****")) == (500, 0)
    assert not said("500", "-555555555").is_unreliable(0.4)[0]
    unknown = said("500", "-222222222")
    assert unknown.value[0] == 500 and np.isnan(unknown.moe[0]) and unknown.is_unreliable(0.4)[0]


@pytest.mark.parametrize("note", ["250,000+", "2,500-"])
def test_the_end_of_an_open_interval_is_a_bound_and_no_estimate(note: str) -> None:
    assert said("250001", "-333333333", note, "***").reason[0] == OPEN_INTERVAL


@pytest.mark.parametrize(
    ("value", "moe", "is_unreliable"),
    [(0.2, 0.2 * 0.4 * 1.645, False), (0.2, 0.2 * 0.41 * 1.645, True), (0, 0.05, True), (0, 0, False)],
)
def test_unreliable_is_above_the_limit(value: float, moe: float, is_unreliable: bool) -> None:
    assert bool(one(value, moe * 0.999999).is_unreliable(0.4)[0]) is is_unreliable
    assert not one(math.nan, math.nan).is_unreliable(0.4)[0]


@pytest.mark.parametrize("bad", ["inf", "12 people"])
def test_what_is_no_number_is_an_error(bad: str) -> None:
    with pytest.raises(ValueError):
        said(bad, "1")


def test_a_label_is_the_same_in_every_vintage() -> None:
    expected = ("total", "below poverty level", "under 18 years")
    for label in (
        "Estimate!!Total!!Below poverty level!!Under 18 years",
        "Total!!Estimate!!Below poverty level!!Under 18 years",
        "Estimate!!Total:!!Below poverty level:!!Under 18 years",
        "Margin of Error!!Total:!!BELOW POVERTY LEVEL!!Under 18 years",
    ):
        assert label_parts(label) == expected
    assert label_parts("Estimate!!Below poverty level!!Total!!Under 18 years") != expected
    assert label_parts("Estimate!!Total!!Below poverty level!!Under 19 years") != expected
