"""The folder of releases: one is written aside and swapped in whole, and is never changed afterwards.

Killed at any point, the old release stays current; what was left lying is cleared by the next publication.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.errors import EquityError
from orchestration.release.ledger import shown_before
from orchestration.release.manifest import MANIFEST_NAME
from orchestration.release.verify import Verification, verify_directory
from orchestration.settings import Settings

CURRENT = "current"
_STAGING, _POINTER, _LOCK = ".staging-", ".current-", ".lock"
_RELEASE_ID = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{8}")
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class StagedRelease:
    """A release in the making: its id, and the folder to write it into."""

    release_id: str
    path: Path


@dataclass(frozen=True)
class ReleaseSummary:
    """One line of `equity release list`; `manifest` is None when it cannot be read."""

    release_id: str
    is_current: bool
    path: Path
    manifest: dict[str, Any] | None


@contextmanager
def staged_release(settings: Settings, run_id: str, now: dt.datetime) -> Iterator[StagedRelease]:
    """A folder that becomes the current release when the block ends well, and vanishes when it does not.

    Raises EquityError when another publication is under way.
    """
    root = settings.releases_dir
    root.mkdir(parents=True, exist_ok=True)
    with _only_publisher(root):
        _clear_leftovers(root)
        release_id = _new_release_id(root, run_id, now)
        staging = root / f"{_STAGING}{release_id}"
        staging.mkdir()
        try:
            yield StagedRelease(release_id, staging)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        _make_durable(staging)
        os.rename(staging, root / release_id)
        _sync(root)
        _point_current_at(root, release_id)


def current_release(settings: Settings) -> Path | None:
    """The folder of the current release, or None before the first."""
    pointer = settings.releases_dir / CURRENT
    return pointer.resolve() if pointer.is_dir() else None


def list_releases(settings: Settings) -> list[ReleaseSummary]:
    """Every release, newest first; one whose manifest cannot be read is listed without it."""
    current = current_release(settings)
    return [
        ReleaseSummary(path.name, path.resolve() == current, path, _manifest_or_none(path))
        for path in sorted(_release_folders(settings.releases_dir), reverse=True)
    ]


def show_release(settings: Settings, release_id: str = CURRENT) -> dict[str, Any]:
    """The manifest of one release. Raises EquityError when there is no such release or its manifest cannot be read."""
    path = find_release(settings, release_id)
    manifest = _manifest_or_none(path)
    if manifest is None:
        raise EquityError(
            "a release has a readable manifest",
            where=str(path / MANIFEST_NAME),
            found="missing or not JSON",
            remedy=f"`equity release verify {path.name}` lists what is wrong with it",
        )
    return manifest


def verify_release(settings: Settings, release_id: str = CURRENT) -> Verification:
    """Recompute what the release promises: hashes, files, manifest, same rows in every format, no small count, and none
    that follows from what an earlier release showed.
    """
    path = find_release(settings, release_id)
    return verify_directory(
        path,
        min_cell=settings.disclosure.min_cell,
        hides_zeros=settings.disclosure.hides_zeros,
        shown=shown_before(settings.releases_dir, path.name),
    )


def find_release(settings: Settings, release_id: str = CURRENT) -> Path:
    """The folder of a release by its id, or of the current one. Raises EquityError when there is none."""
    root = settings.releases_dir
    if release_id == CURRENT:
        path = current_release(settings)
        if path is not None:
            return path
        raise EquityError(
            "there is a current release", where=str(root), found="none yet", remedy="`equity run` publishes one"
        )
    if not _RELEASE_ID.fullmatch(release_id) or not (root / release_id).is_dir():
        raise EquityError(
            "the release exists", where=str(root), found=f"no release {release_id!r}", remedy="`equity release list`"
        )
    return root / release_id


def _release_folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [path for path in root.iterdir() if _RELEASE_ID.fullmatch(path.name) and path.is_dir()]


def _manifest_or_none(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads((path / MANIFEST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


@contextmanager
def _only_publisher(root: Path) -> Iterator[None]:
    """Hold the lock that the kernel gives back by itself when a publisher dies."""
    with (root / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise EquityError(
                "one publication at a time",
                where=str(root),
                found="another one is writing there",
                remedy="wait until it ends, then run again",
            ) from None
        yield


def _clear_leftovers(root: Path) -> None:
    """Remove what a killed publication left: with the lock held, nobody is writing it."""
    for path in root.iterdir():
        if path.name.startswith(_STAGING) and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name.startswith(_POINTER) and path.is_symlink():
            path.unlink()


def _new_release_id(root: Path, run_id: str, now: dt.datetime) -> str:
    """UTC time and a short form of the run id; later than every release there is, even if the clock went back."""
    moment = now.astimezone(dt.UTC).replace(microsecond=0)
    for path in _release_folders(root):
        stamped = dt.datetime.strptime(path.name[:16], _STAMP).replace(tzinfo=dt.UTC)
        moment = max(moment, stamped + dt.timedelta(seconds=1))
    return f"{moment.strftime(_STAMP)}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"


def _make_durable(staging: Path) -> None:
    """Make every file read-only and have the disk confirm it before the release gets its name."""
    for folder, _, names in os.walk(staging):
        for name in names:
            path = Path(folder) / name
            path.chmod(0o444)
            _sync(path)
        _sync(Path(folder))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _point_current_at(root: Path, release_id: str) -> None:
    pointer = root / f"{_POINTER}{release_id}"
    pointer.symlink_to(release_id)
    try:
        os.replace(pointer, root / CURRENT)
    except OSError as error:
        pointer.unlink(missing_ok=True)
        raise EquityError(
            "`current` is a link to a release",
            where=str(root / CURRENT),
            found=f"something that cannot be replaced ({error.strerror})",
            remedy="move it away; then publish again",
        ) from None
    _sync(root)
