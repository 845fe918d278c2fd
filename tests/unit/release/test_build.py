"""A whole release: every file there, verified before it is current, the same bytes twice, and nothing when blocked."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestration.errors import BlockedError
from orchestration.release import build
from orchestration.release.build import ReleaseResult, build_release
from orchestration.release.published_database import read_published_database
from orchestration.release.store import current_release, list_releases, show_release, verify_release
from orchestration.release.verify import EXPECTED_FILES
from orchestration.settings import Settings
from tests.support.invented_warehouse import quality_frame

PAGE = "<!doctype html><title>Quality</title>"


class FixedClock(dt.datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> FixedClock:
        return cls(2026, 7, 1, 5, 0, tzinfo=tz)


def release(con: duckdb.DuckDBPyConnection, settings: Settings, run_id: str = "run-1") -> ReleaseResult:
    return build_release(con, settings, run_id, "0.1.0+abc", quality=quality_frame(), quality_page=PAGE)


def files(path: Path) -> dict[str, bytes]:
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_it_is_current_complete_and_passes_verification(
    own_warehouse: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    result = release(own_warehouse, settings)
    assert current_release(settings) == result.path
    reports = {name for name in files(result.path) if name.startswith("measure_reports/")}
    assert set(files(result.path)) - reports == {*EXPECTED_FILES, "manifest.json"}
    assert reports
    assert (result.path / "quality" / "index.html").read_text(encoding="utf-8") == PAGE
    assert result.manifest == show_release(settings)
    assert result.rows == result.manifest["rows"]
    verified = verify_release(settings)
    assert (verified.findings, verified.files_checked) == ((), len(EXPECTED_FILES) + len(reports))


def test_the_same_data_give_the_same_bytes_release_id_and_time_aside(
    own_warehouse: duckdb.DuckDBPyConnection, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build.dt, "datetime", FixedClock)
    one = release(own_warehouse, settings)
    other = release(own_warehouse, settings.model_copy(update={"data_dir": tmp_path / "other"}))
    first, second = files(one.path), files(other.path)
    assert read_published_database(one.path / "published.duckdb") == read_published_database(
        other.path / "published.duckdb"
    )
    exact = set(first) - {"published.duckdb", "manifest.json"}
    assert {name for name in exact if first[name] != second[name]} == set()


def test_only_release_id_and_time_differ_between_two_releases(
    own_warehouse: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    one, other = release(own_warehouse, settings), release(own_warehouse, settings)
    notes = "tables/change_notes.csv"  # of the first release: that it is the first; of the other: nothing
    assert [(path / notes).read_bytes().count(b"\n") for path in (one.path, other.path)] == [2, 1]
    for name, content in files(one.path).items():
        if name.endswith(".csv") and name != notes:
            again = (other.path / name).read_bytes()
            assert again != content or content.count(b"\n") == 1, "a table with rows names its release"
            assert again.replace(other.release_id.encode(), one.release_id.encode()) == content


def test_a_small_count_blocks_before_any_of_it_is_written(
    own_warehouse: duckdb.DuckDBPyConnection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []
    monkeypatch.setattr(build, "write_table_files", lambda _, directory: written.append(directory))
    own_warehouse.execute("update publish.strata set n_patients = 3 where disclosure_status = 'suppressed'")
    with pytest.raises(BlockedError, match="could point to a child"):
        release(own_warehouse, settings)
    assert written == []


def test_a_release_that_fails_its_own_verification_does_not_become_current(
    own_warehouse: duckdb.DuckDBPyConnection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = build.write_table_files

    def and_damage(tables: object, directory: Path) -> None:
        written(tables, directory)  # type: ignore[arg-type]
        path = directory / "held.csv"
        path.write_bytes(path.read_bytes().replace(b"71 %", b"17 %"))

    monkeypatch.setattr(build, "write_table_files", and_damage)
    with pytest.raises(BlockedError, match=re.escape("held.csv: not the same rows")):
        release(own_warehouse, settings)
    assert current_release(settings) is None
    assert list_releases(settings) == []


def test_a_registry_of_nobody_is_a_release_too(own_warehouse: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    computed = [f"publish.{name}" for name in ("strata", "gaps", "inequality", "changes", "decomposition")]
    for table in (*computed, "publish.reference_register", "publish.gate_verdict", "raw.pull", "fct_conservation"):
        own_warehouse.execute(f"delete from {table}")
    empty = quality_frame().head(0)
    result = build_release(own_warehouse, settings, "run", "0", quality=pd.DataFrame(empty), quality_page=PAGE)
    assert result.rows["strata"] == result.rows["gaps"] == 0
    assert verify_release(settings).ok
