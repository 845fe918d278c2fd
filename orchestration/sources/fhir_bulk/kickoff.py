"""Asks for an export: by GET with comma-separated lists up to version 3, by POST of a Parameters resource from 4 on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from orchestration.errors import SourceError
from orchestration.settings_fhir_bulk import FhirBulkSource
from orchestration.sources.fhir_bulk.addresses import resolved
from orchestration.sources.fhir_bulk.negotiation import BALLOT, Offer, Version
from orchestration.sources.fhir_bulk.outcomes import in_words, issues_of
from orchestration.sources.fhir_bulk.transport import Call, Transport

FORMAT = "application/fhir+ndjson"
FHIR_JSON = "application/fhir+json"
# How servers refuse a way of asking that they do not know; 401 and 403 are about who asks. A server that named its
# versions means something else by a bare 400.
_OTHER_WAY = frozenset({404, 405, 415, 501})
_PERHAPS_OTHER_WAY = _OTHER_WAY | {400, 406, 422}


@dataclass(frozen=True)
class Started:
    """An export that is under way: where its status is, and in which version it was asked for."""

    status_url: str
    version: Version


def start(transport: Transport, source: FhirBulkSource, offer: Offer, since: str | None) -> Started:
    """Ask in the first of the offered versions that the server takes. Raises SourceError with its first refusal."""
    refusal: SourceError | None = None
    other_way = _OTHER_WAY if offer.said else _PERHAPS_OTHER_WAY
    for version in offer.versions:
        call = request(source, version, since)
        answer = transport.send(call)
        location = answer.headers.get("Content-Location", "")
        if answer.status_code == 202 and location:
            return Started(resolved(call.url, location, "the export's status"), version)
        refusal = refusal or _refused(call, answer)
        if answer.status_code not in other_way:
            break
    raise refusal or SourceError("a version is offered", where=f"source {source.name}", found="none")


def request(source: FhirBulkSource, version: Version, since: str | None) -> Call:
    """The request that starts an export."""
    path = {"group": f"Group/{source.group_id}/$export", "patient": "Patient/$export", "system": "$export"}[
        source.level
    ]
    url = f"{source.base_url}/{path}"
    what = f"`$export` ({source.level} level, version {version})"
    headers = {"Prefer": "respond-async"}
    if version != BALLOT:
        return Call(what, f"{url}?{_query(source, since)}", accept=FHIR_JSON, headers=headers)
    body = json.dumps(_parameters(source, since)).encode()
    headers["Content-Type"] = FHIR_JSON
    return Call(what, url, method="POST", accept=FHIR_JSON, headers=headers, content=body)


def _query(source: FhirBulkSource, since: str | None) -> str:
    """Lists are joined by commas, as some servers refuse repetition; a comma inside a filter is escaped once more."""
    values = {"_outputFormat": FORMAT, "_since": since or "", "_type": ",".join(source.types)}
    values["_typeFilter"] = ",".join(one.replace(",", "%2C") for one in source.type_filters)
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in values.items() if value)


def _parameters(source: FhirBulkSource, since: str | None) -> dict[str, object]:
    """Nothing is joined: each value is a parameter of its own."""
    parameters: list[dict[str, str]] = [{"name": "_outputFormat", "valueString": FORMAT}]
    if since:
        parameters.append({"name": "_since", "valueInstant": since})
    parameters += [{"name": "_type", "valueString": name} for name in source.types]
    parameters += [{"name": "_typeFilter", "valueString": one} for one in source.type_filters]
    return {"resourceType": "Parameters", "parameter": parameters}


def _refused(call: Call, answer: httpx.Response) -> SourceError:
    if answer.status_code == 202:
        found = "HTTP 202 without the address of the export's status (Content-Location)"
    else:
        said = in_words(issues_of(answer.content))
        found = f"HTTP {answer.status_code}{f' ({said})' if said else ''}"
    return SourceError(
        "the server starts an export",
        where=call.where,
        found=found,
        remedy="see which level, `types` and `type_filters` the server supports and lets this client have; "
        "`version` chooses how it is asked",
    )
