"""Bounds over everything that is not known: against brute force, from published counts, and the hold they cause."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.statistics.bounds import Side, Unknown, gap_bounds
from orchestration.statistics.estimates import add_estimates
from orchestration.statistics.gaps import compute_gaps
from orchestration.statistics.robustness import Missingness
from tests.support.strata_frames import LABELS, MEASURES, STRATIFIERS, array, published, stratum, withheld

NAMED = STRATIFIERS.assign(
    reference_rule=STRATIFIERS["reference_rule"].where(STRATIFIERS["stratifier"].ne("race"), "named:group_a")
)
LIMITED = MEASURES.assign(numerator_low=[np.nan] * 5 + [30], numerator_high=[np.nan] * 5 + [200])


def gaps_of(
    *rows: dict[str, Any],
    stratifiers: pd.DataFrame = NAMED,
    measures: pd.DataFrame = LIMITED,
    missingness: Missingness | None = None,
) -> pd.DataFrame:
    frame = published(*rows)
    for column in ("disclosure_status", "quality_status"):
        frame[column] = [row.get(column, frame[column].iloc[0]) for row in rows]
    strata = add_estimates(frame, measures, 0.95, keep_sums=True)
    return compute_gaps(strata, measures, stratifiers, LABELS, 0.95, missingness=missingness)


def bounds(x1: float, n1: float, x2: float, n2: float, y: float, u: float, low: float = 0, high: float = 1) -> Any:
    free = np.zeros(1, dtype=bool)
    sides = Side(array(x1), array(n1), free), Side(array(x2), array(n2), free)
    found = gap_bounds(*sides, Unknown(array(y), array(u), array(low), array(high)))
    return found[0][0], found[1][0]


COUNTS = st.tuples(st.integers(1, 9), st.integers(0, 9)).map(lambda pair: (pair[0], min(pair)))


@given(COUNTS, COUNTS, st.integers(0, 4), st.integers(0, 4))
def test_proportions_equal_all_allocations_tried_one_by_one(
    first: tuple[int, int], second: tuple[int, int], met: int, not_met: int
) -> None:
    """Each unknown child is in the one group, in the other, or in a third."""
    (n1, x1), (n2, x2) = first, second
    gaps = []
    for a, b, c, d in product(range(met + 1), range(not_met + 1), range(met + 1), range(not_met + 1)):
        if a + c <= met and b + d <= not_met:
            gaps.append((x1 + a) / (n1 + a + b) - (x2 + c) / (n2 + c + d))
    low, high = bounds(x1, n1, x2, n2, met, met + not_met)
    assert low == pytest.approx(min(gaps), abs=1e-12)
    assert high == pytest.approx(max(gaps), abs=1e-12)


@given(COUNTS, COUNTS, st.integers(0, 50), st.integers(0, 50))
def test_bounds_contain_the_gap_and_turn_with_the_groups(
    first: tuple[int, int], second: tuple[int, int], met: int, not_met: int
) -> None:
    (n1, x1), (n2, x2) = first, second
    for high in (1.0, np.inf):
        lowest, highest = bounds(x1, n1, x2, n2, met, met + not_met, high=high)
        assert lowest - 1e-12 <= x1 / n1 - x2 / n2 <= highest + 1e-12
        back = bounds(x2, n2, x1, n1, met, met + not_met, high=high)
        np.testing.assert_allclose(back, (-highest, -lowest), atol=1e-12)


def test_means_move_only_as_far_as_the_stated_limits_allow() -> None:
    """10 children unknown with 8 % on average, between 3 and 20 %: in tenths, at most 50/17 of them at 200."""
    low, high = bounds(8000, 100, 8000, 100, 800, 10, 30, 200)
    at_high = (800 - 30 * 10) / 170
    expected = (8000 + 200 * at_high) / (100 + at_high) - (8000 + 30 * (10 - at_high)) / (110 - at_high)
    assert high == pytest.approx(expected)
    assert low == pytest.approx(-expected)


def test_nobody_unknown_leaves_the_gap_alone() -> None:
    gap = gaps_of(stratum("group_a", 20, 100), stratum("group_b", 40, 100)).iloc[0]
    assert gap[["bound_low", "bound_high"]].tolist() == pytest.approx([20, 20])
    assert gap["is_sign_robust"] is True or gap["is_sign_robust"]
    assert gap["bound_method"] == "all allocations, exact"


def test_the_gap_s_sign_may_depend_on_the_unknown() -> None:
    few, many = (
        gaps_of(stratum("group_a", 20, 100), stratum("group_b", 40, 100), stratum("declined", 20, unknown)).iloc[0]
        for unknown in (22, 60)
    )
    assert few["bound_low"] == pytest.approx(100 * (40 / 102 - 40 / 120))
    assert few["is_sign_robust"]
    assert many["bound_low"] < 0 < many["bound_high"]
    assert not many["is_sign_robust"]


def test_higher_is_better_has_the_sign_of_disadvantage() -> None:
    groups = (("group_a", 80, 100), ("group_b", 60, 100), ("declined", 12, 24))
    below = gaps_of(*(stratum(name, x, n, measure_id="below") for name, x, n in groups)).iloc[0]
    above = gaps_of(*(stratum(name, n - x, n) for name, x, n in groups)).iloc[0]
    assert below[["bound_low", "bound_high"]].tolist() == pytest.approx(above[["bound_low", "bound_high"]].tolist())


@pytest.mark.parametrize(
    ("measure", "words"), [("visits", "outer"), ("average", "for values from 3 to 20"), ("above", "exact")]
)
def test_the_method_is_named(measure: str, words: str) -> None:
    numerator, denominator = {"visits": (960, 1200), "average": (9600, 1200), "above": (20, 100)}[measure]
    rows = [stratum(name, numerator, denominator, measure_id=measure) for name in ("group_a", "group_b")]
    assert words in gaps_of(*rows)["bound_method"].iloc[0]


def test_a_mean_without_stated_limits_has_no_bounds() -> None:
    rows = [stratum(n, 8000, 100, measure_id="average") for n in ("group_a", "group_b")]
    gap = gaps_of(*rows, measures=MEASURES).iloc[0]
    assert gap[["bound_low", "bound_high"]].isna().all()
    assert gap["bound_method"] == "none: the measure states no lowest and highest value"
    assert gap["is_sign_robust"] is pd.NA


def test_a_withheld_reason_is_bounded_by_everyone_and_never_read() -> None:
    """What is withheld enters as everyone less the published groups; another hidden count gives the same bounds."""
    known = [stratum("all", 70, 240, stratifier="overall"), stratum("group_a", 20, 100), stratum("group_b", 40, 100)]
    gap = gaps_of(*known, withheld(stratum("declined", 10, 40))).iloc[0]
    published_gap = gaps_of(*known, stratum("declined", 10, 40)).iloc[0]
    assert gap["bound_low"] == pytest.approx(published_gap["bound_low"])
    assert gap["bound_method"] == "all allocations, exact, with those whose group is withheld"
    other = withheld(stratum("declined", 10, 40))
    wider = gaps_of(*known, other, withheld(stratum("group_c", 5, 20))).iloc[0]
    assert wider["bound_low"] <= gap["bound_low"] + 1e-12


def test_of_a_withheld_reason_there_may_be_nobody_with_the_outcome() -> None:
    """Everyone less the published groups leaves 40 children and none of the outcomes: known, and not unknown."""
    rows = [stratum("all", 60, 240, stratifier="overall"), stratum("group_a", 20, 100), stratum("group_b", 40, 100)]
    gap = gaps_of(*rows, withheld(stratum("declined", 0, 40))).iloc[0]
    assert gap["bound_low"] == pytest.approx(100 * (40 / 140 - 20 / 100))
    assert gap["bound_high"] == pytest.approx(100 * (40 / 100 - 20 / 140))


def test_without_everyone_or_with_overlapping_groups_a_withheld_reason_leaves_no_bounds() -> None:
    rows = [stratum("group_a", 20, 100), stratum("group_b", 40, 100), withheld(stratum("declined", 5, 9))]
    assert gaps_of(*rows)["bound_low"].isna().all()
    assert gaps_of(*rows)["bound_method"].tolist() == ["none: how many children are of unknown group is withheld"]
    overlapping = NAMED.assign(is_exclusive=NAMED["stratifier"].ne("race"))
    everyone = stratum("all", 70, 240, stratifier="overall")
    assert gaps_of(everyone, *rows, stratifiers=overlapping)["bound_low"].isna().all()


def test_against_everyone_the_unknown_are_counted_there_already() -> None:
    overall = STRATIFIERS.assign(reference_rule="overall")
    everyone = stratum("all", 70, 240, stratifier="overall")
    gap = gaps_of(everyone, stratum("group_a", 20, 100), stratum("declined", 10, 20), stratifiers=overall).iloc[0]
    assert gap["bound_high"] == pytest.approx(100 * (30 / 110 - 70 / 240))
    assert gap["bound_low"] == pytest.approx(100 * (20 / 110 - 70 / 240))


def missing(share: float, hold_above: float | None = 0.1) -> Missingness:
    row = {"quality_field": "race_ethnicity", "site": "all", "grain": "year", "missing_share": share}
    return Missingness(pd.DataFrame([{**row, "period_starts_on": pd.Timestamp("2025-01-01")}]), hold_above)


ROBUST = [stratum("group_a", 20, 100), stratum("group_b", 80, 100), stratum("declined", 15, 30)]
TURNED = [stratum("group_a", 20, 100), stratum("group_b", 40, 100), stratum("declined", 20, 60)]


@pytest.mark.parametrize(
    ("rows", "found", "is_held"),
    [
        (TURNED, missing(0.23), True),
        (TURNED, missing(0.10), False),
        (TURNED, missing(0.23, None), False),
        (TURNED, None, False),
        (ROBUST, missing(0.23), False),
    ],
)
def test_a_gap_that_the_unknown_could_turn_is_held_where_many_are_unknown(
    rows: list[dict[str, Any]], found: Missingness | None, is_held: bool
) -> None:
    gap = gaps_of(*rows, missingness=found).iloc[0]
    assert (gap["quality_status"] == "hold") == is_held
    assert (gap["disclosure_status"] == "not_assessed") == is_held
    numbers = gap[["difference", "ratio", "excess", "p_value", "p_adjusted", "bound_low", "is_sign_robust"]]
    assert numbers.isna().all() == is_held
    if is_held:
        assert gap["quality_reason"] == (
            "The race and ethnicity of more than 10% of children is not known,"
            " and who they are could turn this gap around"
        )
    else:
        assert gap["quality_reason"] is None


def test_a_gap_without_bounds_is_not_held_for_them() -> None:
    """Nothing is known against its sign; a mean without stated limits has no bounds."""
    rows = [stratum(name, 8000, 100, measure_id="average") for name in ("group_a", "group_b")]
    declined = stratum("declined", 4000, 50, measure_id="average")
    gap = gaps_of(*rows, declined, measures=MEASURES, missingness=missing(0.23)).iloc[0]
    assert np.isnan(gap["bound_low"])
    assert gap["disclosure_status"] == "published" and gap["quality_reason"] is None
