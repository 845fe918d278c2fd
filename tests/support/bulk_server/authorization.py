"""The authorization server: SMART configuration, and tokens for clients that sign their assertions rightly."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import jwt

from tests.support.bulk_server.http import Answer, Request

CLIENT_ID = "equity-test-client"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Authorization:
    """Knows one client by its public keys. `lifetime`: seconds that a token lasts; `granted` replaces what is asked."""

    now: Callable[[], dt.datetime]
    jwks: dict[str, Any]
    origin: str = ""
    lifetime: int = 300
    capabilities: tuple[str, ...] = ("client-confidential-asymmetric", "permission-v2")
    granted: str | None = None
    tokens: dict[str, dt.datetime] = field(default_factory=dict)
    seen_jti: set[str] = field(default_factory=set)
    claims: list[dict[str, Any]] = field(default_factory=list)
    algorithms: list[str] = field(default_factory=list)
    scopes_asked: list[str] = field(default_factory=list)

    @property
    def token_url(self) -> str:
        return f"{self.origin}/auth/token"

    def configuration(self) -> Answer:
        content = {
            "token_endpoint": self.token_url,
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
            "scopes_supported": ["system/*.rs"],
            "capabilities": list(self.capabilities),
        }
        return Answer(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def token(self, request: Request) -> Answer:
        """A token, or the OAuth error that fits what is wrong."""
        if request.headers.get("content-type") != "application/x-www-form-urlencoded" or request.token:
            return _refused("invalid_request")
        form = {name: values[0] for name, values in parse_qs(request.body.decode(), strict_parsing=True).items()}
        if form.get("grant_type") != "client_credentials" or form.get("client_assertion_type") != _ASSERTION_TYPE:
            return _refused("unsupported_grant_type")
        problem = self._problem_with(form.get("client_assertion", ""))
        if problem:
            return _refused("invalid_client", problem)
        self.scopes_asked.append(form["scope"])
        token = secrets.token_urlsafe(24)
        self.tokens[token] = self.now() + dt.timedelta(seconds=self.lifetime)
        content = {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": self.lifetime,
            "scope": self.granted if self.granted is not None else form["scope"],
        }
        return Answer(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def accepts(self, header: str | None) -> bool:
        """Whether this is a token of ours that is still good."""
        kind, _, token = (header or "").partition(" ")
        return kind == "Bearer" and token in self.tokens and self.now() < self.tokens[token]

    def _problem_with(self, assertion: str) -> str:
        header = jwt.get_unverified_header(assertion)
        keys = [one for one in self.jwks["keys"] if one["kid"] == header.get("kid")]
        if header.get("typ") != "JWT" or not keys or header["alg"] not in ("RS384", "ES384"):
            return "header"
        try:
            claims = jwt.decode(
                assertion, jwt.PyJWK(keys[0], algorithm=header["alg"]).key, algorithms=[header["alg"]],
                audience=self.token_url,
                options={"verify_exp": False, "require": ["iss", "sub", "aud", "exp", "jti"]},
            )  # fmt: skip
        except jwt.PyJWTError as error:
            return type(error).__name__
        self.claims.append(claims)
        self.algorithms.append(header["alg"])
        seconds = claims["exp"] - self.now().timestamp()
        if claims["iss"] != CLIENT_ID or claims["sub"] != CLIENT_ID or not 0 < seconds <= 300:
            return "claims"
        if claims["jti"] in self.seen_jti or len(claims["jti"]) < 16:
            return "jti"
        self.seen_jti.add(claims["jti"])
        return ""


def _refused(error: str, description: str = "") -> Answer:
    return Answer(400, json.dumps({"error": error, "error_description": description}).encode())
