"""Writes `datapackage.json`: every file of a release described for programs (Frictionless Data Package, version 1)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from orchestration.release.columns import TABLES, PublishedTable

DATA_PACKAGE = "datapackage.json"
_PROFILE = "tabular-data-package"
_MEDIA_TYPES = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "duckdb": "application/vnd.duckdb",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html",
    "json": "application/fhir+json",
}
# What every row of a table has, where the table has the column.
_ALWAYS = frozenset({"release_id", "disclosure_status", "quality_status"})


def write_data_package(
    directory: Path,
    entries: Sequence[Mapping[str, Any]],
    *,
    title: str,
    release_id: str,
    created_at: dt.datetime,
    words: Mapping[str, Sequence[str]],
) -> None:
    """Write the description of the files `entries` (path, bytes, sha256) of the release in `directory`.

    The CSV files are its tables; each other file is listed with its format (the manifest has its hash). `words`: what a
    status column may say.
    """
    resources = [_resource(entry, words) for entry in sorted(entries, key=lambda entry: str(entry["path"]))]
    package = {
        "profile": _PROFILE,
        "name": f"equity-release-{release_id.lower()}",
        "id": release_id,
        "title": title,
        "created": created_at.astimezone(dt.UTC).isoformat(timespec="seconds"),
        "description": "Stratified measures, gaps and what follows from them; small counts are hidden.",
        # A tabular package's resources are all tables: the files beside them are listed apart.
        "resources": [resource for resource in resources if "schema" in resource],
        "files": [resource for resource in resources if "schema" not in resource],
    }
    text = json.dumps(package, indent=1, ensure_ascii=False) + "\n"
    (directory / DATA_PACKAGE).write_text(text, encoding="utf-8")


def _resource(entry: Mapping[str, Any], words: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    path = str(entry["path"])
    name, _, form = path.rpartition("/")[2].rpartition(".")
    described: dict[str, Any] = {
        "name": name if form == "csv" else path.lower().replace("/", "-").replace(".", "-"),
        "path": path,
        "format": form,
        "mediatype": _MEDIA_TYPES.get(form, "application/octet-stream"),
    }
    if form != "csv":
        return described
    table = TABLES[name]
    return {
        **described,
        "bytes": entry["bytes"],
        "hash": f"sha256:{entry['sha256']}",
        "profile": "tabular-data-resource",
        "title": table.description,
        "encoding": "utf-8",
        "dialect": {"delimiter": ",", "doubleQuote": True, "header": True, "caseSensitiveHeader": True},
        "schema": {"fields": _fields(table, words), "missingValues": [""]},
    }


def _fields(table: PublishedTable, words: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    descriptions = table.column_descriptions()
    fields = []
    for field in table.schema:
        described: dict[str, Any] = {"name": field.name, **_type(field.type), "description": descriptions[field.name]}
        constraints: dict[str, Any] = {"required": True} if field.name in _ALWAYS else {}
        if field.name in words:
            constraints["enum"] = list(words[field.name])
        if constraints:
            described["constraints"] = constraints
        fields.append(described)
    return fields


def _type(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_date(kind):
        return {"type": "date", "format": "default"}
    if pa.types.is_boolean(kind):
        return {"type": "boolean", "trueValues": ["true"], "falseValues": ["false"]}
    if pa.types.is_integer(kind):
        return {"type": "integer"}
    return {"type": "string" if pa.types.is_string(kind) else "number"}
