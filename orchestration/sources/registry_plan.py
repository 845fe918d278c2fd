"""Which files of a registry are which tables: by the layout's file names, or by a mapping file. Opens no table file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from orchestration.errors import SourceError
from orchestration.settings import RegistryFilesSource
from orchestration.sources.layout import REGISTRY, Table
from orchestration.sources.mapping import MappingFile, Part
from orchestration.sources.table_file import SUFFIXES, has_table_suffix

_REMEDY = "docs/registry_layout.md describes the files; for others, write a mapping (docs/mapping.md)"


@dataclass(frozen=True)
class MappedFile:
    """What the mapping says about a file: its part, the constants of its group, the files to join by their name."""

    part: Part
    constants: dict[str, str]
    joined: dict[str, Path]


@dataclass(frozen=True)
class PlannedFile:
    """One file for one table; `label` names it among all sources, `number` counts the parts that read the same file."""

    table: Table
    path: Path
    label: str
    number: int = 1
    mapped: MappedFile | None = None


@dataclass
class Plan:
    """Files in the layout's order of tables, and what the operator should know about the folder."""

    files: list[PlannedFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def plan_layout(source: RegistryFilesSource) -> Plan:
    """`<table>.csv`, `<table>_….csv`, `<table>/….csv`, or .csv.gz or .parquet. Raises SourceError without patients."""
    folder = _folder(source)
    found: dict[str, list[Path]] = {name: [] for name in REGISTRY}
    others: list[str] = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        files = _files_in(entry) if entry.is_dir() else [entry] if has_table_suffix(entry) else []
        table = _table_of(entry)
        if table is not None:
            found[table] += files
        elif files:
            others.append(entry.name)
    for name, paths in found.items():
        _require_one_format(name, paths, folder)
    absent = [name for name, paths in found.items() if not paths]
    for name in absent:
        if REGISTRY[name].is_required:
            have = ", ".join(name for name in found if name not in absent) or "no table of the layout"
            raise SourceError(f"a registry has a {name} file", where=str(folder), found=have, remedy=_REMEDY)
    plan = Plan([_planned(source, REGISTRY[name], path) for name, paths in found.items() for path in paths])
    if absent:
        unknown = f"; not a table of the layout: {', '.join(others)}" if others else ""
        plan.notes.append(f"{source.name} has no {', '.join(absent)}{unknown}")
    return plan


def plan_mapping(source: RegistryFilesSource, mapping: MappingFile) -> Plan:
    """The files that the mapping's globs find. Raises SourceError when a glob finds none or a joined file is absent."""
    folder = _folder(source)
    plan = Plan()
    for name, table in REGISTRY.items():
        times: dict[Path, int] = {}
        for part in mapping.tables.get(name, []):
            joined = {join.name: _existing(folder, join.file, name) for join in part.join}
            for group in part.files:
                for path in _matches(folder, group.glob, name):
                    times[path] = times.get(path, 0) + 1
                    mapped = MappedFile(part, group.constants, joined)
                    plan.files.append(_planned(source, table, path, times[path], mapped))
    absent = [name for name in REGISTRY if name not in mapping.tables]
    if absent:
        plan.notes.append(f"the mapping of {source.name} has no {', '.join(absent)}")
    return plan


def _folder(source: RegistryFilesSource) -> Path:
    if not source.path.is_dir():
        raise SourceError(
            "the source's `path` is a folder",
            where=str(source.path),
            found="a file" if source.path.exists() else "nothing there",
            remedy=f"put (or link) the files there, or correct `path` of the source {source.name} in the settings",
        )
    return source.path


def _planned(
    source: RegistryFilesSource, table: Table, path: Path, number: int = 1, mapped: MappedFile | None = None
) -> PlannedFile:
    again = f"#{number}" if number > 1 else ""
    label = f"{source.name}/{path.relative_to(source.path).as_posix()}{again}"
    return PlannedFile(table, path, label, number, mapped)


def _table_of(entry: Path) -> str | None:
    stem = entry.name.lower()
    for suffix in SUFFIXES:
        stem = stem.removesuffix(suffix)
    for name in REGISTRY:
        if stem == name or (stem.startswith(f"{name}_") and not entry.is_dir()):
            return name
    return None


def _files_in(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if has_table_suffix(path) and not path.name.startswith(".")]


def _require_one_format(name: str, paths: list[Path], folder: Path) -> None:
    kinds = sorted({"Parquet" if path.name.lower().endswith(".parquet") else "CSV" for path in paths})
    if len(kinds) > 1:
        raise SourceError(
            "a table is in one format",
            where=f"{folder}, {name}",
            found=" and ".join(kinds),
            remedy="take one of them away",
        )


def _matches(folder: Path, glob: str, table: str) -> list[Path]:
    paths = sorted(path for path in folder.glob(glob) if path.is_file())
    if not paths:
        raise SourceError(
            f"the mapping's files for {table} exist",
            where=str(folder),
            found=f"none like {glob}",
            remedy="correct `path` or the glob",
        )
    return paths


def _existing(folder: Path, name: str, table: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise SourceError(
            f"the file that the mapping joins to {table} exists",
            where=str(path),
            found="no such file",
            remedy="put it there, or take the join out of the mapping",
        )
    return path
