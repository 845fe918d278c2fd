"""A pull that was killed: the export at the server is taken up again, and no file is downloaded twice."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestration.settings import PROJECT_ROOT
from orchestration.sources.fhir_bulk.kept import KeptExports
from tests.support.bulk_place import CONDITIONS, PATIENTS, BulkPlace, bulk_place
from tests.support.bulk_server.faults import instead
from tests.support.bulk_server.server import FILE, BulkServer

EVERYTHING = {"Patient": list(PATIENTS), "Condition": list(CONDITIONS)}
SCRIPT = """
import sys
from pathlib import Path
from orchestration.settings import load_settings
from orchestration.sources.fhir_bulk.pull import fetch, kept_exports
settings = load_settings(Path(sys.argv[1]))
(source,) = settings.sources
kept = kept_exports(source, settings)
with kept.locked():
    fetch(source, kept, lambda words: print(words, flush=True))
"""


def settings_file(place: BulkPlace) -> Path:
    source = place.source
    path = place.root / "equity.toml"
    path.write_text(
        f'''data_dir = "var"
        [[sources]]
        type = "fhir_bulk"
        name = "ehr"
        base_url = "{source.base_url}"
        group_id = "{source.group_id}"
        types = ["Condition", "Patient"]
        client_id = "{source.client_id}"
        key_file = "key.pem"
        key_id = "{source.key_id}"
        ''',
        encoding="utf-8",
    )
    return path


@contextmanager
def pulling(place: BulkPlace) -> Iterator[subprocess.Popen[str]]:
    """A pull in a process of its own, killed without warning when the block ends."""
    command = [sys.executable, "-c", SCRIPT, str(settings_file(place))]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT_ROOT
    ) as process:
        try:
            yield process
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            assert process.returncode == -signal.SIGKILL, process.communicate()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[BulkPlace]:
    with bulk_place(tmp_path) as place:
        # Another process has a clock of its own.
        place.server.authorization.now = lambda: dt.datetime.now(dt.UTC)
        yield place


def test_killed_while_the_server_prepares(place: BulkPlace) -> None:
    place.server.polls = 10**6
    polled = threading.Event()
    place.server.before_status = polled.set
    with pulling(place):
        assert polled.wait(60)
    assert place.under_way()
    place.server.jobs[0].polls_left = 0
    finish(place)
    assert place.lines(place.kept.exports()[0]) == EVERYTHING
    assert place.server.passed["start"] == len(place.server.jobs) == 1
    assert place.server.jobs[0].deleted


def test_killed_in_the_middle_of_a_download(place: BulkPlace) -> None:
    at_second, go_on = threading.Event(), threading.Event()

    def hold(number: int) -> None:
        if number == 1 and not at_second.is_set():
            at_second.set()
            assert go_on.wait(60)

    place.server.before_file = hold
    with pulling(place):
        assert at_second.wait(60)
    go_on.set()
    assert place.under_way() and place.kept.exports() == []
    finish(place)
    assert place.lines(place.kept.exports()[0]) == EVERYTHING
    assert len(place.server.jobs) == 1
    # The first was complete; the second was asked for, and never came.
    assert place.server.downloads() == {f"{FILE}0/0": 1, f"{FILE}0/1": 2, f"{FILE}0/2": 1}


def finish(place: BulkPlace) -> None:
    """The next pull, with the clock of this machine."""
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(settings_file(place))], capture_output=True, text=True, cwd=PROJECT_ROOT
    )
    assert result.returncode == 0, result.stderr
    assert "going on with the export asked for at" in result.stdout


def interrupted(place: BulkPlace) -> None:
    """A pull that ends when one file is there."""
    place.server.script["file"].extend([lambda right: right, *([instead(500)] * 5)])
    with pytest.raises(Exception, match="HTTP 500, 5 time"):
        place.fetch()


def test_what_was_downloaded_is_kept_by_its_content_only(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        interrupted(place)
        (complete,) = place.kept.files_dir.glob("*.ndjson.gz")
        content = bytearray(complete.read_bytes())
        content[20] ^= 1
        complete.write_bytes(content)
        assert place.lines(place.fetch()) == EVERYTHING
        assert place.server.downloads()[f"{FILE}0/0"] == 2


def test_what_is_complete_is_not_asked_for_again(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        interrupted(place)
        assert place.lines(place.fetch()) == EVERYTHING
        assert place.server.downloads()[f"{FILE}0/0"] == 1


def test_addresses_that_are_signed_anew_do_not_bring_files_twice(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.signature = "?signed=1"
        interrupted(place)
        place.server.signature = "?signed=2"
        assert place.lines(place.fetch()) == EVERYTHING
        assert place.server.downloads()[f"{FILE}0/0"] == 1
        assert {request.query for request in place.server.asked_under(FILE)} == {"signed=1", "signed=2"}


def test_files_of_another_manifest_are_not_mixed_in(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        interrupted(place)
        job = place.server.jobs[0]
        job.number += 1  # the server made the export again: another time, other files under the same addresses
        place.server.jobs.insert(0, job)
        place.server.same_addresses = True
        assert place.lines(place.fetch()) == EVERYTHING
        assert place.server.downloads()[f"{FILE}0/0"] == 2


@pytest.mark.parametrize("last_step", ["chmod", "rename", "sync"])
def test_a_process_that_dies_while_an_export_gets_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_step: str
) -> None:
    with bulk_place(tmp_path) as place:
        steps = {"chmod": (Path, "chmod"), "rename": (os, "rename"), "sync": (KeptExports, "finish")}
        owner, name = steps[last_step]

        def die(*arguments: object) -> None:
            if last_step != "chmod" or arguments[1] == 0o400:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(owner, name, die)
            if last_step == "sync":
                patch.setattr(owner, name, _die_at_the_second_call())
            with pytest.raises(KeyboardInterrupt):
                place.fetch()
        place.fetch()
        assert [export.asked.since is None for export in place.kept.exports()] == [True, False]
        assert [job.deleted for job in place.server.jobs] == [True, True]


def _die_at_the_second_call() -> object:
    calls = []

    def finish(kept: KeptExports) -> None:
        calls.append(kept)
        if len(calls) == 2:
            raise KeyboardInterrupt

    return finish


def test_one_pull_at_a_time(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place, place.kept.locked(), pytest.raises(Exception, match="one pull of a source"):
        place.fetch()
    assert isinstance(place.server, BulkServer) and place.server.asked == []
