"""Primary suppression as a table of rows: which count is too small, and what then happens to the whole row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.disclosure.primary import check_protected, protect
from orchestration.errors import EXIT_BLOCKED, BlockedError, StatisticsError
from tests.support.strata_frames import MEASURES, strata_frame, stratum

COUNTS = ["n_patients", "numerator", "denominator"]
SUMS = ["sum_yy", "sum_yd", "sum_dd"]


def _row(measure: str, n_patients: int, numerator: int, denominator: int) -> dict[str, Any]:
    return {**stratum("group_a", numerator, denominator, measure_id=measure), "n_patients": n_patients}


@pytest.mark.parametrize(
    ("measure", "n_patients", "numerator", "denominator", "status", "why"),
    [
        ("above", 100, 11, 100, "published", "all large enough"),
        ("above", 100, 10, 100, "suppressed", "numerator of ten"),
        ("above", 100, 1, 100, "suppressed", "numerator of one"),
        ("above", 100, 90, 100, "suppressed", "complement of ten"),
        ("above", 100, 89, 100, "published", "complement of eleven"),
        ("above", 100, 0, 100, "published", "zero is nobody"),
        ("above", 100, 100, 100, "published", "so is the complement's zero"),
        ("above", 10, 0, 10, "suppressed", "zero of ten: the denominator is small"),
        ("above", 11, 0, 11, "published", "zero of eleven"),
        ("above", 105, 20, 100, "suppressed", "five children outside the denominator"),
        ("above", 0, 0, 0, "published", "nobody at all"),
        ("visits", 100, 10, 1200, "suppressed", "ten events"),
        ("visits", 100, 11, 1200, "published", "eleven events"),
        ("visits", 100, 1195, 1200, "published", "person-time has no complement"),
        ("visits", 10, 20, 120, "suppressed", "ten children"),
        ("visits", 11, 0, 5, "published", "months are not people"),
        ("days", 100, 10, 1200, "suppressed", "ten days"),
        ("average", 11, 900, 11, "published", "eleven children"),
        ("average", 10, 900, 10, "suppressed", "ten children"),
        ("average", 40, 5, 40, "published", "a mean's sum counts nobody"),
        ("average", 40, 900, 9, "suppressed", "nine values"),
    ],
)
def test_which_rows_are_suppressed(
    measure: str, n_patients: int, numerator: int, denominator: int, status: str, why: str
) -> None:
    found = protect(strata_frame(_row(measure, n_patients, numerator, denominator)), MEASURES, 11)
    assert found["disclosure_status"].tolist() == [status], why
    assert found[COUNTS + SUMS].isna().all(axis=None) == (status == "suppressed"), why
    check_protected(found, MEASURES, 11)


@pytest.mark.parametrize(
    ("measure", "n_patients", "numerator", "denominator", "status"),
    [
        ("above", 100, 0, 80, "suppressed"),
        ("above", 100, 80, 80, "suppressed"),
        ("above", 100, 40, 80, "published"),
        ("above", 0, 0, 0, "published"),
        ("visits", 100, 0, 1200, "suppressed"),
        ("visits", 100, 1200, 1200, "published"),
        ("average", 40, 0, 40, "published"),
    ],
)
def test_zeros_and_full_counts_are_hidden_where_the_policy_says_so(
    measure: str, n_patients: int, numerator: int, denominator: int, status: str
) -> None:
    frame = strata_frame(_row(measure, n_patients, numerator, denominator))
    assert protect(frame, MEASURES, 11, hides_zeros=True)["disclosure_status"].tolist() == [status]
    assert protect(frame, MEASURES, 11)["disclosure_status"].tolist() == ["published"]


def test_only_the_row_itself_is_hidden_and_the_input_stays() -> None:
    strata = strata_frame(stratum("group_a", 5, 100), stratum("group_b", 50, 100), stratum("declined", 4, 40))
    found = protect(strata, MEASURES, 11)
    assert found["disclosure_status"].tolist() == ["suppressed", "published", "suppressed"]
    assert found.loc[1, COUNTS].tolist() == [100, 50, 100]
    assert strata["numerator"].tolist() == [5, 50, 4]
    assert {str(found[column].dtype) for column in COUNTS + SUMS} == {"Int64"}


def test_min_cell_is_a_setting() -> None:
    strata = strata_frame(stratum("group_a", 5, 100))
    assert protect(strata, MEASURES, 5)["disclosure_status"].tolist() == ["published"]
    assert protect(strata, MEASURES, 6)["disclosure_status"].tolist() == ["suppressed"]
    assert protect(strata, MEASURES, 1)["disclosure_status"].tolist() == ["published"]
    with pytest.raises(StatisticsError, match="min_cell"):
        protect(strata, MEASURES, 0)


def test_empty_frame() -> None:
    found = protect(strata_frame(), MEASURES, 11)
    assert len(found) == 0 and "disclosure_status" in found.columns
    check_protected(found, MEASURES, 11)


def test_protecting_twice_changes_nothing_more() -> None:
    """A suppressed row has no counts to judge: a second pass is refused instead of guessed."""
    once = protect(strata_frame(stratum("group_a", 5, 100)), MEASURES, 11)
    with pytest.raises(StatisticsError, match="empty only in a row that is withheld"):
        protect(once, MEASURES, 11)


COUNT = st.one_of(st.integers(0, 25), st.integers(0, 5000))


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(["above", "visits", "average"]), COUNT, COUNT), min_size=1, max_size=30))
def test_nothing_small_is_ever_left(drawn: list[tuple[str, int, int]]) -> None:
    rows = []
    for measure, one, two in drawn:
        numerator, denominator = (min(one, two), max(one, two))
        rows.append(_row(measure, denominator, numerator, denominator))
    found = protect(strata_frame(*rows), MEASURES, 11)
    for row, before in zip(found.to_dict("records"), rows, strict=True):
        counts = [before["n_patients"], before["denominator"]]
        if before["measure_id"] != "average":
            counts.append(before["numerator"])
        if before["measure_id"] == "above":
            counts.append(before["denominator"] - before["numerator"])
        is_small = any(1 <= count <= 10 for count in counts)
        assert (row["disclosure_status"] == "suppressed") == is_small
        assert pd.isna(row["numerator"]) == is_small
    check_protected(found, MEASURES, 11)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"numerator": -1}, "`numerator` is a whole number"),
        ({"numerator": 0.5}, "`numerator` is a whole number"),
        ({"n_patients": np.nan}, "`n_patients` is a whole number"),
        ({"denominator": np.inf}, "`denominator` is a whole number"),
        ({"numerator": 101}, "at most its denominator"),
        ({"n_patients": 99}, "at most the number of patients"),
        ({"measure_id": "visits", "n_patients": 0}, "nobody"),
        ({"measure_id": "unheard_of"}, "unheard_of"),
        ({"numerator": "five"}, "holds numbers"),
    ],
)
def test_counts_that_cannot_be_right_are_refused(change: dict[str, Any], rule: str) -> None:
    with pytest.raises(StatisticsError, match=rule):
        protect(pd.DataFrame([{**stratum("group_a", 50, 100), **change}]), MEASURES, 11)


def test_kind_that_is_unknown_or_a_measure_defined_twice_is_refused() -> None:
    strata = strata_frame(stratum("group_a", 50, 100))
    for measures in (MEASURES.assign(kind="median"), pd.concat([MEASURES, MEASURES])):
        with pytest.raises(StatisticsError, match="defined once"):
            protect(strata, measures, 11)


@pytest.mark.parametrize("column", ["n_patients", "stratum_2"])
def test_frame_without_its_columns_is_refused(column: str) -> None:
    with pytest.raises(StatisticsError, match=column):
        protect(strata_frame(stratum("group_a", 50, 100)).drop(columns=column), MEASURES, 11)
    with pytest.raises(StatisticsError, match="denominator_unit"):
        protect(strata_frame(stratum("group_a", 50, 100)), MEASURES.drop(columns="denominator_unit"), 11)


def _leak(measure: str, n_patients: int, numerator: int, denominator: int) -> pd.DataFrame:
    return strata_frame(_row(measure, n_patients, numerator, denominator)).assign(disclosure_status="published")


@pytest.mark.parametrize(
    ("frame", "rule"),
    [
        (_leak("above", 100, 5, 100), "`numerator`"),
        (_leak("above", 100, 95, 100), "less `numerator`"),
        (_leak("above", 9, 0, 9), "`n_patients`"),
        (_leak("above", 102, 50, 100), "outside the denominator"),
        (_leak("days", 100, 3, 1200), "`numerator`"),
        (_leak("average", 40, 700, 8), "`denominator`"),
    ],
)
def test_last_look_finds_every_small_count_and_does_not_print_it(frame: pd.DataFrame, rule: str) -> None:
    with pytest.raises(BlockedError, match=rule) as caught:
        check_protected(frame, MEASURES, 11)
    assert caught.value.exit_code == EXIT_BLOCKED
    assert "above" in caught.value.found or "days" in caught.value.found or "average" in caught.value.found
    assert caught.value.found.startswith("1 rows")


@pytest.mark.parametrize("column", ["sum_yy", "value", "ci_low"])
def test_last_look_finds_numbers_beside_withheld_counts(column: str) -> None:
    found = protect(strata_frame(stratum("group_a", 5, 100)), MEASURES, 11).assign(value=np.nan, ci_low=np.nan)
    check_protected(found, MEASURES, 11)
    with pytest.raises(BlockedError, match="has no number"):
        check_protected(found.assign(**{column: 7}), MEASURES, 11)


def test_last_look_refuses_what_it_cannot_judge() -> None:
    leaking = _leak("above", 100, 50, 100)
    for frame in (
        leaking.drop(columns="disclosure_status"),
        leaking.assign(disclosure_status="suppressed"),
        leaking.assign(measure_id="unheard_of"),
        leaking.assign(numerator=np.nan),
    ):
        with pytest.raises(BlockedError):
            check_protected(frame, MEASURES, 11)
