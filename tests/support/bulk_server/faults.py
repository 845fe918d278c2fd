"""Misbehavior: each makes another answer out of the one that would be right."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

from tests.support.bulk_server.http import Answer

Fault = Callable[[Answer], Answer]
SECRET_WORDS = "Ann Example, born 2011-02-03"  # free text of a server, which must never be passed on


def outcome(code: str, severity: str = "error") -> dict[str, object]:
    """An OperationOutcome whose free text names a patient."""
    issue = {"severity": severity, "code": code, "diagnostics": SECRET_WORDS, "details": {"text": SECRET_WORDS}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def instead(status: int, *, code: str | None = None, **headers: str) -> Fault:
    """Another status, with an OperationOutcome of this code or with a page that no machine reads."""
    body = json.dumps(outcome(code)).encode() if code else f"<html>{SECRET_WORDS}</html>".encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda right: Answer(status, body, named)


def cut_at(n_bytes: int) -> Fault:
    """The connection ends in the middle of the body."""
    return lambda right: right.but(cut_at=n_bytes)


def shortened(n_bytes: int) -> Fault:
    """The file itself ends too early, and the server does not notice."""

    def shorten(right: Answer) -> Answer:
        is_gzip = right.headers.get("Content-Encoding") == "gzip"
        text = (gzip.decompress(right.body) if is_gzip else right.body)[:-n_bytes]
        return right.but(body=gzip.compress(text) if is_gzip else text)

    return shorten


def damaged(right: Answer) -> Answer:
    """A compressed file that loses its end."""
    return right.but(body=right.body[:-9])


def redirect_to(url: str, status: int = 302) -> Fault:
    """Somewhere else."""
    return lambda right: Answer(status, b"", {"Location": url})
