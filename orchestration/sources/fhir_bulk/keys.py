"""The client's private key: PEM or JWK, from a file or an environment variable. It never stands in a message."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from orchestration.errors import SettingsError
from orchestration.settings import secret
from orchestration.settings_fhir_bulk import FhirBulkSource

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey
_SMALLEST_RSA_BITS = 2048


@dataclass(frozen=True)
class SigningKey:
    """A private key, the algorithm that goes with it (RS384 or ES384) and the id that the server knows it by."""

    key: PrivateKey = field(repr=False)
    algorithm: str
    key_id: str


def load_key(source: FhirBulkSource) -> SigningKey:
    """The key that the settings name. Raises SettingsError."""
    where, text = _text(source)
    found, own_id = _from_jwk(text, source.key_id, where) if text.lstrip().startswith("{") else (_from_pem(text), None)
    key_id = source.key_id or own_id
    if isinstance(found, RSAPrivateKey) and found.key_size >= _SMALLEST_RSA_BITS:
        algorithm = "RS384"
    elif isinstance(found, EllipticCurvePrivateKey) and isinstance(found.curve, SECP384R1):
        algorithm = "ES384"
    else:
        raise SettingsError(
            "the key is a private RSA key of 2,048 bits or more (RS384) or one on the curve P-384 (ES384)",
            where=where,
            found="no such key",
            remedy="PEM without a password, or a JWK with its private part; register its public part with the server",
        )
    if not key_id:
        raise SettingsError(
            "a key has the id that the server knows it by",
            where=where,
            found="no `kid` in it, and no `key_id` in the settings",
            remedy="set `key_id` to the `kid` that was registered with the server",
        )
    return SigningKey(found, algorithm, key_id)


def _text(source: FhirBulkSource) -> tuple[str, str]:
    if source.key_variable is not None:
        return source.key_variable, secret(source.key_variable, setting="key_variable").get_secret_value()
    path = source.key_file
    if path is None:
        raise SettingsError("`client_id` goes with a key", where=f"source {source.name}", remedy="set `key_file`")
    try:
        return str(path), path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SettingsError(
            "the file with the private key can be read",
            where=str(path),
            found=reason or "it cannot",
            remedy="correct `key_file`, or let this user read it",
        ) from None


def _from_pem(text: str) -> Any:
    # A variable often holds the line ends as \n.
    lines = text if "\n" in text.strip() else text.replace("\\n", "\n")
    try:
        return load_pem_private_key(lines.strip().encode(), password=None)
    except (ValueError, TypeError):  # TypeError: it has a password
        return None


def _from_jwk(text: str, key_id: str | None, where: str) -> tuple[Any, str | None]:
    """The key of a JWK, or of the one in a set that has `key_id` (or is the only one with a private part)."""
    try:
        content = json.loads(text)
    except ValueError:
        return None, None
    keys = content.get("keys", [content])
    private = [one for one in keys if isinstance(one, dict) and "d" in one] if isinstance(keys, list) else []
    chosen = [one for one in private if key_id is None or one.get("kid") in (key_id, None)]
    if len(chosen) > 1:
        raise SettingsError(
            "one key of a set is chosen by its id",
            where=where,
            found=f"{len(chosen)} private keys",
            remedy="set `key_id` to the `kid` of the one to use",
        )
    if not chosen:
        return None, None
    try:
        kid = chosen[0].get("kid")
        return jwt.PyJWK(chosen[0], algorithm=_algorithm(chosen[0])).key, kid if isinstance(kid, str) else None
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None, None


def _algorithm(jwk: dict[str, Any]) -> str:
    return "ES384" if jwk.get("kty") == "EC" else "RS384"
