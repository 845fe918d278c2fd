"""Keys of an invented client: private as PEM or JWK, public as the JWK set that a server is given."""

from __future__ import annotations

import functools
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

RSA_ID, EC_ID = "rsa-2026", "ec-2026"


@functools.cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@functools.cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def private_jwk(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, key_id: str) -> dict[str, Any]:
    own: dict[str, Any] = json.loads(_to_jwk(key))
    return {**own, "kid": key_id}


def public_jwks() -> dict[str, Any]:
    """What the client registered: one key of each kind."""
    keys = [(rsa_key(), RSA_ID, "RS384"), (ec_key(), EC_ID, "ES384")]
    return {"keys": [{**json.loads(_to_jwk(key.public_key())), "kid": kid, "alg": alg} for key, kid, alg in keys]}


def _to_jwk(key: Any) -> str:
    is_rsa = isinstance(key, (rsa.RSAPrivateKey, rsa.RSAPublicKey))
    return RSAAlgorithm.to_jwk(key) if is_rsa else ECAlgorithm.to_jwk(key)
