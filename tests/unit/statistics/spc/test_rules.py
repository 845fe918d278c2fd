"""Making Data Count and Anhøj on small hand-made series: precedence, gaps, phases, points on the line, verdicts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from orchestration.statistics.spc import rules
from orchestration.statistics.spc.limits import Limits
from orchestration.statistics.spc.runs import anhoej, run_limits


def around_zero(points: int, width: float = 3.0) -> Limits:
    one = np.ones((1, points))
    return Limits(0 * one, -width * one, width * one, -2 * width / 3 * one, 2 * width / 3 * one)


def judged(*values: float, **given: object) -> tuple[list[int], list[int]]:
    y = np.array([values], dtype=np.float64)
    found = rules.making_data_count(y, around_zero(len(values)), **given)  # type: ignore[arg-type]
    return found.rule[0].tolist(), found.direction[0].tolist()


def test_the_first_rule_that_applies_is_named() -> None:
    trend = [-1.5, -1.2, -0.5, 0.1, 0.6, 1.1, 3.5]
    rule, direction = judged(*trend)
    assert rule == [rules.TREND] * 6 + [rules.BEYOND_LIMIT]
    assert direction == [1] * 7
    assert judged(0.1, 0.2, 0.1, 0.2, 2.5, 2.4, 0.3)[0] == [rules.ONE_SIDE] * 4 + [rules.NEAR_LIMIT] * 2 + [
        rules.ONE_SIDE
    ]


def test_two_of_three_must_all_be_on_one_side() -> None:
    assert judged(2.5, 0.5, 2.5)[0] == [rules.NEAR_LIMIT, rules.COMMON, rules.NEAR_LIMIT]
    assert judged(2.5, -0.5, 2.5)[0] == [rules.COMMON] * 3


def test_a_gap_ends_a_run_a_trend_and_a_pair() -> None:
    assert judged(1, 1, 1, np.nan, 1, 1, 1, 1)[0] == [rules.COMMON] * 8
    assert judged(-3, -2, -1, np.nan, 0, 1, 2, 2.9)[0] == [rules.COMMON] * 8
    assert judged(2.5, np.nan, 2.5)[0] == [rules.COMMON] * 3


def test_a_phase_ends_a_run() -> None:
    assert judged(*[1.0] * 8, phase=np.array([[0] * 4 + [1] * 4]))[0] == [rules.COMMON] * 8
    assert judged(*[1.0] * 8)[0] == [rules.ONE_SIDE] * 8


def test_only_limits_count_where_points_share_observations() -> None:
    assert judged(1, 1, 1, 1, 1, 1, 1, 3.1, runs_apply=np.array([False]))[0] == [0] * 7 + [rules.BEYOND_LIMIT]


def test_a_point_on_the_line_ends_a_run_of_seven() -> None:
    assert judged(1, 1, 1, 0, 1, 1, 1)[0] == [rules.COMMON] * 7


@pytest.mark.parametrize(("sign", "word"), [(1, "concern"), (-1, "improvement"), (0, "higher")])
def test_variation_is_about_the_last_shown_point(sign: int, word: str) -> None:
    y = np.array([[0.0, 3.5, np.nan]])
    signals = rules.making_data_count(y, around_zero(3))
    assert rules.variation(signals, ~np.isnan(y), np.array([sign])).tolist() == [f"special cause, {word}"]
    nothing = np.zeros((1, 3), dtype=bool)
    assert rules.variation(signals, nothing, np.array([sign])).tolist() == [""]


@pytest.mark.parametrize(
    ("target", "sign", "word"),
    [
        *((4.0, 1, "consistently meets"), (-4.0, 1, "consistently misses"), (0.0, 1, "hit and miss")),
        *((4.0, -1, "consistently misses"), (-4.0, -1, "consistently meets"), (np.nan, 1, ""), (4.0, 0, "")),
    ],
)
def test_assurance_is_about_limits_and_target(target: float, sign: int, word: str) -> None:
    shown = np.ones((1, 3), dtype=bool)
    assert rules.assurance(around_zero(3), shown, np.array([target]), np.array([sign])).tolist() == [word]


def test_runs_by_hand() -> None:
    y = np.array([[1.0, 1, -1, 0, -1, np.nan, 1, 1, 1]])
    found = anhoej(y, np.zeros((1, 9)))
    assert (found.useful[0], found.longest[0], found.crossings[0]) == (7, 3, 2)


def test_limits_of_runs_are_those_of_the_formulas() -> None:
    useful = np.arange(1, 121)
    allowed, expected = run_limits(useful)
    assert allowed.tolist() == [round(np.log2(n) + 3) for n in useful]
    smallest = [next(k for k in range(n) if binom.cdf(k, n - 1, 0.5) >= 0.05) for n in useful]
    assert expected.tolist() == smallest
    assert (run_limits(np.array([0]))[0][0], run_limits(np.array([0]))[1][0]) == (0, 0)
