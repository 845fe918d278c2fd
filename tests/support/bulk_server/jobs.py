"""Exports as the server sees them: what was asked, how it stands, and the manifest in the version spoken."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.support.bulk_server.http import Request

NDJSON = "application/fhir+ndjson"
_KNOWN = {"_outputFormat", "_since", "_type", "_typeFilter"}
FIRST_TIME = dt.datetime(2026, 6, 1, 12, 0, 0, 250_000, dt.UTC)


@dataclass(frozen=True)
class Content:
    """What one export holds: lines per resource type (several files where there are several lists), and the rest."""

    output: tuple[tuple[str, tuple[str, ...]], ...]
    deleted: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """The kick-off request, understood."""

    path: str
    types: tuple[str, ...]
    filters: tuple[str, ...]
    since: str | None
    output_format: str | None


class Misunderstood(Exception):
    """The request is not one of this version."""


def understood(request: Request, version: str) -> Asked:
    """Read a kick-off request as a server of this version does. Raises Misunderstood."""
    pairs = _posted(request) if version == "4" else _queried(request)
    if {name for name, _ in pairs} - _KNOWN:
        raise Misunderstood("a parameter that is not known")
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return Asked(
        path=request.path,
        types=tuple(values.get("_type", ())),
        filters=tuple(values.get("_typeFilter", ())),
        since=values.get("_since", [None])[0],
        output_format=values.get("_outputFormat", [None])[0],
    )


def _queried(request: Request) -> list[tuple[str, str]]:
    """Lists are separated by commas; a repeated parameter is refused, as some servers do."""
    given = parse_qsl(request.query, strict_parsing=True)
    if len({name for name, _ in given}) != len(given) or request.body:
        raise Misunderstood("repeated")
    pairs = []
    for name, value in given:
        # A comma inside a filter arrives escaped, so that it survives this.
        parts = value.split(",") if name in ("_type", "_typeFilter") else [value]
        pairs += [(name, unquote(part) if name == "_typeFilter" else part) for part in parts]
    return pairs


def _posted(request: Request) -> list[tuple[str, str]]:
    if request.query or request.headers.get("content-type") != "application/fhir+json":
        raise Misunderstood("parameters belong into the body")
    body = json.loads(request.body)
    if body["resourceType"] != "Parameters":
        raise Misunderstood("no Parameters")
    kinds = {"_outputFormat": "valueString", "_since": "valueInstant", "_type": "valueString",
             "_typeFilter": "valueString"}  # fmt: skip
    for one in body["parameter"]:
        if set(one) != {"name", kinds[one["name"]]} or (one["name"] == "_type" and "," in one["valueString"]):
            raise Misunderstood("a parameter of another kind")
    return [(one["name"], one[kinds[one["name"]]]) for one in body["parameter"]]


@dataclass
class Job:
    """One export. `polls_left`: how often it answers 202 before it is done."""

    number: int
    asked: Asked
    content: Content
    polls_left: int
    deleted: bool = False
    wrong_counts: dict[str, int] = field(default_factory=dict)

    @property
    def transaction_time(self) -> str:
        time = FIRST_TIME + dt.timedelta(days=self.number)
        return time.isoformat(timespec="milliseconds")

    def files(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """(kind, resource type, lines) of each file."""
        kept = [("output", name, lines) for name, lines in self.content.output if name in self.asked.types]
        kept += [("deleted", "Bundle", self.content.deleted)] if self.content.deleted and self.asked.since else []
        return kept + ([("error", "OperationOutcome", self.content.outcomes)] if self.content.outcomes else [])

    def manifest(self, version: str, file_url: str, requires_token: bool, signature: str = "") -> dict[str, Any]:
        """The whole manifest; `file_url` is completed with a file's number, and with a query."""
        outcome_key = "outcome" if version == "4" else "error"
        content: dict[str, Any] = {
            "transactionTime": self.transaction_time,
            "requiresAccessToken": requires_token,
            "output": [],
            outcome_key: [],
        }
        if version == "4":
            content["manifestType"] = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export|4.0.0-ballot"
            content["extension"] = [{"url": "http://example.org/note", "valueString": "x"}]
        else:
            content["request"] = f"https://example.org{self.asked.path}"
            content["extension"] = {"http://example.org/note": "x"}
        for number, (kind, name, lines) in enumerate(self.files()):
            entry: dict[str, Any] = {"url": f"{file_url}{number}{signature}"}
            if kind == "output":
                entry |= {"type": name, "count": self.wrong_counts.get(name, len(lines))}
            elif version != "1":
                entry["count"] = len(lines)
            if kind == "error" and version != "4":
                entry["type"] = "OperationOutcome"
            content.setdefault(outcome_key if kind == "error" else kind, []).append(entry)
        return content
