"""Registries that several tests of this folder read; each is generated once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from orchestration.synthetic.registry import generate
from orchestration.synthetic.truth import Truth
from tests.unit.synthetic.reading import Registry, read_registry

AS_OF = dt.date(2026, 6, 30)


@pytest.fixture(scope="session", params=["csv", "parquet"])
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, Registry]:
    """The demo's registry in either format, and the same read back."""
    folder: Path = tmp_path_factory.mktemp(f"demo_{request.param}")
    truth = generate(folder, patients=2400, seed=1, file_format=request.param, as_of=AS_OF)
    return truth, read_registry(folder, AS_OF)
