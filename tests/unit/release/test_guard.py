"""The last guard: the invented tables pass, and each way of saying too much is found without repeating the number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from orchestration.errors import EXIT_BLOCKED, BlockedError
from orchestration.release.guard import guard_findings, require_safe
from orchestration.release.tables import Tables

MIN_CELL = 11
OF_ONE_YEAR = ("strata", "gaps", "inequality", "decomposition")
Row = dict[str, Any]


@pytest.fixture(scope="module", name="tables")
def tables_of_one_year(tables: Tables) -> Tables:
    """The published tables, of the latest year only and so without changes: each test rewrites a table."""
    latest = pc.max(tables["strata"]["period_starts_on"])
    tables = {**tables, "changes": tables["changes"].slice(0, 0)}
    return {
        name: table.filter(pc.equal(table["period_starts_on"], latest)) if name in OF_ONE_YEAR else table
        for name, table in tables.items()
    }


def published(measure: str) -> Callable[[Row], bool]:
    return lambda row: row["measure_id"] == measure and row["disclosure_status"] == "published" and row["value"]


def suppressed(row: Row) -> bool:
    return bool(row["disclosure_status"] == "suppressed")


def held(row: Row) -> bool:
    return bool(row["quality_status"] == "hold")


def changed(tables: Tables, name: str, which: Callable[[Row], Any], **values: Any) -> Tables:
    """The tables with the first row that `which` picks changed; a value may be computed from the row."""
    rows = tables[name].to_pylist()
    row = next(row for row in rows if which(row))
    row.update({column: value(row) if callable(value) else value for column, value in values.items()})
    return {**tables, name: pa.Table.from_pylist(rows, schema=tables[name].schema)}


def findings_after(tables: Tables, name: str, which: Callable[[Row], Any], **values: Any) -> str:
    return "\n".join(guard_findings(changed(tables, name, which, **values), MIN_CELL))


def test_protected_tables_pass(tables: Tables) -> None:
    assert guard_findings(tables, MIN_CELL) == []
    require_safe(tables, MIN_CELL)


@pytest.mark.parametrize("count", [1, 10])
@pytest.mark.parametrize(
    ("measure", "column", "rule"),
    [
        ("hba1c_above_9", "n_patients", "n_patients is too small"),
        ("hba1c_above_9", "numerator", "numerator is too small"),
        ("hba1c_above_9", "denominator", "denominator is too small"),
        ("ed_visits", "numerator", "numerator is too small"),
        ("hba1c_mean", "denominator", "denominator is too small"),
    ],
)
def test_a_small_count_is_found(tables: Tables, measure: str, column: str, rule: str, count: int) -> None:
    assert rule in findings_after(tables, "strata", published(measure), **{column: count})


def test_a_small_complement_is_found(tables: Tables) -> None:
    which = published("hba1c_below_7")
    few = {"numerator": lambda row: row["denominator"] - 3}
    assert "denominator less numerator is too small" in findings_after(tables, "strata", which, **few)
    outside = {"n_patients": lambda row: row["denominator"] + 10}
    assert "n_patients less denominator is too small" in findings_after(tables, "strata", which, **outside)


@pytest.mark.parametrize("count", [0, 11])
def test_zero_and_the_smallest_count_that_may_be_shown_are_not_found(tables: Tables, count: int) -> None:
    found = findings_after(tables, "strata", published("ed_visits"), numerator=count)
    assert "too small" not in found


def test_zeros_and_full_counts_are_found_where_they_are_to_be_hidden(tables: Tables) -> None:
    for measure, numerator, rule in (
        ("ed_visits", 0, "nobody has the outcome"),
        ("hba1c_below_7", lambda found: found["denominator"], "everybody has the outcome"),
    ):
        made = changed(tables, "strata", published(measure), numerator=numerator)
        assert rule in "".join(guard_findings(made, MIN_CELL, hides_zeros=True))
        assert rule not in "".join(guard_findings(made, MIN_CELL))


def test_a_sum_of_tenths_and_months_of_persons_are_no_counts_of_people(tables: Tables) -> None:
    assert "too small" not in findings_after(tables, "strata", published("hba1c_mean"), numerator=5)
    assert "too small" not in findings_after(tables, "strata", published("ed_visits"), denominator=6)


@pytest.mark.parametrize("which", [suppressed, held])
@pytest.mark.parametrize("column", ["n_patients", "numerator", "denominator", "value", "ci_low", "ci_high"])
def test_a_number_on_a_row_that_is_not_published_is_found(
    tables: Tables, which: Callable[[Row], bool], column: str
) -> None:
    assert "held, suppressed or not assessed has a number" in findings_after(tables, "strata", which, **{column: 400})


@pytest.mark.parametrize("column", ["difference", "ratio_high", "excess", "p_value", "is_meaningful"])
def test_a_number_on_a_gap_that_is_not_published_is_found(tables: Tables, column: str) -> None:
    assert "has a number" in findings_after(tables, "gaps", suppressed, **{column: True if "is_" in column else 0.5})


def test_a_held_row_that_calls_itself_published_is_found(tables: Tables) -> None:
    assert "not marked as not assessed" in findings_after(tables, "strata", held, disclosure_status="published")


def test_a_value_that_does_not_follow_from_the_published_counts_is_found(tables: Tables) -> None:
    moved = {"value": lambda row: row["value"] + 0.001}
    assert "value is not numerator / denominator" in findings_after(tables, "strata", published("ed_visits"), **moved)


@pytest.mark.parametrize("side", ["stratum", "reference_stratum"])
def test_a_gap_is_found_when_one_of_its_sides_is_not_published(tables: Tables, side: str) -> None:
    gap = next(row for row in tables["gaps"].to_pylist() if row["difference"] is not None)
    key = ("measure_id", "grain", "period_starts_on", "site", "stratifier")

    def is_side(row: Row) -> bool:
        return all(row[name] == gap[name] for name in key) and row["stratum"] == gap[side] and row["stratum_2"] is None

    nothing = dict.fromkeys(("n_patients", "numerator", "denominator", "value", "ci_low", "ci_high"))
    found = findings_after(
        tables, "strata", is_side, disclosure_status="suppressed", reliability_status="not_assessed", **nothing
    )
    assert ("a gap of a group" if side == "stratum" else "a gap against a reference") in found


@pytest.mark.parametrize(
    "moved",
    [
        {"index_low": lambda row: row["index_value"] + 1},
        {"index_high": lambda row: row["index_value"] - 1},
        {"index_value": None},
    ],
)
def test_an_index_outside_its_limits_is_found(tables: Tables, moved: Row) -> None:
    def with_limits(row: Row) -> bool:
        return row["index_low"] is not None and row["index_high"] is not None

    assert "an index outside its limits" in findings_after(tables, "inequality", with_limits, **moved)


@pytest.mark.parametrize(("table", "number"), [("strata", "value"), ("gaps", "difference")])
def test_an_empty_number_that_is_published_without_saying_why_is_found(tables: Tables, table: str, number: str) -> None:
    rule = "has a number, or is marked as not applicable"

    def has_number(row: Row) -> bool:
        return row[number] is not None

    assert rule in findings_after(tables, table, has_number, **{number: None})
    assert rule in findings_after(tables, table, has_number, reliability_status="not_applicable")


def test_words_outside_the_vocabulary_and_rows_that_stand_twice_are_found(tables: Tables) -> None:
    assert "not a word of its vocabulary" in findings_after(tables, "strata", suppressed, disclosure_status="hidden")
    doubled = pa.concat_tables([tables["strata"], tables["strata"].slice(0, 1)])
    assert "stands twice" in "\n".join(guard_findings({**tables, "strata": doubled}, MIN_CELL))


def test_the_quality_table_is_guarded_too(tables: Tables) -> None:
    shown = {"n": 4}
    assert "n is too small" in findings_after(tables, "quality", lambda row: row["n"], **shown)
    assert "quality: a row that is not published" in findings_after(tables, "quality", suppressed, value=0.01)


def test_columns_and_tables_outside_the_contract_are_found(tables: Tables) -> None:
    more = tables["strata"].append_column("patient_id", pa.repeat(pa.scalar("x"), tables["strata"].num_rows))
    assert guard_findings({**tables, "strata": more}, MIN_CELL) == [
        "strata: column patient_id is not in the release contract"
    ]
    assert guard_findings({**tables, "people": tables["held"]}, MIN_CELL) == [
        "people: not a table of the release contract"
    ]
    without = {name: table for name, table in tables.items() if name != "held"}
    assert guard_findings(without, MIN_CELL) == ["held: the table is missing"]
    narrower = tables["strata"].set_column(0, "release_id", pa.nulls(tables["strata"].num_rows))
    assert "types differ" in guard_findings({**tables, "strata": narrower}, MIN_CELL)[0]


def test_the_error_blocks_and_names_the_group_but_not_the_number(tables: Tables) -> None:
    unsafe = changed(tables, "strata", published("ed_visits"), numerator=7)
    with pytest.raises(BlockedError) as caught:
        require_safe(unsafe, MIN_CELL)
    assert caught.value.exit_code == EXIT_BLOCKED
    assert "ed_visits / year" in caught.value.found
    assert " 7" not in caught.value.found


@pytest.mark.parametrize(
    ("table", "values", "rule"),
    [
        ("inequality", {"disclosure_status": "suppressed"}, "has a number"),
        ("inequality", {"n_groups_published": 99}, "more groups than are published"),
        ("decomposition", {"within_part": 1000.0}, "parts do not add up"),
        ("decomposition", {"disclosure_status": "not_assessed"}, "has a number"),
        ("gaps", {"disclosure_status": "suppressed"}, "has a number"),
    ],
)
def test_what_is_derived_is_held_to_what_it_is_derived_from(
    table: str, values: dict[str, Any], rule: str, tables: Tables
) -> None:
    def is_published(row: Row) -> bool:
        return bool(row["disclosure_status"] == "published")

    assert rule in findings_after(tables, table, is_published, **values)


def test_an_index_of_a_slice_that_is_not_published_is_found(tables: Tables) -> None:
    index = next(row for row in tables["inequality"].to_pylist() if row["disclosure_status"] == "published")
    key = ("measure_id", "period_starts_on", "site", "stratifier")
    hidden = dict.fromkeys(("n_patients", "numerator", "denominator", "value", "ci_low", "ci_high"))
    rows = [
        {**row, **hidden, "disclosure_status": "suppressed"} if all(row[name] == index[name] for name in key) else row
        for row in tables["strata"].to_pylist()
    ]
    strata = pa.Table.from_pylist(rows, schema=tables["strata"].schema)
    found = "\n".join(guard_findings({**tables, "strata": strata}, MIN_CELL))
    assert "an index over fewer than two published groups" in found


def test_a_change_without_its_gaps_is_found(tables: Tables, request: pytest.FixtureRequest) -> None:
    from tests.unit.release import conftest

    with duckdb.connect(str(request.getfixturevalue("warehouse")), read_only=True) as con:
        whole = conftest.read_tables(con, conftest.invented_warehouse.quality_frame(), release_id=conftest.RELEASE_ID)
    changed = {
        **tables,
        "changes": whole["changes"].filter(pc.equal(whole["changes"]["disclosure_status"], "published")),
    }
    assert "not published in the baseline year" in "\n".join(guard_findings(changed, MIN_CELL))
