"""A snapshot of the marts under a reader in another process: swapped, and even removed, while it reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.release.marts import snapshot
from orchestration.settings import Settings
from tests.support import release_warehouse


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an installation with a warehouse that is ready for publication."""
    settings = Settings(data_dir=tmp_path / "var")
    release_warehouse.build(settings)
    return settings


READER = """
import sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
print(con.execute("select count(*) from dim_measure").fetchone()[0], flush=True)
sys.stdin.readline()
print(con.execute("select count(*) from dim_measure").fetchone()[0], flush=True)
"""


def test_another_process_keeps_reading_its_snapshot_when_current_moves_and_its_file_goes(
    settings: Settings,
) -> None:
    current = settings.marts_dir / "current.duckdb"
    old = snapshot(settings, "run-1")
    command = [sys.executable, "-c", READER, str(current)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        assert reader.stdout.readline() == "2\n"
        with duckdb.connect(str(settings.warehouse_path)) as con:
            con.execute("delete from dim_measure where measure_id = 'rate'")
        new = snapshot(settings, "run-2", keep=1)
        assert not old.exists()
        after, _ = reader.communicate("go\n", timeout=30)
    assert (after, reader.returncode) == ("2\n", 0)
    assert os.readlink(current) == new.name
    with duckdb.connect(str(current), read_only=True) as con:
        assert con.execute("select count(*) from dim_measure").fetchone() == (1,)
