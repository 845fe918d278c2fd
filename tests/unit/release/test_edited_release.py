"""Verification of whole releases: a sound one passes, and every way of tampering with one is found and named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from orchestration.release.table_files import read_parquet
from orchestration.release.verify import EXPECTED_FILES, verify_directory
from orchestration.settings import Settings
from tests.support import release_building as building
from tests.support import release_warehouse


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release. To look at; `release` is to touch."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("sound"))
    release_warehouse.build(settings)
    return building.build(settings).path


@pytest.fixture
def release(sound: Path, tmp_path: Path) -> Path:
    copy = tmp_path / sound.name
    shutil.copytree(sound, copy)
    building.make_writable(copy)
    return copy


def findings(release: Path, min_cell: int = 11) -> str:
    return "\n".join(verify_directory(release, min_cell=min_cell).findings)


def test_a_sound_release_has_no_findings_and_every_file_was_checked(release: Path) -> None:
    found = verify_directory(release, min_cell=11)
    assert found.ok
    assert found.findings == ()
    reports = list((release / "measure_reports").iterdir())
    assert found.files_checked == len(EXPECTED_FILES) + len(reports)


@pytest.mark.parametrize("name", EXPECTED_FILES)
def test_one_changed_byte_is_found_in_every_file(release: Path, name: str) -> None:
    content = bytearray((release / name).read_bytes())
    content[len(content) // 2] ^= 1
    (release / name).write_bytes(content)
    assert f"{name}: changed since it was published" in findings(release)


@pytest.mark.parametrize("name", [*EXPECTED_FILES, "manifest.json"])
def test_a_missing_file_is_found(release: Path, name: str) -> None:
    (release / name).unlink()
    assert f"{name}: missing" in findings(release)


@pytest.mark.parametrize("name", ["notes.txt", ".hidden/x", "tables/people.csv", "manifest.json.bak"])
def test_an_extra_file_is_found(release: Path, name: str) -> None:
    (release / name).parent.mkdir(exist_ok=True)
    (release / name).write_text("x")
    assert findings(release) == f"{name}: not in the manifest"


def test_a_link_is_found(release: Path) -> None:
    (release / "tables" / "more").symlink_to("/etc")
    assert "tables/more: a link" in findings(release)


def edit_csv(release: Path) -> None:
    path = release / "tables" / "strata.csv"
    path.write_bytes(path.read_bytes().replace(b",100,40,100,40,", b",100,41,100,41,"))


def edit_parquet(release: Path) -> None:
    path = release / "tables" / "gaps.parquet"
    table = read_parquet(path)
    place = table.schema.get_field_index("ratio")
    pq.write_table(table.set_column(place, table.schema.field(place), pc.add(table["ratio"], 0.01)), path)


def edit_database(release: Path) -> None:
    with duckdb.connect(str(release / "published.duckdb")) as con:
        con.execute("update quality set value = 0.94 where value is not null")


@pytest.mark.parametrize(
    ("edit", "finding"),
    [
        (edit_csv, "tables/strata.csv: not the same rows"),
        (edit_parquet, "tables/gaps.csv: not the same rows"),
        (edit_parquet, "published.duckdb: gaps has not the same rows"),
        (edit_database, "published.duckdb: quality has not the same rows"),
    ],
)
def test_a_number_edited_in_one_format_is_found_although_the_hashes_fit(
    release: Path, edit: Callable[[Path], None], finding: str
) -> None:
    before = {path: path.read_bytes() for path in release.rglob("*") if path.is_file()}
    edit(release)
    assert sum(path.read_bytes() != content for path, content in before.items()) == 1
    building.list_anew(release)
    found = findings(release)
    assert finding in found
    assert "changed since" not in found


def test_a_wrong_release_id_is_found_in_the_manifest_and_in_the_rows(release: Path) -> None:
    building.edit_manifest(release, release_id="20200101T000000Z-00000000")
    found = findings(release)
    assert "release_id is not the folder's name" in found
    assert "tables/strata.parquet: rows of another release" in found


def test_a_release_under_another_name_is_found(release: Path) -> None:
    renamed = release.rename(release.with_name("20200101T000000Z-00000000"))
    assert "release_id is not the folder's name" in findings(renamed)


def test_a_laxer_smallest_count_does_not_excuse_a_release(release: Path) -> None:
    building.edit_manifest(release, settings={"disclosure": {"min_cell": 30}})
    assert "too small to show" in findings(release, min_cell=2)


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"files": 3}', '{"files": [1, {"path": 2}]}', "\ufffd"])
def test_a_broken_manifest_is_a_finding_and_no_crash(release: Path, content: str) -> None:
    (release / "manifest.json").write_text(content, encoding="utf-8")
    assert "manifest.json: " in findings(release)


@pytest.mark.parametrize("settings", ["x", 3, None, {"disclosure": "x"}, {"disclosure": {"min_cell": "x"}}])
def test_settings_of_the_wrong_shape_are_no_crash(release: Path, settings: object) -> None:
    building.edit_manifest(release, settings=settings)
    wrong_type = "manifest.json: `settings` is missing or of the wrong type"
    assert findings(release) == ("" if isinstance(settings, dict) else wrong_type)
