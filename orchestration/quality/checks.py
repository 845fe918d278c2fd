"""One row per expectation, as the gate records it in publish.gate_check and the quality page shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pandas as pd

from orchestration.quality.fitness import FieldFrame
from orchestration.quality.gx_runner import Outcome
from orchestration.quality.reasons import condition_words, threshold_words
from orchestration.quality.structure import describe_failure

if TYPE_CHECKING:
    import duckdb
    from great_expectations import ExpectationSuite


@dataclass(frozen=True)
class Check:
    """An expectation and how it went.

    `severity` is Great Expectations' word: critical blocks, warning holds, info warns.
    `n_slices` counts the rows that had a value to judge; `failing` names the rows of a failed structural expectation.
    """

    suite: str
    expectation: str
    field: str
    metric: str
    severity: str
    threshold: str
    success: bool
    n_slices: int
    n_failed: int
    error: str
    failing: str
    source: str


def structural_checks(
    work: list[tuple[pd.DataFrame, Callable[[], ExpectationSuite]]], results: list[list[Outcome]]
) -> list[Check]:
    """Rows for the structural suites."""
    return [
        Check(
            suite=outcome.suite,
            expectation=outcome.expectation,
            field="",
            metric=outcome.column,
            severity=outcome.severity,
            threshold=_bounds(outcome),
            success=outcome.is_success,
            n_slices=outcome.n_slices,
            n_failed=outcome.n_failed,
            error=outcome.error,
            failing="" if outcome.error else describe_failure(frame, outcome),
            source="",
        )
        for (frame, _), outcomes in zip(work, results, strict=True)
        for outcome in outcomes
    ]


def fitness_checks(units: list[FieldFrame], results: list[list[Outcome]]) -> list[Check]:
    """Rows for the fitness suites, with the threshold in words and its source."""
    checks = []
    for unit, outcomes in zip(units, results, strict=True):
        rules = {rule.name: rule for rule in unit.rules}
        for outcome in outcomes:
            rule = rules.get(outcome.meta.get("rule", ""))
            threshold = _bounds(outcome)
            if rule is not None and outcome.meta["part"] == "limit":
                threshold = threshold_words(rule, outcome.meta["level"]) + condition_words(rule)
            elif rule is not None and outcome.meta["part"] == "few":
                threshold = f"at least {rule.min_n} children"
            checks.append(
                Check(
                    suite=outcome.suite,
                    expectation=outcome.expectation,
                    field=unit.field,
                    metric=rule.metric if rule else outcome.column,
                    severity=outcome.severity,
                    threshold=threshold,
                    success=outcome.is_success,
                    n_slices=outcome.n_slices,
                    n_failed=outcome.n_failed,
                    error=outcome.error,
                    failing="",
                    source=rule.source if rule else "",
                )
            )
    return checks


def write_checks(con: duckdb.DuckDBPyConnection, checks: list[Check]) -> None:
    """Writes publish.gate_check, in the order of the suites (`position`)."""
    frame = pd.DataFrame([asdict(check) for check in checks])
    con.register("gate_check_frame", frame)
    try:
        con.execute(
            """
            create or replace table publish.gate_check as
            select suite, expectation, field, metric, severity, threshold, success,
                cast(n_slices as bigint) as n_slices, cast(n_failed as bigint) as n_failed, error, failing, source,
                row_number() over () as position
            from gate_check_frame
            """
        )
    finally:
        con.unregister("gate_check_frame")


def _bounds(outcome: Outcome) -> str:
    low, high = outcome.bounds
    if low is None or high is None:
        return "present"
    if low == high:
        return f"{low:g}"
    if high >= 1_000_000_000_000:
        return "a number" if low < 0 else f"at least {low:g}"
    return f"{low:g} to {high:g}"
