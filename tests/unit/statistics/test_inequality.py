"""The table of summary indices: which slices get which index, its sign, and what it says where it has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.errors import StatisticsError
from orchestration.statistics.estimates import add_estimates
from orchestration.statistics.gaps import compute_gaps
from orchestration.statistics.inequality import BURDEN, COLUMNS, EVERY_INDEX, NUMBERS, compute_inequality
from orchestration.statistics.inequality_groups import Groups
from orchestration.statistics.inequality_indices import COMPLEX, SIMPLE, unordered_indices
from orchestration.statistics.inequality_limits import (
    SIMULATION_METHOD_OF_MORE,
    unordered_limits,
)
from orchestration.statistics.inequality_ordered import BOUNDED, LINEAR, bounded_indices, linear_indices
from orchestration.statistics.inequality_simulation import simulated
from tests.support.strata_frames import LABELS, MEASURES, STRATIFIERS, published, stratum, withheld

FIFTHS = pd.concat(
    [LABELS, pd.DataFrame([("poverty", f"q{n}", n, False) for n in (2, 3, 4)], columns=LABELS.columns)],
    ignore_index=True,
)
ALONE = (*SIMPLE, *COMPLEX, BURDEN)


def compute(*rows: dict[str, Any], stratifiers: pd.DataFrame = STRATIFIERS) -> pd.DataFrame:
    strata = add_estimates(published(*rows), MEASURES, 0.95, keep_sums=True)
    gaps = compute_gaps(strata, MEASURES, stratifiers, FIFTHS, 0.95)
    return compute_inequality(strata, gaps, MEASURES, stratifiers, FIFTHS, 0.95)


def race(*counts: int, measure: str = "above") -> list[dict[str, Any]]:
    return [stratum(f"group_{'abcdef'[i]}", count, 240, measure_id=measure) for i, count in enumerate(counts)]


def fifths(*counts: int, measure: str = "above") -> list[dict[str, Any]]:
    return [
        stratum(f"q{i + 1}", count, 240, measure_id=measure, stratifier="poverty") for i, count in enumerate(counts)
    ]


def test_every_index_of_a_stratifier_without_an_order() -> None:
    found = compute(*race(24, 48, 96))
    assert tuple(found.columns) == COLUMNS
    assert found["index_id"].tolist() == list(ALONE)
    value = found.set_index("index_id")["index_value"]
    # Shares of 10, 20 and 40 %, mean 70/3 %.
    assert value[["mrd", "mrr", "srr", "index_of_disparity"]].tolist() == pytest.approx([30, 4, 3, 200])
    assert value[["mdb_u", "mdr_w", "par"]].tolist() == pytest.approx([40 / 3, 40 / 3, 40 / 3])
    assert value["paf"] == pytest.approx(100 * 40 / 70)
    assert value[BURDEN] == pytest.approx(96)
    assert found["reference_stratum"].eq("group_a").all()
    assert found["index_method"].notna().all()
    assert (found["index_low"] <= found["index_value"]).all() and (found["index_value"] <= found["index_high"]).all()


@pytest.mark.parametrize(("measure", "counts"), [("above", (24, 36, 48, 60, 96)), ("below", (216, 204, 192, 180, 144))])
def test_signed_indices_are_positive_where_the_poorest_are_worse_off(measure: str, counts: tuple[int, ...]) -> None:
    """The same children seen as "above" and as "not above": slope and concentration keep size and sign."""
    found = compute(*fifths(*counts, measure=measure)).set_index("index_id")
    assert set(LINEAR) | set(BOUNDED) <= set(found.index)
    assert (found.loc[["par", "sii", "sii_logit", "aci", "ends_difference"], "index_low"] > 0).all()
    assert found.loc["ends_difference", "index_value"] == pytest.approx(30)
    assert (found.loc[["rii", "rii_logit", "ends_ratio"], "index_low"] > 1).all()
    assert found.loc["sii", "index_value"] == pytest.approx(35.0, abs=1e-9)
    assert found.loc["aci_erreygers", "index_value"] == pytest.approx(4 * found.loc["aci", "index_value"] / 100)


def test_the_method_of_par_is_the_one_that_its_limits_have() -> None:
    """Against the most advantaged group a formula; against the best, whichever it is, the distance from the best."""
    without = compute(*race(24, 48, 96)).set_index("index_id")
    assert (without.loc[["par", "burden", "mdb_w"], "index_method"] == SIMULATION_METHOD_OF_MORE).all()
    assert without.loc["par", ["index_low", "index_high"]].tolist() == pytest.approx(
        without.loc["mdb_w", ["index_low", "index_high"]].tolist()
    )
    along = compute(*fifths(96, 60, 48, 36, 24)).set_index("index_id")["index_method"]
    assert along[["par", "burden"]].tolist() == ["normal, against the most advantaged group", "as for par"]


def test_a_gradient_the_other_way_is_negative() -> None:
    found = compute(*fifths(96, 60, 48, 36, 24)).set_index("index_id")
    assert (found.loc[["sii", "aci", "rci", "ends_difference"], "index_high"] < 0).all()
    assert found.loc["rii", "index_high"] < 1
    assert found.loc["par", "index_value"] == 0


@pytest.mark.parametrize("counts", [(960, 0, 0, 0, 0), (0, 0, 0, 0, 960)])
def test_a_line_that_reaches_zero_has_no_ratio_of_its_ends(counts: tuple[int, ...]) -> None:
    found = compute(*fifths(*counts, measure="visits")).set_index("index_id")
    assert found.loc["rii", list(NUMBERS)].isna().all()
    assert found.loc["rii", ["disclosure_status", "index_note"]].tolist() == [
        "not_assessed",
        "the fit is not above 0 at both ends",
    ]
    assert found.loc["sii", "disclosure_status"] == "published"


def test_an_end_that_may_be_zero_leaves_the_inverse_without_an_upper_limit() -> None:
    found = compute(*fifths(8, 12, 16, 22, 30, measure="visits")).set_index("index_id").loc["rii"]
    assert 1 < found["index_low"] < found["index_value"]
    assert np.isnan(found["index_high"])
    assert found["index_note"].startswith("no upper limit")


@settings(max_examples=30)
@given(
    st.sampled_from(["above", "below", "visits", "average"]),
    st.lists(st.one_of(st.integers(0, 240), st.integers(0, 6)), min_size=5, max_size=5),
)
def test_every_index_lies_between_its_limits(measure: str, counts: list[int]) -> None:
    found = compute(*fifths(*counts, measure=measure), *race(*counts, measure=measure))
    value, low, high = (found[name].to_numpy() for name in NUMBERS)
    room = 1e-9 * np.maximum(1, np.abs(value))
    assert not ((low > value + room) | (value > high + room)).any()
    assert not np.isinf(found[list(NUMBERS)].to_numpy()).any()
    ratios = found.loc[found["index_id"].isin(["rii", "rii_logit", "ends_ratio"]), list(NUMBERS)]
    assert not (ratios < 0).any(axis=None)
    assert found.loc[found["index_value"].isna(), ["index_low", "index_high"]].isna().all(axis=None)


def test_rates_and_means_have_no_index_that_needs_a_bound() -> None:
    for measure in ("visits", "average"):
        found = set(compute(*fifths(240, 360, 480, 600, 960, measure=measure))["index_id"])
        assert not found & set(BOUNDED)
        assert set(LINEAR) <= found
        assert (BURDEN in found) == (measure == "visits")


def test_two_groups_have_only_what_two_groups_can_say() -> None:
    assert compute(*race(24, 48))["index_id"].tolist() == list(SIMPLE)


@pytest.mark.parametrize(
    ("rows", "status", "note"),
    [
        (race(24), "not_assessed", "fewer than two groups"),
        ([*race(24), withheld(race(0, 9)[1])], "suppressed", "too many groups are suppressed"),
        ([withheld(row, "not_assessed", "hold") for row in race(24, 48)], "not_assessed", "held"),
    ],
)
def test_a_slice_without_an_index_says_why(rows: list[dict[str, Any]], status: str, note: str) -> None:
    frame = published(*rows)
    for column in ("disclosure_status", "quality_status"):
        frame[column] = [row.get(column, frame[column].iloc[0]) for row in rows]
    strata = add_estimates(frame, MEASURES, 0.95, keep_sums=True)
    gaps = compute_gaps(strata, MEASURES, STRATIFIERS, FIFTHS, 0.95)
    found = compute_inequality(strata, gaps, MEASURES, STRATIFIERS, FIFTHS, 0.95)
    assert found["index_id"].tolist() == [EVERY_INDEX]
    assert found["disclosure_status"].tolist() == [status]
    assert found["index_note"].tolist() == [note]
    assert found[list(NUMBERS)].isna().all().all()


def test_an_ordered_index_needs_all_groups_and_others_most_of_them() -> None:
    rows = [*fifths(24, 36, 48, 60, 96)[:4], withheld(fifths(0, 0, 0, 0, 9)[4])]
    frame = published(*rows).assign(disclosure_status=["published"] * 4 + ["suppressed"])
    strata = add_estimates(frame, MEASURES, 0.95, keep_sums=True)
    gaps = compute_gaps(strata, MEASURES, STRATIFIERS, FIFTHS, 0.95)
    found = compute_inequality(strata, gaps, MEASURES, STRATIFIERS, FIFTHS, 0.95)
    assert found["index_note"].tolist() == ["too many groups are suppressed"]  # 4 of 5 are below 85 %


def test_zero_refuses_mld_and_flags_theil_and_ratios() -> None:
    found = compute(*race(0, 48, 96)).set_index("index_id")
    assert found.loc["mld", "disclosure_status"] == "not_assessed"
    assert "logarithm" in found.loc["mld", "index_note"]
    assert found.loc["theil", "disclosure_status"] == "published"
    assert "limit" in found.loc["theil", "index_note"]
    assert found.loc["mrr", "index_note"] == "over zero"
    assert found.index[found["index_value"].isna()].tolist() == ["mrr", "srr", "index_of_disparity", "mld"]
    assert found.index[found["index_method"].isna()].tolist() == ["mrr", "srr", "index_of_disparity", "theil", "mld"]


def test_nobody_with_the_outcome_is_no_silent_nan() -> None:
    found = compute(*race(0, 0, 0)).set_index("index_id")
    assert found.loc["mrd", "index_value"] == 0
    assert (found.loc[found["index_value"].isna(), "index_note"].notna()).all()
    assert (found.loc[found["index_value"].isna(), "disclosure_status"] == "not_assessed").all()


def test_an_empty_group_and_a_missing_reason_are_no_groups() -> None:
    some = compute(*race(24, 48, 96))
    more = compute(*race(24, 48, 96), stratum("group_d", 0, 0), stratum("declined", 90, 100))
    pd.testing.assert_frame_equal(some, more)


def test_overlapping_groups_and_everyone_have_no_index() -> None:
    overlapping = STRATIFIERS.assign(is_exclusive=STRATIFIERS["stratifier"].ne("race"))
    assert compute(*race(24, 48, 96), stratifiers=overlapping).empty
    assert compute(stratum("all", 90, 300, stratifier="overall")).empty


def test_months_and_quarters_of_a_site_are_left_out() -> None:
    rows = race(24, 48, 96)
    for grain, site, times in (("month", "all", 0), ("quarter", "site_a", 0), ("quarter", "all", 1)):
        found = compute(*({**row, "grain": grain, "site": site} for row in rows))
        assert len(found) == times * len(ALONE)


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [*race(24, 48, 96, 30), *fifths(24, 36, 48, 60, 96)]
    first, second = compute(*rows), compute(*rows[::-1])
    keys = ["stratifier", "index_id"]
    pd.testing.assert_frame_equal(
        first.sort_values(keys, ignore_index=True), second.sort_values(keys, ignore_index=True), rtol=1e-12
    )


def test_an_order_from_nowhere_is_refused() -> None:
    with pytest.raises(StatisticsError, match="first, last or empty"):
        compute(*race(24, 48), stratifiers=STRATIFIERS.assign(disadvantaged_end="middle"))


def arrays(values: list[float], errors: float = 0.02, sign: float = 1.0, ordered: bool = False) -> Groups:
    column = np.array(values)[:, None]
    last = len(values) - 1 if ordered else -1
    return Groups(
        *(column, np.full(column.shape, errors), np.arange(1.0, len(values) + 1)[:, None] * 100),
        *(np.array([sign]), np.array([0]), np.array([last])),
    )


@pytest.mark.parametrize("compute_ordered", [linear_indices, bounded_indices])
def test_unordered_groups_passed_to_an_ordered_index_are_refused(compute_ordered: Any) -> None:
    with pytest.raises(StatisticsError, match="in order"):
        compute_ordered(arrays([0.1, 0.2, 0.3]), 0.95)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"weight": np.array([[0.0], [1.0]])}, "each group has people"),
        ({"weight": np.array([[np.inf], [1.0]])}, "weights are finite"),
        ({"value": np.array([[-0.1], [0.1]])}, "not negative"),
        ({"value": np.array([[np.inf], [0.1]])}, "values are finite"),
        ({"error": np.array([[-1.0], [0.1]])}, "errors are not negative"),
        ({"reference": np.array([2])}, "`reference`"),
        ({"sign": np.array([1.0, 1.0])}, "one sign"),
    ],
)
def test_groups_that_cannot_be_right_are_refused(changed: dict[str, Any], rule: str) -> None:
    good = {
        "value": np.array([[0.1], [0.2]]),
        "error": np.array([[0.1], [0.1]]),
        "weight": np.array([[1.0], [1.0]]),
        "sign": np.array([1.0]),
        "reference": np.array([0]),
        "advantaged": np.array([-1]),
    }
    Groups(**good)
    with pytest.raises(StatisticsError, match=rule):
        Groups(**{**good, **changed})


SHARES = st.lists(st.floats(0.01, 0.99), min_size=3, max_size=7)


@given(SHARES, st.sampled_from([1.0, -1.0]))
def test_scaling_values_leaves_relative_indices_and_scales_distances(shares: list[float], sign: float) -> None:
    one = unordered_indices(arrays(shares, sign=sign))
    ten = unordered_indices(arrays([10 * share for share in shares], sign=sign))
    for name, number in one.items():
        power = {"bgv": 2}.get(name, 0 if name in _RELATIVE else 1)
        np.testing.assert_allclose(ten[name], number * 10**power, rtol=1e-6, atol=1e-9)


_RELATIVE = ("mrr", "srr", "index_of_disparity", "cov", "idis_u", "idis_w", "theil", "mld", "paf")


@given(st.floats(0.01, 0.99), st.integers(3, 7))
def test_equal_groups_have_no_inequality(share: float, groups: int) -> None:
    found = arrays([share] * groups, ordered=True)
    for name, number in unordered_indices(found).items():
        np.testing.assert_allclose(number, 1.0 if name in ("mrr", "srr") else 0.0, atol=1e-4)
    for name, numbers in (linear_indices(found, 0.95) | bounded_indices(found, 0.95)).items():
        np.testing.assert_allclose(numbers.value, 1.0 if "rii" in name or "ratio" in name else 0.0, atol=1e-9)


@given(SHARES, st.randoms(use_true_random=False))
def test_the_order_of_groups_does_not_matter(shares: list[float], random: Any) -> None:
    groups = arrays(shares)
    order = list(range(len(shares)))
    random.shuffle(order)
    shuffled = Groups(
        *(part[order] for part in (groups.value, groups.error, groups.weight)),
        *(groups.sign, np.array([order.index(0)]), groups.advantaged),
    )
    one, other = unordered_indices(groups), unordered_indices(shuffled)
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-9, atol=1e-12)


@given(SHARES)
def test_turning_the_order_around_turns_signs_and_ratios(shares: list[float]) -> None:
    groups = arrays(shares, ordered=True)
    back = Groups(
        *(part[::-1] for part in (groups.value, groups.error, groups.weight)),
        *(groups.sign, groups.reference, groups.advantaged),
    )
    one, other = linear_indices(groups, 0.95), linear_indices(back, 0.95)
    for name in ("sii", "aci", "rci", "ends_difference"):
        np.testing.assert_allclose(one[name].value, -other[name].value, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(one[name].low, -other[name].high, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one["ends_ratio"].value, 1 / other["ends_ratio"].value, rtol=1e-9)


def test_padding_changes_nothing() -> None:
    narrow, wide = arrays([0.1, 0.2, 0.4]), arrays([0.1, 0.2, 0.4, 0.3, 0.25])
    padded = [np.vstack([part, np.full((2, 1), np.nan)]) for part in (narrow.value, narrow.error, narrow.weight)]
    both = Groups(
        *(np.hstack([one, two]) for one, two in zip(padded, (wide.value, wide.error, wide.weight), strict=True)),
        *(np.ones(2), np.zeros(2, dtype=np.int64), np.full(2, -1)),
    )
    whole, alone = unordered_indices(both), unordered_indices(narrow)
    upper = np.array([1.0, 1.0])
    limits, own = unordered_limits(both, whole, 0.95, upper), unordered_limits(narrow, alone, 0.95, upper[:1])
    for name in whole:
        np.testing.assert_allclose(whole[name][0], alone[name][0], rtol=1e-12)
        np.testing.assert_allclose([end[0] for end in limits[name]], [end[0] for end in own[name]], rtol=1e-4)


def test_another_seed_moves_limits_by_about_a_percent_of_their_width() -> None:
    groups, upper = arrays([0.17, 0.22, 0.30, 0.36, 0.45]), np.array([1.0])
    runs = [simulated(groups, 0.95, upper, seed=seed) for seed in range(12)]
    for name in runs[0]:
        low, high = (np.array([run[name][end][0] for run in runs]) for end in (0, 1))
        width = (high - low).mean()
        assert low.std() < 0.015 * width and high.std() < 0.015 * width
