"""Every way around the gate ends in a refusal: the publisher asks the warehouse itself."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration.errors import BlockedError
from orchestration.quality.gate import require_passed, run_gate
from orchestration.quality.thresholds import THRESHOLDS_FILE
from orchestration.settings import Settings


def test_what_the_gate_judged_may_be_published(judged: duckdb.DuckDBPyConnection) -> None:
    require_passed(judged, "r1")


def test_it_only_reads(judged_file: Path) -> None:
    with duckdb.connect(str(judged_file), read_only=True) as con:
        require_passed(con, "r1")


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("drop table publish.gate_result", "no publish.gate_result"),
        ("drop table publish.gate_verdict", "no publish.gate_verdict"),
        ("drop schema publish cascade", "no publish.gate_result"),
        ("delete from publish.gate_result", "0 results"),
        ("insert into publish.gate_result select * from publish.gate_result", "2 results"),
        ("update publish.gate_result set run_id = 'r0'", "run r0"),
        ("update publish.gate_result set run_id = null", "run None"),
        ("update publish.gate_result set structural_passed = false", "structural"),
        ("update publish.gate_result set structural_passed = null", "structural"),
        ("update publish.gate_result set thresholds_sha256 = ''", "thresholds.toml missing or changed"),
        ("update publish.gate_result set thresholds_sha256 = null", "thresholds.toml missing or changed"),
        ("update fct_measure_stratum set numerator = 109 where rowid = 7", "data changed"),
        ("delete from fct_measure_stratum where rowid = 7", "data changed"),
        ("update fct_quality set value = 0.99 where rowid = 7", "data changed"),
        ("update fct_structure set value = value + 1", "data changed"),
        ("update dim_stratum set label = 'Another' where stratum = 'ASIAN'", "data changed"),
        ("update publish.gate_verdict set verdict = 'publish'", "verdicts changed"),
        ("delete from publish.gate_verdict where verdict = 'hold'", "verdicts changed"),
        ("update publish.gate_verdict set reasons = ''", "verdicts changed"),
        ("update publish.gate_quality set value = 0.99", "verdicts changed"),
    ],
)
def test_anything_else_is_refused(judged: duckdb.DuckDBPyConnection, tampering: str, found: str) -> None:
    judged.execute(tampering)

    with pytest.raises(BlockedError) as refused:
        require_passed(judged, "r1")

    assert found in refused.value.found
    assert refused.value.exit_code == 3


def test_another_run_may_not_publish_what_this_one_judged(judged: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(BlockedError, match="result of run r1"):
        require_passed(judged, "r2")


def test_a_slice_without_a_verdict_is_refused_even_when_the_fingerprints_agree(
    judged: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged.execute("delete from publish.gate_verdict where site = 'a' and stratifier = 'sex' and grain = 'year'")
    verdicts = judged.execute("select verdict_fingerprint from publish.gate_result").fetchall()[0][0]
    monkeypatch.setattr("orchestration.quality.gate.verdict_fingerprint", lambda con: verdicts)

    with pytest.raises(BlockedError, match=r"9 slice\(s\) without one"):
        require_passed(judged, "r1")


def test_thresholds_that_were_edited_after_the_gate_are_refused(
    sound: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    thresholds = tmp_path / "thresholds.toml"
    thresholds.write_bytes(THRESHOLDS_FILE.read_bytes())
    run_gate(sound, Settings(), "r1", thresholds=thresholds)
    require_passed(sound, "r1", thresholds=thresholds)

    thresholds.write_text(thresholds.read_text(encoding="utf-8").replace("hold_below = 0.80", "hold_below = 0.10"))
    with pytest.raises(BlockedError, match="thresholds"):
        require_passed(sound, "r1", thresholds=thresholds)
    thresholds.unlink()
    with pytest.raises(BlockedError, match="thresholds"):
        require_passed(sound, "r1", thresholds=thresholds)


def test_a_structural_failure_stays_a_refusal_until_the_gate_passes(sound: duckdb.DuckDBPyConnection) -> None:
    sound.execute("update fct_structure set value = 2 where check_name = 'duplicate_keys'")
    with pytest.raises(BlockedError):
        run_gate(sound, Settings(), "r1")
    with pytest.raises(BlockedError):
        require_passed(sound, "r1")

    sound.execute("update fct_structure set value = 0 where check_name = 'duplicate_keys'")
    with pytest.raises(BlockedError):
        require_passed(sound, "r1")
    run_gate(sound, Settings(), "r1")
    require_passed(sound, "r1")
