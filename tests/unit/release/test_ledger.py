"""The ledger over several releases: complete, small, kept without their folders, and held against each new one."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import BlockedError, EquityError
from orchestration.release.ledger import LEDGER, settle, shown_before
from orchestration.release.store import current_release, verify_release
from orchestration.settings import Settings
from tests.support.release_building import make_writable
from tests.unit.release.test_build import release

ROW = "measure_id = (select min(measure_id) from publish.strata) and stratifier = 'overall' and site = 'all'"
NEWEST = "period_starts_on = (select max(period_starts_on) from publish.strata where grain = 'year') and grain = 'year'"


def entries(settings: Settings) -> dict[str, int]:
    """How many rows the ledger has of each release."""
    files = sorted((settings.releases_dir / LEDGER).glob("*"))
    return {file.stem: duckdb.read_parquet(str(file)).shape[0] for file in files}


def move(con: duckdb.DuckDBPyConnection, by: int) -> None:
    con.execute(f"update publish.strata set n_patients = n_patients + {by} where {ROW} and {NEWEST}")


def test_a_release_is_entered_once_with_what_it_was_the_first_to_show(
    own_warehouse: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    assert shown_before(settings.releases_dir) is None
    first = release(own_warehouse, settings)
    shown = own_warehouse.execute(
        "select count(*) from publish.strata where disclosure_status = 'published' and n_patients is not null"
    ).fetchall()
    assert entries(settings) == {first.release_id: shown[0][0]}
    again = release(own_warehouse, settings, "run-2")
    assert entries(settings)[again.release_id] == 0
    before = shown_before(settings.releases_dir, first.release_id)
    assert before is None
    move(own_warehouse, 40)
    third = release(own_warehouse, settings, "run-3")
    assert entries(settings)[third.release_id] == 1
    known = shown_before(settings.releases_dir)
    assert known is not None
    assert known["release_id"].tolist()[0] == third.release_id, "the latest version comes first"
    assert len(known) == entries(settings)[first.release_id] + 1


def test_a_count_that_moved_by_few_blocks_the_release_and_is_found_years_later(
    own_warehouse: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    first = release(own_warehouse, settings)
    move(own_warehouse, 3)
    with pytest.raises(BlockedError, match="differ by few from what an earlier release showed") as caught:
        release(own_warehouse, settings, "run-2")
    assert first.release_id in caught.value.found
    assert current_release(settings) == first.path
    assert list(entries(settings)) == [first.release_id], "what was not published is not in the ledger"
    assert verify_release(settings).ok


def test_the_ledger_knows_what_a_removed_release_said(
    own_warehouse: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    first = release(own_warehouse, settings)
    move(own_warehouse, 40)
    second = release(own_warehouse, settings, "run-2")
    make_writable(first.path)
    shutil.rmtree(first.path)
    move(own_warehouse, -37)
    with pytest.raises(BlockedError) as caught:
        release(own_warehouse, settings, "run-3")
    assert first.release_id in caught.value.found
    assert verify_release(settings, second.release_id).ok


def test_releases_from_before_the_ledger_are_entered_and_unsafe_pairs_are_found(
    own_warehouse: duckdb.DuckDBPyConnection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = release(own_warehouse, settings)
    move(own_warehouse, 3)
    with monkeypatch.context() as without:
        without.setattr("orchestration.release.build.shown_before", lambda *_: None)
        second = release(own_warehouse, settings, "run-2")
    shutil.rmtree(settings.releases_dir / LEDGER)
    assert verify_release(settings, first.release_id).ok
    found = verify_release(settings, second.release_id).findings
    assert len(found) == 1
    assert "1 groups differ by few" in found[0]
    assert list(entries(settings)) == [first.release_id, second.release_id]


def test_a_release_that_cannot_be_read_is_an_error_and_no_gap_in_the_ledger(
    own_warehouse: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    first = release(own_warehouse, settings)
    shutil.rmtree(settings.releases_dir / LEDGER)
    make_writable(first.path)
    Path(first.path / "tables" / "strata.parquet").write_bytes(b"no table")
    with pytest.raises(EquityError, match="can be read"):
        settle(settings.releases_dir)
    assert entries(settings) == {}
