"""Fixtures that several tests of the sources share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.omop_tables import ONE, PERSON, Omop


@pytest.fixture
def omop(tmp_path: Path) -> Omop:
    """An OMOP folder with one person."""
    made = Omop(tmp_path)
    made.write("person", PERSON, ONE)
    return made
