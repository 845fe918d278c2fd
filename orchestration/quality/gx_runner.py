"""Runs one Great Expectations suite over one small pandas frame and reads the results strictly.

Frames only: through a SQL engine every expectation on DuckDB fails with its exception hidden in the result. Great
Expectations takes seconds to import, so it is imported when a suite runs. What a result means is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.core.batch_definition import BatchDefinition

# The key that results name failing rows by; it numbers rows of aggregates, never a patient.
ROW = "row_id"

# Which rows failed, and nothing of what stood in them.
RESULT_FORMAT = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": [ROW],
    "exclude_unexpected_values": True,
    "partial_unexpected_count": 0,
    "return_unexpected_index_query": False,
}


@dataclass(frozen=True)
class Outcome:
    """What one expectation found: `failed_rows` are ROW numbers of the frame, `error` is '' unless it raised.

    `n_slices` is how many rows were judged (those with a value; for a table-level expectation the rows of the table).
    """

    suite: str
    expectation: str
    column: str
    severity: str
    bounds: tuple[float | None, float | None]
    is_success: bool
    n_slices: int
    n_failed: int
    failed_rows: tuple[int, ...] = ()
    error: str = ""
    meta: dict[str, Any] = field(default_factory=dict)


Work: TypeAlias = "list[tuple[pd.DataFrame, Callable[[], ExpectationSuite]]]"


def run_suites(work: Work) -> list[list[Outcome]]:
    """Outcomes per frame and suite, each in the order of its suite.

    An expectation that raises gives an outcome with an `error`; whether that stops the run is the caller's to decide.
    """
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    # One asset takes every frame in turn: registering one costs as much as an expectation.
    asset = context.data_sources.add_pandas("quality").add_dataframe_asset("frame")
    batches = asset.add_batch_definition_whole_dataframe("whole")
    outcomes = []
    for frame, make_suite in work:
        outcomes.append(_run(batches, frame.assign(**{ROW: range(len(frame))}), make_suite()))
    return outcomes


def _run(batches: BatchDefinition[Any], frame: pd.DataFrame, suite: ExpectationSuite) -> list[Outcome]:
    for position, expectation in enumerate(suite.expectations):
        expectation.meta = {**(expectation.meta or {}), "position": position}
    validated = batches.get_batch({"dataframe": frame}).validate(suite, result_format=RESULT_FORMAT)
    outcomes = [_outcome(suite.name, result, len(frame)) for result in validated.results]
    if len(outcomes) != len(suite.expectations):
        missing = len(suite.expectations) - len(outcomes)
        outcomes.append(_without_result(suite.name, missing))
    return sorted(outcomes, key=lambda outcome: outcome.meta.get("position", len(outcomes)))


def _outcome(suite: str, result: Any, n_rows: int) -> Outcome:
    config = result.expectation_config
    column = config.kwargs.get("column", "")
    found = result.result or {}
    error = _raised(result.exception_info)
    failed = () if error else _failed_rows(found)
    is_success = bool(result.success) and not error
    n_failed = int(found.get("unexpected_count", 0 if is_success else 1))
    if not error and not is_success and "unexpected_count" in found and len(failed) != n_failed:
        error = f"{n_failed} rows failed and {len(failed)} of them are named"
    return Outcome(
        suite=suite,
        expectation=config.type,
        column=column,
        severity=str(getattr(config.severity, "value", config.severity)),
        bounds=(config.kwargs.get("min_value"), config.kwargs.get("max_value")),
        is_success=is_success,
        n_slices=int(found["element_count"] - found.get("missing_count", 0)) if "element_count" in found else n_rows,
        n_failed=n_failed,
        failed_rows=failed,
        error=error,
        meta=dict(config.meta or {}),
    )


def _without_result(suite: str, missing: int) -> Outcome:
    return Outcome(
        suite, "", "", "critical", (None, None), False, 0, missing, error=f"{missing} expectation(s) gave no result"
    )


def _failed_rows(found: dict[str, Any]) -> tuple[int, ...]:
    rows: list[int] = []
    for entry in found.get("unexpected_index_list") or []:
        named = entry[ROW]
        rows.extend(int(row) for row in (named if isinstance(named, list) else [named]))
    return tuple(sorted(rows))


def _raised(info: Any) -> str:
    """The message of an exception inside a result; '' when none was raised. It comes flat, or one entry per metric."""
    entries = [info] if "raised_exception" in (info or {}) else list((info or {}).values())
    for entry in entries:
        if entry.get("raised_exception"):
            return str(entry.get("exception_message") or "an exception without a message").splitlines()[0][:300]
    return ""
