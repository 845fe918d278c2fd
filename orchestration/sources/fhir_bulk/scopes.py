"""SMART system scopes: which to ask for, in the server's version of them, and whether what was granted is enough."""

from __future__ import annotations

import re
from typing import Literal

ScopeVersion = Literal["v1", "v2"]
_SCOPE = re.compile(r"system/(?P<type>\*|[A-Za-z]+)\.(?P<rights>\*|read|write|c?r?u?d?s?)(?P<query>\?.*)?")


def version_of(capabilities: list[str], scopes_supported: list[str]) -> ScopeVersion:
    """v2 where the server says so, or offers such scopes; else v1, which came before servers could say."""
    if "permission-v2" in capabilities:
        return "v2"
    if "permission-v1" in capabilities:
        return "v1"
    matches = [_SCOPE.fullmatch(scope) for scope in scopes_supported]
    rights = {match["rights"] for match in matches if match}
    return "v2" if rights and not rights & {"read", "write", "*"} else "v1"


def asked_for(types: tuple[str, ...], version: ScopeVersion) -> tuple[str, ...]:
    """Reading and searching of each type, nothing more."""
    return tuple(f"system/{name}.{'rs' if version == 'v2' else 'read'}" for name in types)


def not_granted(types: tuple[str, ...], granted: str) -> tuple[str, ...]:
    """The types that the granted scopes do not let be read whole: a scope with a query covers a part only."""
    readable: set[str] = set()
    for scope in granted.split():
        match = _SCOPE.fullmatch(scope)
        if match and not match["query"] and _reads(match["rights"]):
            readable.add(match["type"])
    return () if "*" in readable else tuple(name for name in types if name not in readable)


def _reads(rights: str) -> bool:
    return rights in ("*", "read") or ("r" in rights and "s" in rights and rights not in ("write",))
