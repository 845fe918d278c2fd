"""The files of a source as they came: which export each belongs to, and the hash of everything that decides on rows."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import SourceError
from orchestration.sources.content import require_whole_gzip, sha256_of
from orchestration.sources.table_file import is_gzip

# Name of the folder beside an export's files that holds its deletions.
DELETED = "deleted"


@dataclass(frozen=True)
class NdjsonFile:
    """One .ndjson or .ndjson.gz file. `label` names it in messages and in the raw zone, unlike any other's.

    `exported_at`: when its export was made, in UTC or with an offset. Files in the same folder, and in its `deleted`
    folder, are one export: two exports may well have one time, as where a server states that of its nightly load.
    `is_deletion`: Bundles that say what was deleted since the export before, whatever their `resource_type`.
    """

    resource_type: str
    path: Path
    label: str
    exported_at: dt.datetime | None
    is_deletion: bool = False


@dataclass(frozen=True)
class NumberedFile:
    """A file with its place: `number` counts files from 1, `export` counts exports from 1; `sha256` of its bytes."""

    file: NdjsonFile
    number: int
    export: int
    sha256: str
    stamp: tuple[int, int]

    @property
    def exported_at(self) -> str | None:
        """As ISO text in UTC; a time without an offset is UTC."""
        at = self.file.exported_at
        if at is None:
            return None
        return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).astimezone(dt.UTC).isoformat()

    def require_unchanged(self) -> None:
        """Raise SourceError when the file is no longer what was hashed."""
        if _stamp(self.file.path) != self.stamp:
            raise SourceError(
                "a file stays as it is while it is pulled",
                where=self.file.label,
                found="it changed",
                remedy="pull again when it is complete",
            )


def numbered(files: Sequence[NdjsonFile]) -> list[NumberedFile]:
    """The files in order, each with its export and hash. Raises SourceError when one is missing or a cut gzip."""
    for file in files:
        if not file.path.is_file():
            raise SourceError(
                "the file must exist", where=file.label, found="no such file", remedy=f"expected at {file.path}"
            )
        if is_gzip(file.path):
            require_whole_gzip(file.path, file.label)
    stamps = [_stamp(file.path) for file in files]
    with ThreadPoolExecutor(2) as pool:
        hashes = list(pool.map(sha256_of, [file.path for file in files]))
    found: list[NumberedFile] = []
    before: Path | None = None
    export = 0
    for number, file in enumerate(files, start=1):
        of = file.path.parent.parent if file.is_deletion and file.path.parent.name == DELETED else file.path.parent
        export += of != before
        before = of
        found.append(NumberedFile(file, number, export, hashes[number - 1], stamps[number - 1]))
    return found


def identity(files: Sequence[NumberedFile], rules: Sequence[str]) -> str:
    """Hash of the files' content, order and kind, and of the rules by which they are read."""
    content = [[each.file.label, each.sha256, each.export, each.exported_at, each.file.is_deletion] for each in files]
    return hashlib.sha256(json.dumps([content, list(rules)]).encode()).hexdigest()


def _stamp(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_size, about.st_mtime_ns
