"""Arguments that cannot be met are refused before anything is written."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from orchestration.errors import SettingsError
from orchestration.synthetic.registry import generate

AS_OF = dt.date(2026, 6, 30)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"patients": 199}, "patients"),
        ({"patients": 1_000_001}, "patients"),
        ({"months": 11}, "months"),
        ({"months": 121}, "months"),
        ({"seed": -1}, "seed"),
        ({"file_format": "xlsx"}, "file_format"),
    ],
)
def test_an_argument_out_of_range_is_named_with_its_range(tmp_path: Path, wrong: dict[str, Any], name: str) -> None:
    arguments: dict[str, Any] = {"patients": 200, "as_of": AS_OF} | wrong
    with pytest.raises(SettingsError, match=f"`{name}` must be") as caught:
        generate(tmp_path / "registry", **arguments)
    assert caught.value.remedy
    assert not (tmp_path / "registry").exists()


def test_a_folder_that_cannot_be_made_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingsError, match="folder"):
        generate(tmp_path / "file", patients=200, as_of=AS_OF)


@pytest.mark.parametrize(
    ("months", "as_of"), [(12, dt.date(2026, 6, 30)), (48, dt.date(2024, 2, 29)), (36, dt.date(2025, 3, 14))]
)
def test_the_smallest_registry_has_every_table_for_any_window(tmp_path: Path, months: int, as_of: dt.date) -> None:
    said: list[str] = []
    truth = generate(tmp_path, patients=200, months=months, as_of=as_of, progress=said.append)
    assert truth.rows["patients"] >= 200
    assert all(count > 0 for count in truth.rows.values())
    last = dt.date.fromisoformat(truth.generator["window_ends_on"])
    assert last <= as_of < last + dt.timedelta(days=31)
    assert (last + dt.timedelta(days=1)).day == 1
    first = dt.date.fromisoformat(truth.generator["window_starts_on"])
    assert (last.year - first.year) * 12 + last.month - first.month + 1 == months
    assert said == ["200 of 200 children written"]
