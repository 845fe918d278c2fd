"""The raw zone: immutable extracts, one folder each, and the list of those that are active.

An extract is written aside and renamed into place, and the list is replaced when all of them are there: a pull lands
whole or not at all, also when it is killed. Everything here is patient data: folders are 0700.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration.errors import SourceError

DATA, REJECTS, ABOUT = "data.parquet", "rejects.parquet", "extract.json"
_CURRENT, _LAST_PULL, _LOCK, _WRITING = "current.json", "last_pull.json", ".lock", ".writing-"
_PULLED_WITH = "pulled_with.json"


class Extract(BaseModel):
    """What `extract.json` says. `rows_in` = `rows_pulled` + `rows_quarantined`; `rows_left_out` are those that the
    mapping's `where` did not select, or that do not count by their status or version. `columns`: the data file's
    columns and types; `bytes`: its size.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    table: str
    extract_id: str
    source_file: str
    sha256: str
    mapping_sha256: str
    joined_sha256: dict[str, str]
    part: int
    rows_in: int
    rows_pulled: int
    rows_quarantined: int
    rows_left_out: int
    extracted_at: dt.datetime
    columns: dict[str, str]
    bytes: int


@dataclass(frozen=True)
class PulledFile:
    """One file of a pull: how many rows came in and what became of them. `skipped`: its content was there already."""

    source_name: str
    table_name: str
    source_file: str
    extract_id: str
    sha256: str
    rows_in: int
    rows_pulled: int
    rows_quarantined: int
    rows_left_out: int
    skipped: bool


@dataclass(frozen=True)
class RawZone:
    """The raw zone of one source, at `root` (`raw/<source>`)."""

    root: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other pulls of this source out (SourceError if one is going on); clear away what a killed one left."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.root.parent, self.root):
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
            for leftover in self.root.glob(f"*/{_WRITING}*"):
                shutil.rmtree(leftover)
            yield

    def find(self, table: str, extract_id: str) -> Extract | None:
        """The extract when it is there and whole, else None."""
        folder = self._folder(table, extract_id)
        if not folder.is_dir():
            return None
        try:
            return read_extract(folder)
        except SourceError:
            # The source file is at hand: a damaged extract is replaced.
            shutil.rmtree(folder)
            return None

    @contextmanager
    def landing(self, table: str, extract_id: str) -> Iterator[Path]:
        """A folder to write an extract into; `commit` gives it its place. It vanishes when the block fails."""
        folder = self._folder(table, _WRITING + extract_id)
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def commit(self, folder: Path, extract: Extract) -> None:
        """Give a written extract its place: from here on it is never changed."""
        (folder / ABOUT).write_text(extract.model_dump_json(indent=2) + "\n", encoding="utf-8")
        for path in folder.iterdir():
            path.chmod(0o400)
            _sync(path)
        os.rename(folder, self._folder(extract.table, extract.extract_id))

    def active(self) -> list[Extract]:
        """The active extracts in the order they were pulled in. Raises SourceError when one is missing or damaged."""
        return [
            read_extract(self._folder(table, extract_id))
            for table, extract_ids in self._read(_CURRENT).items()
            for extract_id in extract_ids
        ]

    def has_been_pulled(self) -> bool:
        """Whether a pull of this source has ever been completed."""
        return (self.root / _CURRENT).is_file()

    def newly_landed(self) -> set[str]:
        """Ids of the extracts that the last pull brought in."""
        return set(self._read(_LAST_PULL).get("landed", []))

    def activate(self, extracts: list[Extract], landed: list[str]) -> None:
        """Replace the list of active extracts by `extracts`; the last pull brought in those with ids `landed`."""
        current: dict[str, list[str]] = {}
        for extract in extracts:
            ids = current.setdefault(extract.table, [])
            if extract.extract_id not in ids:
                ids.append(extract.extract_id)
        self._write(_LAST_PULL, {"landed": landed})
        self._write(_CURRENT, current)

    def record_settings(self, source: BaseModel) -> None:
        """Note by a hash the settings that what is active now was pulled with."""
        self._write(_PULLED_WITH, {"sha256": [_digest(source)]})

    def was_pulled_with(self, source: BaseModel) -> bool:
        """False when what is active was pulled with other settings; True also where nothing was noted."""
        digest = _digest(source)
        return self._read(_PULLED_WITH).get("sha256", [digest]) == [digest]

    def data_path(self, extract: Extract) -> Path:
        """The extract's rows."""
        return self._folder(extract.table, extract.extract_id) / DATA

    def rejects_path(self, extract: Extract) -> Path:
        """What could not be used of the source file; there only when there is such a row."""
        return self._folder(extract.table, extract.extract_id) / REJECTS

    def _folder(self, table: str, extract_id: str) -> Path:
        return self.root / table / extract_id

    def _read(self, file_name: str) -> dict[str, list[str]]:
        path = self.root / file_name
        if not path.is_file():
            return {}
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return {str(key): [str(item) for item in value] for key, value in content.items()}
        except (ValueError, AttributeError, TypeError):
            raise _damaged(path, "it cannot be read") from None

    def _write(self, file_name: str, content: dict[str, list[str]]) -> None:
        writing = self.root / f"{_WRITING}{file_name}"
        writing.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        _sync(writing)
        os.replace(writing, self.root / file_name)


def zone_of(raw_dir: Path, source_name: str) -> RawZone:
    """The raw zone of the source of that name."""
    return RawZone(raw_dir / source_name)


def read_extract(folder: Path) -> Extract:
    """What is in the folder of an extract. Raises SourceError when it is missing or damaged."""
    try:
        extract = Extract.model_validate_json((folder / ABOUT).read_text(encoding="utf-8"))
        size = (folder / DATA).stat().st_size
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        found = "a file is missing" if isinstance(error, OSError) else f"{ABOUT} cannot be read"
        raise _damaged(folder, found) from None
    if size != extract.bytes:
        raise _damaged(folder, f"{DATA} has {size:,} bytes instead of {extract.bytes:,}")
    return extract


def _digest(source: BaseModel) -> str:
    # Of every field: what a dump leaves out because it names a server or a client says whose data these are.
    fields = {name: repr(getattr(source, name)) for name in type(source).model_fields}
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()


def _damaged(path: Path, found: str) -> SourceError:
    return SourceError(
        "the raw zone is whole",
        where=str(path),
        found=found,
        remedy="delete it and pull again; in append mode, put its source file back first",
    )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
