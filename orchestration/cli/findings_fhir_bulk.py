"""What `equity doctor` finds out about a FHIR server: whether the key can be used and the server answers. No data."""

from __future__ import annotations

from typing import Literal

from orchestration.errors import EquityError
from orchestration.settings_fhir_bulk import FhirBulkSource

_OTHERS_MAY_READ = 0o077


def bulk_finding(source: FhirBulkSource) -> tuple[Literal["ok", "note", "wrong"], str, str]:
    """State, what was looked at, and what was found, from the server's discovery pages alone."""
    from orchestration.sources.fhir_bulk.addresses import shown
    from orchestration.sources.fhir_bulk.keys import load_key
    from orchestration.sources.fhir_bulk.negotiation import negotiate
    from orchestration.sources.fhir_bulk.smart import discover
    from orchestration.sources.fhir_bulk.transport import Transport
    from orchestration.sources.fhir_bulk.waiting import SYSTEM_CLOCK

    what = f"source {source.name}"
    notes = []
    try:
        key = load_key(source) if source.client_id is not None else None
        with Transport(
            source.base_url, SYSTEM_CLOCK, ca_file=source.ca_file, proxy=source.proxy, attempts=1
        ) as transport:
            server = discover(transport, source.base_url, source.token_url) if key else None
            offer = negotiate(transport, source)
    except EquityError as error:
        return "wrong", what, str(error)
    if server is None and not offer.described and source.version == "auto":
        return "wrong", what, f"{shown(source.base_url)} has no CapabilityStatement under `base_url`; correct it"
    said = "chosen" if source.version != "auto" else "named by the server" if offer.said else "assumed"
    words = f"{shown(source.base_url)} answers; {source.level} export, version {offer.versions[0]} ({said})"
    if key is None:
        notes.append("without `client_id`, so that nothing is signed in")
    elif server is not None and server.algorithms and key.algorithm not in server.algorithms:
        notes.append(f"the server does not name {key.algorithm}, the key's algorithm")
    if source.key_file is not None and source.key_file.stat().st_mode & _OTHERS_MAY_READ:
        notes.append(f"{source.key_file} can be read by others: chmod 600")
    signed = f", signed with {key.algorithm}" if key else ""
    return "note" if notes else "ok", what, "; ".join([words + signed, *notes])
