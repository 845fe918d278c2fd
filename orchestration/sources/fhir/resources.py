"""What is read of each type of FHIR resource, R4 and R5 alike; whatever else a resource says is never looked at."""

from __future__ import annotations

import json
from typing import Any

Shape = dict[str, Any] | list[Any] | str

_TEXT = "VARCHAR"
_REFERENCE: Shape = {"reference": _TEXT, "display": _TEXT}
_CONCEPT: Shape = {"coding": [{"system": _TEXT, "code": _TEXT, "display": _TEXT}], "text": _TEXT}
_PERIOD: Shape = {"start": _TEXT, "end": _TEXT}
_EXTENSION: Shape = {
    "url": _TEXT,
    "valueString": _TEXT,
    "valueCode": _TEXT,
    "valueUri": _TEXT,
    "valueInteger": _TEXT,
    "valueCoding": {"system": _TEXT, "code": _TEXT},
}
_QUANTITY: Shape = {"value": _TEXT, "comparator": _TEXT, "unit": _TEXT, "code": _TEXT}
_COMMON: dict[str, Shape] = {
    "resourceType": _TEXT,
    "id": _TEXT,
    "meta": {"lastUpdated": _TEXT, "tag": [{"code": _TEXT}]},
}
# Elements that are one thing in R4 and another in R5 are kept as JSON, and told apart where they are used.
_OWN: dict[str, dict[str, Shape]] = {
    "Patient": {
        "birthDate": _TEXT,
        "gender": _TEXT,
        "deceasedDateTime": _TEXT,
        "managingOrganization": _REFERENCE,
        "extension": [{**_EXTENSION, "extension": [_EXTENSION]}],  # type: ignore[dict-item]
        "communication": [{"language": _CONCEPT, "preferred": "BOOLEAN"}],
        "address": [
            {
                "use": _TEXT,
                "type": _TEXT,
                "period": _PERIOD,
                "extension": [_EXTENSION],
                "_line": [{"extension": [_EXTENSION]}],
            }
        ],
        "link": [{"type": _TEXT, "other": _REFERENCE}],
    },
    "Encounter": {
        "status": _TEXT,
        "class": "JSON",
        "type": [_CONCEPT],
        "serviceType": "JSON",
        "subject": _REFERENCE,
        "period": _PERIOD,
        "actualPeriod": _PERIOD,
        "reasonCode": [_CONCEPT],
        "reasonReference": [_REFERENCE],
        "reason": [{"value": [{"concept": _CONCEPT, "reference": _REFERENCE}]}],
        "diagnosis": [{"condition": "JSON", "rank": "BIGINT"}],
        "location": [{"location": _REFERENCE}],
        "serviceProvider": _REFERENCE,
    },
    "Condition": {
        "verificationStatus": _CONCEPT,
        "code": _CONCEPT,
        "subject": _REFERENCE,
        "encounter": _REFERENCE,
        "onsetDateTime": _TEXT,
        "onsetPeriod": _PERIOD,
        "onsetAge": _QUANTITY,
        "recordedDate": _TEXT,
    },
    "Observation": {
        "status": _TEXT,
        "category": [_CONCEPT],
        "code": _CONCEPT,
        "subject": _REFERENCE,
        "effectiveDateTime": _TEXT,
        "effectiveInstant": _TEXT,
        "effectivePeriod": _PERIOD,
        "issued": _TEXT,
        "performer": [_REFERENCE],
        "valueQuantity": _QUANTITY,
        "valueString": _TEXT,
        "valueInteger": _TEXT,
        "valueCodeableConcept": _CONCEPT,
        "component": [{"code": _CONCEPT, "valueQuantity": _QUANTITY, "valueString": _TEXT, "valueInteger": _TEXT}],
    },
    "Coverage": {
        "status": _TEXT,
        "type": _CONCEPT,
        "beneficiary": _REFERENCE,
        "payor": [_REFERENCE],
        "insurer": _REFERENCE,
        "order": _TEXT,
        "period": _PERIOD,
    },
    "Organization": {"name": _TEXT, "identifier": [{"system": _TEXT, "value": _TEXT}]},
    "Location": {"managingOrganization": _REFERENCE, "identifier": [{"system": _TEXT, "value": _TEXT}]},
    "EpisodeOfCare": {"status": _TEXT, "type": [_CONCEPT], "patient": _REFERENCE, "period": _PERIOD},
    "Provenance": {
        "target": [{"reference": _TEXT, "extension": [_EXTENSION]}],
        "recorded": _TEXT,
        "occurredDateTime": _TEXT,
        "agent": [{"type": _CONCEPT, "who": _REFERENCE}],
    },
}
TYPES: dict[str, dict[str, Shape]] = {name: {**_COMMON, **own} for name, own in _OWN.items()}
DELETION: dict[str, Shape] = {"resourceType": _TEXT, "entry": [{"request": {"method": _TEXT, "url": _TEXT}}]}


def structure(shape: dict[str, Shape]) -> str:
    """The shape as DuckDB's `json_transform` wants it: JSON text of names and types."""
    return json.dumps(shape)
