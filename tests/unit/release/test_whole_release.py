"""Whole releases: a leak blocks, the previous one survives every failure, and no child is found in any byte."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestration.errors import BlockedError, EquityError
from orchestration.release import build as build_module
from orchestration.release.columns import TABLES
from orchestration.release.guard import guard_findings
from orchestration.release.marts import snapshot
from orchestration.release.store import current_release, staged_release, verify_release
from orchestration.release.table_files import read_parquet
from orchestration.release.tables import read_tables
from orchestration.settings import PROJECT_ROOT, Settings
from tests.support import release_building as building
from tests.support import release_warehouse


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an installation with a warehouse that is ready for publication."""
    settings = Settings(title="Small registry", data_dir=tmp_path / "var")
    release_warehouse.build(settings)
    return settings


def test_infinite_quality_values_are_published_as_nothing(settings: Settings) -> None:
    frame = release_warehouse.quality_frame().assign(value=[float("inf"), float("nan")])
    with duckdb.connect(str(settings.warehouse_path)) as con:
        quality = read_tables(con, frame, release_id="r")["quality"]
    assert quality["value"].null_count == quality.num_rows == 2


def test_the_csv_opens_in_pandas_with_its_hostile_labels_disarmed(settings: Settings) -> None:
    frame = pd.read_csv(building.build(settings).path / "tables" / "strata.csv")
    assert frame.columns[0] == "release_id"
    labels = set(frame["stratum_label"])
    assert {f"'{release_warehouse.HOSTILE[group]}" for group in "bc"} <= labels
    assert {release_warehouse.HOSTILE[group] for group in "ade"} <= labels
    assert frame["n_patients"].isna().sum() == 2


def test_the_report_shows_a_hostile_label_as_text(settings: Settings) -> None:
    page = (building.build(settings).path / "report" / "index.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page


@pytest.mark.parametrize(
    "leak",
    [
        "update publish.strata set numerator = 7, value = 7 where stratum = 'a' and measure_id = 'share'",
        "update publish.strata set n_patients = 97 where disclosure_status = 'suppressed'",
        "update publish.strata set value = 97 where quality_status = 'hold'",
        "update publish.strata set ci_low = 97 where stratum = 'e'",
        """update publish.gaps set reference_stratum = 'd', difference = null, ratio = null, excess = null
            where stratum = 'a'""",
    ],
)
def test_a_leak_blocks_prints_no_number_and_leaves_the_old_release(settings: Settings, leak: str) -> None:
    first = building.build(settings)
    with pytest.raises(BlockedError) as caught:
        building.build(settings, leak)
    assert not {"7", "97"} & set(str(caught.value).replace("(", " ").split())
    assert current_release(settings) == first.path
    assert not list(settings.releases_dir.glob(".staging-*"))


def test_an_exception_in_the_middle_leaves_the_old_release(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    first = building.build(settings)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(build_module, "write_manifest", fail)
        with pytest.raises(OSError, match="disk full"):
            building.build(settings)
    assert current_release(settings) == first.path
    assert verify_release(settings).ok
    assert not list(settings.releases_dir.glob(".staging-*"))


KILLED = """
import os, signal, sys
from pathlib import Path
from orchestration.release import build
from orchestration.settings import Settings
from tests.support import release_building

build.write_manifest = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
release_building.build(Settings(data_dir=Path(sys.argv[1])))
"""


def test_killed_between_the_tables_and_the_manifest_the_old_release_stays_and_the_next_one_cleans_up(
    settings: Settings,
) -> None:
    first = building.build(settings)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(settings.data_dir)], cwd=PROJECT_ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(settings.releases_dir.glob(".staging-*/tables/strata.csv"))) == 1
    assert current_release(settings) == first.path
    assert verify_release(settings).ok
    second = building.build(settings)
    assert current_release(settings) == second.path
    assert not list(settings.releases_dir.glob(".staging-*"))


def test_a_second_publisher_gets_a_clear_error_while_the_first_is_writing(settings: Settings) -> None:
    from datetime import UTC, datetime

    with (
        staged_release(settings, "other", datetime.now(UTC)) as staged,
        pytest.raises(EquityError, match="one publication at a time"),
    ):
        building.build(settings)
    assert current_release(settings) == settings.releases_dir / staged.release_id


def test_the_manifest_names_no_path_and_no_small_number_of_rows(settings: Settings) -> None:
    result = building.build(settings)
    text = (result.path / "manifest.json").read_text(encoding="utf-8")
    manifest = json.loads(text)
    assert str(settings.data_dir.parent) not in text
    assert "/home/" not in text
    assert manifest["inputs"][0]["source_file"] == "p.csv"
    assert manifest["quarantine"][0]["rows"] is None
    assert "404" not in {word.strip(' ",') for word in text.split()}


def test_no_child_is_found_in_any_byte_of_a_release_or_of_the_marts(settings: Settings) -> None:
    building.build(settings)
    snapshot(settings, release_warehouse.RUN_ID)
    in_warehouse = settings.warehouse_path.read_bytes()
    assert all(canary.encode() in in_warehouse for canary in release_warehouse.CANARIES)
    searched = 0
    for folder in (settings.releases_dir, settings.marts_dir):
        for path in folder.rglob("*"):
            if path.is_file():
                found = [canary for canary in release_warehouse.CANARIES if canary.encode() in path.read_bytes()]
                assert not found, path.name
                searched += 1
    assert searched >= 16
    # Compressed pages hide text from a search of bytes: the values are searched as well.
    shown = [path for path in (settings.releases_dir / "current").rglob("*.parquet")]
    texts = [str(read_parquet(path).to_pylist()) for path in shown]
    for database in (settings.releases_dir / "current" / "published.duckdb", settings.marts_dir / "current.duckdb"):
        with duckdb.connect(str(database), read_only=True) as con:
            for (name,) in con.execute("select table_name from duckdb_tables()").fetchall():
                texts.append(str(con.execute(f'from "{name}"').fetchall()))
    assert len(texts) > 2 * len(TABLES)
    assert not [canary for canary in release_warehouse.CANARIES if any(canary in text for text in texts)]
    assert not any("datetime.date(2013, 4, 17)" in text for text in texts)


@pytest.mark.parametrize(
    ("share", "is_small"), [(0.0, False), (0.01, True), (0.99, True), (0.0275, False), (1.0, False)]
)
def test_a_share_that_gives_a_small_count_of_children_away_is_found(
    settings: Settings, share: float, is_small: bool
) -> None:
    frame = release_warehouse.quality_frame().assign(value=[share, None])
    with duckdb.connect(str(settings.warehouse_path)) as con:
        found = guard_findings(read_tables(con, frame, release_id="r"), 11)
    assert ["too few children" in finding for finding in found] == ([True] if is_small else [])
