"""What verification finds even when whoever changed a release also made its manifest fit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.release.build import build_release
from orchestration.release.manifest import write_manifest
from orchestration.release.table_files import read_parquet, write_table_files
from orchestration.release.verify import verify_directory
from orchestration.settings import Settings
from tests.support.invented_warehouse import quality_frame


@pytest.fixture(scope="module")
def released(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(data_dir=tmp_path_factory.mktemp("released"))
    with duckdb.connect(str(warehouse), read_only=True) as con:
        return build_release(con, settings, "run", "0.1.0", quality=quality_frame(), quality_page="<p>").path


@pytest.fixture
def release(released: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    path = tmp_path / released.name
    shutil.copytree(released, path)
    for file in path.rglob("*"):
        file.chmod(0o755)
    return path


def findings(path: Path, min_cell: int = 11) -> str:
    return "\n".join(verify_directory(path, min_cell=min_cell).findings)


def manifest_changed(path: Path, change: Callable[[dict[str, Any]], object]) -> str:
    manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    change(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return findings(path)


def resealed(path: Path) -> str:
    """The findings when whoever changed the files also made the manifest fit."""
    manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    (path / "manifest.json").unlink()
    write_manifest(manifest, path)
    return findings(path)


def rewritten(path: Path, name: str, which: Callable[[dict[str, Any]], Any], **values: Any) -> pa.Table:
    table = read_parquet(path / "tables" / f"{name}.parquet")
    rows = table.to_pylist()
    next(row for row in rows if which(row)).update(values)
    return pa.Table.from_pylist(rows, schema=table.schema)


def test_a_file_that_is_listed_nowhere_and_lies_nowhere_is_missed(release: Path) -> None:
    (release / "quality" / "index.html").unlink()
    assert "quality/index.html: missing, and not in the manifest" in resealed(release)


def test_a_manifest_of_another_shape_is_found(release: Path) -> None:
    assert "`audit` is missing" in manifest_changed(release, lambda manifest: manifest.pop("audit"))
    assert "`note` is not part of a manifest" in manifest_changed(release, lambda manifest: manifest.update(note="x"))
    assert "version 9 is not known" in manifest_changed(release, lambda manifest: manifest.update(manifest_version=9))
    assert "not as many rows" in manifest_changed(release, lambda manifest: manifest["rows"].update(strata=1))


def test_tables_that_differ_between_formats_are_found_even_when_resealed(release: Path) -> None:
    csv = release / "tables" / "strata.csv"
    csv.write_bytes(csv.read_bytes().replace(b"White", b"Green", 1))
    with duckdb.connect(str(release / "published.duckdb")) as con:
        con.execute("delete from held where rowid = 0")
    found = resealed(release)
    assert "tables/strata.csv: not the same rows as the Parquet file" in found
    assert "published.duckdb: held has not the same rows as the Parquet file" in found


@pytest.mark.parametrize("form", ["parquet", "csv", "duckdb"])
def test_a_small_count_is_found_in_whichever_format_has_it_even_when_resealed(release: Path, form: str) -> None:
    if form == "duckdb":
        with duckdb.connect(str(release / "published.duckdb")) as con:
            con.execute("update strata set n_patients = 4 where rowid = 0")
    else:
        elsewhere = release.parent / "elsewhere"
        small = {"n_patients": 4}
        write_table_files({"strata": rewritten(release, "strata", lambda row: row["n_patients"], **small)}, elsewhere)
        shutil.copyfile(elsewhere / f"strata.{form}", release / "tables" / f"strata.{form}")
    assert f"{form}: strata: n_patients is too small to show" in resealed(release)


def test_a_column_outside_the_contract_is_found(release: Path) -> None:
    path = release / "tables" / "held.parquet"
    table = read_parquet(path)
    pq.write_table(table.append_column("patient_id", pa.nulls(table.num_rows, pa.string())), path)
    assert "column patient_id is not in the release contract" in resealed(release)


def test_a_stricter_rule_of_today_applies_to_old_releases(release: Path) -> None:
    assert "too small to show" in findings(release, min_cell=40)
    assert findings(release, min_cell=2) == ""


@pytest.mark.parametrize("name", ["tables/strata.parquet", "tables/strata.csv", "published.duckdb"])
def test_a_file_that_cannot_be_read_is_a_finding_not_a_crash(release: Path, name: str) -> None:
    path = release / name
    path.write_bytes(path.read_bytes()[:3000])
    assert "cannot be read" in findings(release) or "not the same rows" in findings(release)


def test_a_database_with_a_table_too_many_is_found(release: Path) -> None:
    with duckdb.connect(str(release / "published.duckdb")) as con:
        con.execute("create table people (name varchar)")
    assert "has other tables than the release contract" in resealed(release)
