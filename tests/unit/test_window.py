"""Where the measured window ends: with the last complete month, quarter or year."""

from __future__ import annotations

import datetime as dt

import pytest

from orchestration.settings import Settings


@pytest.mark.parametrize(
    ("as_of", "window", "bounds"),
    [
        ("2026-06-30", {}, ("2023-07-01", "2026-06-30")),
        ("2026-07-30", {}, ("2023-07-01", "2026-06-30")),
        ("2026-07-31", {}, ("2023-08-01", "2026-07-31")),
        ("2026-12-31", {"months": 12}, ("2026-01-01", "2026-12-31")),
        ("2026-08-31", {"moves_by": 3}, ("2023-07-01", "2026-06-30")),
        ("2026-09-30", {"moves_by": 3}, ("2023-10-01", "2026-09-30")),
        ("2026-09-30", {"moves_by": 3, "year_ends_in": 8}, ("2023-09-01", "2026-08-31")),
        ("2026-06-29", {"moves_by": 12}, ("2022-07-01", "2025-06-30")),
        ("2027-05-31", {"moves_by": 12}, ("2023-07-01", "2026-06-30")),
        ("2026-12-31", {"moves_by": 12, "year_ends_in": 12, "months": 24}, ("2025-01-01", "2026-12-31")),
        ("2027-01-15", {"moves_by": 12, "year_ends_in": 1, "months": 12}, ("2025-02-01", "2026-01-31")),
    ],
)
def test_bounds(as_of: str, window: dict[str, int], bounds: tuple[str, str]) -> None:
    settings = Settings.model_validate({"as_of": dt.date.fromisoformat(as_of), "window": window})
    assert tuple(day.isoformat() for day in settings.window_bounds()) == bounds
