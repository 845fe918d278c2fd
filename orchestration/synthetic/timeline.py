"""Days and months of a generated registry as plain integers: days since 1970-01-01, months of the measured window."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_DAY = np.int32(np.iinfo(np.int32).min)
"""Stands for an empty date in an array of days."""

DAYS_PER_YEAR = 365.25
HISTORY_MONTHS = 14

Days = NDArray[np.int32]


def day_number(date: dt.date) -> int:
    """Days since 1970-01-01."""
    return date.toordinal() - dt.date(1970, 1, 1).toordinal()


def date_of(day: int) -> dt.date:
    """The date of a day number."""
    return dt.date.fromordinal(day + dt.date(1970, 1, 1).toordinal())


@dataclass(frozen=True)
class Timeline:
    """When the registry begins, which months are measured, and the day it is looked at (all as day numbers).

    `month_starts` has the first day of each month of the window and, last, the day after the window.
    """

    history_starts: int
    as_of: int
    month_starts: Days

    @property
    def months(self) -> int:
        """Months of the window."""
        return len(self.month_starts) - 1

    @property
    def window_starts(self) -> int:
        """First day of the window."""
        return int(self.month_starts[0])

    @property
    def window_ends(self) -> int:
        """Last day of the window."""
        return int(self.month_starts[-1]) - 1

    def month_start(self, month: int) -> int:
        """First day of a month of the window; months past its ends are taken at the ends."""
        return int(self.month_starts[min(max(month, 0), self.months)])

    def years(self) -> list[tuple[int, int]]:
        """First and last day of each whole year, counted back from the window's end."""
        firsts = range(self.months - 12, -1, -12)
        return [(self.month_start(first), self.month_start(first + 12) - 1) for first in reversed(firsts)]


def timeline(as_of: dt.date, months: int) -> Timeline:
    """The `months` whole months that end with the last complete month before `as_of`, and some history before them."""
    after = (as_of + dt.timedelta(days=1)).replace(day=1)
    last = after.year * 12 + after.month - 1
    starts = [_first_of(month) for month in range(last - months, last + 1)]
    return Timeline(
        history_starts=_first_of(last - months - HISTORY_MONTHS),
        as_of=day_number(as_of),
        month_starts=np.array(starts, np.int32),
    )


def _first_of(month: int) -> int:
    return day_number(dt.date(month // 12, month % 12 + 1, 1))
