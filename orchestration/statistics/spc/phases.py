"""Phases and baselines: from which points the limits of a chart come, and where a register starts them anew.

Without an entry a chart has one phase, and its baseline is the first year of the data. That year moves on as the
measured window does; a team that wants fixed days writes its baseline into the register, whose points are kept when the
window has left them (`kept.py`). Nothing in the data ever splits a chart: only an entry with a reason does.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from orchestration.statistics.intervals import BoolArray, IntArray
from orchestration.statistics.spc.panel import Panel

ANY = "*"
PERIODS_PER_YEAR = {"month": 12, "quarter": 4, "year": 1}
# A year of quarters is too few for limits: two years then.
DEFAULT_BASELINE = {"month": 12, "quarter": 8}


@dataclass(frozen=True)
class Phases:
    """Per series and period: the number of the phase (from 0) and whether the point belongs to its phase's baseline."""

    number: IntArray
    is_baseline: BoolArray

    @property
    def count(self) -> int:
        """Most phases of any series."""
        return int(self.number.max(initial=0)) + 1


def phases_of(panel: Panel, grain: str, register: pd.DataFrame) -> Phases:
    """Phases of every series of the panel by the register chart_phases (see `registers.py` for its columns).

    An entry starts a phase at the first period on or after `starts_on`, for the series that it names (`*` names all);
    `baseline_ends_on` ends the phase's baseline, a year (two years of quarters) where it is empty.
    """
    shape = panel.value.shape
    starts, ends = panel.starts[None, :], panel.ends[None, :]
    number = np.zeros(shape, dtype=np.int64)
    first = np.zeros(shape, dtype=np.int64)  # position of the phase's first period
    last = np.full(shape, DEFAULT_BASELINE[grain] - 1, dtype=np.int64)  # position of the baseline's last period
    position = np.arange(shape[1])[None, :]
    for entry in register.sort_values("starts_on").to_dict("records"):  # a handful of entries, all series at once
        named = is_named(panel.keys, entry)[:, None]
        begins = named & (starts >= pd.Timestamp(entry["starts_on"]).to_datetime64())
        if not begins.any():
            continue
        at = int(np.argmax(begins.any(axis=0)))
        until = at + DEFAULT_BASELINE[grain] - 1
        if not pd.isna(entry["baseline_ends_on"]):
            until = int((ends <= pd.Timestamp(entry["baseline_ends_on"]).to_datetime64()).sum()) - 1
        # An entry for the very first period only fixes the baseline.
        number = np.where(begins, number + (1 if at else 0), number)
        first = np.where(begins, at, first)
        last = np.where(begins, until, last)
    return Phases(number, (position >= first) & (position <= last))


def is_named(keys: pd.DataFrame, entry: dict[Hashable, Any]) -> BoolArray:
    """Which series (rows of `keys`) an entry of the register speaks of."""
    found = np.ones(len(keys), dtype=bool)
    for column in ("measure_id", "stratifier", "stratum", "site"):
        wanted = entry[column]
        if wanted != ANY:
            found &= keys[column].eq(wanted).to_numpy(dtype=bool)
    return found
