"""The folder of releases: swapped in whole, kept whole when a publication dies at any point, listed newest first."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.errors import EquityError
from orchestration.release import store
from orchestration.release.store import current_release, find_release, list_releases, show_release, staged_release
from orchestration.settings import Settings

NOW = dt.datetime(2026, 7, 1, 5, 0, tzinfo=dt.UTC)


def publish(settings: Settings, run_id: str = "run", now: dt.datetime = NOW) -> str:
    with staged_release(settings, run_id, now) as staged:
        (staged.path / "tables").mkdir()
        (staged.path / "tables" / "a.csv").write_text("a")
        (staged.path / "manifest.json").write_text(json.dumps({"release_id": staged.release_id}))
    return staged.release_id


def names(settings: Settings) -> set[str]:
    return {path.name for path in settings.releases_dir.iterdir()}


def test_a_release_appears_whole_under_its_id_and_as_current(settings: Settings) -> None:
    release_id = publish(settings)
    assert release_id.startswith("20260701T050000Z-")
    assert names(settings) == {release_id, "current", ".lock"}
    assert os.readlink(settings.releases_dir / "current") == release_id
    assert current_release(settings) == settings.releases_dir / release_id
    assert show_release(settings) == {"release_id": release_id}


def test_the_link_is_relative_so_that_the_folder_can_be_moved(settings: Settings, tmp_path: Path) -> None:
    release_id = publish(settings)
    moved = settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    settings.data_dir.rename(moved.data_dir)
    assert current_release(moved) == moved.releases_dir / release_id


def test_published_files_cannot_be_written(settings: Settings) -> None:
    publish(settings)
    current = current_release(settings)
    assert current is not None
    assert {path.stat().st_mode & 0o222 for path in current.rglob("*") if path.is_file()} == {0}


def test_nothing_is_visible_before_the_end_and_a_failure_leaves_the_old_release(settings: Settings) -> None:
    first = publish(settings)
    with pytest.raises(ZeroDivisionError), staged_release(settings, "run", NOW) as staged:
        assert (current_release(settings), len(list_releases(settings))) == (settings.releases_dir / first, 1)
        assert staged.path.is_dir()
        raise ZeroDivisionError
    assert names(settings) == {first, "current", ".lock"}


def test_ids_sort_in_the_order_of_publication_even_when_the_clock_goes_back(settings: Settings) -> None:
    ids = [publish(settings), publish(settings), publish(settings, now=NOW - dt.timedelta(days=1))]
    assert ids == sorted(ids)
    assert len(set(ids)) == 3
    assert [release.release_id for release in list_releases(settings)] == ids[::-1]
    assert [release.is_current for release in list_releases(settings)] == [True, False, False]


def test_a_run_with_another_id_gets_another_release_id(settings: Settings) -> None:
    assert publish(settings, "one").split("-")[1] != publish(settings, "two").split("-")[1]


KILLED = """
import datetime as dt, os, signal, sys
from pathlib import Path
from orchestration.release import store
from orchestration.settings import Settings

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] != "writing":
    setattr(store, sys.argv[2], die)
with store.staged_release(Settings(data_dir=Path(sys.argv[1])), "run", dt.datetime.now(dt.UTC)) as staged:
    (staged.path / "manifest.json").write_text("{}")
    if sys.argv[2] == "writing":
        die()
"""


@pytest.mark.parametrize("moment", ["writing", "_make_durable", "_point_current_at"])
def test_killed_at_any_moment_the_old_release_stays_current_and_the_next_one_cleans_up(
    settings: Settings, moment: str
) -> None:
    first = publish(settings)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(settings.data_dir), moment], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert current_release(settings) == settings.releases_dir / first
    assert show_release(settings)["release_id"] == first
    third = publish(settings)
    assert not {name for name in names(settings) if name.startswith((".staging", ".current"))}
    assert current_release(settings) == settings.releases_dir / third


def test_a_link_left_behind_is_cleared(settings: Settings) -> None:
    publish(settings)
    (settings.releases_dir / ".current-left").symlink_to("nowhere")
    publish(settings)
    assert ".current-left" not in names(settings)


def test_only_one_publication_at_a_time(settings: Settings) -> None:
    publish(settings)
    with (settings.releases_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        with pytest.raises(EquityError, match="one publication at a time"):
            publish(settings)


def test_a_folder_in_the_place_of_the_link_is_an_error_and_stays(settings: Settings) -> None:
    (settings.releases_dir / "current").mkdir(parents=True)
    (settings.releases_dir / "current" / "mine.txt").write_text("kept")
    with pytest.raises(EquityError, match="is a link"):
        publish(settings)
    assert (settings.releases_dir / "current" / "mine.txt").read_text() == "kept"
    assert not {name for name in names(settings) if name.startswith(".current")}


def test_before_the_first_release_there_is_none(settings: Settings) -> None:
    assert current_release(settings) is None
    assert list_releases(settings) == []
    with pytest.raises(EquityError, match="none yet"):
        find_release(settings)


@pytest.mark.parametrize("asked", ["20260701T050000Z-00000000", "../../etc", ".staging-x", ""])
def test_an_unknown_release_is_an_error(settings: Settings, asked: str) -> None:
    publish(settings)
    with pytest.raises(EquityError, match="no release"):
        find_release(settings, asked)


def test_a_release_without_a_readable_manifest_is_listed_and_cannot_be_shown(settings: Settings) -> None:
    release_id = publish(settings)
    manifest = settings.releases_dir / release_id / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text("[")
    assert [(release.release_id, release.manifest) for release in list_releases(settings)] == [(release_id, None)]
    with pytest.raises(EquityError, match="readable manifest"):
        show_release(settings, release_id)


def test_what_else_lies_in_the_folder_is_no_release(settings: Settings) -> None:
    release_id = publish(settings)
    (settings.releases_dir / "notes").mkdir()
    (settings.releases_dir / store.CURRENT).unlink()
    assert [release.release_id for release in list_releases(settings)] == [release_id]
    assert current_release(settings) is None
