"""Holds a release folder to its promises: the manifest's shape, every file's hash, the same safe rows everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]

from orchestration.release.audit import audit_findings
from orchestration.release.audit_earlier import earlier_findings
from orchestration.release.columns import TABLES
from orchestration.release.data_package import DATA_PACKAGE
from orchestration.release.guard import guard_findings
from orchestration.release.manifest import MANIFEST_NAME, MANIFEST_VERSION, SHAPE, file_entries
from orchestration.release.measure_reports import MEASURE_REPORTS, measure_report_findings
from orchestration.release.published_database import read_published_database
from orchestration.release.table_files import neutralised, read_csv, read_parquet
from orchestration.release.tables import Tables
from orchestration.release.workbook import WORKBOOK

if TYPE_CHECKING:
    import pandas as pd

DATABASE = "published.duckdb"
REPORT = "report/index.html"
QUALITY_PAGE = "quality/index.html"
EXPECTED_FILES = (
    *(f"tables/{name}.{ending}" for name in TABLES for ending in ("csv", "parquet")),
    *(DATABASE, WORKBOOK, DATA_PACKAGE, REPORT, QUALITY_PAGE),
)


@dataclass(frozen=True)
class Verification:
    """What was looked at and what is wrong; `ok` when nothing is."""

    release_id: str
    files_checked: int
    findings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """True when every promise was kept."""
        return not self.findings


def verify_directory(
    path: Path,
    *,
    min_cell: int,
    hides_zeros: bool = False,
    of_tables: Sequence[str] | None = None,
    shown: pd.DataFrame | None = None,
) -> Verification:
    """Findings about the release in `path`, in plain words and without any published number.

    `min_cell` is today's smallest count that may be shown and `hides_zeros` whether zeros may not; the release's own
    settings are applied too, the stricter wins.
    `of_tables`: what `table_findings` gave, where that was asked already; `shown`: what earlier releases showed.
    """
    manifest, findings = _read_manifest(path)
    entries = file_entries(path)
    findings += _file_findings(manifest, entries, path)
    if of_tables is None:
        own = _own_policy(manifest)
        of_tables = table_findings(
            path,
            manifest,
            min_cell=max(min_cell, own["min_cell"] if isinstance(own.get("min_cell"), int) else 0),
            hides_zeros=hides_zeros or own.get("zeros") == "suppress",
            shown=shown,
        )
    return Verification(path.name, len(entries), (*findings, *of_tables))


def _own_policy(manifest: dict[str, Any]) -> dict[str, Any]:
    """What the release itself promised to hide; empty where its manifest does not say."""
    value: Any = manifest
    for name in ("settings", "disclosure"):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _read_manifest(path: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        manifest = json.loads((path / MANIFEST_NAME).read_text(encoding="utf-8"))
    except OSError:
        return {}, [f"{MANIFEST_NAME}: missing"]
    except ValueError:
        return {}, [f"{MANIFEST_NAME}: not JSON in UTF-8"]
    if not isinstance(manifest, dict):
        return {}, [f"{MANIFEST_NAME}: not an object"]
    findings = [
        f"{MANIFEST_NAME}: `{name}` is missing or of the wrong type"
        for name, kind in SHAPE.items()
        if not isinstance(manifest.get(name), kind)
    ]
    findings += [f"{MANIFEST_NAME}: `{name}` is not part of a manifest" for name in manifest if name not in SHAPE]
    if manifest.get("manifest_version") not in (None, MANIFEST_VERSION):
        findings.append(f"{MANIFEST_NAME}: version {manifest['manifest_version']!r} is not known here")
    if manifest.get("release_id") not in (None, path.name) and not path.name.startswith(".staging-"):
        findings.append(f"{MANIFEST_NAME}: release_id is not the folder's name")
    return manifest, findings


def _file_findings(manifest: dict[str, Any], entries: list[dict[str, Any]], path: Path) -> list[str]:
    listed_entries = manifest.get("files")
    listed = {
        entry["path"]: entry
        for entry in (listed_entries if isinstance(listed_entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("path"), str)
    }
    present = {entry["path"]: entry for entry in entries}
    findings = [f"{name}: missing" for name in listed if name not in present]
    findings += [
        f"{name}: missing, and not in the manifest" for name in EXPECTED_FILES if name not in {*listed, *present}
    ]
    findings += [f"{name}: not in the manifest" for name in present if name not in listed]
    findings += [f"{entry.relative_to(path)}: a link, not a file" for entry in path.rglob("*") if entry.is_symlink()]
    for name in present.keys() & listed.keys():
        if present[name]["sha256"] != listed[name].get("sha256") or present[name]["bytes"] != listed[name].get("bytes"):
            findings.append(f"{name}: changed since it was published (hash or size differs)")
    return sorted(findings)


def table_findings(
    path: Path,
    manifest: Mapping[str, Any],
    *,
    min_cell: int,
    hides_zeros: bool = False,
    guarded: Tables | None = None,
    shown: pd.DataFrame | None = None,
) -> list[str]:
    """What is wrong with the tables in `path`, in each of their three forms, and with what `manifest` says of them.

    `guarded`: tables that have passed `guard_findings`; rows that equal theirs are not held against it once more.
    `shown`: what earlier releases showed, as `ledger.shown_before` gives it.
    """
    with ThreadPoolExecutor(2, thread_name_prefix="verify") as pool:
        reading = (
            pool.submit(_read_database, path / DATABASE),
            pool.submit(_read_all, path, "csv"),
            pool.submit(_read_all, path, "parquet"),
        )
        (database, database_findings), (csv, csv_findings), (parquet, findings) = (each.result() for each in reading)
    findings += csv_findings + database_findings
    differing_csv = [name for name in csv if name in parquet and not _same(neutralised(parquet[name]), csv[name])]
    differing_database = [name for name in database if name in parquet and not _same(parquet[name], database[name])]
    findings += [f"tables/{name}.csv: not the same rows as the Parquet file" for name in differing_csv]
    findings += [f"{DATABASE}: {name} has not the same rows as the Parquet file" for name in differing_database]
    if "strata" in parquet and not {"grain", "site"} - set(parquet["strata"].column_names):
        findings += measure_report_findings(path / MEASURE_REPORTS, parquet["strata"])
    if database and set(database) != set(TABLES):
        findings.append(f"{DATABASE}: has other tables than the release contract")
    # Rows that equal the Parquet file's are as safe as those; only others need a look of their own.
    for form, tables, differs in (
        ("parquet", parquet, True),
        ("csv", csv, differing_csv or set(csv) != set(parquet)),
        ("duckdb", database, differing_database or set(database) != set(parquet)),
    ):
        if differs and set(tables) == set(TABLES):
            if guarded is None or not all(_same(tables[name], table) for name, table in guarded.items()):
                findings += [
                    f"{form}: {finding}" for finding in guard_findings(tables, min_cell, hides_zeros=hides_zeros)
                ]
            attacked = audit_findings(tables, min_cell, hides_zeros=hides_zeros)
            attacked += earlier_findings(tables, shown, min_cell)
            findings += [f"{form}: {finding}" for finding in attacked]
    return findings + _manifest_findings(parquet, str(manifest.get("release_id", path.name)), manifest)


def _manifest_findings(parquet: Tables, release_id: str, manifest: Mapping[str, Any]) -> list[str]:
    """What the manifest says of the tables and they do not bear out."""
    findings: list[str] = []
    rows = manifest.get("rows")
    for name, table in parquet.items():
        if isinstance(rows, dict) and rows.get(name) != table.num_rows:
            findings.append(f"tables/{name}.parquet: not as many rows as the manifest says")
        ids = table.column("release_id").unique().to_pylist() if "release_id" in table.column_names else []
        if table.num_rows and ids and ids != [release_id]:
            findings.append(f"tables/{name}.parquet: rows of another release")
    return findings


def _same(one: pa.Table, other: pa.Table) -> bool:
    return bool(one.schema.equals(other.schema) and one.equals(other))


def _read_all(path: Path, ending: str) -> tuple[Tables, list[str]]:
    tables: Tables = {}
    findings: list[str] = []
    for name in TABLES:
        file = path / "tables" / f"{name}.{ending}"
        if not file.is_file():
            continue  # already a finding: missing
        try:
            tables[name] = read_parquet(file) if ending == "parquet" else read_csv(file, name)
        except (pa.ArrowException, OSError, ValueError):
            findings.append(f"tables/{file.name}: cannot be read as {ending} with the contract's types")
    return tables, findings


def _read_database(path: Path) -> tuple[Tables, list[str]]:
    import duckdb

    if not path.is_file():
        return {}, []
    try:
        return read_published_database(path), []
    except duckdb.Error:
        return {}, [f"{path.name}: cannot be read as a DuckDB database"]
