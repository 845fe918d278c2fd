"""The few expectations that every suite is made of, with both bounds given. Great Expectations is imported on use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation

Severity = Literal["critical", "warning", "info"]

# More than any count can be, and finite: a bound left open lets infinity through.
MANY = 1_000_000_000_000


def suite(name: str, expectations: list[Expectation]) -> ExpectationSuite:
    """A suite of these expectations."""
    from great_expectations import ExpectationSuite

    return ExpectationSuite(name=name, expectations=list(expectations))


def has_rows(severity: Severity) -> Expectation:
    """The frame has at least one row: without it an empty frame passes everything."""
    from great_expectations.expectations.core.expect_table_row_count_to_be_between import ExpectTableRowCountToBeBetween
    from great_expectations.expectations.metadata_types import FailureSeverity

    return ExpectTableRowCountToBeBetween(min_value=1, max_value=MANY, severity=FailureSeverity(severity))


def is_present(column: str, severity: Severity, meta: dict[str, Any] | None = None) -> Expectation:
    """No row lacks a value."""
    from great_expectations.expectations.core.expect_column_values_to_not_be_null import ExpectColumnValuesToNotBeNull
    from great_expectations.expectations.metadata_types import FailureSeverity

    return ExpectColumnValuesToNotBeNull(column=column, severity=FailureSeverity(severity), meta=meta)


def lies_between(
    column: str, low: float, high: float, severity: Severity, meta: dict[str, Any] | None = None
) -> Expectation:
    """Every value that is there lies from `low` to `high`, both included."""
    from great_expectations.expectations.core.expect_column_values_to_be_between import ExpectColumnValuesToBeBetween
    from great_expectations.expectations.metadata_types import FailureSeverity

    return ExpectColumnValuesToBeBetween(
        column=column, min_value=low, max_value=high, severity=FailureSeverity(severity), meta=meta
    )
