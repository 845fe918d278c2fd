from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.quality.gate import run_gate
from orchestration.settings import Settings
from tests.unit.quality import gate_warehouse


@pytest.fixture
def sound(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse with sound data that no gate has looked at."""
    with gate_warehouse.build(tmp_path / "sound.duckdb") as con:
        yield con


@pytest.fixture(scope="session")
def judged_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse file that the gate has judged in run `r1`: one slice held, one with a warning."""
    path = tmp_path_factory.mktemp("gate") / "judged.duckdb"
    with gate_warehouse.build(path) as con:
        gate_warehouse.set_metric(con, 0.70)
        gate_warehouse.set_metric(con, 0.85, site="b")
        run_gate(con, Settings(), "r1")
    return path


@pytest.fixture
def judged(judged_file: Path, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the judged warehouse, to be tampered with."""
    path = tmp_path / "warehouse.duckdb"
    shutil.copy(judged_file, path)
    with duckdb.connect(str(path)) as con:
        yield con
