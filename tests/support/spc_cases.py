"""Runs reference cases of control charts through our formulas: whatever form they are kept in, one way to compute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestration.statistics.intervals import BoolArray, FloatArray, IntArray
from orchestration.statistics.spc import limits, rules
from orchestration.statistics.spc.limits import Limits
from orchestration.statistics.spc.runs import Runs, anhoej

RULES = {"Common Cause": rules.COMMON, "Above UCL": rules.BEYOND_LIMIT, "Below LCL": rules.BEYOND_LIMIT}
SIGN_OF_WORSE = {"increase": -1, "decrease": 1, "neutral": 0}
VARIATION = {
    "common_cause": "common cause",
    "special_cause_improvement": "special cause, improvement",
    "special_cause_concern": "special cause, concern",
    "special_cause_neutral_high": "special cause, higher",
    "special_cause_neutral_low": "special cause, lower",
}
ASSURANCE = {
    "consistent_pass": "consistently meets",
    "consistent_fail": "consistently misses",
    "inconsistent": "hit and miss",
}


@dataclass(frozen=True)
class Case:
    """One chart: sums, sizes and spreads per point (one row), and how it is drawn."""

    chart: str
    y: FloatArray
    size: FloatArray
    deviation: FloatArray
    n: FloatArray
    multiply: float
    freeze: int | None
    parts: tuple[int, ...]
    exclude: tuple[int, ...]
    screen: bool


def drawn(case: Case) -> tuple[FloatArray, Limits, list[Runs], FloatArray]:
    """Value, limits, runs per part, and whether each point lies beyond a limit."""
    points = case.y.shape[1]
    at = np.arange(points)[None, :]
    included = ~np.isin(at + 1, case.exclude)
    part = np.sum([at >= first for first in case.parts], axis=0) if case.parts else np.zeros((1, points), dtype=int)
    nothing = np.full((1, points), np.nan)
    found = Limits(nothing, nothing, nothing, nothing, nothing)
    value, runs = nothing, []
    for number in range(int(part.max()) + 1):
        here = part == number
        baseline = included & here & (at < (case.freeze or points))
        value, own = _one(case, baseline)
        found = own.where(here, found)
        runs.append(anhoej(np.where(included & here, value, np.nan), found.centre))
    with np.errstate(invalid="ignore"):
        return value, found, runs, ((value > found.high) | (value < found.low)).astype(np.float64)


def _one(case: Case, baseline: BoolArray) -> tuple[FloatArray, Limits]:
    y, n, k = case.y, case.n, case.multiply
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, average = y / n, y / case.size
    return {
        "run": lambda: (y, limits.run_chart(y, baseline)),
        "i": lambda: (y, limits.individuals(y, baseline, screen=case.screen)),
        "p": lambda: (ratio, limits.proportions(y, n, baseline)),
        "pp": lambda: (ratio, limits.proportions_prime(y, n, baseline, screen=case.screen)),
        "u": lambda: (ratio * k, limits.rates(y, n, baseline).scaled(k)),
        "up": lambda: (ratio * k, limits.rates_prime(y, n, baseline, screen=case.screen).scaled(k)),
        "c": lambda: (y, limits.counts(y, baseline)),
        "xbar": lambda: (average, limits.averages(average, case.deviation, case.size, baseline)),
        "s": lambda: (case.deviation, limits.deviations(case.deviation, case.size, baseline)),
        "g": lambda: (y, limits.between_counts(y, baseline)),
        "t": lambda: (y, limits.between_times(y, baseline, screen=case.screen)),
    }[case.chart]()


def rule_and_direction(words: list[str]) -> tuple[IntArray, IntArray]:
    """Our code and direction for the names that NHSRplotthedots gives to special causes."""
    kinds = {"7 Point Trend": rules.TREND, "2 in 3": rules.NEAR_LIMIT, "7 Points": rules.ONE_SIDE}
    found = [
        RULES[word] if word in RULES else next(code for start, code in kinds.items() if word.startswith(start + " "))
        for word in words
    ]
    up = [0 if word == "Common Cause" else 1 if "Above" in word or "Increasing" in word else -1 for word in words]
    return np.array(found), np.array(up)


def making_data_count(
    y: FloatArray, *, screen: bool, fix_after: int | None, direction: str, target: float
) -> tuple[Limits, rules.Signals, str, str]:
    """Limits, signals and both verdicts of one XmR chart with the NHS's factor."""
    baseline = np.arange(y.shape[1])[None, :] < (fix_after or y.shape[1])
    found = limits.individuals(y, baseline, screen=screen, factor=limits.NHS_FACTOR)
    signals = rules.making_data_count(y, found)
    shown, sign = np.ones(y.shape, dtype=bool), np.array([SIGN_OF_WORSE[direction]])
    return (
        found,
        signals,
        str(rules.variation(signals, shown, sign)[0]),
        str(rules.assurance(found, shown, np.array([target]), sign)[0]),
    )
