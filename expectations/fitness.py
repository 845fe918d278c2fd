"""Fitness suites: whether a field's recorded data can carry a gap, slice by slice. A failure concerns its slices only.

One suite per field, made from the threshold rules. Great Expectations' `warning` stands for hold and `info` for warn.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from expectations.building import MANY, Severity, has_rows, is_present, lies_between, suite

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

    from orchestration.quality.thresholds import Level, Rule

SEVERITY: dict[Level, Severity] = {"hold": "warning", "warn": "info"}


def fitness_suite(name: str, rules: Iterable[Rule]) -> ExpectationSuite:
    """The suite of one field. One row per slice (site, grain, period, and measure where the metrics are per measure).

    Columns per rule: `<rule>` the judged value (empty where the rule does not judge), `<rule> n` the children in it,
    `<rule> measured` the value as it came. `meta` of each expectation says rule, part (absent | limit | few) and level.
    """
    expectations = [has_rows(SEVERITY["warn"])]
    for rule in rules:
        if rule.must_exist:
            expectations.append(is_present(f"{rule.name} measured", SEVERITY["hold"], _meta(rule, "absent", "hold")))
        for level in SEVERITY:
            limit = rule.limit(level)
            if limit is not None:
                low, high = _bounds(rule, limit)
                expectations.append(lies_between(rule.name, low, high, SEVERITY[level], _meta(rule, "limit", level)))
        if rule.when_few == "warn":
            expectations.append(
                lies_between(f"{rule.name} n", rule.min_n, MANY, SEVERITY["warn"], _meta(rule, "few", "warn"))
            )
    return suite(name, expectations)


def _bounds(rule: Rule, limit: float) -> tuple[float, float]:
    """From and to where a value is good enough; both ends finite."""
    kind = rule.kind.kind
    highest = 1 if kind in ("share", "difference") else MANY
    lowest = -MANY if kind == "index" else 0
    return (limit, highest) if rule.is_lower_bound else (lowest, limit)


def _meta(rule: Rule, part: str, level: Level) -> dict[str, str]:
    return {"rule": rule.name, "part": part, "level": level}
