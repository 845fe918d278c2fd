"""A place for one small registry."""

from pathlib import Path

import pytest

from tests.support.source_files import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)
