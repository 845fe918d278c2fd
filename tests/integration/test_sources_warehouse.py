"""The warehouse's `raw` schema: the same tables whatever was pulled, and never taken from under another process."""

import datetime as dt
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import EquityError, SourceError, TransformError
from orchestration.settings import Cohort, RegistryFilesSource, Settings, Window
from orchestration.sources import quarantine
from orchestration.sources.layout import RAW_TABLES
from orchestration.sources.warehouse import prepare
from tests.support.source_files import PATIENTS, Place, pull_all, query


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.write("patients.csv", PATIENTS + "broken\n")
    return place


def columns(settings: Settings) -> dict[str, list[str]]:
    rows = query(
        settings,
        "select table_name, list(column_name order by ordinal_position) from information_schema.columns "
        "where table_schema = 'raw' group by all",
    )
    return dict(rows)


def test_every_table_is_there_with_its_columns(place: Place) -> None:
    place.pull()
    found = columns(place.settings)
    for name, table in RAW_TABLES.items():
        provenance = ["_source_row", "_source_file", "_extracted_at"]
        assert found.pop(name) == ["source_name", *table.column_names, *provenance]
        if name != "patients":
            assert place.rows(name) == []
    assert found.pop("rejects") == ["source_name", "table_name", "source_file", "source_row", "reason"]
    assert sorted(found) == ["pull", "run"]
    assert place.rows("tract_measures", "count(tract_vintage + data_year)") == [(0,)]


def test_no_reject_is_an_empty_table(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.write("patients.csv", PATIENTS)
    place.pull()
    assert place.rows("rejects", "source_row + 1, reason") == []


def test_text_and_types_of_several_sources_come_together(tmp_path: Path) -> None:
    text, typed, dated = Place(tmp_path / "a", name="a"), Place(tmp_path / "b"), Place(tmp_path / "c")
    text.write("patients.csv", PATIENTS)
    query_text = "select 7 as patient_id, {} as birth_date, 'F' as sex, date '2020-01-01' as enrolled_on"
    typed.write_parquet("patients.parquet", query_text.format("date '2012-03-04'"))
    dated.write_parquet("patients.parquet", query_text.format("timestamp '2013-03-04 05:06:07'"))
    sources = tuple(RegistryFilesSource(name=name, path=place.data) for name, place in
                    (("a", text), ("b", typed), ("c", dated)))  # fmt: skip
    settings = Settings(data_dir=tmp_path / "var", sources=sources)
    pull_all(settings)
    assert query(
        settings,
        "select source_name, patient_id, birth_date, try_cast(birth_date as date), enrolled_on, _source_row "
        "from raw.patients order by all",
    ) == [
        ("a", "p1", "2010-01-01", dt.date(2010, 1, 1), None, 1),
        ("a", "p2", "2011-02-02", dt.date(2011, 2, 2), None, 2),
        ("b", "7", "2012-03-04", dt.date(2012, 3, 4), dt.date(2020, 1, 1), 1),
        ("c", "7", "2013-03-04 05:06:07", dt.date(2013, 3, 4), dt.date(2020, 1, 1), 1),
    ]


def test_two_sources_with_files_of_one_name_stay_apart(tmp_path: Path) -> None:
    """A row is found again by its file and number alone."""
    places = [Place(tmp_path / name, name=name) for name in ("a", "b")]
    for place in places:
        place.write("patients.csv", PATIENTS)
    settings = Settings(data_dir=tmp_path / "var", sources=tuple(place.source for place in places))
    pull_all(settings)
    assert query(settings, "select count(*), count(distinct (_source_file, _source_row)) from raw.patients") == [(4, 4)]


def test_what_the_run_is_about(place: Place) -> None:
    place.pull()
    settings = place.settings.model_copy(
        update={
            "window": Window(months=12),
            "cohort": Cohort(condition_prefixes=("E10", "it's"), excluded_condition_prefixes=(), age_below_years=18),
            "catchment_counties": ("39061",),
        }
    )
    assert query(settings, "select * from raw.run") == [
        (
            *("run-1", dt.date(2026, 6, 30), dt.date(2025, 7, 1), dt.date(2026, 6, 30), 0, 18),
            *(["E10", "it's"], [], ["39061"], "tests"),
        )
    ]


def test_the_account_of_the_pull(place: Place) -> None:
    (file,) = place.pull()
    assert place.rows("pull") == [
        (
            *("registry", "patients", "registry/patients.csv", file.extract_id, file.sha256),
            *(3, 2, 1, False),
        )
    ]


def test_what_a_killed_run_left_is_replaced(place: Place) -> None:
    place.pull()
    path = place.settings.warehouse_path
    prepare(place.settings, "run-1", "tests")
    path.write_bytes(b"half a file")
    path.with_name("warehouse.duckdb.wal").write_bytes(b"left over")
    assert place.rows("patients", "count(*)") == [(2,)]
    assert oct(path.stat().st_mode & 0o777) == "0o600"


def test_an_earlier_run_leaves_nothing_behind(place: Place) -> None:
    place.pull()
    prepare(place.settings, "run-1", "tests")
    with duckdb.connect(str(place.settings.warehouse_path)) as con:
        con.execute("create table main.fct_old as select 1 as n")
    assert query(place.settings, "select table_name from information_schema.tables where table_schema = 'main'") == []


HOLD = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


def test_a_file_that_another_process_has_open_is_left_alone(place: Place) -> None:
    place.pull()
    prepare(place.settings, "run-1", "tests")
    path = place.settings.warehouse_path
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "open\n"
        inode = path.stat().st_ino
        with pytest.raises(EquityError, match="another process has it open"):
            prepare(place.settings, "run-2", "tests")
        assert path.stat().st_ino == inode
        holder.communicate("")
    prepare(place.settings, "run-2", "tests")


def test_a_file_that_this_process_has_open_is_not_used(place: Place) -> None:
    place.pull()
    prepare(place.settings, "run-1", "tests")
    with (
        duckdb.connect(str(place.settings.warehouse_path)),
        pytest.raises(EquityError, match="this process still has it open"),
    ):
        prepare(place.settings, "run-2", "tests")


def test_a_source_that_was_never_pulled_is_an_error(place: Place) -> None:
    with pytest.raises(SourceError, match="no pull of it was ever completed"):
        prepare(place.settings, "run-1", "tests")


def test_a_source_whose_settings_changed_since_its_pull_is_an_error_until_it_is_pulled_again(place: Place) -> None:
    place.pull()
    prepare(place.settings, "run-1", "tests")
    place.mode = "append"
    with pytest.raises(SourceError, match="its settings changed since its last pull"):
        prepare(place.settings, "run-2", "tests")
    place.pull()
    prepare(place.settings, "run-2", "tests")


def build(settings: Settings, used: int, quarantined: int) -> None:
    """Stand in for the transformation's account of the patients."""
    prepare(settings, "run-1", "tests")
    with duckdb.connect(str(settings.warehouse_path)) as con:
        con.execute("create view main.quarantine as select * from raw.rejects")
        con.execute(
            "create table main.fct_conservation as select 'patients' as table_name, 'registry' as source_name, "
            "3::bigint as rows_in, $used::bigint as rows_used, $quarantined::bigint as rows_quarantined",
            {"used": used, "quarantined": quarantined},
        )


def test_the_quarantine_is_written_and_the_account_adds_up(place: Place) -> None:
    place.pull()
    build(place.settings, 2, 1)
    folder = quarantine.export(place.settings, "run-1")
    assert folder == place.settings.quarantine_dir / "run-1"
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    rows = duckdb.read_parquet(str(folder / "patients.parquet")).fetchall()
    assert rows == [("registry", "patients", "registry/patients.csv", 3, "the row has 1 instead of 3 columns")]
    with duckdb.connect(str(place.settings.warehouse_path), read_only=True) as con:
        account = quarantine.conservation(con)
    assert account.to_dict("records") == [
        {"source_name": "registry", "table_name": "patients", "rows_in": 3, "rows_used": 2, "rows_quarantined": 1}
    ]
    assert quarantine.export(place.settings, "run-1") == folder


@pytest.mark.parametrize("used", [1, 3])
def test_rows_that_are_lost_or_doubled_are_an_error_with_the_numbers(place: Place, used: int) -> None:
    place.pull()
    build(place.settings, used, 1)
    with pytest.raises(TransformError) as error:
        quarantine.export(place.settings, "run-1")
    assert error.value.where == "registry, patients"
    assert error.value.found == f"3 in, {used} used, 1 quarantined"


def test_a_table_that_the_account_forgets_is_an_error(place: Place) -> None:
    place.write("conditions.csv", "patient_id,code,onset_on\np1,E10.9,2020-01-01\n")
    place.pull()
    build(place.settings, 2, 1)
    with pytest.raises(TransformError, match="1 in, 0 used, 0 quarantined"):
        quarantine.export(place.settings, "run-1")


def test_there_is_no_account_before_the_transformation(place: Place) -> None:
    place.pull()
    prepare(place.settings, "run-1", "tests")
    with pytest.raises(TransformError, match="the transformation has run"):
        quarantine.export(place.settings, "run-1")
