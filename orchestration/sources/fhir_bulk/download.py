"""Downloads the files of an export, each whole and checked; what is there already is not fetched again."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx

from orchestration.errors import SourceError
from orchestration.sources.content import sha256_of
from orchestration.sources.fhir_bulk.kept import KeptFile, sync
from orchestration.sources.fhir_bulk.lines import Lines, NotWhole
from orchestration.sources.fhir_bulk.manifest import Manifest, ManifestFile
from orchestration.sources.fhir_bulk.outcomes import Issue, issues
from orchestration.sources.fhir_bulk.transport import Again, Call, Transport

_ACCEPT = "application/fhir+ndjson"
_BLOCK = 1 << 16
_EXPIRED = frozenset({403, 404, 410})


class AddressExpired(Exception):
    """The server does not give a file under its address any more; a newer manifest may have another one."""


def still_there(folder: Path, files: tuple[KeptFile, ...]) -> tuple[KeptFile, ...]:
    """Those of the files that are in the folder exactly as they were downloaded."""
    return tuple(
        file
        for file in files
        if (path := folder / file.name).is_file()
        and path.stat().st_size == file.bytes
        and sha256_of(path) == file.sha256
    )


def download_all(
    transport: Transport, manifest: Manifest, folder: Path, have: tuple[KeptFile, ...],
    keep: Callable[[tuple[KeptFile, ...]], None], progress: Callable[[str], None],
) -> tuple[KeptFile, ...]:  # fmt: skip
    """Every file of the manifest, in its order. `keep` is told what is there after each file.

    Raises AddressExpired when an address is no longer good, SourceError when a file cannot be had whole.
    """
    known = {file.key: file for file in have}
    for number, wanted in enumerate(manifest.files, start=1):
        place = f"file {number} of {len(manifest.files)} ({wanted.kind}, {wanted.resource_type})"
        if wanted.key not in known:
            progress(f"downloading {place}")
            # With the key in its name, a file never takes the place of one that is kept from before.
            stem = f"{wanted.resource_type}.{number:05d}.{wanted.key[:8]}"
            known[wanted.key] = _download(transport, wanted, manifest.authorize, folder, stem, place)
            keep(tuple(known.values()))
    return tuple(known[wanted.key] for wanted in manifest.files)


def outcomes(folder: Path, files: tuple[KeptFile, ...]) -> Counter[Issue]:
    """What the server's own messages say, by severity and code. They are few: one per problem, not per patient row."""
    found: Counter[Issue] = Counter()
    for file in files:
        if file.kind == "outcome":
            opened = gzip.open if file.name.endswith(".gz") else open
            with opened(folder / file.name, "rb") as lines:
                for line in lines:
                    if line.strip():
                        found.update(_issues(line))
    return found


def _issues(line: bytes) -> list[Issue]:
    try:
        return issues(json.loads(line)) or [("other", "other")]
    except ValueError:
        return [("other", "other")]


def _download(
    transport: Transport, wanted: ManifestFile, authorize: bool, folder: Path, stem: str, place: str
) -> KeptFile:
    call = Call(
        f"the download of {place}", wanted.url, accept=_ACCEPT, headers={"Accept-Encoding": "gzip"},
        authorize=authorize, follow=True,
    )  # fmt: skip
    part = folder / f"{stem}.part"
    lines, count = transport.receive(call, lambda answer: _written(call, answer, part, wanted.count))
    name = f"{stem}.ndjson.gz" if lines.is_gzip else f"{stem}.ndjson"
    sync(part)
    os.replace(part, folder / name)
    return KeptFile(
        name=name, key=wanted.key, kind=wanted.kind, resource_type=wanted.resource_type,
        lines=count, bytes=lines.bytes, sha256=lines.sha256,
    )  # fmt: skip


def _written(call: Call, answer: httpx.Response, path: Path, expected: int | None) -> tuple[Lines, int]:
    """Write the body as it comes (gzip stays gzip) and see that it is whole; what is not is fetched again."""
    _require_given(call, answer)
    lines = Lines()
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for block in answer.iter_raw(_BLOCK):
                lines.feed(block)
                file.write(block)
        count = lines.finish()
    except NotWhole as error:
        raise Again(error.found) from None
    if expected is not None and count != expected:
        raise Again(f"{count:,} lines where the manifest says {expected:,}")
    return lines, count


def _require_given(call: Call, answer: httpx.Response) -> None:
    status = answer.status_code
    if status == 200:
        encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding in ("", "identity", "gzip", "x-gzip"):
            return
        found, remedy = f"the encoding {encoding[:20]!r}", "ask those who run the server: gzip was the one asked for"
    elif status in _EXPIRED:
        raise AddressExpired
    else:
        found = f"HTTP {status}"
        remedy = "pull again; the token is sent to the origin of `base_url` only, and only where the manifest wants it"
    raise SourceError("the server gives the file", where=call.where, found=found, remedy=remedy)
