"""The dbt project is parsed once per content, shared by processes, and run without telemetry or a log of data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.defs import dbt_project
from orchestration.defs.dbt_project import is_parsed, parsed_project, project_state
from orchestration.defs.dbt_runner import NodeOutcome, build
from orchestration.errors import BlockedError, TransformError

FILES = {
    "dbt_project/dbt_project.yml": (
        "name: small\nversion: '1.0'\nprofile: small\nseed-paths: ['../seeds']\n"
        "flags: {send_anonymous_usage_stats: false}\n"
    ),
    "dbt_project/profiles.yml": (
        "small: {target: d, outputs: {d: {type: duckdb, path: \"{{ env_var('EQUITY_WAREHOUSE') }}\", threads: 1}}}\n"
    ),
    "dbt_project/models/one.sql": "select cast(n as integer) as n from {{ ref('numbers') }}",
    "dbt_project/models/two.sql": "select n from {{ ref('one') }}",
    "dbt_project/models/schema.yml": (
        "models:\n- name: one\n  columns: [{name: n, description: A number., data_tests: [not_null, unique]}]\n"
    ),
    "seeds/numbers.csv": "n\n1\n2\n",
}


@pytest.fixture
def project_dir(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "dbt_project"


def outcomes(project_dir: Path, *selection: str) -> dict[str, NodeOutcome]:
    warehouse, target = project_dir.parent / "warehouse.duckdb", project_dir.parent / "dbt"
    return {one.name: one for one in build(parsed_project(project_dir), warehouse, target, selection)}


def test_it_is_parsed_once(project_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_parsed(project_dir)
    manifest = parsed_project(project_dir).manifest
    assert "model.small.one" in manifest["nodes"]
    assert is_parsed(project_dir)

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("parsed again")

    monkeypatch.setattr(dbt_project, "invoke", refuse)
    assert parsed_project(project_dir).manifest == manifest


@pytest.mark.parametrize("name", ["dbt_project/models/two.sql", "seeds/numbers.csv", "dbt_project/models/schema.yml"])
def test_a_changed_file_is_parsed_anew(name: str, project_dir: Path) -> None:
    before = project_state(project_dir)
    path = project_dir.parent / name
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert project_state(project_dir) != before


def test_what_dbt_writes_itself_changes_nothing(project_dir: Path) -> None:
    before = project_state(project_dir)
    outcomes(project_dir)
    assert project_state(project_dir) == before


def test_a_new_model_is_seen(project_dir: Path) -> None:
    parsed_project(project_dir)
    (project_dir / "models" / "three.sql").write_text("select 3 as n", encoding="utf-8")
    assert "model.small.three" in parsed_project(project_dir).manifest["nodes"]


def test_old_parsed_forms_do_not_pile_up(project_dir: Path) -> None:
    for number in range(5):
        (project_dir / "models" / "three.sql").write_text(f"select {number} as n", encoding="utf-8")
        parsed_project(project_dir)
    assert len(list((project_dir / "target" / "parsed").iterdir())) <= 4


def test_a_project_that_cannot_be_parsed_is_named(project_dir: Path) -> None:
    (project_dir / "models" / "two.sql").write_text("select * from {{ ref('nowhere') }}", encoding="utf-8")
    with pytest.raises(TransformError, match="nowhere"):
        parsed_project(project_dir)
    assert not is_parsed(project_dir)


def test_every_node_reports(project_dir: Path) -> None:
    found = outcomes(project_dir)
    assert {name: one.status for name, one in found.items()} == {
        "numbers": "success",
        "one": "success",
        "two": "success",
        "not_null_one_n": "pass",
        "unique_one_n": "pass",
    }


def test_the_manifest_serves_any_data_folder(project_dir: Path) -> None:
    for name in ("a", "b"):
        folder = project_dir.parent / name
        folder.mkdir()
        list(build(parsed_project(project_dir), folder / "warehouse.duckdb", folder / "dbt"))
        with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as con:
            assert con.execute("select count(*) from two").fetchall() == [(2,)]


def test_the_warehouse_is_let_go(project_dir: Path) -> None:
    outcomes(project_dir)
    with duckdb.connect(str(project_dir.parent / "warehouse.duckdb"), read_only=True):
        pass


def test_a_selection_runs_only_what_is_named(project_dir: Path) -> None:
    outcomes(project_dir)
    assert outcomes(project_dir, "small.two").keys() == {"two"}
    assert outcomes(project_dir, "small.one", "small.unique_one_n").keys() == {"one", "unique_one_n"}


def test_a_failed_test_blocks_what_depends_on_it_and_tells_only_counts(project_dir: Path) -> None:
    (project_dir.parent / "seeds" / "numbers.csv").write_text("n\n77\n77\n", encoding="utf-8")
    found: dict[str, NodeOutcome] = {}
    with pytest.raises(BlockedError, match=r"unique_one_n \(1 rows\)") as blocked:
        for one in build(
            parsed_project(project_dir), project_dir.parent / "warehouse.duckdb", project_dir / "target" / "r"
        ):
            found[one.name] = one
    assert (found["unique_one_n"].status, found["unique_one_n"].n_failures) == ("fail", 1)
    assert found["two"].status == "skipped"
    assert "77" not in str(blocked.value)


@pytest.mark.parametrize(("materialized", "what"), [("table", "model one"), ("view", "test (not_null|unique)_one_n")])
def test_a_model_or_test_that_breaks_tells_no_value(materialized: str, what: str, project_dir: Path) -> None:
    model = project_dir / "models" / "one.sql"
    model.write_text(f"{{{{ config(materialized='{materialized}') }}}} {model.read_text()}", encoding="utf-8")
    (project_dir.parent / "seeds" / "numbers.csv").write_text("n\nsecret name\n", encoding="utf-8")
    with pytest.raises(TransformError, match=f"dbt {what}") as refused:
        outcomes(project_dir)
    assert "Conversion Error" in str(refused.value)
    assert "secret" not in str(refused.value)
    for log in (*project_dir.rglob("*.log"), *(project_dir.parent / "dbt").rglob("*.log")):
        assert "secret" not in log.read_text(encoding="utf-8"), log


def test_unit_tests_of_models_are_not_part_of_a_run(project_dir: Path) -> None:
    (project_dir / "models" / "unit.yml").write_text(
        "unit_tests:\n- name: wrong\n  model: two\n"
        "  given: [{input: ref('one'), rows: [{n: 1}]}]\n  expect: {rows: [{n: 2}]}\n",
        encoding="utf-8",
    )
    assert "wrong" not in outcomes(project_dir)
