"""What a release says about itself: enough to trace it, and no secret, no path of this machine, no small number."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import Field, SecretStr

from orchestration.errors import BlockedError, TransformError
from orchestration.release.manifest import SHAPE, build_manifest, file_entries, public_settings, write_manifest
from orchestration.release.tables import Tables
from orchestration.settings import KEPT_IN_MARTS, AreaFilesSource, AreaMeasure, RegistryFilesSource, Settings, Source
from tests.unit.release.conftest import RELEASE_ID

NOW = dt.datetime(2026, 7, 1, 7, 0, tzinfo=dt.timezone(dt.timedelta(hours=2)))


class SecretiveSettings(Settings):
    """Settings as a later source may need them."""

    api_token: str = "s3cr3t-1"
    nested: dict[str, Any] = Field({"password": "s3cr3t-2", "kept": {"client_secret": "s3cr3t-3", "depth": 1}})
    wrapped: SecretStr = SecretStr("s3cr3t-4")


def manifest_of(con: duckdb.DuckDBPyConnection, tables: Tables, settings: Settings) -> dict[str, Any]:
    return build_manifest(
        con,
        tables,
        settings,
        release_id=RELEASE_ID,
        run_id="a-run",
        code_version="0.1.0+abc",
        created_at=NOW,
    )


def test_it_says_where_the_numbers_come_from_and_what_decided(
    own_warehouse: duckdb.DuckDBPyConnection, tables: Tables, settings: Settings
) -> None:
    manifest = manifest_of(own_warehouse, tables, settings)
    assert (manifest["release_id"], manifest["created_at"]) == (RELEASE_ID, "2026-07-01T05:00:00+00:00")
    assert manifest["data_as_of"] == "2026-06-30"
    assert manifest["window"] == {"starts_on": "2023-07-01", "ends_on": "2026-06-30"}
    assert manifest["code_version"] == "0.1.0+abc"
    assert manifest["gate"] == {
        "profile": "default",
        "thresholds_sha256": "dd",
        "structural_passed": True,
        "n_expectations": 40,
        "n_failed": 3,
    }
    assert manifest["inputs"][1]["sha256"] == "aa"
    assert manifest["audit"]["performed"] is True
    assert manifest["references"]["registers_sha256"] == 32 * "ee"
    assert manifest["rows"] == {name: table.num_rows for name, table in tables.items()}
    assert sum(manifest["suppression"]["strata"].values()) == tables["strata"].num_rows
    assert manifest["verdicts"]["hold"] == tables["held"].num_rows


def test_a_small_number_of_rows_is_hidden_and_cannot_be_worked_out(
    own_warehouse: duckdb.DuckDBPyConnection, tables: Tables, settings: Settings
) -> None:
    manifest = manifest_of(own_warehouse, tables, settings)
    hidden = {"source_name": "registry", "table_name": "patients", "rows": None, "status": "suppressed"}
    shown = {"source_name": "registry", "table_name": "encounters", "rows": 126, "status": "published"}
    assert manifest["quarantine"] == [shown, hidden]
    assert [entry["rows"] for entry in manifest["inputs"]] == [48259, 2407]
    # 2405 rows were used of 2407: the difference must stand nowhere.
    assert "2405" not in json.dumps(manifest)


def test_no_path_of_this_machine_and_no_secret_gets_in(tmp_path: Path) -> None:
    sources: tuple[Source, ...] = (
        RegistryFilesSource(path=tmp_path / "export", mapping=Path("/home/somebody/map.yaml")),
        AreaFilesSource(
            name="tracts",
            path=Path("~/tracts.csv"),
            tract_column="/absolute/column",
            tract_vintage=2020,
            data_year=2023,
            measures=(AreaMeasure(measure="poverty", column="p", direction="higher_is_worse"),),
        ),
    )
    settings = SecretiveSettings(data_dir=tmp_path / "var", settings_file=tmp_path / "equity.toml", sources=sources)
    public = public_settings(settings)
    text = json.dumps(public)
    assert "s3cr3t" not in text
    assert not [value for value in text.split('"') if value.startswith(("/", "~"))]
    assert str(tmp_path) not in text
    assert public["sources"][0]["mapping"] == "map.yaml"
    assert (public["data_dir"], public["settings_file"]) == ("var", "equity.toml")
    assert public["nested"] == {"kept": {"depth": 1}}
    assert public["disclosure"] == {
        "min_cell": 11,
        "exact_seconds": 0.0,
        "zeros": "show",
        "kept_in_marts": list(KEPT_IN_MARTS),
    }


@pytest.mark.parametrize(
    "statement",
    ["delete from publish.gate_result", "update publish.gate_result set structural_passed = false"],
)
def test_without_the_gates_yes_there_is_no_manifest(
    own_warehouse: duckdb.DuckDBPyConnection, tables: Tables, settings: Settings, statement: str
) -> None:
    own_warehouse.execute(statement)
    with pytest.raises(BlockedError, match="gate let through"):
        manifest_of(own_warehouse, tables, settings)


def test_a_warehouse_of_no_run_is_an_error(
    own_warehouse: duckdb.DuckDBPyConnection, tables: Tables, settings: Settings
) -> None:
    own_warehouse.execute("delete from raw.run")
    with pytest.raises(TransformError, match="exactly one run"):
        manifest_of(own_warehouse, tables, settings)


def test_every_other_file_is_listed_with_size_and_hash(
    own_warehouse: duckdb.DuckDBPyConnection, tables: Tables, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "out" / "tables").mkdir(parents=True)
    (tmp_path / "out" / "tables" / "a.csv").write_bytes(b"abc")
    whole = write_manifest(manifest_of(own_warehouse, tables, settings), tmp_path / "out")
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert whole["files"] == [{"path": "tables/a.csv", "bytes": 3, "sha256": abc}] == file_entries(tmp_path / "out")
    read = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert read == whole
    assert set(read) == set(SHAPE)
