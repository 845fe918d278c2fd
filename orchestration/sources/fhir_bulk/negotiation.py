"""Which version of Bulk Data to speak: what the CapabilityStatement says, else the versions most servers have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from orchestration.settings_fhir_bulk import FhirBulkSource
from orchestration.sources.fhir_bulk.transport import Call, Transport

Version = Literal["1", "2", "3", "4"]
PUBLISHED: tuple[Version, ...] = ("3", "2", "1")
BALLOT: Version = "4"
_OPERATIONS = {"group": "group-export", "patient": "patient-export", "system": "export"}
_GUIDE = "hl7.org/fhir/uv/bulkdata/"
_MAJOR = re.compile(r"\|v?([1-4])(\.|$)")


@dataclass(frozen=True)
class Offer:
    """Versions to try, in order; `said` when the server named them itself; `described` when it described itself."""

    versions: tuple[Version, ...]
    said: bool
    described: bool


def negotiate(transport: Transport, source: FhirBulkSource) -> Offer:
    """The setting where there is one, else what the server's CapabilityStatement says, else 2 and then the ballot.

    One GET version and one POST version at most: within a kind, another number would be asked the same way. The
    CapabilityStatement is public, so that it is read without a token; when it cannot be read, nothing is concluded.
    """
    if source.version != "auto":
        return Offer((source.version,), said=True, described=False)
    call = Call("the CapabilityStatement", f"{source.base_url}/metadata", accept="application/fhir+json",
                authorize=False, follow=True)  # fmt: skip
    answer = transport.send(call)
    statement = _statement(answer.content) if answer.status_code == 200 else {}
    said, described = _majors(statement, source.level), bool(statement)
    published = next((version for version in PUBLISHED if version in said), None)
    if published:
        return Offer((published, BALLOT), said=True, described=described)
    if BALLOT in said:
        return Offer((BALLOT, "2"), said=True, described=described)
    return Offer(("2", BALLOT), said=False, described=described)


def _statement(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    is_statement = isinstance(content, dict) and content.get("resourceType") == "CapabilityStatement"
    return content if is_statement else {}


def _majors(statement: dict[str, Any], level: str) -> set[str]:
    own = {found for canonical in _definitions(statement, _OPERATIONS[level]) for found in _major(canonical)}
    if own:
        return own
    general = [one for key in ("instantiates", "implementationGuide", "imports") for one in _list(statement.get(key))]
    return {found for canonical in general for found in _major(canonical)}


def _definitions(statement: dict[str, Any], operation: str) -> Iterator[Any]:
    """Canonicals of the export operation at one level, wherever servers put them."""
    for rest in _list(statement.get("rest")):
        if isinstance(rest, dict):
            resources = [one for one in _list(rest.get("resource")) if isinstance(one, dict)]
            for holder in (rest, *resources):
                for one in _list(holder.get("operation")):
                    canonical = one.get("definition") if isinstance(one, dict) else None
                    if isinstance(canonical, str) and re.search(rf"/{operation}(\||$)", canonical):
                        yield canonical


def _major(canonical: Any) -> Iterator[str]:
    if isinstance(canonical, str) and _GUIDE in canonical and (match := _MAJOR.search(canonical)):
        yield match[1]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
