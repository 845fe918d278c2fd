"""Gaps as a team reads them: sign, ratio, excess, p, flags and the statuses of what cannot be said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from orchestration.errors import StatisticsError
from orchestration.statistics.estimates import add_estimates
from orchestration.statistics.gaps import COLUMNS, compute_gaps
from tests.support.strata_frames import LABELS, MEASURES, STRATIFIERS, published, stratum, withheld

NUMBERS = [
    *("difference", "difference_low", "difference_high", "ratio", "ratio_low", "ratio_high"),
    *("excess", "excess_low", "excess_high", "p_value", "p_adjusted", "is_meaningful"),
]


def _named(reference: str) -> pd.DataFrame:
    rules = STRATIFIERS["reference_rule"].where(STRATIFIERS["stratifier"].ne("race"), f"named:{reference}")
    return STRATIFIERS.assign(reference_rule=rules)


def _gaps(*rows: dict[str, Any], reference: str = "group_a", confidence: float = 0.95) -> pd.DataFrame:
    frame = published(*rows)
    frame["disclosure_status"] = [row.get("disclosure_status", "published") for row in rows]
    frame["quality_status"] = [row.get("quality_status", "publish") for row in rows]
    estimated = add_estimates(frame, MEASURES, confidence, keep_sums=True)
    return compute_gaps(estimated, MEASURES, _named(reference), LABELS, confidence)


def _gap(reference: dict[str, Any], group: dict[str, Any]) -> pd.Series:
    gaps = _gaps(reference, group)
    assert len(gaps) == 1
    return gaps.iloc[0]


def test_columns_are_those_of_the_contract() -> None:
    assert tuple(_gaps(stratum("group_a", 40, 200), stratum("group_b", 60, 200)).columns) == COLUMNS


def test_lower_is_better() -> None:
    """30 % against 20 %: ten points worse, half as many again, 20 of 200 children."""
    gap = _gap(stratum("group_a", 40, 200), stratum("group_b", 60, 200))
    assert gap["difference"] == pytest.approx(10)
    assert gap["ratio"] == pytest.approx(1.5)
    assert gap["excess"] == pytest.approx(20)
    assert gap["difference_low"] < 10 < gap["difference_high"]
    assert gap["excess_low"] == pytest.approx(gap["difference_low"] * 2)
    assert gap["excess_high"] == pytest.approx(gap["difference_high"] * 2)
    assert (gap["difference_method"], gap["ratio_method"]) == ("Newcombe hybrid score", "Koopman score")
    assert gap["p_method"] == "pooled z"


def test_higher_is_better_mirrors_it() -> None:
    """20 % against 40 % of a good outcome: disadvantage is positive, the reference does twice as well."""
    gap = _gap(stratum("group_a", 80, 200, measure_id="below"), stratum("group_b", 40, 200, measure_id="below"))
    assert gap["difference"] == pytest.approx(20)
    assert gap["ratio"] == pytest.approx(2)
    assert 0 < gap["difference_low"] < 20 < gap["difference_high"]
    assert 1 < gap["ratio_low"] < 2 < gap["ratio_high"]
    assert gap["excess"] == pytest.approx(40)


def test_advantage_is_negative() -> None:
    gap = _gap(stratum("group_a", 60, 200), stratum("group_b", 40, 200))
    assert gap["difference"] == pytest.approx(-10)
    assert gap["ratio"] == pytest.approx(2 / 3)


def test_rates_in_their_unit_with_excess_events() -> None:
    """60 against 40 events in 200 patient-years each: 10 more per 100 patient-years, 20 events."""
    gap = _gap(*(stratum(name, x, 2400, measure_id="visits") for name, x in (("group_a", 40), ("group_b", 60))))
    assert gap["difference"] == pytest.approx(10)
    assert gap["excess"] == pytest.approx(20)
    assert gap["ratio"] == pytest.approx(1.5)
    assert gap["difference_method"] == "MOVER of the rates' intervals"
    # Exact conditional: twice the upper tail of 60 or more out of 100 fair tosses.
    assert gap["p_value"] == pytest.approx(0.05688793364098078, rel=1e-9)


def test_repeated_events_weaken_the_evidence() -> None:
    once = _gap(*(stratum(name, x, 2400, measure_id="visits") for name, x in (("group_a", 40), ("group_b", 70))))
    again = _gap(*(
        stratum(name, x, 2400, measure_id="visits", sum_yy=3 * x) for name, x in (("group_a", 40), ("group_b", 70))
    ))  # fmt: skip
    assert again["difference"] == pytest.approx(once["difference"])
    assert again["p_value"] > 4 * once["p_value"]
    assert again["difference_high"] - again["difference_low"] > 1.5 * (once["difference_high"] - once["difference_low"])


def test_the_test_of_repeated_events_has_the_degrees_of_freedom_of_its_intervals() -> None:
    """40 and 70 events of 200 children of twelve months each: 40 / 3 and 70 / 3 degrees, Satterthwaite's of both."""
    gap = _gap(*(
        stratum(name, x, 2400, measure_id="visits", sum_yy=3 * x) for name, x in (("group_a", 40), ("group_b", 70))
    ))  # fmt: skip
    relative = {x: 200 / 199 * (3 * x - 2 * (x / 2400) * 12 * x + (x / 2400) ** 2 * 200 * 144) / x**2 for x in (40, 70)}
    squared = relative[40] + relative[70]
    degrees = squared**2 / (relative[40] ** 2 / (40 / 3) + relative[70] ** 2 / (70 / 3))
    assert gap["p_value"] == pytest.approx(2 * stats.t.sf(np.log(70 / 40) / np.sqrt(squared), degrees))


def test_a_side_with_few_events_has_the_others_effect_and_no_degrees_of_freedom() -> None:
    gap = _gap(
        stratum("group_a", 5, 2400, measure_id="visits"), stratum("group_b", 70, 2400, measure_id="visits", sum_yy=210)
    )
    relative = 200 / 199 * (210 - 2 * 12 * 70**2 / 2400 + (70 / 2400) ** 2 * 28800) / 70**2
    squared = relative + relative * 70 / 5
    degrees = squared**2 / (relative**2 / (70 / 3))
    assert gap["p_value"] == pytest.approx(2 * stats.t.sf(np.log(70 / 5) / np.sqrt(squared), degrees))


def test_a_side_without_any_event_is_no_side_with_degrees_of_freedom() -> None:
    """Forty events of 200 children against none of 200: the exact test of effective counts, by the larger effect."""
    gap = _gap(
        stratum("group_a", 0, 2400, measure_id="visits"), stratum("group_b", 40, 2400, measure_id="visits", sum_yy=120)
    )
    effect = 200 / 199 * (120 - 2 * 12 * 40**2 / 2400 + (40 / 2400) ** 2 * 28800) / 40
    assert gap["p_value"] == pytest.approx(2 * 0.5 ** (40 / effect))


def test_means_have_no_excess() -> None:
    """Tenths of a percent: 9.0 against 8.0 %."""
    rows = [stratum(name, x * 40, 40, measure_id="average") for name, x in (("group_a", 80), ("group_b", 90))]
    gap = _gap(*rows)
    assert gap["difference"] == pytest.approx(1.0)
    assert gap["ratio"] == pytest.approx(9 / 8)
    assert gap[["excess", "excess_low", "excess_high"]].isna().all()
    assert (gap["difference_method"], gap["ratio_method"]) == ("Welch t", "MOVER-R of the t intervals")
    assert gap["p_method"] == "Welch t"
    assert gap["p_value"] < 0.05


def test_mean_of_one_child_has_a_difference_without_interval_or_test() -> None:
    gap = _gap(
        stratum("group_a", 3200, 40, measure_id="average"), stratum("group_b", 95, 1, measure_id="average", sum_yy=9025)
    )
    assert gap["difference"] == pytest.approx(1.5)
    assert gap[["difference_low", "difference_high", "ratio_low", "ratio_high", "p_value", "p_adjusted"]].isna().all()
    assert gap["difference_method"] is None and gap["ratio_method"] is None and gap["p_method"] is None
    assert gap["is_meaningful"] is pd.NA


def test_the_test_of_rates_is_named() -> None:
    """Without repeated events exact; robust from ten events of ten patients on; else exact on effective events."""

    def tested(first: int, second: int, *, squares: int | None = None) -> str:
        rows = [stratum(n, y, 1200, measure_id="visits") for n, y in (("group_a", first), ("group_b", second))]
        if squares:
            rows[1]["sum_yy"] = squares
        return str(_gap(*rows)["p_method"])

    assert tested(20, 40) == "exact conditional"
    assert tested(20, 40, squares=160) == "t on the log ratio, cluster-robust"
    assert tested(0, 40, squares=160) == "exact conditional, design effect"


def test_zero_in_the_group_and_in_the_reference() -> None:
    none = _gap(stratum("group_a", 40, 200), stratum("group_b", 0, 200))
    assert (none["ratio"], none["ratio_low"]) == (0, 0)
    assert 0 < none["ratio_high"] < 1
    over_zero = _gap(stratum("group_a", 0, 200), stratum("group_b", 40, 200))
    assert pd.isna(over_zero["ratio"]) and pd.isna(over_zero["ratio_high"])
    assert over_zero["ratio_low"] > 1
    assert over_zero["ratio_method"] == "Koopman score, no upper limit"
    assert over_zero["difference"] == pytest.approx(20)
    assert over_zero["is_meaningful"] is True or bool(over_zero["is_meaningful"])
    both = _gap(stratum("group_a", 0, 200), stratum("group_b", 0, 200))
    assert (both["difference"], both["p_value"]) == (0, 1)
    assert not both["is_meaningful"]


def test_full_counts() -> None:
    gap = _gap(stratum("group_a", 200, 200), stratum("group_b", 150, 150))
    assert (gap["difference"], gap["ratio"], gap["p_value"]) == (0, 1, 1)
    assert gap["ratio_low"] < 1 < gap["ratio_high"]


@pytest.mark.parametrize("measure", ["above", "below", "visits", "checks", "days", "average"])
def test_no_numbers_are_infinite_or_silently_missing(measure: str) -> None:
    """Every number is finite or its absence is explained by a method or a kind."""
    rows = [stratum(f"group_{letter}", x, n, measure_id=measure) for letter, x, n in (
        ("a", 0, 240), ("b", 12, 240), ("c", 240, 240), ("d", 0, 480), ("e", 0, 0)
    )]  # fmt: skip
    gaps = _gaps(*rows).set_index("stratum")
    values = gaps[[name for name in NUMBERS if name != "is_meaningful"]].to_numpy(dtype=np.float64)
    assert not np.isinf(values).any()
    counted = gaps.drop(index="group_e")
    assert counted["difference"].notna().all()
    for column in ("difference", "ratio"):
        unexplained = counted[f"{column}_low"].isna() & counted[f"{column}_method"].notna()
        assert not unexplained.any()
    unbounded = counted["ratio_high"].isna() & counted["ratio_low"].notna()
    assert counted.loc[unbounded, "ratio_method"].str.endswith("no upper limit").all()
    assert gaps.loc["group_e", NUMBERS].isna().all()
    assert gaps.loc["group_e", "disclosure_status"] == "published"


@pytest.mark.parametrize(
    ("reference", "group", "is_meaningful", "why"),
    [
        ((40, 200), (60, 200), True, "p 0.02, half as many again"),
        ((40, 200), (50, 200), False, "p 0.23"),
        ((10_000, 20_000), (10_400, 20_000), False, "p tiny, 4 % in either framing"),
        ((18_000, 20_000), (18_400, 20_000), True, "2 % more of them, but 20 % fewer of the others"),
    ],
)
def test_meaningful_asks_for_both_significance_and_size(
    reference: tuple[int, int], group: tuple[int, int], is_meaningful: bool, why: str
) -> None:
    gap = _gap(stratum("group_a", *reference), stratum("group_b", *group))
    assert bool(gap["is_meaningful"]) is is_meaningful, why


def test_rates_have_one_framing_and_ten_percent_counts() -> None:
    rows = [stratum(name, x, 240_000, measure_id="visits") for name, x in (("group_a", 10_000), ("group_b", 11_000))]
    assert bool(_gap(*rows)["is_meaningful"])
    rows[1] = stratum("group_b", 10_990, 240_000, measure_id="visits")
    assert not bool(_gap(*rows)["is_meaningful"])


def test_family_is_one_panel() -> None:
    """Two groups of one panel are adjusted together; another site's gap is a family of its own."""
    rows = [stratum("group_a", 40, 200), stratum("group_b", 60, 200), stratum("group_c", 41, 200)]
    rows += [stratum("group_a", 40, 200, site="north"), stratum("group_b", 60, 200, site="north")]
    gaps = _gaps(*rows)
    p = gaps["p_value"].tolist()
    assert gaps["p_adjusted"].tolist() == pytest.approx([2 * p[0], p[1], p[2]])


def test_gap_is_suppressed_when_either_side_is() -> None:
    rows = [withheld(stratum("group_a", 4, 200)), stratum("group_b", 60, 200)]
    for reference, stratum_name in (("group_a", "group_b"), ("group_b", "group_a")):
        gap = _gaps(*rows, reference=reference).iloc[0]
        assert (gap["stratum"], gap["disclosure_status"]) == (stratum_name, "suppressed")
        assert gap["reliability_status"] == "not_assessed"
        assert gap[NUMBERS].isna().all()
        assert gap["difference_method"] is None and gap["ratio_method"] is None


def test_held_is_not_suppressed_and_has_no_numbers() -> None:
    held = {"status": "not_assessed", "quality": "hold"}
    gap = _gap(withheld(stratum("group_a", 40, 200), **held), withheld(stratum("group_b", 60, 200), **held))
    assert (gap["disclosure_status"], gap["quality_status"]) == ("not_assessed", "hold")
    assert gap[NUMBERS].isna().all()


def test_held_overall_holds_the_gap_to_it() -> None:
    rules = STRATIFIERS["reference_rule"].where(STRATIFIERS["stratifier"].ne("race"), "overall")
    overall = withheld(stratum("all", 100, 400, stratifier="overall"), status="not_assessed", quality="hold")
    rows = [overall, stratum("group_a", 40, 200)]
    frame = published(*rows)
    frame["disclosure_status"], frame["quality_status"] = ["not_assessed", "published"], ["hold", "publish"]
    estimated = add_estimates(frame, MEASURES, 0.95, keep_sums=True)
    gap = compute_gaps(estimated, MEASURES, STRATIFIERS.assign(reference_rule=rules), LABELS, 0.95).iloc[0]
    assert (gap["disclosure_status"], gap["quality_status"]) == ("not_assessed", "hold")
    assert gap[NUMBERS].isna().all()


def test_statuses_are_the_worse_side() -> None:
    rows = [{**stratum("group_a", 40, 200), "quality_status": "warn"}, stratum("group_b", 9, 29)]
    gap = _gaps(*rows).iloc[0]
    assert (gap["disclosure_status"], gap["quality_status"]) == ("published", "warn")
    assert gap["reliability_status"] == "unreliable"


def test_empty_frame_gives_an_empty_frame() -> None:
    estimated = add_estimates(published(), MEASURES, 0.95, keep_sums=True)
    gaps = compute_gaps(estimated, MEASURES, STRATIFIERS, LABELS, 0.95)
    assert len(gaps) == 0 and tuple(gaps.columns) == COLUMNS


def test_one_group_alone_has_no_gap() -> None:
    assert len(_gaps(stratum("group_a", 40, 200))) == 0


@pytest.mark.parametrize("column", ["sum_yy", "reliability_status", "quality_status", "period_ends_on"])
def test_frame_without_its_columns_is_refused(column: str) -> None:
    estimated = add_estimates(published(stratum("group_a", 40, 200)), MEASURES, 0.95, keep_sums=True)
    with pytest.raises(StatisticsError, match=column):
        compute_gaps(estimated.drop(columns=column), MEASURES, STRATIFIERS, LABELS, 0.95)


GROUP = st.tuples(st.integers(0, 300), st.integers(30, 300)).map(lambda pair: (min(pair), max(pair)))
KINDS = st.sampled_from(["above", "below", "visits", "average"])
# Many pairs in one frame, each at a site of its own.
PAIRS = st.lists(st.tuples(GROUP, GROUP), min_size=1, max_size=25)
FEW = settings(max_examples=25)


def _paired(
    measure: str, pairs: list[tuple[tuple[int, int], tuple[int, int]]], factor: int = 1
) -> list[dict[str, Any]]:
    return [
        stratum(name, counts[0] * factor, counts[1] * factor, measure_id=measure, site=f"site_{place:02}")
        for place, pair in enumerate(pairs)
        for name, counts in zip(("group_a", "group_b"), pair, strict=True)
    ]


def _numbers(gaps: pd.DataFrame, column: str) -> np.ndarray:
    return gaps[column].to_numpy(dtype=np.float64)


@FEW
@given(KINDS, PAIRS)
def test_swapping_group_and_reference_flips_the_sign_and_inverts_the_ratio(
    measure: str, pairs: list[tuple[tuple[int, int], tuple[int, int]]]
) -> None:
    rows = _paired(measure, pairs)
    gaps, swapped = _gaps(*rows), _gaps(*rows, reference="group_b")
    mirrored = (
        ("difference", "difference"),
        ("difference_low", "difference_high"),
        ("difference_high", "difference_low"),
    )
    for column, mirror in mirrored:
        np.testing.assert_allclose(_numbers(gaps, column), -_numbers(swapped, mirror), atol=1e-9)
    both = (_numbers(gaps, "ratio") > 0) & (_numbers(swapped, "ratio") > 0)
    np.testing.assert_allclose(_numbers(gaps, "ratio")[both], 1 / _numbers(swapped, "ratio")[both], rtol=1e-9)
    np.testing.assert_allclose(_numbers(gaps, "p_value"), _numbers(swapped, "p_value"), rtol=1e-9, atol=1e-200)


@FEW
@given(KINDS, PAIRS)
def test_every_interval_contains_its_estimate(
    measure: str, pairs: list[tuple[tuple[int, int], tuple[int, int]]]
) -> None:
    gaps = _gaps(*_paired(measure, pairs))
    for name in ("difference", "ratio", "excess"):
        value, low, high = (_numbers(gaps, f"{name}{end}") for end in ("", "_low", "_high"))
        assert not (low > value + 1e-9).any()
        assert not (high < value - 1e-9).any()


@FEW
@given(KINDS, st.lists(GROUP, min_size=1, max_size=25))
def test_identical_groups_have_no_gap(measure: str, groups: list[tuple[int, int]]) -> None:
    gaps = _gaps(*_paired(measure, [(group, group) for group in groups]))
    assert (gaps["difference"] == 0).all()
    np.testing.assert_allclose(_numbers(gaps, "p_value"), 1)
    assert (gaps["ratio"].dropna() == 1).all()
    assert not gaps["is_meaningful"].any()


@FEW
@given(PAIRS, st.integers(2, 9))
def test_scaling_all_counts_leaves_values_and_narrows_intervals(
    pairs: list[tuple[tuple[int, int], tuple[int, int]]], factor: int
) -> None:
    small, large = _gaps(*_paired("above", pairs)), _gaps(*_paired("above", pairs, factor))
    for column in ("difference", "ratio"):
        np.testing.assert_allclose(_numbers(small, column), _numbers(large, column), rtol=1e-9, atol=1e-9)
    widths = [_numbers(gaps, "difference_high") - _numbers(gaps, "difference_low") for gaps in (small, large)]
    assert (widths[1] < widths[0]).all()


@FEW
@given(st.permutations(range(8)))
def test_order_of_rows_changes_nothing(order: list[int]) -> None:
    rows = [stratum(f"group_{letter}", 40 + 5 * place, 200) for place, letter in enumerate("abcd")]
    rows += [stratum(f"group_{letter}", 40 + 5 * place, 200, site="north") for place, letter in enumerate("abcd")]
    expected = _gaps(*rows).set_index(["site", "stratum"]).sort_index()
    found = _gaps(*(rows[place] for place in order)).set_index(["site", "stratum"]).sort_index()
    pd.testing.assert_frame_equal(found, expected)
