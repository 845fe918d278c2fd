"""When to ask again: what Retry-After says, within bounds, else longer and longer pauses."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 3600.0
_FIRST_SECONDS, _FACTOR, _UNTOLD_LONGEST_SECONDS = 5.0, 1.5, 300.0


@dataclass(frozen=True)
class Clock:
    """Time and the passing of it; a test brings its own."""

    now: Callable[[], dt.datetime]
    sleep: Callable[[float], None]


SYSTEM_CLOCK = Clock(lambda: dt.datetime.now(dt.UTC), time.sleep)


def retry_after(header: str | None, now: dt.datetime) -> float | None:
    """Seconds that a Retry-After header asks for, as seconds or as an HTTP date; None when it says nothing readable."""
    text = (header or "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return bounded(float(text[:9]))
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt.UTC)
    return bounded((until - now).total_seconds())


def bounded(seconds: float) -> float:
    """At least a second, so that nobody is pressed, and an hour at most, so that an end is noticed."""
    return min(max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS)


def untold(times_asked: int) -> float:
    """Pause in seconds after having asked so many times a server that does not say how long to wait."""
    exponent = min(max(times_asked - 1, 0), 50)
    return min(_FIRST_SECONDS * _FACTOR**exponent, _UNTOLD_LONGEST_SECONDS)
