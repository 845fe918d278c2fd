"""What identifies a file's content: its SHA-256, and whether a gzip file is whole. Nothing here looks at rows."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path

from orchestration.errors import SourceError

_BLOCK = 1 << 20


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of the file as it lies on disk. Raises SourceError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(
            "the file can be read",
            where=str(path),
            found=error.strerror or type(error).__name__,
            remedy="check that it is there and that this user may read it",
        ) from None


def require_whole_gzip(path: Path, label: str) -> None:
    """Raise SourceError unless the gzip file is complete and its checksum right: not every reader notices."""
    try:
        with gzip.open(path, "rb") as file:
            while file.read(_BLOCK):
                pass
    except (OSError, EOFError, zlib.error) as error:
        found = "it ends too early" if isinstance(error, EOFError) else "it is damaged, or no gzip file"
        raise SourceError(
            "a .gz file is a whole gzip file", where=label, found=found, remedy="copy or export the file again"
        ) from None
