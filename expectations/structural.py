"""Structural suites: what must hold for anything to be published. Severity critical: one failure blocks everything.

Empty and all-null columns pass most expectations, so every suite also counts rows and asks for values.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from expectations.building import MANY, has_rows, is_present, lies_between, suite

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite


def table_rows_suite() -> ExpectationSuite:
    """Every table that a publication is made from has rows. One row per table: rows."""
    return suite(
        "table_rows", [has_rows("critical"), is_present("rows", "critical"), lies_between("rows", 1, MANY, "critical")]
    )


def structure_suite(checks: Iterable[str]) -> ExpectationSuite:
    """No key twice, no orphan, no row lost, every table filled. One row per row of `fct_structure`.

    Columns: value, and one per check in `checks` that holds the value on that check's rows and is empty on the others.
    """
    expectations = [has_rows("critical"), is_present("value", "critical")]
    for check in checks:
        low, high = (1, MANY) if check == "rows" else (0, 0)
        expectations.append(lies_between(check, low, high, "critical"))
    return suite("structure", expectations)


def conservation_suite() -> ExpectationSuite:
    """Every row that came in was used or quarantined. One row per table and source of `fct_conservation`.

    Columns: rows_in, rows_used, rows_quarantined and rows_unaccounted (in - used - quarantined).
    """
    expectations = [has_rows("critical")]
    for column in ("rows_in", "rows_used", "rows_quarantined"):
        expectations.append(is_present(column, "critical"))
        expectations.append(lies_between(column, 0, MANY, "critical"))
    expectations.append(lies_between("rows_unaccounted", 0, 0, "critical"))
    return suite("conservation", expectations)


def quality_values_suite() -> ExpectationSuite:
    """The quality metrics are numbers that such metrics can be. One row per row of `fct_quality`.

    Columns: value, n, and share (the value where the metric is a share).
    """
    return suite(
        "quality_values",
        [
            has_rows("critical"),
            lies_between("share", 0, 1, "critical"),
            lies_between("value", -MANY, MANY, "critical"),
            lies_between("n", 0, MANY, "critical"),
        ],
    )
