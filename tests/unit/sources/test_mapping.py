"""Mapping files: what is accepted, and that what is not is named with its key, in words."""

from pathlib import Path

import pytest

from orchestration.errors import SettingsError
from orchestration.sources.mapping import ColumnRule, load_mapping

GOOD = """
version: 1
missing: [NA]
tables:
  patients:
    files: p.csv
    columns:
      patient_id: ID
      birth_date: BORN
      sex: {column: SEX, values: {1: F, 2: NO}}
      site_id: {constant: 2011-01-01}
"""


def load(tmp_path: Path, text: str) -> object:
    path = tmp_path / "mapping.yml"
    path.write_text(text, encoding="utf-8")
    return load_mapping(path)


def test_every_scalar_is_text(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yml"
    path.write_text(GOOD, encoding="utf-8")
    part = load_mapping(path).tables["patients"][0]
    assert part.columns["sex"].values == {"1": "F", "2": "NO"}
    assert part.columns["site_id"] == ColumnRule(constant="2011-01-01")
    assert part.files[0].glob == "p.csv"


def test_only_what_decides_about_rows_changes_the_hash(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yml"

    def sha256(text: str) -> str:
        path.write_text(text, encoding="utf-8")
        mapping = load_mapping(path)
        return mapping.part_sha256(mapping.tables["patients"][0], {})

    same = sha256(GOOD)
    assert sha256(GOOD.replace("files: p.csv", "files: [q.csv]  # elsewhere")) == same
    assert sha256(GOOD.replace("NA", "N/A")) != same
    assert sha256(GOOD.replace("1: F", "1: M")) != same
    mapping = load_mapping(path)
    assert mapping.part_sha256(mapping.tables["patients"][0], {"a": "1"}) != same


@pytest.mark.parametrize(
    ("old", "new", "where", "rule"),
    [
        pytest.param("missing:", "mising:", "mising", "`mising` is not a key", id="unknown key"),
        pytest.param("site_id:", "clinic:", "", "`patients.clinic` is not a column of the layout", id="unknown column"),
        pytest.param("patients:", "people:", "", "`people` is not a table of the layout", id="unknown table"),
        pytest.param("      sex:", "      left_on:", "", "`patients` needs the column sex", id="needed column"),
        pytest.param("version: 1", "version: 2", "version", "Input should be '1'", id="version"),
        pytest.param("    files: p.csv\n", "", "tables.patients.0.files", "the key `files` is needed", id="no files"),
        pytest.param("p.csv", "/etc/p.csv", "files.0", "stays below it", id="absolute glob"),
        pytest.param("p.csv", "../p.csv", "files.0", "stays below it", id="glob that leaves the folder"),
        pytest.param("{constant: 2011-01-01}", "{constant: a, sql: b}", "site_id", "exactly one of", id="two origins"),
        pytest.param("{column: SEX,", "{colum: SEX,", "sex", "`colum` is not a key", id="unknown key of a column"),
        pytest.param("birth_date: BORN", "birth_date: A\n      birth_date: B", ", line 10", "YAML", id="key twice"),
        pytest.param("[NA]", "[NA", ", line ", "YAML", id="no YAML"),
        pytest.param("p.csv", "p.csv\n    join: [{name: file, file: q, by: {A: B}}]", "tables.patients.0",
                     "none is called file", id="reserved name"),
        pytest.param(GOOD, "version: 1\ntables: {languages: {files: l, columns: {patient_id: a, language: b}}}", "",
                     "the table patients is needed", id="no patients"),
    ],
)  # fmt: skip
def test_errors_name_the_key(tmp_path: Path, old: str, new: str, where: str, rule: str) -> None:
    assert old in GOOD
    with pytest.raises(SettingsError) as error:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert where in error.value.where and "mapping.yml" in error.value.where
    assert rule in error.value.rule
    assert error.value.found and error.value.remedy


def test_the_file_must_exist_and_be_utf8(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="must exist"):
        load_mapping(tmp_path / "none.yml")
    (tmp_path / "mapping.yml").write_bytes(b"version: \xff")
    with pytest.raises(SettingsError, match="UTF-8"):
        load_mapping(tmp_path / "mapping.yml")
