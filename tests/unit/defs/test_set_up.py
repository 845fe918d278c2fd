"""The files around the code: the lock is complete and names no host, the version says which code ran."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from orchestration.defs.code_version import code_version
from orchestration.defs.instance import open_instance, write_dagster_home
from orchestration.settings import PROJECT_ROOT

LOCK = (PROJECT_ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_every_locked_package_has_hashes_and_no_address() -> None:
    packages = re.findall(
        r"^[a-z0-9][^\n]*==[^\n]*\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", LOCK, re.MULTILINE
    )
    assert len(packages) == len(re.findall(r"^[a-z0-9]", LOCK, re.MULTILINE)) > 100
    assert "://" not in LOCK
    assert "index-url" not in LOCK


def test_everything_that_the_project_asks_for_is_locked() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.split(r"[<>=\[; ]", requirement)[0].lower().replace(".", "-") for requirement in wanted}
    assert names - set(re.findall(r"^([a-z0-9._-]+)==", LOCK, re.MULTILINE)) == set()


def test_the_installer_can_be_taken_out_of_the_lock(tmp_path: Path) -> None:
    awk = re.search(
        r"^awk '(.*)' requirements.lock", (PROJECT_ROOT / "setup.sh").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert awk is not None
    taken = subprocess.run(
        ["awk", awk[1], PROJECT_ROOT / "requirements.lock"], capture_output=True, text=True, check=True
    )
    assert re.findall(r"^([a-z0-9-]+)==", taken.stdout, re.MULTILINE) == ["uv"]
    assert "--hash=sha256:" in taken.stdout


@pytest.mark.parametrize("name", ["setup.sh", ".ci/run"])
def test_scripts_have_no_syntax_error(name: str) -> None:
    shell = "bash" if name == ".ci/run" else "sh"
    subprocess.run([shell, "-n", PROJECT_ROOT / name], check=True)


def test_the_licence_is_apache_2() -> None:
    text = (PROJECT_ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_version_follows_the_code_and_nothing_else(tmp_path: Path) -> None:
    for name in ("orchestration", "dbt_project", "seeds"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x", encoding="utf-8")
    shutil.copy(PROJECT_ROOT / "pyproject.toml", tmp_path)

    def now() -> str:
        code_version.cache_clear()
        return code_version(tmp_path)

    before = now()
    assert re.fullmatch(r"\d+\.\d+\.\d+\+[0-9a-f]{12}", before)
    (tmp_path / "dbt_project" / "target").mkdir()
    (tmp_path / "dbt_project" / "target" / "file").write_text("y", encoding="utf-8")
    assert now() == before
    (tmp_path / "seeds" / "file").write_text("y", encoding="utf-8")
    assert now() != before
    code_version.cache_clear()


def test_dagsters_folder_is_without_telemetry_and_written_once(tmp_path: Path) -> None:
    home = write_dagster_home(tmp_path / 'a "quoted" folder')
    written = (home / "dagster.yaml").stat().st_mtime_ns
    assert write_dagster_home(home) == home
    assert (home / "dagster.yaml").stat().st_mtime_ns == written
    with open_instance(home) as instance:
        assert instance.telemetry_enabled is False
        assert instance.get_runs() == []
