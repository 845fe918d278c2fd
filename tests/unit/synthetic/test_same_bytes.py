"""The same arguments give the same bytes; faults only add rows."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from orchestration.synthetic.layout import TABLES
from orchestration.synthetic.registry import generate
from tests.unit.synthetic.reading import read_text

AS_OF = dt.date(2026, 6, 30)


def _hashes(folder: Path, **arguments: Any) -> dict[str, str]:
    everything: dict[str, Any] = {"patients": 400, "as_of": AS_OF} | arguments
    generate(folder, **everything)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_two_runs_write_the_same_bytes(tmp_path: Path, file_format: str) -> None:
    first = _hashes(tmp_path / "first", file_format=file_format)
    assert set(first) == {*(f"{table}.{file_format}" for table in TABLES), "tracts.csv", "truth.json"}
    assert _hashes(tmp_path / "second", file_format=file_format) == first


def test_another_seed_gives_another_registry_in_every_file(tmp_path: Path) -> None:
    first, second = _hashes(tmp_path / "first", seed=1), _hashes(tmp_path / "second", seed=2)
    assert all(second[name] != digest for name, digest in first.items())


def test_without_faults_the_usable_rows_are_the_same(tmp_path: Path) -> None:
    without = generate(tmp_path / "without", patients=400, as_of=AS_OF, faults=False)
    with_faults = generate(tmp_path / "with", patients=400, as_of=AS_OF, faults=True)
    assert without.faults == {}
    assert without.rates == with_faults.rates
    for table in TABLES:
        clean, _ = read_text(tmp_path / "without", table)
        more, _ = read_text(tmp_path / "with", table)
        added = sum(with_faults.faults[table].values())
        assert len(more) == len(clean) + added == with_faults.rows[table]
        # every clean row is there as often as before, and in the same order
        columns = list(clean.columns)
        counts = more.groupby(columns).size().sub(clean.groupby(columns).size(), fill_value=0)
        assert (counts >= 0).all()
        kept = more.merge(clean.drop_duplicates(), on=columns).drop_duplicates().reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, clean.drop_duplicates().reset_index(drop=True))
