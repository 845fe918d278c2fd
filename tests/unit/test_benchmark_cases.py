"""Every kind of source has its case in the benchmark, so that none is left out unseen."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from benchmarks.sources import CASES, SETTINGS
from orchestration.settings import Source, load_settings

# One kind is measured from each place that it can be in.
PLACES = {"omop": {"omop", "omop_duckdb", "omop_postgres"}}


def types() -> set[str]:
    """What `type` may be in the settings."""
    found: set[str] = set()
    pending = list(get_args(get_args(Source)[0]))
    while pending:
        kind = pending.pop()
        inner = get_args(kind)
        if inner:
            pending += inner
        else:
            found.add(kind.model_fields["type"].default)
    return found


def test_no_kind_of_source_is_left_out() -> None:
    expected: set[str] = set().union(*(PLACES.get(kind, {kind}) for kind in types()))
    assert set(CASES) == expected


@pytest.mark.parametrize("kind", sorted(set(CASES) - {"census_acs", "fhir_bulk", "omop_postgres"}))
def test_a_case_makes_what_it_says(kind: str, tmp_path: Path) -> None:
    """Those that need a server are measured and not tested here."""
    from orchestration.sources.pull import pull_source

    case = CASES[kind]
    case.make(tmp_path / "registry", 1_000)
    assert case.count(tmp_path / "registry") >= 999
    with case.serve(tmp_path / "registry") as (source, variables):
        assert not variables
        (tmp_path / "equity.toml").write_text(SETTINGS.format(as_of="2026-06-30", source=source), encoding="utf-8")
    settings = load_settings(tmp_path / "equity.toml")
    pulled = pull_source(settings.sources[-1], settings, lambda words: None)
    assert sum(file.rows_pulled for file in pulled) > 100
    assert sum(file.rows_quarantined for file in pulled) < 0.02 * sum(file.rows_in for file in pulled)
