"""What an OperationOutcome says, in FHIR's own codes only: its free text may quote patients."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

# https://hl7.org/fhir/R4/codesystem-issue-type.html, with the two codes that R5 added.
ISSUE_TYPES = frozenset(
    {
        *("invalid", "structure", "required", "value", "invariant"),
        *("security", "login", "unknown", "expired", "forbidden", "suppressed"),
        *("processing", "not-supported", "duplicate", "multiple-matches", "not-found", "deleted", "too-long"),
        *("code-invalid", "extension", "too-costly", "business-rule", "conflict", "limited-filter"),
        *("transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled"),
        *("informational", "success"),
    }
)
# "Transient" and the codes below it: the same question may be answered later.
TRANSIENT = frozenset({"transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled"})
SEVERITIES = ("fatal", "error", "warning", "information", "success")

Issue = tuple[str, str]


def issues(resource: Any) -> list[Issue]:
    """(severity, code) of every issue of an OperationOutcome; `other` for what FHIR does not define."""
    if not isinstance(resource, dict) or resource.get("resourceType") != "OperationOutcome":
        return []
    found = resource.get("issue")
    return [
        (_known(one.get("severity"), SEVERITIES), _known(one.get("code"), ISSUE_TYPES))
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, dict)
    ]


def issues_of(body: bytes) -> list[Issue]:
    """The same, from the body of an answer; none when it is something else."""
    try:
        return issues(json.loads(body))
    except ValueError:
        return []


def is_transient(body: bytes) -> bool:
    """Whether an answer says that asking again later may help."""
    return any(code in TRANSIENT for _, code in issues_of(body))


def in_words(found: Iterable[Issue]) -> str:
    """`2 × error/not-found, 1 × warning/processing`, the gravest first."""
    counts = Counter(found)
    ranks = {severity: rank for rank, severity in enumerate(SEVERITIES)}
    ordered = sorted(counts, key=lambda issue: (ranks.get(issue[0], len(ranks)), issue[1]))
    return ", ".join(f"{counts[issue]:,} × {issue[0]}/{issue[1]}" for issue in ordered)


def _known(value: Any, vocabulary: Iterable[str]) -> str:
    return value if isinstance(value, str) and value in vocabulary else "other"
