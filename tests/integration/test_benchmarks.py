"""The hand-written scripts of the benchmarks count what the pipeline counts, so that their speed may be compared."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from benchmarks.equal import differing_rows
from orchestration.settings import PROJECT_ROOT, Settings
from tests.support.small_run import MONTHS


@pytest.mark.parametrize("script", ["bare.py", "pandas_script.py"])
def test_a_script_comes_to_the_pipelines_strata(script: str, published: Settings, tmp_path: Path) -> None:
    out = tmp_path / "counts.parquet"
    arguments = [published.sources[0].path, out, "--as-of", published.effective_as_of(), "--months", MONTHS]
    subprocess.run(
        [sys.executable, PROJECT_ROOT / "benchmarks" / script, *map(str, arguments)],
        cwd=PROJECT_ROOT,
        check=True,
        env={"PYTHONPATH": str(PROJECT_ROOT), "PATH": ""},
    )
    compared, differing = differing_rows(published.warehouse_path, out)
    assert compared > 10_000
    assert differing == 0

    other = tmp_path / "other.parquet"
    duckdb.execute(f"copy (select * replace (numerator + 1 as numerator) from '{out}') to '{other}' (format parquet)")
    assert differing_rows(published.warehouse_path, other)[1] > 0
