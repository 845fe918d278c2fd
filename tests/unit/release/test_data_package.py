"""The data package describes what is there: each cell of each CSV is of its column's type and keeps its constraints."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestration.release.columns import TABLES
from orchestration.release.data_package import DATA_PACKAGE, write_data_package
from orchestration.release.guard import STATUS_WORDS
from orchestration.release.manifest import file_entries
from orchestration.release.table_files import write_table_files
from orchestration.release.tables import Tables

NOW = dt.datetime(2026, 7, 1, 7, 0, tzinfo=dt.timezone(dt.timedelta(hours=2)))
PARSERS: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "number": float,
    "date": dt.date.fromisoformat,
    "string": str,
    "boolean": {"true": True, "false": False}.__getitem__,
}


@pytest.fixture(scope="module")
def release(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    write_table_files(tables, folder / "tables")
    for name in ("report", "quality"):
        (folder / name).mkdir()
        (folder / name / "index.html").write_text(name, encoding="utf-8")
    words = STATUS_WORDS
    write_data_package(folder, file_entries(folder), title="=T", release_id="R-1", created_at=NOW, words=words)
    return folder


@pytest.fixture(scope="module")
def package(release: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((release / DATA_PACKAGE).read_text(encoding="utf-8"))
    return found


def test_it_says_what_it_is(package: dict[str, Any]) -> None:
    assert package["profile"] == "tabular-data-package"
    assert (package["name"], package["id"], package["title"]) == ("equity-release-r-1", "R-1", "=T")
    assert package["created"] == "2026-07-01T05:00:00+00:00"
    assert [resource["name"] for resource in package["resources"]] == sorted(TABLES)


def test_every_file_is_listed_once_and_tables_with_their_hash(release: Path, package: dict[str, Any]) -> None:
    listed = [*package["resources"], *package["files"]]
    paths = {path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_file()}
    assert sorted(resource["path"] for resource in listed) == sorted(paths - {DATA_PACKAGE})
    assert len({resource["name"] for resource in listed}) == len(listed)
    for resource in package["resources"]:
        content = (release / resource["path"]).read_bytes()
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert resource["bytes"] == len(content)


@pytest.mark.parametrize("name", TABLES)
def test_every_cell_is_as_described(name: str, release: Path, package: dict[str, Any]) -> None:
    (resource,) = [resource for resource in package["resources"] if resource["name"] == name]
    fields, missing = resource["schema"]["fields"], resource["schema"]["missingValues"]
    with (release / resource["path"]).open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == [field["name"] for field in fields]
    assert all(field["description"] for field in fields)
    for place, field in enumerate(fields):
        constraints = field.get("constraints", {})
        for text in {row[place] for row in rows}:
            if text in missing:
                assert "required" not in constraints, field
            else:
                value = PARSERS[field["type"]](text)
                assert value in constraints.get("enum", [value]), field


def test_status_columns_list_their_words(package: dict[str, Any]) -> None:
    (strata,) = [resource for resource in package["resources"] if resource["name"] == "strata"]
    enums = {field["name"]: field.get("constraints", {}).get("enum") for field in strata["schema"]["fields"]}
    assert enums["disclosure_status"] == ["published", "suppressed", "not_assessed"]
    assert enums["quality_status"] == ["publish", "warn", "hold"]
