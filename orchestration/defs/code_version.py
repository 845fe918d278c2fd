"""Which code made a run's numbers: the package's version and a hash over the code itself, committed or not."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from orchestration.settings import PROJECT_ROOT

_CODE = ("orchestration", "expectations", "dbt_project", "seeds", "requirements.lock")
_NOT_CODE = ("target", "logs", "dbt_packages", "__pycache__")


@cache
def code_version(root: Path = PROJECT_ROOT) -> str:
    """Version and content hash, as `0.1.0+1f0a2b3c4d5e`: equal for equal code, whatever the commit or the clone."""
    digest = hashlib.sha256()
    for path in _files(root):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return f"{project['version']}+{digest.hexdigest()[:12]}"


def _files(root: Path) -> Iterator[Path]:
    for name in _CODE:
        if (root / name).is_file():
            yield root / name
        for folder, folders, names in os.walk(root / name):
            folders[:] = sorted(inner for inner in folders if inner not in _NOT_CODE)
            yield from (Path(folder) / file for file in sorted(names) if not file.startswith("."))
