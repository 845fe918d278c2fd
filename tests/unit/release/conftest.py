"""Shared by the release tests: one invented warehouse, the tables read from it, and settings for a folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.release.tables import Tables, read_tables
from orchestration.settings import Settings
from tests.support import invented_warehouse

RELEASE_ID = "20260701T050000Z-0a1b2c3d"


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of seven measures over three years, with hostile labels. To look at; `own_warehouse` is to touch."""
    path = tmp_path_factory.mktemp("invented") / "warehouse.duckdb"
    invented_warehouse.build(path, measures=7)
    return path


@pytest.fixture(scope="session")
def tables(warehouse: Path) -> Tables:
    """The five published tables of that warehouse."""
    with duckdb.connect(str(warehouse), read_only=True) as con:
        return read_tables(con, invented_warehouse.quality_frame(), release_id=RELEASE_ID)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an installation in a folder of its own."""
    return Settings(title="Invented registry", data_dir=tmp_path / "var")


@pytest.fixture
def own_warehouse(warehouse: Path, settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the warehouse where `settings` look for it, open for writing."""
    settings.warehouse_path.parent.mkdir(parents=True)
    shutil.copyfile(warehouse, settings.warehouse_path)
    with duckdb.connect(str(settings.warehouse_path)) as con:
        yield con
