"""One run at a time per data folder, with the other one named; a process that dies lets go."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestration.defs.resources.run_lock import exclusive, holder
from orchestration.errors import EquityError
from orchestration.settings import PROJECT_ROOT

HOLD = """
import sys
from pathlib import Path
from orchestration.defs.resources.run_lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(data_dir)]
    with subprocess.Popen(
        command, cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_is_refused_and_told_about_the_first(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as other:
        with (
            pytest.raises(EquityError, match=f"process {other.pid} has been running since") as refused,
            exclusive(tmp_path),
        ):
            pass
        assert "one run at a time" in str(refused.value)
        assert str(other.pid) in holder(tmp_path)


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as other:
        other.kill()
        other.wait()
        with exclusive(tmp_path):
            pass


def test_the_same_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    with exclusive(tmp_path), pytest.raises(EquityError, match=f"process {os.getpid()}"), exclusive(tmp_path):
        pass


def test_it_is_free_again_afterwards_even_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path):
        raise ZeroDivisionError
    assert holder(tmp_path) == ""
    with exclusive(tmp_path):
        assert holder(tmp_path) != ""


def test_another_folder_is_free(tmp_path: Path) -> None:
    with exclusive(tmp_path / "a"), exclusive(tmp_path / "b"):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(EquityError, match="data folder can be written"), exclusive(tmp_path / "file" / "var"):
        pass
