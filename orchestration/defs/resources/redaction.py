"""Keeps data out of errors and logs: messages of databases and libraries may quote the value that they choked on."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

from orchestration.errors import EquityError

# Errors that speak of names in our own SQL; every other message may go on to quote data.
_ABOUT_NAMES = re.compile(r"\s*(Binder|Catalog|Parser|Compilation|Dependency) Error\b")
_PREFACE = re.compile(r"\s*(Runtime|Database|Compilation) Error in \w+ \w+ \([^)]*\)\s*$")
_EXCERPT = re.compile(r"\n\s*LINE \d+:.*", re.DOTALL)
_MAY_BE_DATA = re.compile(r"['\"`\d]")


class UnexpectedError(EquityError):
    """A failure that nobody foresaw; its message says where it happened, never with what data."""


def redacted(message: str) -> str:
    """What can be passed on of a library's message: names of our own SQL, else only what stands before a value."""
    lines = [line.strip() for line in _EXCERPT.sub("", message).strip().splitlines() if line.strip()]
    while lines and _PREFACE.match(lines[0]):
        lines.pop(0)
    if not lines:
        return ""
    if _ABOUT_NAMES.match(lines[0]):
        return "; ".join(lines[:3])[:400]
    return _MAY_BE_DATA.split(lines[0], maxsplit=1)[0].strip(" :(")[:200]


def unexpected(error: BaseException, *, where: str, logs_dir: Path, run_id: str) -> UnexpectedError:
    """Write where the error came from (types and source lines, no values) to a log and return what to raise instead."""
    logs_dir.mkdir(parents=True, exist_ok=True)
    path = logs_dir / f"{run_id}.failure.log"
    with path.open("a", encoding="utf-8") as log:
        log.write(f"{where}\n")
        cause: BaseException | None = error
        while cause is not None:
            log.write(f"{type(cause).__module__}.{type(cause).__qualname__}: {_words_of(cause)}\n")
            log.writelines(traceback.format_tb(cause.__traceback__))
            cause = cause.__cause__ or cause.__context__
    return UnexpectedError(
        "stopped by an error that this program does not know",
        where=where,
        found=f"{type(error).__name__}: {_words_of(error)}",
        remedy=f"{path} says where it happened; it holds no data and can be passed on",
    )


def _words_of(error: BaseException) -> str:
    """Errors of these types name code, nothing that was read."""
    return str(error) if isinstance(error, (ImportError, NameError)) else redacted(str(error))
