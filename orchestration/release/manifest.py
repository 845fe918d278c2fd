"""What a release says about itself: where its numbers come from, what decided, what is missing, and a hash per file.

It carries no secret, no path of the machine it was made on, and no count of rows small enough to point to a child.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc  # type: ignore[import-untyped]

from orchestration.errors import BlockedError, TransformError
from orchestration.release.tables import Tables
from orchestration.settings import Settings

if TYPE_CHECKING:
    import duckdb

MANIFEST_NAME = "manifest.json"
MANIFEST_VERSION = 1
# A release that is current or kept has passed: one that has not is never made current.
AUDIT = (
    "Before it became current, this release was attacked with its own tables: hidden counts were narrowed sum by sum, "
    "and none was pinned among the small ones. Earlier releases were not brought in."
)
# What every manifest has, with the type of each entry.
SHAPE: dict[str, type | tuple[type, ...]] = {
    "manifest_version": int,
    "release_id": str,
    "created_at": str,
    "run_id": str,
    "title": str,
    "code_version": str,
    "library_versions": dict,
    "settings": dict,
    "data_as_of": str,
    "window": dict,
    "inputs": list,
    "quarantine": list,
    "gate": dict,
    "rows": dict,
    "verdicts": dict,
    "suppression": dict,
    "references": dict,
    "audit": dict,
    "files": list,
}
_SECRET = re.compile(r"secret|password|passwd|token|credential|api_?key|private", re.IGNORECASE)


def build_manifest(
    con: duckdb.DuckDBPyConnection,
    tables: Tables,
    settings: Settings,
    *,
    release_id: str,
    run_id: str,
    code_version: str,
    created_at: dt.datetime,
    reference_changes: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """Everything but the files. Reads raw.run, raw.pull, fct_conservation and tables of `publish`.

    `reference_changes`: groups that gaps are measured against now and were not in the release before.
    Raises BlockedError when the gate's decision is missing or negative, TransformError when the run is not described.
    """
    run = _only_row(con, "raw.run", "as_of, window_starts_on, window_ends_on")
    min_cell = settings.disclosure.min_cell
    return {
        "manifest_version": MANIFEST_VERSION,
        "release_id": release_id,
        "created_at": created_at.astimezone(dt.UTC).isoformat(timespec="seconds"),
        "run_id": run_id,
        "title": settings.title,
        "code_version": code_version,
        "library_versions": {name: version(name) for name in ("duckdb", "pandas", "pyarrow", "scipy", "statsmodels")},
        "settings": public_settings(settings),
        "data_as_of": str(run["as_of"]),
        "window": {"starts_on": str(run["window_starts_on"]), "ends_on": str(run["window_ends_on"])},
        "inputs": _inputs(con, min_cell),
        "quarantine": _quarantine(con, min_cell),
        "gate": _gate(con),
        "rows": {name: table.num_rows for name, table in tables.items()},
        "verdicts": _verdicts(con),
        "suppression": {name: _counted(tables[name].column("disclosure_status")) for name in ("strata", "gaps")},
        "references": _references(con, reference_changes),
        "audit": {"performed": True, "reason": AUDIT},
    }


def write_manifest(manifest: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """Write `manifest.json` with path, bytes and SHA-256 of every other file in `directory`; returns it whole."""
    whole = {**manifest, "files": file_entries(directory)}
    text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    (directory / MANIFEST_NAME).write_text(text, encoding="utf-8")
    return whole


def file_entries(directory: Path) -> list[dict[str, Any]]:
    """Path, size and SHA-256 of every file under `directory` except the manifest, by path."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
    return [
        {"path": path.relative_to(directory).as_posix(), "bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in paths
        if path.relative_to(directory).as_posix() != MANIFEST_NAME
    ]


def sha256_of(path: Path) -> str:
    """SHA-256 of the file as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def public_settings(settings: Settings) -> dict[str, Any]:
    """The settings as JSON values without secrets, and with file names instead of paths of this machine."""
    public: dict[str, Any] = _public(settings.model_dump())
    return public


def _public(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _public(item) for key, item in value.items() if not _SECRET.search(str(key))}
    if isinstance(value, (list, tuple)):
        return [_public(item) for item in value]
    if isinstance(value, Path):
        return value.name
    if isinstance(value, str) and value.startswith(("/", "~", "\\\\")):
        return Path(value).name
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    return type(value).__name__  # a secret type or an object: its name, never its content


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    result = con.execute(query)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _only_row(con: duckdb.DuckDBPyConnection, table: str, columns: str) -> dict[str, Any]:
    rows = _rows(con, f"select {columns} from {table}")
    if len(rows) != 1:
        raise TransformError(
            "the warehouse describes exactly one run",
            where=table,
            found=f"{len(rows)} rows",
            remedy="run again from the start; the warehouse is rebuilt",
        )
    return rows[0]


def _count(rows: int | None, min_cell: int) -> dict[str, Any]:
    """A number of rows, or NULL with its status: rows may be children."""
    if rows is None:
        return {"rows": None, "status": "unknown"}
    hidden = 0 < rows < min_cell
    return {"rows": None if hidden else int(rows), "status": "suppressed" if hidden else "published"}


def _inputs(con: duckdb.DuckDBPyConnection, min_cell: int) -> list[dict[str, Any]]:
    """Extracts by source and table. Only rows in: with rows pulled it would give away a small number set aside."""
    found = _rows(
        con,
        """select source_name, table_name, source_file, extract_id, sha256, rows_in from raw.pull
        order by source_name, table_name, extract_id, source_file""",
    )
    return [
        {
            "source_name": row["source_name"],
            "table_name": row["table_name"],
            "source_file": Path(str(row["source_file"])).name,
            "extract_id": row["extract_id"],
            "sha256": row["sha256"],
            **_count(row["rows_in"], min_cell),
        }
        for row in found
    ]


def _quarantine(con: duckdb.DuckDBPyConnection, min_cell: int) -> list[dict[str, Any]]:
    """Rows that could not be used, by source and table; no total, from which one small number could be worked out."""
    found = _rows(
        con,
        """select source_name, table_name, sum(rows_quarantined)::bigint as rows from main.fct_conservation
        group by source_name, table_name order by source_name, table_name""",
    )
    return [
        {"source_name": row["source_name"], "table_name": row["table_name"], **_count(row["rows"], min_cell)}
        for row in found
    ]


def _gate(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    rows = _rows(
        con, "select profile, thresholds_sha256, structural_passed, n_expectations, n_failed from publish.gate_result"
    )
    if len(rows) != 1 or rows[0]["structural_passed"] is not True:
        raise BlockedError(
            "only data that the gate let through is published",
            where="publish.gate_result",
            found="no decision" if len(rows) != 1 else "the structural checks did not pass",
            remedy="`equity gate` shows what failed; the previous release stays current",
        )
    return rows[0]


def _references(con: duckdb.DuckDBPyConnection, changes: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """How many references are frozen, since when, a hash of all of them, and which differ from the release before."""
    found = _rows(con, "select * from publish.reference_register order by all")
    dates = [str(row["frozen_on"])[:10] for row in found]
    text = json.dumps(found, default=str, sort_keys=True)
    return {
        "frozen": len(found),
        "frozen_on_first": min(dates, default=None),
        "frozen_on_last": max(dates, default=None),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "registers_sha256": _only_row(con, "publish.follow_up_basis", "registers")["registers"],
        "changed": [dict(change) for change in changes],
    }


def _verdicts(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    rows = _rows(con, "select verdict, count(*) as n from publish.gate_verdict group by 1")
    found = {row["verdict"]: row["n"] for row in rows}
    return {verdict: int(found.get(verdict, 0)) for verdict in ("publish", "warn", "hold")}


def _counted(column: Any) -> dict[str, int]:
    found = {entry["values"]: entry["counts"] for entry in pc.value_counts(column).to_pylist()}
    return {status: int(found.get(status, 0)) for status in ("published", "suppressed", "not_assessed")}
