"""Pulls an EHR registry from folders of FHIR resources in NDJSON files, as a bulk export is often handed over."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from orchestration.errors import SourceError
from orchestration.settings import Settings
from orchestration.settings_fhir import FhirFilesSource
from orchestration.sources.fhir.export import DELETED, NdjsonFile
from orchestration.sources.fhir.ndjson import land_ndjson
from orchestration.sources.fhir.resources import TYPES
from orchestration.sources.landing import Progress
from orchestration.sources.raw_zone import PulledFile
from orchestration.sources.table_file import is_gzip

SUFFIXES = (".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz")
_MANIFEST = "manifest.json"
_FIRST_LINE = 1 << 20
_TYPE_IN_NAME = re.compile(r"[A-Z][A-Za-z]+")


@dataclass
class Plan:
    """Files in export order, and what the operator should know about the folder."""

    files: list[NdjsonFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def pull(source: FhirFilesSource, settings: Settings, progress: Progress) -> list[PulledFile]:
    """Bring the folder's resources into the raw zone; nothing is read when the files are those of the last pull.

    One entry per file and table. Raises SourceError when the folder or a file cannot be used as a whole: then the
    active extracts are those of before.
    """
    plan = plan_files(source)
    for note in plan.notes:
        progress(f"warning: {note}")
    return land_ndjson(source.name, plan.files, settings, progress, source)


def plan_files(source: FhirFilesSource) -> Plan:
    """Which files there are, of which type and export. Raises SourceError without any.

    Files beside each other are one export; each folder below `path` is an export of its own, older ones first: by the
    `transactionTime` of their manifest.json, else by their names.
    """
    if not source.path.is_dir():
        raise SourceError(
            "the source's `path` is a folder",
            where=str(source.path),
            found="a file" if source.path.exists() else "nothing there",
            remedy=f"put (or link) the files there, or correct `path` of the source {source.name} in the settings",
        )
    plan = Plan()
    folders = [source.path, *(path for path in sorted(source.path.rglob("*")) if path.is_dir())]
    exports = [(folder, paths) for folder in folders if (paths := _resources(folder)) and not _is_deleted(folder)]
    times = {folder: _exported_at(folder) for folder, _ in exports}
    if len(exports) > 1 and any(time is None for time in times.values()):
        times = dict.fromkeys(times)
        plan.notes.append(f"{source.name}: exports are put in the order of their folders' names")
    for folder, paths in sorted(exports, key=lambda export: times[export[0]] or dt.datetime.min.replace(tzinfo=dt.UTC)):
        deleted = [path for path in sorted((folder / DELETED).glob("*")) if _is_resources(path)]
        for path in [*paths, *deleted]:
            label = f"{source.name}/{path.relative_to(source.path).as_posix()}"
            is_deletion = path in deleted or path.name.lower().startswith(f"{DELETED}.")
            kind = "Bundle" if is_deletion else _type_of(path, label)
            if kind is None:
                plan.notes.append(f"{label} is passed over: neither its name nor its first line tells the type")
                continue
            plan.files.append(NdjsonFile(kind, path, label, times[folder], is_deletion))
    if not plan.files:
        raise SourceError(
            "the source's folder has NDJSON files",
            where=str(source.path),
            found="no file that ends in " + ", ".join(SUFFIXES),
            remedy="correct `path`, or export as application/fhir+ndjson",
        )
    return plan


def _resources(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if _is_resources(path)]


def _is_resources(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")


def _is_deleted(folder: Path) -> bool:
    return folder.name.lower() == DELETED


def _type_of(path: Path, label: str) -> str | None:
    """The resource type: a part of the name such as in Patient.000.ndjson, else what the first line says."""
    for part in re.split(r"[._\-\s]", path.name):
        if part in TYPES or part == "Bundle":
            return part
    try:
        with gzip.open(path, "rb") if is_gzip(path) else path.open("rb") as file:
            content = json.loads(file.readline(_FIRST_LINE))
    except OSError as error:
        raise SourceError(
            "the file can be read",
            where=label,
            found=error.strerror or type(error).__name__,
            remedy="check that this user may read it, and that it is whole",
        ) from None
    except (EOFError, ValueError):
        content = None
    kind = content.get("resourceType") if isinstance(content, dict) else None
    if isinstance(kind, str) and _TYPE_IN_NAME.fullmatch(kind):
        return kind
    named = [part for part in re.split(r"[._\-\s]", path.name) if _TYPE_IN_NAME.fullmatch(part)]
    return named[0] if named else None


def _exported_at(folder: Path) -> dt.datetime | None:
    """The time of the export, as its manifest states it."""
    try:
        content = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        time = dt.datetime.fromisoformat(content["transactionTime"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)
