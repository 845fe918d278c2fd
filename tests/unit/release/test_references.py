"""The register of references as a file: what people may edit in it, and that a change never goes unseen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from orchestration.errors import SettingsError
from orchestration.release.references import COLUMNS, read_references, reference_changes, write_references
from orchestration.settings import Settings
from tests.support import release_warehouse as warehouse
from tests.support.release_building import build
from tests.support.release_frames import gap, tables

_DATES = (pd.Timestamp("2025-07-01"), pd.Timestamp("2026-06-30"))
REGISTER = pd.DataFrame(
    [
        ("above", "all", "race", "best", "white", "", *_DATES),
        ("above", "all", "race_by_poverty", "best", "white", "q1", *_DATES),
    ],
    columns=list(COLUMNS),
)


def test_a_round_trip_and_no_register_yet(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "references.csv"
    assert read_references(path) is None
    write_references(path, REGISTER)
    found = read_references(path)
    assert found is not None
    pd.testing.assert_frame_equal(found, REGISTER, check_dtype=False)
    assert list(path.parent.iterdir()) == [path]
    assert path.read_text(encoding="utf-8").splitlines()[1] == "above,all,race,best,white,,2025-07-01,2026-06-30"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda text: text.replace("frozen_on", "frozen"), "its columns are"),
        (lambda text: text.replace("2026-06-30", "30 June", 1), "line 2"),
        (lambda text: text + text.splitlines()[1] + "\n", "frozen once.*\n.*line 4"),
        (lambda text: text.replace("best,white,,", "best,,,"), "names its measure"),
        (lambda text: text.replace("q1,2025", 'q1"",2025,,,,'), "CSV file"),
    ],
)
def test_a_file_that_is_no_register_is_refused_with_its_line(tmp_path: Path, change: Any, rule: str) -> None:
    path = tmp_path / "references.csv"
    write_references(path, REGISTER)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(SettingsError, match=rule):
        read_references(path)


def test_references_that_differ_from_the_release_before_are_named() -> None:
    before = tables(gaps=[gap("Black"), gap("Asian", stratifier="language", reference_stratum="english")])["gaps"]
    now = tables(gaps=[gap("Black", reference_stratum="asian"), gap("White", stratifier="sex")])["gaps"]
    assert reference_changes(now, before) == [
        {
            "measure_id": "hba1c_above_9",
            "site": "all",
            "stratifier": "race_omb2024_multi",
            "from": "best: white",
            "to": "best: asian",
        }
    ]
    assert reference_changes(before, before) == []
    assert reference_changes(now, None) == []


def test_the_manifest_holds_the_register_and_what_changed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "var")
    warehouse.build(settings)
    first = build(settings).manifest["references"]
    assert (first["frozen"], first["frozen_on_first"], first["changed"]) == (1, "2026-06-30", [])
    again = build(settings, "update publish.gaps set reference_rule = 'largest'")
    written = json.loads((again.path / "manifest.json").read_text(encoding="utf-8"))["references"]
    assert written["changed"] == [
        {"measure_id": "share", "site": "all", "stratifier": "race", "from": "best: b", "to": "largest: b"}
    ]
