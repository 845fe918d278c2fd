"""What a finished export consists of: every page of its manifest, as a list of files."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from orchestration.errors import SourceError
from orchestration.sources.fhir_bulk.addresses import origin_of, resolved
from orchestration.sources.fhir_bulk.transport import Call, Transport

Kind = Literal["output", "deleted", "outcome"]
# Up to version 3 `error`, from the ballot of 4 on `outcome`.
_KEYS: dict[str, Kind] = {"output": "output", "deleted": "deleted", "error": "outcome", "outcome": "outcome"}
_MOST_PAGES = 10_000
_RESOURCE_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_WHAT = "the export's manifest"


@dataclass(frozen=True)
class ManifestFile:
    """One file: its key stays the same when the manifest is read again; `count` is how many lines it has, if said."""

    key: str
    kind: Kind
    resource_type: str
    url: str
    count: int | None


@dataclass(frozen=True)
class Manifest:
    """`transaction_time` is the server's own text: the next `_since`. `authorize`: the files want the token."""

    transaction_time: str
    authorize: bool
    files: tuple[ManifestFile, ...]

    @property
    def exported_at(self) -> dt.datetime:
        """The moment up to which the export holds what was there."""
        return instant(self.transaction_time)


def instant(text: str) -> dt.datetime:
    """A FHIR instant as a time with its zone."""
    return dt.datetime.fromisoformat(text)


def read_manifest(transport: Transport, first: httpx.Response) -> Manifest:
    """All pages, from the answer that holds the first. Raises SourceError when it is not a manifest."""
    url, page = str(first.request.url), _content(first)
    time, authorize = _about(page, url)
    files: list[tuple[Kind, str, str, int | None]] = []
    seen = {url}
    while True:
        files += _files(page, url)
        following = _next(page, url)
        if following is None:
            return Manifest(time, authorize, _keyed(files))
        if following in seen or len(seen) >= _MOST_PAGES:
            raise _wrong(url, "its `next` links lead in a circle")
        seen.add(following)
        call = Call(_WHAT, following, follow=True)
        answer = transport.send(call)
        if answer.status_code != 200:
            raise _wrong(following, f"HTTP {answer.status_code} for a page of it")
        url, page = following, _content(answer)
        if _about(page, url) != (time, authorize):
            raise _wrong(url, "its pages differ in `transactionTime` or `requiresAccessToken`")


def _content(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = json.loads(answer.content)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise _wrong(str(answer.request.url), "something else than a JSON object")
    return content


def _about(page: dict[str, Any], url: str) -> tuple[str, bool]:
    time = page.get("transactionTime")
    if not isinstance(time, str) or not _INSTANT.fullmatch(time):
        raise _wrong(url, "no `transactionTime` with a time zone")
    # Left out by some servers. The token goes to the FHIR server's own origin at most, so that yes is the safe answer.
    authorize = page.get("requiresAccessToken", True)
    if not isinstance(authorize, bool):
        raise _wrong(url, "`requiresAccessToken` is neither true nor false")
    if page.get("outputOrganizedBy"):
        raise _wrong(url, "files that mix resource types, which were not asked for")
    return time, authorize


def _files(page: dict[str, Any], base: str) -> list[tuple[Kind, str, str, int | None]]:
    found: list[tuple[Kind, str, str, int | None]] = []
    for key, kind in _KEYS.items():
        for entry in page.get(key) or []:
            if not isinstance(entry, dict) or not isinstance(entry.get("url"), str):
                raise _wrong(base, f"an entry of `{key}` without `url`")
            name = {"output": entry.get("type"), "deleted": "Bundle", "outcome": "OperationOutcome"}[kind]
            if not isinstance(name, str) or not _RESOURCE_TYPE.fullmatch(name):
                raise _wrong(base, f"an entry of `{key}` without `type`")
            count = entry.get("count")
            is_count = isinstance(count, int) and not isinstance(count, bool) and count >= 0
            found.append(
                (kind, name, resolved(base, entry["url"], "a file of the export"), count if is_count else None)
            )
    return found


def _next(page: dict[str, Any], base: str) -> str | None:
    for link in page.get("link") or []:
        if isinstance(link, dict) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            return resolved(base, link["url"], _WHAT)
    return None


def _keyed(files: list[tuple[Kind, str, str, int | None]]) -> tuple[ManifestFile, ...]:
    """Signed addresses change their query at each reading: where the paths tell files apart, they are the key."""
    paths = [f"{origin_of(url)}{urlsplit(url).path}" for _, _, url, _ in files]
    names = paths if len(set(paths)) == len(paths) else [url for _, _, url, _ in files]
    if len(set(names)) != len(names):
        raise SourceError("a manifest names each file once", where=_WHAT, found="a file twice", remedy="pull again")
    return tuple(
        ManifestFile(hashlib.sha256(f"{kind} {name} {path}".encode()).hexdigest()[:24], kind, name, url, count)
        for path, (kind, name, url, count) in zip(names, files, strict=True)
    )


def _wrong(url: str, found: str) -> SourceError:
    return SourceError(
        "the manifest says what was exported, when, and where its files are",
        where=Call(_WHAT, url).where,
        found=found,
        remedy="ask those who run the server; nothing was taken over",
    )
