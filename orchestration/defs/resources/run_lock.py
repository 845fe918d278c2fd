"""One run at a time per data folder, whether the command line or the web UI launched it."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.errors import EquityError

LOCK_FILE = "run.lock"


@contextmanager
def exclusive(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for this process. The kernel lets go of it when the process dies, however it dies.

    Raises EquityError that names the process which holds it.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = (data_dir / LOCK_FILE).open("a+", encoding="utf-8")
    except OSError as error:
        raise EquityError(
            "the data folder can be written",
            where=str(data_dir),
            found=error.strerror or type(error).__name__,
            remedy="correct `data_dir` in equity.toml, or the folder's permissions",
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise EquityError(
                "one run at a time in a data folder",
                where=str(data_dir),
                found=_holder(data_dir) or "another run is going on",
                remedy="wait until it ends; `equity query` and the current release can be read meanwhile",
            ) from None
        lock.truncate(0)
        lock.write(json.dumps({"pid": os.getpid(), "since": dt.datetime.now().isoformat(sep=" ", timespec="seconds")}))
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def holder(data_dir: Path) -> str:
    """Which process holds the data folder, in words; empty when none does."""
    path = data_dir / LOCK_FILE
    if not path.is_file():
        return ""
    with path.open("r", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return _holder(data_dir) or "another process"
    return ""


def _holder(data_dir: Path) -> str:
    try:
        content = json.loads((data_dir / LOCK_FILE).read_text(encoding="utf-8"))
        return f"process {int(content['pid'])} has been running since {content['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
