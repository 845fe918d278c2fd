"""The structural half of the gate: small frames of facts about tables, for the suites in `expectations.structural`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from expectations.structural import conservation_suite, quality_values_suite, structure_suite, table_rows_suite
from orchestration.errors import TransformError
from orchestration.quality_metrics import METRICS

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    from great_expectations import ExpectationSuite

    from orchestration.quality.gx_runner import Outcome

FILLED_TABLES = (
    *("dim_measure", "dim_period", "dim_site", "dim_stratifier", "dim_stratum"),
    *("fct_conservation", "fct_measure_stratum", "fct_quality", "fct_structure"),
)

# Structural facts without which nobody has looked: their absence must not pass for a pass.
REQUIRED_CHECKS = ("duplicate_keys", "rows")


def structural_work(
    con: duckdb.DuckDBPyConnection,
) -> list[tuple[pd.DataFrame, Callable[[], ExpectationSuite]]]:
    """Frames with their suites. Each frame has `subject`, the name by which a failing row is reported.

    Raises TransformError when a table of the gate is missing.
    """
    _require_tables(con)
    counts = " union all by name ".join(
        f"select '{name}' as subject, count(*) as rows from {name}" for name in FILLED_TABLES
    )
    checks = " union all by name ".join(
        f"select 'fct_structure: {check}' as subject, count(*) as rows from fct_structure where check_name = '{check}'"
        for check in REQUIRED_CHECKS
    )
    rows = con.execute(f"{counts} union all by name {checks}").df()
    facts = con.execute(
        "select table_name as subject, check_name, cast(value as double) as value from fct_structure order by all"
    ).df()
    names = sorted({*REQUIRED_CHECKS, *facts["check_name"].dropna()})
    for name in names:
        facts[name] = facts["value"].where(facts["check_name"] == name)
    conservation = con.execute(
        "select table_name || ' from ' || source_name as subject, rows_in, rows_used, rows_quarantined, "
        "rows_in - rows_used - rows_quarantined as rows_unaccounted from fct_conservation order by all"
    ).df()
    values = con.execute(
        "select concat_ws(' ', metric, 'of', field, stratum, 'at', site, 'in', grain, period_starts_on) as subject, "
        "metric, cast(value as double) as value, cast(n as double) as n from fct_quality order by all"
    ).df()
    shares = [name for name, metric in METRICS.items() if metric.kind == "share"]
    values["share"] = values["value"].where(values["metric"].isin(shares))
    return [
        (rows.astype({"rows": "float64"}), table_rows_suite),
        (facts, partial(structure_suite, names)),
        (conservation, conservation_suite),
        (values, quality_values_suite),
    ]


def describe_failure(frame: pd.DataFrame, outcome: Outcome, at_most: int = 5) -> str:
    """Which rows failed, by subject and value of the counted column; counts of rows of aggregates and tables only."""
    if not outcome.failed_rows:
        return "" if outcome.is_success else "the table has no rows"
    rows = frame.iloc[list(outcome.failed_rows[:at_most])]
    shown = [
        f"{subject}: {value:g}" if value == value else f"{subject}: nothing"
        for subject, value in zip(rows["subject"], rows[outcome.column].astype("float64"), strict=True)
    ]
    more = len(outcome.failed_rows) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _require_tables(con: duckdb.DuckDBPyConnection) -> None:
    found = {
        name
        for (name,) in con.execute(
            "select table_name from information_schema.tables "
            "where table_catalog = current_database() and table_schema = 'main'"
        ).fetchall()
    }
    missing = [name for name in FILLED_TABLES if name not in found]
    if missing:
        raise TransformError(
            "the warehouse must have every table that the gate looks at",
            where="warehouse",
            found=f"without {', '.join(missing)}",
            remedy="run the whole job: it rebuilds the warehouse before the gate",
        )
