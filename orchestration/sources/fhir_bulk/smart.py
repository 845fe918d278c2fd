"""SMART Backend Services: finds the token endpoint, signs an assertion, and keeps a bearer token that is still good."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt

from orchestration.errors import SourceError
from orchestration.sources.fhir_bulk.addresses import resolved
from orchestration.sources.fhir_bulk.keys import SigningKey
from orchestration.sources.fhir_bulk.scopes import asked_for, not_granted, version_of
from orchestration.sources.fhir_bulk.transport import Again, Call, Transport

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# SMART allows five minutes; a server's clock may be a little behind ours.
_ASSERTION_SECONDS = 240
# A token is renewed so long before it expires, or a fifth of its life where that is shorter.
_MARGIN_SECONDS = 30.0
_UNTOLD_SECONDS = 300.0
# RFC 6749 §5.2 and RFC 7521 §4.2.1; anything else a server says is its own text.
_OAUTH_ERRORS = frozenset(
    {
        *("invalid_request", "invalid_client", "invalid_grant"),
        *("unauthorized_client", "unsupported_grant_type", "invalid_scope"),
    }
)
DISCOVERY = "/.well-known/smart-configuration"


@dataclass(frozen=True)
class SmartServer:
    """What the server says of its authorization. Only the token endpoint is needed: servers say too little."""

    token_endpoint: str
    capabilities: list[str]
    scopes_supported: list[str]
    algorithms: list[str]


def discover(transport: Transport, base_url: str, token_url: str | None = None) -> SmartServer:
    """Read the server's SMART configuration; `token_url` stands in for what it does not say. Raises SourceError."""
    call = Call("the SMART configuration", f"{base_url}{DISCOVERY}", authorize=False, follow=True)
    answer = transport.send(call)
    content = _json(answer) if answer.status_code == 200 else {}
    endpoint = token_url or content.get("token_endpoint")
    if not isinstance(endpoint, str) or not endpoint:
        raise SourceError(
            f"the server says under {DISCOVERY} where tokens come from",
            where=call.where,
            found=f"HTTP {answer.status_code}" if answer.status_code != 200 else "no `token_endpoint`",
            remedy="correct `base_url`; where a server has no such page, set `token_url`",
        )
    return SmartServer(
        token_endpoint=resolved(base_url + "/", endpoint, "the token endpoint"),
        capabilities=_texts(content.get("capabilities")),
        scopes_supported=_texts(content.get("scopes_supported")),
        algorithms=_texts(content.get("token_endpoint_auth_signing_alg_values_supported")),
    )


@dataclass
class BackendTokens:
    """Bearer tokens for one client. `types` is what must be readable; `scopes` replaces what is derived from it."""

    transport: Transport
    server: SmartServer
    client_id: str
    key: SigningKey
    types: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    _token: str = field(default="", repr=False)
    _good_until: dt.datetime | None = None

    def current(self) -> str:
        """The token at hand, renewed shortly before it expires. Raises SourceError."""
        is_good = self._good_until is not None and self.transport.clock.now() < self._good_until
        return self._token if is_good else self.renew()

    def renew(self) -> str:
        """Ask for a new token. Raises SourceError when it is refused, or when it lets too little be read."""
        asked = self.scopes or asked_for(self.types, version_of(self.server.capabilities, self.server.scopes_supported))
        call = Call(
            "the token endpoint",
            self.server.token_endpoint,
            method="POST",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            content=lambda: self._form(asked),
            authorize=False,
        )
        is_renewal = bool(self._token)
        content = self.transport.receive(call, lambda answer: _granted(call, answer, is_renewal))
        scope = content.get("scope")
        if isinstance(scope, str):
            self._require_enough(call, scope)
        self._token = content["access_token"]
        seconds = content.get("expires_in")
        lasts = float(seconds) if isinstance(seconds, (int, float)) and seconds > 0 else _UNTOLD_SECONDS
        self._good_until = self.transport.clock.now() + dt.timedelta(seconds=lasts - min(_MARGIN_SECONDS, lasts / 5))
        return self._token

    def _form(self, asked: tuple[str, ...]) -> bytes:
        """The request's body. Each has an assertion of its own: one is good for a single use."""
        expires = self.transport.clock.now() + dt.timedelta(seconds=_ASSERTION_SECONDS)
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.server.token_endpoint,
            "exp": int(expires.timestamp()),
            "jti": secrets.token_urlsafe(32),
        }
        key = self.key
        assertion = jwt.encode(claims, key.key, algorithm=key.algorithm, headers={"kid": key.key_id, "typ": "JWT"})
        return urlencode(
            {
                "grant_type": "client_credentials",
                "scope": " ".join(asked),
                "client_assertion_type": _ASSERTION_TYPE,
                "client_assertion": assertion,
            }
        ).encode()

    def _require_enough(self, call: Call, granted: str) -> None:
        missing = not_granted(self.types, granted)
        if missing:
            raise SourceError(
                "the server lets every type be read whole that is exported",
                where=call.where,
                found=f"it does not grant {', '.join(missing)}",
                remedy="ask those who run the server to grant them, or take them out of `types`",
            )


def _granted(call: Call, answer: httpx.Response, is_renewal: bool) -> dict[str, Any]:
    answer.read()
    content = _json(answer)
    token, kind = content.get("access_token"), str(content.get("token_type", "bearer")).lower()
    if answer.status_code == 200 and isinstance(token, str) and token and kind == "bearer":
        return content
    error = content.get("error")
    if answer.status_code == 400 and not error and is_renewal:
        # Seen in the field: a server that has just granted a token answers a renewal with a bare 400 now and then.
        raise Again("HTTP 400 without a reason")
    reason = f" ({error})" if error in _OAUTH_ERRORS else ""
    raise SourceError(
        "the server gives this client a bearer token",
        where=call.where,
        found=f"HTTP {answer.status_code}{reason}",
        remedy="see that `client_id`, `key_id` and the public key are registered with the server as they stand here",
    )


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = json.loads(answer.content)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
