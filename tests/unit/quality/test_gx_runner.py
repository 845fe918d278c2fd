from __future__ import annotations

import math

import pandas as pd
import pytest

from expectations.building import has_rows, is_present, lies_between, suite
from orchestration.quality.gx_runner import Outcome, run_suites

pytest.importorskip("great_expectations")


def _run(frame: pd.DataFrame, *expectations: object) -> list[Outcome]:
    return run_suites([(frame, lambda: suite("trial", list(expectations)))])[0]  # type: ignore[arg-type]


def test_failing_rows_are_named_all_of_them_and_their_values_are_not() -> None:
    frame = pd.DataFrame({"x": [0.5] * 300 + [7.25] * 300})

    (outcome,) = _run(frame, lies_between("x", 0, 1, "warning"))

    assert outcome.failed_rows == tuple(range(300, 600))
    assert (outcome.is_success, outcome.n_slices, outcome.n_failed) == (False, 600, 300)
    assert outcome.severity == "warning"
    assert "7.25" not in repr(outcome)


def test_infinity_fails_on_either_side_and_missing_values_are_not_judged() -> None:
    frame = pd.DataFrame({"x": [math.inf, -math.inf, math.nan, 0.5]})

    (outcome,) = _run(frame, lies_between("x", 0, 1, "info"))

    assert outcome.failed_rows == (0, 1)
    assert outcome.n_slices == 3


def test_what_empty_and_all_null_columns_pass_is_caught_by_counting_and_presence() -> None:
    empty = pd.DataFrame({"x": pd.Series(dtype="float64")})
    null = pd.DataFrame({"x": [math.nan, math.nan]})

    assert [o.is_success for o in _run(empty, has_rows("critical"), lies_between("x", 0, 1, "critical"))] == [
        False,
        True,
    ]
    assert [o.is_success for o in _run(null, is_present("x", "critical"), lies_between("x", 0, 1, "critical"))] == [
        False,
        True,
    ]


@pytest.mark.parametrize("column", ["absent", "words"])
def test_an_expectation_that_raises_is_an_error_and_no_failure_of_any_row(column: str) -> None:
    frame = pd.DataFrame({"x": [0.5], "words": ["ten"]})

    raised, sound = _run(frame, lies_between(column, 0, 1, "warning"), lies_between("x", 0, 1, "warning"))

    assert raised.error
    assert not raised.is_success
    assert raised.failed_rows == ()
    assert (sound.error, sound.is_success) == ("", True)


def test_outcomes_come_in_the_order_of_the_suite() -> None:
    frame = pd.DataFrame({"x": [2.0], "y": [0.5]})

    outcomes = _run(
        frame,
        lies_between("x", 0, 1, "info"),
        has_rows("critical"),
        lies_between("y", 0, 1, "info"),
        is_present("x", "warning"),
    )

    assert [outcome.column for outcome in outcomes] == ["x", "", "y", "x"]


def test_each_suite_looks_at_its_own_frame() -> None:
    bad, good = pd.DataFrame({"x": [2.0, 0.5, 3.0]}), pd.DataFrame({"x": [0.5]})

    def judge() -> object:
        return suite("trial", [lies_between("x", 0, 1, "info")])

    outcomes = run_suites([(bad, judge), (good, judge), (bad, judge)])  # type: ignore[list-item]

    assert [[outcome.failed_rows for outcome in results] for results in outcomes] == [[(0, 2)], [()], [(0, 2)]]
