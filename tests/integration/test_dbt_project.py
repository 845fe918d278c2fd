"""The dbt project by itself: its unit tests, a registry without anybody in it, what is said about each model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support import tiny_warehouse
from tests.support.small_registry import RUN

LAYERS = ("staging", "intermediate", "populations", "measures", "quality", "marts")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a warehouse that was built from no rows at all."""
    folder = tmp_path_factory.mktemp("project")
    tiny_warehouse.write(folder / "warehouse.duckdb", RUN, {"clinic": {}})
    tiny_warehouse.build(folder / "warehouse.duckdb", folder / "target")
    return folder


@pytest.fixture(scope="module")
def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


def is_public(model: dict[str, Any]) -> bool:
    return str(model["name"]).startswith(("dim_", "fct_")) or model["name"] == "quarantine"


def test_a_registry_without_patients_gives_empty_results_and_no_error(folder: Path) -> None:
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as con:
        assert con.execute("select count(*) from fct_measure_stratum").fetchone() == (0,)
        assert con.execute("select count(*) from fct_quality").fetchone() == (0,)
        assert con.execute("select distinct value from fct_structure").fetchall() == [(0,)]
        assert con.execute("select site from dim_site").fetchall() == [("all",)]


def test_every_rule_of_the_unit_tests_holds(folder: Path) -> None:
    results = tiny_warehouse.build(
        folder / "warehouse.duckdb", folder / "target", ("test", "--select", "test_type:unit")
    )
    assert len(results) >= 50


def test_every_description_ends_with_the_grain(models: dict[str, dict[str, Any]]) -> None:
    silent = [name for name, m in models.items() if not re.search(r"One row per [^.]*\.$", m["description"].strip())]
    assert silent == []


def test_what_is_published_is_under_contract_and_described(models: dict[str, dict[str, Any]]) -> None:
    public = [model for model in models.values() if is_public(model)]
    assert len(public) >= 13
    assert [model["name"] for model in public if not model["config"]["contract"]["enforced"]] == []
    blank = [(m["name"], c["name"]) for m in public for c in m["columns"].values() if not c["description"]]
    assert blank == []


def test_groups_and_access(models: dict[str, dict[str, Any]]) -> None:
    assert {str(model["fqn"][1]) for model in models.values()} == set(LAYERS)
    assert [name for name, model in models.items() if not model["group"]] == []
    access = {name: (model["access"], is_public(model)) for name, model in models.items()}
    assert [name for name, found in access.items() if found not in (("public", True), ("protected", False))] == []


def test_seeds_are_typed_and_described(manifest: dict[str, Any]) -> None:
    for seed in (node for node in manifest["nodes"].values() if node["resource_type"] == "seed"):
        header = (tiny_warehouse.PROJECT_DIR / seed["original_file_path"]).read_text(encoding="utf-8").splitlines()[0]
        columns = header.split(",")
        assert "One row per" in seed["description"], seed["name"]
        assert set(seed["config"]["column_types"]) == set(columns), seed["name"]
        assert [name for name in columns if not seed["columns"].get(name, {}).get("description")] == [], seed["name"]


def test_every_public_table_reaches_somebody(manifest: dict[str, Any], models: dict[str, dict[str, Any]]) -> None:
    reached = {node for exposure in manifest["exposures"].values() for node in exposure["depends_on"]["nodes"]}
    unused = [
        name for name, model in models.items() if model["access"] == "public" and model["unique_id"] not in reached
    ]
    assert unused == []
