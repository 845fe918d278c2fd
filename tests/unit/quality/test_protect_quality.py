from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.disclosure.quality import PROTECTED_COLUMNS, protect_quality


def _frame(*rows: dict[str, object]) -> pd.DataFrame:
    base: dict[str, object] = {
        **{"field": "race_ethnicity", "site": "a", "grain": "quarter", "period_starts_on": pd.Timestamp("2025-01-01")},
        **{"stratifier": "", "stratum": ""},
        **{"measure_id": "", "metric": "completeness", "value": 0.9, "n": 400, "threshold": "", "verdict": ""},
        **{"threshold_warn": 0.9, "threshold_hold": 0.8, "smallest_count": None},
    }
    return pd.DataFrame([{**base, **row} for row in rows])


@pytest.mark.parametrize(
    ("metric", "value", "n", "smallest_count", "status"),
    [
        ("completeness", 0.90, 400, None, "published"),
        ("completeness", 1.0, 400, None, "published"),
        ("completeness", 0.0, 400, None, "published"),
        ("completeness", 389 / 400, 400, None, "published"),  # 11 left out
        ("completeness", 390 / 400, 400, None, "suppressed"),  # 10 left out
        ("completeness", 399 / 400, 400, None, "suppressed"),
        ("missing_declined", 10 / 400, 400, None, "suppressed"),
        ("missing_declined", 11 / 400, 400, None, "published"),
        ("completeness", 1.0, 10, None, "suppressed"),
        ("completeness", 1.0, 11, None, "published"),
        ("completeness", 1.0, None, None, "suppressed"),
        ("psi", 0.123456, 400, None, "published"),
        ("psi", 0.123456, 10, None, "suppressed"),
        ("differential_missing_rd", 0.1, 400, 11, "published"),
        ("differential_missing_rd", 0.1, 400, 10, "suppressed"),
        ("differential_missing_rd", 0.1, 400, None, "suppressed"),
        ("never_heard_of", 0.5, 400, None, "suppressed"),
    ],
)
def test_a_value_that_gives_away_a_small_count_is_hidden_with_its_n(
    metric: str, value: float, n: int | None, smallest_count: int | None, status: str
) -> None:
    frame = _frame({"metric": metric, "value": value, "n": n, "smallest_count": smallest_count})

    row = protect_quality(frame, 11).iloc[0]

    assert row["disclosure_status"] == status
    assert pd.isna(row["value"]) == pd.isna(row["n"]) == (status == "suppressed")


def test_the_result_has_the_contracts_columns_in_the_given_order_of_rows_and_rounds() -> None:
    frame = _frame(
        {"metric": "psi", "value": 0.123456}, {"value": 0.876543}, {"metric": "psi", "value": 0.5, "site": "b"}
    )

    result = protect_quality(frame, 11)

    assert tuple(result.columns) == PROTECTED_COLUMNS
    assert result["value"].tolist() == [0.12, 0.8765, 0.5]
    assert result["site"].tolist() == ["a", "a", "b"]
    assert str(result["n"].dtype) == "Int64"
    assert frame["value"].tolist() == [0.123456, 0.876543, 0.5]


def test_all_groups_of_a_grouping_are_hidden_where_one_must_be() -> None:
    rate = {"field": "address", "metric": "geocode_match_rate"}
    by_sex = [{**rate, "stratifier": "sex", "stratum": name, "value": 0.75} for name in ("F", "M", "X")]
    frame = _frame(
        {**rate, "value": 0.75}, *by_sex[:2], {**by_sex[2], "n": 8}, {**by_sex[0], "period_starts_on": "later"},
    )  # fmt: skip
    found = protect_quality(frame, 11)
    assert found["disclosure_status"].tolist() == ["published", *3 * ["suppressed"], "published"]


def test_no_rows_are_no_problem() -> None:
    assert protect_quality(_frame({}).iloc[:0], 11).empty


@given(st.integers(1, 3000), st.data(), st.integers(2, 40))
def test_no_published_share_has_a_small_count_on_either_side(n: int, data: st.DataObject, min_cell: int) -> None:
    counted = data.draw(st.integers(0, n))

    row = protect_quality(_frame({"value": counted / n, "n": n}), min_cell).iloc[0]

    is_small = any(0 < count < min_cell for count in (counted, n - counted, n))
    assert row["disclosure_status"] == ("suppressed" if is_small else "published")
