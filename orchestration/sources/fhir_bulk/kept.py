"""Kept exports: what was asked, what came, and what is under way. Complete ones are never changed; no token is kept."""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration.errors import SourceError
from orchestration.sources.fhir_bulk.manifest import Kind

EXPORTS, ABOUT = "_exports", "export.json"
_UNDER_WAY, _STATE, _LOCK = ".under_way", "state.json", ".lock"
# Addresses of exports that the server may delete: complete here, or given up.
_TO_DELETE = ".to_delete"

M = TypeVar("M", bound=BaseModel)


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Asked(_Stored):
    """What an export is about. Two exports can follow one another only when all of it is the same but `since`."""

    base_url: str
    level: str
    group_id: str | None
    types: tuple[str, ...]
    type_filters: tuple[str, ...]
    since: str | None = None

    def same_but_since(self, other: Asked) -> bool:
        """Whether the other one is about the same resources of the same server."""
        return self.model_copy(update={"since": None}) == other.model_copy(update={"since": None})


class KeptFile(_Stored):
    """One downloaded file: `lines` are resources (bundles in `deleted`); `key` finds it in the manifest again."""

    name: str
    key: str
    kind: Kind
    resource_type: str
    lines: int
    bytes: int
    sha256: str


class UnderWay(_Stored):
    """An export that was asked for and is not complete here. Its status address is as good as a key: 0700, 0600.

    `troubled`: how many pulls ended because the server would not say how it stands.
    """

    asked: Asked
    version: str
    status_url: str
    started_at: dt.datetime
    transaction_time: str | None = None
    files: tuple[KeptFile, ...] = ()
    troubled: int = 0


class Export(_Stored):
    """What `export.json` says of a complete export. `outcomes`: the server's own messages, by severity and code."""

    export_id: str
    asked: Asked
    version: str
    started_at: dt.datetime
    completed_at: dt.datetime
    transaction_time: str
    files: tuple[KeptFile, ...]
    outcomes: dict[str, int]


@dataclass(frozen=True)
class KeptExports:
    """The exports of one source, at `root` (`raw/<source>/_exports`)."""

    root: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other exports of this source out. Raises SourceError when one is going on."""
        for folder in (self.root.parent.parent, self.root.parent, self.root):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        with (self.root / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise SourceError(
                    "one pull of a source at a time",
                    where=str(self.root),
                    found="another is going on",
                    remedy="wait until it ends, then pull again",
                ) from None
            yield

    @property
    def files_dir(self) -> Path:
        """Where the files of the export under way are collected."""
        return self.root / _UNDER_WAY

    def under_way(self) -> UnderWay | None:
        """The export that an earlier pull left unfinished."""
        path = self.files_dir / _STATE
        return _read(path, UnderWay) if path.is_file() else None

    def save(self, state: UnderWay) -> None:
        """Remember how far the export under way is; it survives this process."""
        self.files_dir.mkdir(mode=0o700, exist_ok=True)
        _write(self.files_dir / _STATE, state)

    def drop(self) -> None:
        """Forget the export under way and what was downloaded of it."""
        if self.files_dir.is_dir():
            (self.files_dir / _STATE).unlink(missing_ok=True)
            shutil.rmtree(self.files_dir)

    def complete(self, state: UnderWay, completed_at: dt.datetime, outcomes: dict[str, int]) -> None:
        """Give the export under way its place among the complete ones, at once and for good."""
        if state.transaction_time is None:
            raise SourceError("a complete export has its time", where=str(self.root), found="none", remedy="pull again")
        moment = dt.datetime.fromisoformat(state.transaction_time).astimezone(dt.UTC)
        export = Export(
            export_id=f"{self._last_number() + 1:06d}-{moment:%Y%m%dT%H%M%SZ}",
            asked=state.asked,
            version=state.version,
            started_at=state.started_at,
            completed_at=completed_at,
            transaction_time=state.transaction_time,
            files=state.files,
            outcomes=outcomes,
        )
        self.delete_later(state.status_url)
        _write(self.files_dir / ABOUT, export)
        self.finish()

    def finish(self) -> None:
        """Put a complete export in its place, also when an earlier process died while doing so."""
        if not (self.files_dir / ABOUT).is_file():
            return
        export = _read(self.files_dir / ABOUT, Export)
        kept = {ABOUT, *(file.name for file in export.files)}
        for path in list(self.files_dir.iterdir()):
            if path.name in kept:
                path.chmod(0o400)
            else:
                path.unlink()
        sync(self.files_dir)
        os.rename(self.files_dir, self.root / export.export_id)
        sync(self.root)

    def exports(self) -> list[Export]:
        """The complete exports in their order. Raises SourceError when one is missing a file or damaged."""
        exports = [_read(folder / ABOUT, Export) for folder in self._folders()]
        for export in exports:
            for file in export.files:
                path = self.path(export, file)
                size = path.stat().st_size if path.is_file() else None
                if size != file.bytes:
                    raise _damaged(
                        path, "it is missing" if size is None else f"{size:,} bytes instead of {file.bytes:,}"
                    )
        return exports

    def path(self, export: Export, file: KeptFile) -> Path:
        """Where a file of a complete export lies."""
        return self.root / export.export_id / file.name

    def to_delete(self) -> list[str]:
        """Status addresses of exports that the server need not keep any longer."""
        path = self.root / _TO_DELETE
        return path.read_text(encoding="utf-8").split() if path.is_file() else []

    def delete_later(self, status_url: str) -> None:
        """Remember that the server may delete an export."""
        self._write_to_delete([*(url for url in self.to_delete() if url != status_url), status_url])

    def deleted(self, status_url: str) -> None:
        """Nothing is left to delete there."""
        self._write_to_delete([url for url in self.to_delete() if url != status_url])

    def _write_to_delete(self, urls: list[str]) -> None:
        _replace(self.root / _TO_DELETE, "\n".join(urls))

    def _last_number(self) -> int:
        return max((int(path.name.partition("-")[0]) for path in self._folders()), default=0)

    def _folders(self) -> list[Path]:
        return sorted(path for path in self.root.iterdir() if path.is_dir() and path.name[0].isdigit())


def _read(path: Path, model: type[M]) -> M:
    try:
        return model.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        raise _damaged(path, "it cannot be read") from None


def _write(path: Path, content: BaseModel) -> None:
    _replace(path, content.model_dump_json(indent=2) + "\n")


def _replace(path: Path, text: str) -> None:
    writing = path.with_name(f"{path.name}.writing")
    descriptor = os.open(writing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(writing, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """See that what was written there survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _damaged(path: Path, found: str) -> SourceError:
    return SourceError(
        "kept exports are whole",
        where=str(path),
        found=found,
        remedy="put it back from a copy; else delete the source's folder `_exports` and pull everything anew",
    )
