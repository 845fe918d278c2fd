"""Builds small warehouses for tests: raw tables from plain rows, and dbt run on them in this process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from orchestration.defs.dbt_invoke import invoke

PROJECT_DIR = Path(__file__).resolve().parents[2] / "dbt_project"

# The registry layout, table by table, and the tall area table; every column as text, as a CSV file gives it.
LAYOUT: dict[str, tuple[str, ...]] = {
    "patients": ("patient_id", "birth_date", "sex", "site_id", "enrolled_on", "left_on", "death_date"),
    "race_ethnicity": ("patient_id", "source_system", "value", "standard", "capture_method", "recorded_on"),
    "languages": ("patient_id", "language", "recorded_on"),
    "addresses": (
        *("patient_id", "tract_geoid", "tract_vintage", "starts_on", "ends_on"),
        *("registry_source", "geocode_status", "geocode_precision", "geocode_score"),
    ),
    "coverage": ("patient_id", "payer", "starts_on", "ends_on"),
    "encounters": ("encounter_id", "patient_id", "encounter_class", "service", "starts_on", "ends_on", "primary_dx"),
    "conditions": ("patient_id", "code", "onset_on"),
    "observations": ("observation_id", "patient_id", "code", "observed_on", "value", "unit", "resulted_on"),
    "identity_map": ("record_source", "patient_id", "person_id"),
    "tract_measures": (
        *("tract_geoid", "tract_vintage", "data_year", "measure", "category", "value", "direction"),
        *("area_level", "moe", "is_unreliable", "missing_reason", "release"),
    ),
    "tract_crosswalk": (*("from_geoid", "from_vintage", "to_geoid", "to_vintage", "weight", "part_size", "basis"),),
}

# Everything but unit tests, which need no data; with the data tests that are too heavy for every run.
BUILD = ("build", "--exclude-resource-type", "unit_test", "--vars", "{deep_tests: true}")
PASSED = ("success", "pass", "no-op")

Row = Mapping[str, object]
Tables = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Run:
    """What SQL is told about a run: the window, the day the data are looked at, the cohort, the catchment."""

    window_starts_on: dt.date
    window_ends_on: dt.date
    as_of: dt.date
    age_from_years: int = 0
    age_below_years: int = 21
    condition_prefixes: tuple[str, ...] = ("E10",)
    excluded_condition_prefixes: tuple[str, ...] = ("E10.A",)
    catchment_counties: tuple[str, ...] = ()


def frame(table: str, rows: Sequence[Row]) -> pd.DataFrame:
    """`rows` as the columns of `table`, all text, absent values as None. Raises KeyError for an unknown column."""
    columns = LAYOUT[table]
    for row in rows:
        if unknown := set(row) - set(columns):
            raise KeyError(f"{table} has no column {sorted(unknown)}")
    texts = [[None if row.get(column) is None else str(row.get(column)) for column in columns] for row in rows]
    return pd.DataFrame(texts, columns=list(columns), dtype="str")


def write(path: Path, run: Run, sources: Mapping[str, Tables]) -> None:
    """A warehouse at `path` with the schema `raw` of `sources` (source name -> table -> rows)."""
    with duckdb.connect(str(path)) as con:
        con.execute("create schema raw")
        con.execute(
            "create table raw.run as select 'tiny' as run_id, ?::date as as_of, ?::date as window_starts_on,"
            " ?::date as window_ends_on, ?::integer as age_from_years, ?::integer as age_below_years,"
            " ?::varchar[] as condition_prefixes, ?::varchar[] as excluded_condition_prefixes,"
            " ?::varchar[] as catchment_counties, 'tests' as code_version",
            [run.as_of, run.window_starts_on, run.window_ends_on, run.age_from_years, run.age_below_years,
             list(run.condition_prefixes), list(run.excluded_condition_prefixes), list(run.catchment_counties)],
        )  # fmt: skip
        con.execute(
            "create table raw.pull (source_name varchar, table_name varchar, source_file varchar, extract_id varchar,"
            " sha256 varchar, rows_in bigint, rows_pulled bigint, rows_quarantined bigint, skipped boolean)"
        )
        con.execute(
            "create table raw.rejects"
            " (source_name varchar, table_name varchar, source_file varchar, source_row bigint, reason varchar)"
        )
        for table, columns in LAYOUT.items():
            texts = ", ".join(f"{column} varchar" for column in columns)
            con.execute(
                f"create table raw.{table} (source_name varchar, {texts}, _source_row bigint, _source_file varchar,"
                " _extracted_at timestamp)"
            )
            for source_name, tables in sources.items():
                _insert(con, source_name, table, frame(table, tables.get(table, ())), run)


def _insert(con: duckdb.DuckDBPyConnection, source_name: str, table: str, rows: pd.DataFrame, run: Run) -> None:
    file = f"{table}.csv"
    con.register("rows", rows.assign(_row=range(1, len(rows) + 1)))
    con.execute(
        f"insert into raw.{table} select ?, {', '.join(LAYOUT[table])}, _row, ?, ?::timestamp from rows",
        [source_name, file, run.as_of],
    )
    con.unregister("rows")
    con.execute(
        "insert into raw.pull values (?, ?, ?, 'x1', 'x', ?, ?, 0, false)",
        [source_name, table, file, len(rows), len(rows)],
    )


def build(path: Path, target_dir: Path, arguments: Sequence[str] = BUILD) -> Any:
    """Run dbt on the warehouse at `path`; returns dbt's results. Raises AssertionError with what failed."""
    result: Any = invoke(arguments, project_dir=PROJECT_DIR, warehouse=path, target_dir=target_dir)
    if not result.success:
        failed = [] if result.exception else [run for run in result.result if run.status not in PASSED]
        raise AssertionError(result.exception or "\n".join(f"{run.node.name}: {run.message}" for run in failed))
    return result.result
