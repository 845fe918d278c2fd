"""The dbt project and its parsed form: parsed in this process when a file of it changed, and kept by content.

Nothing in the parsed form depends on a data folder or on a run, so every run and every test shares it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.defs.dbt_invoke import invoke
from orchestration.errors import TransformError
from orchestration.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from dagster_dbt import DbtProject

PROJECT_DIR = PROJECT_ROOT / "dbt_project"
SEEDS_DIR = PROJECT_ROOT / "seeds"
# dbt names the database after its file; only that name is in the parsed form, so any folder will do.
_NO_WAREHOUSE = Path("warehouse.duckdb")
_MANIFEST, _STATE = "manifest.json", "partial_parse.msgpack"
_KEPT = 3


@dataclass(frozen=True)
class ParsedProject:
    """The dbt project in `project_dir` and the folder of its parsed form."""

    project_dir: Path
    parsed_dir: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """manifest.json: what Dagster's assets and checks are made of."""
        content: dict[str, Any] = json.loads((self.parsed_dir / _MANIFEST).read_text(encoding="utf-8"))
        return content

    @cached_property
    def project(self) -> DbtProject:
        """Where the project lies, as dagster-dbt wants to know it."""
        from dagster_dbt import DbtProject

        return DbtProject(self.project_dir, target_path=self.parsed_dir, profiles_dir=self.project_dir)

    def runnable(self) -> Any:
        """dbt's own Manifest, ready to be run without parsing again; a run changes it, so each run takes a new one."""
        from dbt.contracts.graph.manifest import Manifest

        manifest = Manifest.from_msgpack((self.parsed_dir / _STATE).read_bytes())
        manifest.build_flat_graph()  # type: ignore[no-untyped-call]
        return manifest


def is_parsed(project_dir: Path = PROJECT_DIR) -> bool:
    """Whether the project as it is now has been parsed before."""
    return (_parsed_root(project_dir) / project_state(project_dir) / _MANIFEST).is_file()


def parsed_project(project_dir: Path = PROJECT_DIR) -> ParsedProject:
    """The parsed form of the project as it is now. Raises TransformError when dbt cannot parse it."""
    root = _parsed_root(project_dir)
    parsed_dir = root / project_state(project_dir)
    if not (parsed_dir / _MANIFEST).is_file():
        _parse(project_dir, root, parsed_dir)
    return ParsedProject(project_dir, parsed_dir)


def project_state(project_dir: Path = PROJECT_DIR) -> str:
    """A hash over everything that the parsed form depends on: the project's files, the seeds, the versions of dbt."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')} {project_dir}".encode())
    for path in _files(project_dir):
        digest.update(path.relative_to(project_dir.parent).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _files(project_dir: Path) -> Iterator[Path]:
    seeds_dir = project_dir.parent / SEEDS_DIR.name
    for root in (project_dir, seeds_dir):
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(
                name for name in folders if name not in ("target", "logs", "dbt_packages", "__pycache__")
            )
            yield from (Path(folder) / name for name in sorted(names) if not name.startswith("."))


def _parsed_root(project_dir: Path) -> Path:
    return project_dir / "target" / "parsed"


def _parse(project_dir: Path, root: Path, parsed_dir: Path) -> None:
    """Parse aside and rename into place: several processes may find the project unparsed at the same time."""
    writing = root / f".writing-{os.getpid()}"
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir(parents=True)
    try:
        earlier = _newest_first(root)
        if earlier:
            shutil.copyfile(earlier[0] / _STATE, writing / _STATE)
        result = invoke(["parse"], project_dir=project_dir, warehouse=_NO_WAREHOUSE, target_dir=writing)
        if isinstance(result.exception, KeyboardInterrupt):
            raise result.exception
        if not result.success:
            raise TransformError(
                "dbt can parse the project",
                where=str(project_dir),
                found=_first_lines(str(result.exception)),
                remedy="correct the file named; `dbt parse` in that folder shows more",
            )
        try:
            writing.rename(parsed_dir)
        except OSError:
            if not (parsed_dir / _MANIFEST).is_file():
                raise
    finally:
        shutil.rmtree(writing, ignore_errors=True)
    for old in _newest_first(root)[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def _first_lines(message: str) -> str:
    """Parsing sees the project's files only, so what dbt says of them can be passed on."""
    return "; ".join(line.strip() for line in message.splitlines()[:4] if line.strip()) or "an error"


def _newest_first(root: Path) -> list[Path]:
    folders = [path for path in root.iterdir() if not path.name.startswith(".") and (path / _STATE).is_file()]
    return sorted(folders, key=lambda path: path.stat().st_mtime_ns, reverse=True)
