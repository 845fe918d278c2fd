"""Writes one release: tables, database, report, quality page and manifest; current once it has proved itself."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from orchestration.errors import BlockedError
from orchestration.release.data_package import write_data_package
from orchestration.release.guard import STATUS_WORDS, require_safe
from orchestration.release.ledger import settle, shown_before
from orchestration.release.manifest import build_manifest, file_entries, write_manifest
from orchestration.release.measure_reports import MEASURE_REPORTS, write_measure_reports
from orchestration.release.published_database import write_published_database
from orchestration.release.references import reference_changes
from orchestration.release.report import render
from orchestration.release.store import StagedRelease, current_release, staged_release
from orchestration.release.table_files import write_table_files
from orchestration.release.tables import Tables, read_tables
from orchestration.release.verify import DATABASE, QUALITY_PAGE, REPORT, table_findings, verify_directory
from orchestration.release.workbook import WORKBOOK, get_ready, sheets_of, write_workbook
from orchestration.settings import Settings

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


@dataclass(frozen=True)
class ReleaseResult:
    """A release that is now current: where it lies, its rows by table, and its manifest."""

    release_id: str
    path: Path
    rows: dict[str, int]
    manifest: dict[str, Any]


def build_release(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    run_id: str,
    code_version: str,
    *,
    quality: pd.DataFrame,
    quality_page: str,
) -> ReleaseResult:
    """Publish what the warehouse's schema `publish` holds. Whether it may be published is the caller's question.

    `quality` is the protected quality table, `quality_page` the page made from it. The same data give the same bytes,
    release id and time aside. Raises BlockedError when a table would show what must stay hidden; the previous release
    then stays current.
    """
    now = dt.datetime.now(dt.UTC)
    # The workbook is Python all through, and would hold up the others: it has a process of its own, which gets ready
    # while the tables are read.
    with (
        staged_release(settings, run_id, now) as staged,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as aside,
    ):
        aside.submit(get_ready)
        before = current_release(settings)
        tables = read_tables(con, quality, release_id=staged.release_id, before=before)
        changes = reference_changes(tables["gaps"], _gaps_of(before) if before else None)
        require_safe(tables, settings.disclosure.min_cell, hides_zeros=settings.disclosure.hides_zeros)
        manifest = build_manifest(
            con,
            tables,
            settings,
            release_id=staged.release_id,
            run_id=run_id,
            code_version=code_version,
            created_at=now,
            reference_changes=changes,
        )
        manifest = _write(staged, tables, manifest, settings, quality_page, now, aside)
    settle(settings.releases_dir)
    rows = {name: table.num_rows for name, table in tables.items()}
    return ReleaseResult(staged.release_id, settings.releases_dir / staged.release_id, rows, manifest)


def _gaps_of(release: Path) -> pa.Table | None:
    """The gaps of an earlier release; None where it has none that can be read."""
    try:
        return pq.read_table(release / "tables" / "gaps.parquet")
    except (OSError, pa.ArrowException):
        return None


def _write(
    staged: StagedRelease,
    tables: Tables,
    manifest: dict[str, Any],
    settings: Settings,
    quality_page: str,
    now: dt.datetime,
    aside: ProcessPoolExecutor,
) -> dict[str, Any]:
    """Every file of the release, then the manifest with their hashes, then the same check that anybody can repeat."""
    window = manifest["window"]
    policy: dict[str, Any] = {
        "min_cell": settings.disclosure.min_cell,
        "hides_zeros": settings.disclosure.hides_zeros,
    }

    def checked_tables(*written: Future[None]) -> list[str]:
        for file in written:
            file.result()
        shown = shown_before(settings.releases_dir, staged.release_id)
        return table_findings(staged.path, manifest, **policy, guarded=tables, shown=shown)

    # Files are written and read again outside Python's lock, so the report is drawn meanwhile.
    with ThreadPoolExecutor(2, thread_name_prefix="release") as pool:
        workbook = aside.submit(
            partial(write_workbook, title=settings.title, release_id=staged.release_id, created_at=now),
            sheets_of(tables),
            staged.path / WORKBOOK,
        )
        files = [
            pool.submit(write_published_database, tables, staged.path / DATABASE),
            pool.submit(write_table_files, tables, staged.path / "tables"),
        ]
        files.append(
            pool.submit(
                partial(write_measure_reports, created_at=now),
                *(tables["measures"], tables["strata"], staged.path / MEASURE_REPORTS),
            )
        )
        of_tables = pool.submit(checked_tables, *files)
        report = render(
            tables,
            title=settings.title,
            as_of=dt.date.fromisoformat(manifest["data_as_of"]),
            window=(dt.date.fromisoformat(window["starts_on"]), dt.date.fromisoformat(window["ends_on"])),
            release_id=staged.release_id,
            created_at=now,
            demo=settings.demo,
        )
    workbook.result()
    for name, page in ((REPORT, report), (QUALITY_PAGE, quality_page)):
        path = staged.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    write_data_package(
        *(staged.path, file_entries(staged.path)),
        title=settings.title,
        release_id=staged.release_id,
        created_at=now,
        words=STATUS_WORDS,
    )
    whole = write_manifest(manifest, staged.path)
    checked = verify_directory(staged.path, **policy, of_tables=of_tables.result())
    if not checked.ok:
        raise BlockedError(
            "a release passes its own verification before it becomes current",
            where=f"release {staged.release_id}",
            found="; ".join(checked.findings[:5]),
            remedy="run again; if it persists, the finding names the part to correct",
        )
    return whole
