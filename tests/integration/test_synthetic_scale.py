"""A registry of more than one block: its blocks fit together as if drawn at once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from orchestration.synthetic.registry import BLOCK_PATIENTS, generate

AS_OF = dt.date(2026, 6, 30)


def test_two_blocks_have_ids_of_their_own_and_one_account(tmp_path: Path) -> None:
    patients = BLOCK_PATIENTS + 5_000
    said: list[str] = []
    truth = generate(tmp_path, patients=patients, as_of=AS_OF, progress=said.append)
    assert said == ["100,000 of 105,000 children written", "105,000 of 105,000 children written"]
    repeated = {"identical_duplicate": 1.0, "conflicting_duplicate": 0.5}  # of a conflicting pair one id is new
    for table, column in (
        ("patients", "patient_id"),
        ("encounters", "encounter_id"),
        ("observations", "observation_id"),
    ):
        file = pq.ParquetFile(tmp_path / f"{table}.parquet")
        assert file.metadata.num_rows == truth.rows[table]
        ids = file.read(columns=[column])[column]
        extra = sum(truth.faults[table][kind] * share for kind, share in repeated.items())
        assert len(ids) - pc.count_distinct(ids).as_py() == extra
        assert max(pc.utf8_length(pc.unique(ids)).to_pylist()) <= 12
    assert 19 < truth.rows["encounters"] / patients < 21
    assert 9.5 < truth.rows["observations"] / patients < 10.5
    followed = pc.unique(pq.read_table(tmp_path / "encounters.parquet", columns=["patient_id"])["patient_id"])
    assert pc.sum(pc.greater(followed, "P0100000")).as_py() > 4_500


def test_planted_levels_are_met_closely_at_this_size(tmp_path: Path) -> None:
    truth = generate(tmp_path, patients=60_000, as_of=AS_OF, faults=False)
    for rate in truth.rates:
        if rate["stratifier"] == "overall":
            # three standard errors of the rarest events at this size
            assert abs(rate["realised"] / rate["planted"] - 1) < 0.06, rate
    completeness = truth.race_capture["completeness"]
    assert completeness[0]["site_e"] > 0.93
    assert completeness[-1]["site_e"] < 0.65
    assert [year["planted_points"] for year in truth.gap["years"]] == sorted(
        (year["planted_points"] for year in truth.gap["years"]), reverse=True
    )
