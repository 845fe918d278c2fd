"""Keeps the published points of registered baselines between runs, as a CSV file.

It holds what releases have shown and nothing else. A baseline that leaves the register `chart_phases` leaves this file
with the next publication.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.errors import SettingsError
from orchestration.statistics.spc.kept import KEPT_COLUMNS, none_kept

if TYPE_CHECKING:
    import pandas as pd

_DATES = ("period_starts_on", "period_ends_on")
_NUMBERS = ("numerator", "denominator", "ci_low", "ci_high", "confidence", "difference")


def read_chart_baselines(path: Path) -> pd.DataFrame:
    """Points as `kept.kept_points` gave them, none without a file. Raises SettingsError for another file."""
    import pandas as pd

    if not path.is_file():
        return none_kept()
    try:
        frame = pd.read_csv(path, dtype="str", keep_default_na=False)
        if tuple(frame.columns) != KEPT_COLUMNS:
            raise _problem(path, "columns are " + ", ".join(KEPT_COLUMNS))
        for name in _DATES:
            frame[name] = pd.to_datetime(frame[name], format="%Y-%m-%d").astype("datetime64[s]")
        for name in _NUMBERS:
            frame[name] = pd.to_numeric(frame[name].replace("", None)).astype("float64")
    except ValueError:
        raise _problem(path, "days look like 2025-07-01 and numbers like 8.25") from None
    return frame


def write_chart_baselines(path: Path, frame: pd.DataFrame) -> None:
    """Replace the file whole; readers see the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    frame.to_csv(draft, index=False, date_format="%Y-%m-%d", lineterminator="\n", encoding="utf-8")
    draft.replace(path)


def _problem(path: Path, rule: str) -> SettingsError:
    return SettingsError(
        rule,
        where=path.name,
        found="something else",
        remedy="restore what the last publication wrote, or remove the file and with it what the window has left",
    )
