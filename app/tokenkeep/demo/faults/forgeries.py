"""Tokens that no proper library would make: unsigned, in the wrong algorithm, by keys that are worth nothing."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt

from tokenkeep.demo.oauth.keys import SigningKey

Members = dict[str, Any]
Forgery = Callable[[SigningKey, Members, Members], str]
# The bytes of a coordinate of P-384.
COORDINATE = 48


def _part(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _signed_part(header: Members, claims: Members) -> str:
    return f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"


def _garbage(_keys: SigningKey, _header: Members, _claims: Members) -> str:
    return "this is not a token"


def _five_parts(_keys: SigningKey, _header: Members, _claims: Members) -> str:
    """The shape of an encrypted token (RFC 7516)."""
    return ".".join([_part(b'{"alg":"RSA-OAEP","enc":"A256GCM"}'), *(_part(b"x" * 16) for _ in range(4))])


def _alg_none(_keys: SigningKey, _header: Members, claims: Members) -> str:
    return f"{_signed_part({'alg': 'none'}, claims)}."


def _alg_none_mixed(_keys: SigningKey, _header: Members, claims: Members) -> str:
    return f"{_signed_part({'alg': 'nOnE'}, claims)}."


def _hs256(keys: SigningKey, header: Members, claims: Members) -> str:
    """The public key taken for a shared secret (RFC 8725 §2.1)."""
    signed = _signed_part(header | {"alg": "HS256"}, claims)
    secret = keys.current.as_pem(private=False)
    return f"{signed}.{_part(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _crit(keys: SigningKey, header: Members, claims: Members) -> str:
    """Signed genuinely although the header names an extension that nobody knows."""
    signed = _signed_part(header | {"crit": ["demo"], "demo": 1}, claims)
    private_key: Any = keys.current.private_key
    return f"{signed}.{_part(private_key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def _bad_signature(keys: SigningKey, header: Members, claims: Members) -> str:
    head, payload, signature = jwt.encode(header, claims, keys.current).split(".")
    return f"{head}.{payload}.{'B' if signature[0] != 'B' else 'C'}{signature[1:]}"


def _number(value: int) -> str:
    return _part(value.to_bytes((value.bit_length() + 7) // 8))


def _rsa_1024(keys: SigningKey, header: Members, claims: Members) -> str:
    """A good signature by a published key that is too short to be worth anything (RFC 7518 §3.3)."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the fault
    public = key.public_key().public_numbers()
    jwk = {"kty": "RSA", "kid": "demo-short", "alg": "RS256", "n": _number(public.n), "e": _number(public.e)}
    keys.unsuitable["demo-short"] = jwk
    signed = _signed_part(header | {"kid": "demo-short"}, claims)
    return f"{signed}.{_part(key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def _es256_p384(keys: SigningKey, header: Members, claims: Members) -> str:
    """ES256 by its header, and a published key of a curve that ES256 does not have (RFC 7518 §3.4)."""
    key = ec.generate_private_key(ec.SECP384R1())
    public = key.public_key().public_numbers()
    x, y = (_part(number.to_bytes(COORDINATE)) for number in (public.x, public.y))
    keys.unsuitable["demo-p384"] = {"kty": "EC", "kid": "demo-p384", "crv": "P-384", "x": x, "y": y}
    signed = _signed_part(header | {"alg": "ES256", "kid": "demo-p384"}, claims)
    pair = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"{signed}.{_part(b''.join(number.to_bytes(COORDINATE) for number in pair))}"


FORGERIES: dict[str | None, Forgery] = {
    "garbage": _garbage,
    "five_parts": _five_parts,
    "alg_none": _alg_none,
    "alg_none_mixed": _alg_none_mixed,
    "hs256": _hs256,
    "crit": _crit,
    "bad_signature": _bad_signature,
    "rsa_1024": _rsa_1024,
    "es256_p384": _es256_p384,
}
