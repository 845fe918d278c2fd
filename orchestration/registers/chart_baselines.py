"""Keeps what was published of registered baselines between runs, as a CSV file.

It holds what releases have shown and nothing else: a hidden point has a status and no number. A baseline that leaves
the register `chart_phases` leaves this file with the next publication.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.errors import SettingsError
from orchestration.statistics.spc.kept import KEPT_COLUMNS, KEPT_NUMBERS, none_kept
from orchestration.whole_file import replaced

if TYPE_CHECKING:
    import pandas as pd


def read_chart_baselines(path: Path) -> pd.DataFrame:
    """Points as `kept.kept_points` gave them, none without a file. Raises SettingsError for another file."""
    import pandas as pd

    if not path.is_file():
        return none_kept()
    try:
        frame = pd.read_csv(path, dtype="str", keep_default_na=False)
        if tuple(frame.columns) != KEPT_COLUMNS:
            raise _problem(path, "columns are " + ", ".join(KEPT_COLUMNS))
        starts = pd.to_datetime(frame["period_starts_on"], format="%Y-%m-%d").astype("datetime64[s]")
        frame["period_starts_on"] = starts
        for name in KEPT_NUMBERS:
            frame[name] = pd.to_numeric(frame[name].replace("", None)).astype("float64")
    except ValueError:
        raise _problem(path, "`period_starts_on` looks like 2025-07-01 and numbers like 8.25") from None
    return frame


def write_chart_baselines(path: Path, frame: pd.DataFrame) -> None:
    """Replace the file whole; readers see the old one or the new one."""
    with replaced(path) as draft:
        frame.to_csv(draft, index=False, date_format="%Y-%m-%d", lineterminator="\n", encoding="utf-8")


def _problem(path: Path, rule: str) -> SettingsError:
    return SettingsError(
        rule,
        where=path.name,
        found="something else",
        remedy="restore what the last publication wrote, or remove the file and with it what the window has left",
    )
