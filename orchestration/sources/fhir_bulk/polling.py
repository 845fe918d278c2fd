"""Asks for an export's status until its manifest is there: politely, within bounds, through what passes by itself."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import httpx

from orchestration.errors import SourceError
from orchestration.sources.fhir_bulk.outcomes import in_words, is_transient, issues_of
from orchestration.sources.fhir_bulk.transport import Call, Transport
from orchestration.sources.fhir_bulk.waiting import retry_after, untold

# Some servers take weeks; what takes longer does not come.
LONGEST = dt.timedelta(days=30)
_GONE = frozenset({404, 410})
# Some servers show a failed export as 500 or 504, so that few repetitions are enough.
_MOST_FAILURES = 4
_PERCENT = re.compile(r"(?<![\d.])(100|\d{1,2})(?:[.,]\d+)?\s*%")
_WORDS = ("accepted", "queued", "pending", "preparing", "started", "running", "processing", "building", "exporting",
          "in progress", "in-progress", "completed")  # fmt: skip


class Gone(Exception):
    """The server does not know the export any more: it expired, or was deleted."""


class Failed(SourceError):
    """The export ended without files. Nothing is left of it to go on with."""


class Troubled(SourceError):
    """The server does not say how the export stands. It may go on; after a few such pulls it is taken for failed."""


class StillPreparing(SourceError):
    """The pull's own time is over; the export goes on at the server, and the next pull takes it up."""


def wait_for_manifest(
    transport: Transport, status_url: str, started_at: dt.datetime, longest_pull: dt.timedelta,
    progress: Callable[[str], None],
) -> httpx.Response:  # fmt: skip
    """The answer that holds the manifest. Raises Gone, Failed, Troubled or StillPreparing."""
    clock = transport.clock
    call = Call("the export's status", status_url, follow=True, retried=frozenset())
    pull_ends = clock.now() + longest_pull
    times, failures = 0, 0
    while True:
        answer = transport.send(call)
        status = answer.status_code
        times += 1
        if status == 200:
            return answer
        if status in _GONE:
            raise Gone
        if status not in (202, 429):
            failures += 1
            _require_passing(call, answer, failures)
        else:
            failures = 0
        said = in_plain_words(answer.headers.get("X-Progress", ""))
        pause = retry_after(answer.headers.get("Retry-After"), clock.now()) or untold(times)
        progress(f"the server prepares the export: {said}; next look in {pause:,.0f} s")
        resumes = clock.now() + dt.timedelta(seconds=pause)
        if resumes > started_at + LONGEST:
            raise Failed(
                f"an export is ready within {LONGEST.days} days",
                where=call.where,
                found=f"the server still says: {said}",
                remedy="ask those who run the server; the next pull asks for a new export",
            )
        if resumes > pull_ends:
            raise StillPreparing(
                "the export is ready within `longest_pull_hours`",
                where=call.where,
                found=f"the server still says: {said}",
                remedy="pull again later: it takes up the same export",
            )
        clock.sleep(pause)


def in_plain_words(header: str) -> str:
    """A percentage or a common word of X-Progress; the rest is the server's own text, which may be about anybody."""
    percent = _PERCENT.search(header)
    if percent:
        return f"{percent[1]} %"
    return next((word for word in _WORDS if word in header.lower()), "in progress")


def _require_passing(call: Call, answer: httpx.Response, failures: int) -> None:
    """Raise Failed or Troubled unless the answer may be another one next time."""
    found = issues_of(answer.content)
    passing = is_transient(answer.content) or (answer.status_code >= 500 and not found)
    if passing and failures <= _MOST_FAILURES:
        return
    said = f"HTTP {answer.status_code}{f' ({in_words(found)})' if found else ''}"
    if passing or answer.status_code in (401, 403):
        raise Troubled(
            "the server says how the export stands",
            where=call.where,
            found=said,
            remedy="pull again: it looks after the same export; if it stays so, ask those who run the server",
        )
    raise Failed(
        "the server completes the export",
        where=call.where,
        found=said,
        remedy="pull again: it asks for a new export; if that fails too, ask those who run the server",
    )
