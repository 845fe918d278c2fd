"""The published tables: exact columns, labels beside codes, NULL for nothing, one order whatever the warehouse's."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from orchestration.errors import TransformError
from orchestration.release import tables_over_time
from orchestration.release.columns import TABLES
from orchestration.release.tables import Tables, read_tables
from tests.support import invented_vocabulary, invented_warehouse
from tests.unit.release.conftest import RELEASE_ID


def read(con: duckdb.DuckDBPyConnection) -> Tables:
    return read_tables(con, invented_warehouse.quality_frame(), release_id=RELEASE_ID)


def rows(table: pa.Table, **wanted: str) -> list[dict[str, object]]:
    return [row for row in table.to_pylist() if all(row[name] == value for name, value in wanted.items())]


def test_every_table_has_the_contracts_schema_and_the_release_id_on_every_row(tables: Tables) -> None:
    assert list(tables) == list(TABLES)
    for name, table in tables.items():
        assert table.schema.equals(TABLES[name].schema)
        # This registry has neither charts nor aims; `test_over_time.py` is about releases that do.
        assert table.num_rows > 0 or name in tables_over_time.QUERIES
        assert set(table["release_id"].to_pylist()) == ({RELEASE_ID} if table.num_rows else set())


def test_nothing_is_an_empty_string(tables: Tables) -> None:
    for table in tables.values():
        for field in table.schema:
            if pa.types.is_string(field.type):
                assert not pc.any(pc.equal(table[field.name], "")).as_py(), field.name


def test_codes_stand_beside_their_labels_also_in_a_crossing(tables: Tables) -> None:
    row = rows(tables["strata"], stratifier="race_by_poverty", stratum="BLACK", stratum_2="q5")[0]
    assert (row["measure_title"], row["site_label"], row["period_label"]) == (
        "HbA1c above 9 %",
        "All sites",
        "Jul 2023 to Jun 2024",
    )
    assert row["stratum_label"] == "Black or African American"
    assert (row["stratifier_2_label"], row["stratum_2_label"]) == ("Neighborhood poverty", "Highest-poverty fifth")
    gap = rows(tables["gaps"], stratifier="poverty_quintile", stratum="q5", site="all", measure_id="ed_visits")[0]
    assert gap["reference_label"] == "Lowest-poverty fifth"


def test_a_group_has_the_label_of_its_own_stratifier_whatever_others_call_it(
    own_warehouse: duckdb.DuckDBPyConnection,
) -> None:
    own_warehouse.execute("update main.dim_stratum set label = '0 ' || stratifier || ' ' || stratum")
    for name, table in read(own_warehouse).items():
        for label, stratifier, stratum in (
            ("stratum_label", "stratifier", "stratum"),
            ("stratum_2_label", "stratifier_2", "stratum_2"),
            ("reference_label", "stratifier", "reference_stratum"),
        ):
            if {label, stratifier, stratum} <= set(table.column_names) and name != "change_notes":
                for row in (
                    table.select([label, stratifier, stratum])
                    .group_by([label, stratifier, stratum])
                    .aggregate([])
                    .to_pylist()
                ):
                    assert row[label] == (row[stratum] and f"0 {row[stratifier]} {row[stratum]}"), name


def test_everyone_as_reference_is_called_so_under_every_stratifier(own_warehouse: duckdb.DuckDBPyConnection) -> None:
    own_warehouse.execute("update publish.gaps set reference_stratum = 'all', reference_stratum_2 = ''")
    assert set(read(own_warehouse)["gaps"]["reference_label"].to_pylist()) == {"Everyone"}


def test_hostile_labels_are_published_as_they_are_in_parquet(tables: Tables) -> None:
    labels = set(tables["strata"]["stratum_label"].unique().to_pylist())
    assert set(invented_vocabulary.HOSTILE_LABELS.values()) <= labels


def test_missing_categories_are_told_from_groups(tables: Tables) -> None:
    missing = {row["stratum"] for row in tables["strata"].to_pylist() if row["is_missing_category"]}
    crossed = rows(tables["strata"], stratifier="race_by_poverty", stratum="BLACK", stratum_2="no_address")
    assert {"declined", "not_asked", "not_recorded", "no_address"} <= missing
    assert all(row["is_missing_category"] for row in crossed)
    assert not any(row["is_missing_category"] for row in rows(tables["strata"], stratifier="sex"))


def test_suppressed_held_zero_and_not_applicable_are_four_different_things(tables: Tables) -> None:
    strata = tables["strata"]
    suppressed = rows(strata, disclosure_status="suppressed")[0]
    held = rows(strata, quality_status="hold")[0]
    nobody = rows(strata, stratum="x", disclosure_status="published")[0]
    zeros = [row for row in rows(strata, disclosure_status="published") if row["numerator"] == 0 and row["n_patients"]]
    assert suppressed["numerator"] is suppressed["value"] is None
    assert (held["disclosure_status"], held["value"]) == ("not_assessed", None)
    assert held["quality_reasons"] == invented_warehouse.HELD_REASON
    assert (nobody["denominator"], nobody["value"]) == (0, None)
    assert {row["reliability_status"] for row in (suppressed, held)} == {"not_assessed"}
    assert nobody["reliability_status"] == "not_applicable"
    assert all(row["value"] == 0 for row in zeros)


def test_a_row_that_is_not_published_does_not_say_how_reliable_it_was(own_warehouse: duckdb.DuckDBPyConnection) -> None:
    own_warehouse.execute("update publish.strata set reliability_status = 'unreliable'")
    own_warehouse.execute("update publish.gaps set is_meaningful = true")
    tables = read(own_warehouse)
    hidden = rows(tables["strata"], disclosure_status="suppressed")
    assert {row["reliability_status"] for row in hidden} == {"not_assessed"}
    assert {row["is_meaningful"] for row in rows(tables["gaps"], disclosure_status="suppressed")} == {None}


def test_reasons_stand_only_where_something_is_held_or_shown_with_caution(tables: Tables) -> None:
    reasons = {(row["quality_status"], row["quality_reasons"]) for row in tables["strata"].to_pylist()}
    assert reasons == {
        ("publish", None),
        ("warn", invented_warehouse.WARN_REASON),
        ("hold", invented_warehouse.HELD_REASON),
    }


def test_held_lists_every_held_slice_and_nothing_else(tables: Tables, own_warehouse: duckdb.DuckDBPyConnection) -> None:
    expected = own_warehouse.execute("select count(*) from publish.gate_verdict where verdict = 'hold'").fetchone()
    assert (tables["held"].num_rows,) == expected
    assert {(row["site"], row["verdict"]) for row in tables["held"].to_pylist()} == {("south", "hold")}


def test_the_order_of_rows_does_not_depend_on_the_warehouse(
    tables: Tables, own_warehouse: duckdb.DuckDBPyConnection
) -> None:
    computed = ("publish.strata", "publish.gaps", "publish.inequality", "publish.changes", "publish.decomposition")
    for name in (*computed, "publish.gate_verdict", "main.dim_stratum", "main.dim_measure"):
        own_warehouse.execute(f"create or replace table {name} as from {name} order by hash(rowid)")
    assert all(table.equals(tables[name]) for name, table in read(own_warehouse).items())


def test_a_number_that_does_not_exist_is_empty(own_warehouse: duckdb.DuckDBPyConnection) -> None:
    own_warehouse.execute(
        "update publish.gaps set ratio = 'inf', ratio_high = 'nan' where disclosure_status = 'published'"
    )
    gaps = read(own_warehouse)["gaps"]
    assert gaps["ratio"].null_count == gaps["ratio_high"].null_count == gaps.num_rows


@pytest.mark.parametrize("vocabulary", ["dim_site", "dim_measure", "dim_period", "dim_stratum"])
def test_a_vocabulary_with_a_key_twice_is_an_error(own_warehouse: duckdb.DuckDBPyConnection, vocabulary: str) -> None:
    own_warehouse.execute(f"insert into main.{vocabulary} from main.{vocabulary}")
    with pytest.raises(TransformError, match="published once"):
        read(own_warehouse)


def test_a_warehouse_or_quality_table_without_a_column_is_an_error(own_warehouse: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(TransformError, match="without disclosure_status"):
        read_tables(own_warehouse, invented_warehouse.quality_frame().drop(columns="disclosure_status"), release_id="r")
    own_warehouse.execute("alter table main.dim_measure drop column citation")
    with pytest.raises(TransformError, match="without citation"):
        read(own_warehouse)
