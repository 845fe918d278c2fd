"""Which server an address belongs to, and how an address is spoken of: without ids, queries and names of files."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from orchestration.errors import SourceError
from orchestration.settings_fhir_bulk import is_protected

_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """Scheme, host and port, as in `https://host:443`: two addresses of one origin are one server."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}:{parts.port or _PORTS.get(parts.scheme, 0)}"


def shown(url: str) -> str:
    """The origin for a message: what comes after it may hold ids or be a key to the data by itself."""
    origin = origin_of(url)
    for scheme, port in _PORTS.items():
        if origin.startswith(f"{scheme}://"):
            return origin.removesuffix(f":{port}")
    return origin


def resolved(base: str, reference: str, what: str) -> str:
    """`reference`, which the answer from `base` gave, as a full address. Raises SourceError when it is unusable."""
    try:
        given, url = urlsplit(reference.strip()), urljoin(base, reference.strip())
        parts = urlsplit(url)
        parts.port  # noqa: B018 (raises ValueError when it is none)
        says_something = bool(given.netloc or given.path or given.query)
        is_usable = says_something and bool(parts.hostname) and parts.username is None and is_protected(url)
    except ValueError:
        is_usable, url = False, base
    if not is_usable:
        raise SourceError(
            "an address that the server gives begins with https:// (http:// is for this machine only)",
            where=f"{what} at {shown(base)}",
            found="another kind of address",
            remedy="ask those who run the server to correct what it says of its own addresses",
        )
    return url
