"""Lands files as extracts: hashes them, skips what is there already, writes the rest in parallel, then switches over.

What a file's rows become is the caller's `write`; this module decides which files need it and keeps the account.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import duckdb

from orchestration.errors import SourceError
from orchestration.sources import sql
from orchestration.sources.content import sha256_of
from orchestration.sources.layout import LAYOUT_VERSION
from orchestration.sources.raw_zone import DATA, REJECTS, Extract, PulledFile, RawZone

Progress = Callable[[str], None]
# Hashing, copying and DuckDB all leave Python's lock; more than two at once only compete for the disk.
_WORKERS = 2


@dataclass(frozen=True)
class Written:
    """What `write` made of a file: columns and types of its data file; `rejects` are (row, reason) of unusable rows."""

    columns: dict[str, str]
    rows_pulled: int
    rejects: list[tuple[int, str]] = field(default_factory=list)
    rows_left_out: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """One file for one table. `part` tells apart several readings of one file; `write` puts DATA into a folder."""

    table: str
    path: Path
    label: str
    write: Callable[[Path], Written]
    part: int = 1
    mapping_sha256: str = ""
    joined: dict[str, Path] = field(default_factory=dict)


def land(zone: RawZone, tasks: list[Task], mode: Literal["snapshot", "append"], progress: Progress) -> list[PulledFile]:
    """Pull `tasks` into the zone and make them the active extracts; in append mode, beside those active already.

    The zone must be locked. Raises SourceError when a file cannot be read as a whole: then nothing has changed.
    """
    with ThreadPoolExecutor(_WORKERS) as pool:
        try:
            identities = _identities(pool, zone, tasks)
            known = {each.extract_id: zone.find(each.task.table, each.extract_id) for each in identities}
            kept = _kept(zone, mode, identities)
            taken = {(extract.table, extract.source_file) for extract in (*kept, *known.values()) if extract}
            pending: dict[str, Future[tuple[Extract, tuple[str, ...]]]] = {}
            for identity in identities:
                if known[identity.extract_id] is None and identity.extract_id not in pending:
                    label = _unused(identity, taken)
                    pending[identity.extract_id] = pool.submit(_land_one, zone, identity, label)
            pulled, extracts = [], []
            for identity in identities:
                file, extract = _finish(identity, known, pending, progress)
                pulled.append(file)
                extracts.append(extract)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    zone.activate([*kept, *extracts], list(pending))
    return pulled


@dataclass(frozen=True)
class _Identity:
    task: Task
    sha256: str
    joined_sha256: dict[str, str]
    extract_id: str
    seen: tuple[int, int]

    @property
    def label(self) -> str:
        return self.task.label


def _identities(pool: ThreadPoolExecutor, zone: RawZone, tasks: list[Task]) -> list[_Identity]:
    paths = list(dict.fromkeys(path for task in tasks for path in (task.path, *task.joined.values())))
    for path in paths:
        if not path.is_file():
            raise SourceError(
                "the file must exist", where=str(path), found="no such file", remedy="put it there or correct `path`"
            )
    seen = {path: _stamp(path) for path in paths}
    hashes = dict(zip(paths, pool.map(sha256_of, paths), strict=True))
    identities = []
    for task in tasks:
        joined = {name: hashes[path] for name, path in task.joined.items()}
        content = [LAYOUT_VERSION, task.table, task.part, task.mapping_sha256, hashes[task.path], joined]
        extract_id = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
        identities.append(_Identity(task, hashes[task.path], joined, extract_id, seen[task.path]))
    return identities


def _kept(zone: RawZone, mode: str, identities: list[_Identity]) -> list[Extract]:
    """What stays active in append mode: earlier extracts, unless the same content is pulled anew by another mapping."""
    if mode == "snapshot":
        return []
    ids = {identity.extract_id for identity in identities}
    renewed = {(identity.task.table, identity.task.part, identity.sha256) for identity in identities}
    return [
        extract
        for extract in zone.active()
        if extract.extract_id in ids or (extract.table, extract.part, extract.sha256) not in renewed
    ]


def _unused(identity: _Identity, taken: set[tuple[str, str]]) -> str:
    """A name for the file that no other active extract of the table has: file and row number point to one row."""
    table, label = identity.task.table, identity.label
    unused = label if (table, label) not in taken else f"{label}@{identity.sha256[:8]}"
    taken.add((table, unused))
    return unused


def _land_one(zone: RawZone, identity: _Identity, label: str) -> tuple[Extract, tuple[str, ...]]:
    task = identity.task
    with zone.landing(task.table, identity.extract_id) as folder:
        written = task.write(folder)
        if _stamp(task.path) != identity.seen:
            raise SourceError(
                "a file stays as it is while it is pulled",
                where=task.label,
                found="it changed",
                remedy="pull again when it is complete",
            )
        if written.rejects:
            _write_rejects(folder / REJECTS, zone.root.name, task.table, label, written.rejects)
        extract = Extract(
            source=zone.root.name,
            table=task.table,
            extract_id=identity.extract_id,
            source_file=label,
            sha256=identity.sha256,
            mapping_sha256=task.mapping_sha256,
            joined_sha256=identity.joined_sha256,
            part=task.part,
            rows_in=written.rows_pulled + len(written.rejects),
            rows_pulled=written.rows_pulled,
            rows_quarantined=len(written.rejects),
            rows_left_out=written.rows_left_out,
            extracted_at=dt.datetime.now(dt.UTC).replace(microsecond=0, tzinfo=None),
            columns=written.columns,
            bytes=(folder / DATA).stat().st_size,
        )
        zone.commit(folder, extract)
    return extract, written.notes


def _stamp(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_size, about.st_mtime_ns


def _finish(
    identity: _Identity,
    known: dict[str, Extract | None],
    pending: dict[str, Future[tuple[Extract, tuple[str, ...]]]],
    progress: Progress,
) -> tuple[PulledFile, Extract]:
    """Wait for the file's extract and say what became of it. Of two files with one content, the second is skipped."""
    extract = known[identity.extract_id]
    skipped, notes = extract is not None, tuple[str, ...]()
    if extract is None:
        extract, notes = pending[identity.extract_id].result()
        known[identity.extract_id] = extract
    file = PulledFile(
        source_name=extract.source,
        table_name=extract.table,
        source_file=extract.source_file,
        extract_id=extract.extract_id,
        sha256=extract.sha256,
        rows_in=extract.rows_in,
        rows_pulled=extract.rows_pulled,
        rows_quarantined=extract.rows_quarantined,
        rows_left_out=extract.rows_left_out,
        skipped=skipped,
    )
    progress(_in_words(identity.label, file))
    for note in notes:
        progress(f"warning: {identity.label}: {note}")
    return file, extract


def _in_words(label: str, file: PulledFile) -> str:
    if file.skipped:
        same = "" if label == file.source_file else f" as {file.source_file}"
        return f"{label}: already pulled{same} ({file.table_name}, {file.rows_pulled:,} rows)"
    others = {"quarantined": file.rows_quarantined, "left out": file.rows_left_out}
    said = "".join(f", {number:,} {what}" for what, number in others.items() if number)
    return f"{label}: {file.rows_pulled:,} rows into {file.table_name}{said}"


def _write_rejects(path: Path, source: str, table: str, label: str, rejects: list[tuple[int, str]]) -> None:
    con = duckdb.connect()
    try:
        con.execute(
            """create temp table rejects as
            select $source as source_name, $table as table_name, $label as source_file,
                cast(unnest($rows) as bigint) as source_row, cast(unnest($reasons) as varchar) as reason""",
            {
                "source": source,
                "table": table,
                "label": label,
                "rows": [row for row, _ in rejects],
                "reasons": [reason for _, reason in rejects],
            },
        )
        con.execute(f"copy rejects to {sql.text(str(path.absolute()))} (format parquet)")
    finally:
        con.close()
