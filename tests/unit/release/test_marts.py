"""The marts snapshot: what analysts may have and nothing else, swapped in whole, readable while anything goes on."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import EquityError, TransformError
from orchestration.release.marts import snapshot
from orchestration.settings import Settings

CANARIES = ("Zebulon Quarrington", "MRN-4711-0815", "39061000100", "2011-02-03", "12 Canary Street", "registry|P1")

_PATIENTS = f"""
    create table main.fct_patient_span (patient_id varchar, population varchar, starts_on date, ends_on date,
        cell_key bigint, patient_name varchar, birth_date varchar, tract_geoid varchar, street varchar, note varchar);
    insert into main.fct_patient_span values
        ('{CANARIES[5]}', 't1d', date '2025-07-01', date '2025-09-30', 1, '{CANARIES[0]}', '{CANARIES[3]}',
         '{CANARIES[2]}', '{CANARIES[4]}', '{CANARIES[1]}'),
        ('{CANARIES[5]}', 't1d', date '2025-10-01', date '2025-12-31', 2, null, null, null, null, null),
        ('registry|P2', 't1d', date '2025-07-01', date '2025-09-30', 1, null, null, null, null, null),
        (null, 't1d', date '2025-07-01', date '2025-09-30', 1, null, null, null, null, null);
    comment on column main.fct_patient_span.cell_key is 'The child''s cell.';
    create table main.int_patient as select 1 as patient_id, '{CANARIES[0]}' as name;
    create table main.fct_stays (person varchar, starts_on date, ward varchar);
    insert into main.fct_stays values ('{CANARIES[0]}', date '2025-07-01', 'W1');
    create view main.fct_structure as select check_name, table_name, rows_seen as value
        from (values ('rows', 'patients', 2405)) as t(check_name, table_name, rows_seen);
"""


@pytest.fixture
def marts(own_warehouse: duckdb.DuckDBPyConnection, settings: Settings) -> Settings:
    """Settings of an installation whose warehouse also has facts about patients."""
    own_warehouse.execute(_PATIENTS)
    own_warehouse.close()
    return settings


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_the_marts_are_there_and_nothing_else(marts: Settings) -> None:
    path = snapshot(marts, "run-1")
    assert {name for (name,) in query(path, "select table_name from duckdb_tables()")} == {
        *("dim_measure", "dim_period", "dim_site", "dim_stratifier", "dim_stratum", "fct_conservation"),
        *("fct_measure_stratum", "fct_patient_span", "fct_stays", "fct_structure", "columns_left_out"),
    }
    with duckdb.connect(str(marts.warehouse_path), read_only=True) as con:
        expected = con.execute("from fct_measure_stratum").fetchall()
    assert query(path, "from fct_measure_stratum") == expected


def test_a_view_becomes_a_table_that_needs_no_warehouse(marts: Settings) -> None:
    path = snapshot(marts, "run-1")
    marts.warehouse_path.unlink()
    assert query(path, "from fct_structure") == [("rows", "patients", 2405)]
    assert query(path, "select count(*) from duckdb_views() where not internal") == [(0,)]


def test_no_byte_of_a_name_record_number_address_or_birth_date_leaves(marts: Settings) -> None:
    snapshot(marts, "run-1")
    for path in marts.marts_dir.iterdir():
        content = path.read_bytes()
        for canary in CANARIES:
            assert canary.encode() not in content, path.name


def test_patients_get_a_pseudonym_under_the_installations_own_key(marts: Settings) -> None:
    path = snapshot(marts, "run-1")
    key_file = marts.data_dir / "pseudonym.key"
    key = bytes.fromhex(key_file.read_text())
    one, other = (
        hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:32] for name in (CANARIES[5], "registry|P2")
    )
    rows = query(path, "select patient_pseudonym, starts_on::varchar from fct_patient_span order by all nulls last")
    expected = [(one, "2025-07-01"), (one, "2025-10-01"), (other, "2025-07-01")]
    assert rows == [*sorted(expected), (None, "2025-07-01")]
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert (len(key), key_file.parent) != (0, marts.marts_dir)


def test_a_pseudonym_stays_the_same_from_run_to_run_and_differs_between_installations(marts: Settings) -> None:
    pseudonyms = (
        "select distinct patient_pseudonym from fct_patient_span where patient_pseudonym is not null order by 1"
    )
    first, second = (query(snapshot(marts, run), pseudonyms) for run in "ab")
    assert first == second
    (marts.data_dir / "pseudonym.key").unlink()
    assert not set(query(snapshot(marts, "c"), pseudonyms)) & set(first)


def test_a_key_that_is_none_is_an_error_and_the_old_snapshot_stays(marts: Settings) -> None:
    first = snapshot(marts, "run-1")
    (marts.data_dir / "pseudonym.key").write_text("short")
    with pytest.raises(EquityError, match="64 hexadecimal"):
        snapshot(marts, "run-2")
    assert (marts.marts_dir / "current.duckdb").resolve() == first


def test_what_was_left_out_is_said_and_an_unknown_mart_is_taken_to_be_about_patients(marts: Settings) -> None:
    path = snapshot(marts, "run-1")
    left_out = set(query(path, "from columns_left_out"))
    for column in ("patient_name", "birth_date", "tract_geoid", "street", "note"):
        assert ("fct_patient_span", column) in left_out
    assert {("fct_stays", "person"), ("fct_stays", "ward")} <= left_out
    assert [row for row in left_out if row[0] == "fct_measure_stratum"] == []


def test_comments_come_along(marts: Settings) -> None:
    path = snapshot(marts, "run-1")
    found = query(path, "select comment from duckdb_columns() where column_name = 'cell_key' and comment is not null")
    assert found == [("The child's cell.",)]


def test_current_is_a_relative_link_and_everything_is_private(marts: Settings) -> None:
    path = snapshot(marts, "run-1")
    assert os.readlink(marts.marts_dir / "current.duckdb") == "run-1.duckdb"
    assert {file.name for file in marts.marts_dir.iterdir()} == {"run-1.duckdb", "current.duckdb"}
    assert marts.marts_dir.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_open_reader_keeps_its_snapshot_and_the_next_one_sees_the_new(marts: Settings) -> None:
    snapshot(marts, "run-1")
    current = marts.marts_dir / "current.duckdb"
    with duckdb.connect(str(current), read_only=True) as reader:
        with duckdb.connect(str(marts.warehouse_path)) as con:
            con.execute("delete from fct_measure_stratum")
        for run in ("run-2", "run-3"):
            snapshot(marts, run, keep=1)
        assert reader.execute("select count(*) > 0 from fct_measure_stratum").fetchall() == [(True,)]
    assert query(current.resolve(), "select count(*) from fct_measure_stratum") == [(0,)]
    assert {file.name for file in marts.marts_dir.iterdir()} == {"run-3.duckdb", "current.duckdb"}


def test_it_can_be_read_while_a_run_holds_the_warehouse(marts: Settings) -> None:
    path = snapshot(marts, "run-1")
    with duckdb.connect(str(marts.warehouse_path)) as writer:
        writer.execute("create table busy (x integer)")
        assert query(path, "select count(*) > 0 from fct_measure_stratum") == [(True,)]


def test_the_newest_five_are_kept_and_never_less_than_the_current(marts: Settings) -> None:
    for number in range(7):
        snapshot(marts, f"run-{number}")
    kept = {file.name for file in marts.marts_dir.glob("run-*")}
    assert kept == {f"run-{number}.duckdb" for number in range(2, 7)}
    snapshot(marts, "run-2", keep=0)
    assert {file.name for file in marts.marts_dir.iterdir()} == {"run-2.duckdb", "current.duckdb"}


def test_a_failed_copy_leaves_the_old_snapshot_and_its_remains_are_cleared(marts: Settings) -> None:
    first = snapshot(marts, "run-1")
    (marts.marts_dir / ".writing-dead.duckdb").write_bytes(b"half")
    with duckdb.connect(str(marts.warehouse_path)) as con:
        con.execute("create table gone (x integer); create view fct_quality as from gone; drop table gone")
    with pytest.raises(duckdb.Error):
        snapshot(marts, "run-2")
    assert (marts.marts_dir / "current.duckdb").resolve() == first
    with duckdb.connect(str(marts.warehouse_path)) as con:
        con.execute("drop view fct_quality")
    snapshot(marts, "run-3")
    assert not list(marts.marts_dir.glob(".writing*"))


def test_without_a_warehouse_or_marts_there_is_an_error(settings: Settings) -> None:
    settings.data_dir.mkdir()
    with pytest.raises(TransformError, match="can be read"):
        snapshot(settings, "run-1")
    with duckdb.connect(str(settings.warehouse_path)) as con:
        con.execute("create table int_patient (patient_id varchar)")
    with pytest.raises(TransformError, match="has marts"):
        snapshot(settings, "run-1")
    assert not (settings.marts_dir / "current.duckdb").exists()


@pytest.mark.parametrize("run_id", ["", "../x", "a/b", ".hidden", "a b"])
def test_a_run_id_that_is_no_file_name_is_refused(settings: Settings, run_id: str) -> None:
    with pytest.raises(EquityError, match="run id"):
        snapshot(settings, run_id)
