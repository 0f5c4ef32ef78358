"""Genuine and deliberately wrong id_tokens, by the values of the `id_token` fault switch."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

from joserfc import jwt

from tokenkeep.demo.oauth.keys import SigningKey

WEEK = 7 * 86400


def change_claims(claims: dict[str, Any], fault: str | None) -> dict[str, Any]:
    """The claims as that fault wants them; faults of the signature change nothing here."""
    now, audience, issuer = claims["iat"], claims["aud"], claims["iss"]
    changes: dict[str, dict[str, Any]] = {
        "wrong_nonce": {"nonce": "not-the-nonce"},
        "no_nonce": {"nonce": None},
        "wrong_aud": {"aud": "somebody-else"},
        "no_aud": {"aud": None},
        "number_aud": {"aud": 7},
        "list_aud": {"aud": [audience]},
        "extra_aud": {"aud": [audience, "another-client"]},
        "extra_aud_azp": {"aud": [audience, "another-client"], "azp": audience},
        "wrong_azp": {"aud": [audience, "another-client"], "azp": "another-client"},
        "wrong_iss": {"iss": issuer + "/other"},
        "no_iss": {"iss": None},
        "expired": {"exp": now - 3600},
        # Either side of the tolerance of 60 s that OIDC-5 allows, far enough from its edge for a slow machine.
        "just_expired": {"exp": now - 30},
        "long_expired": {"exp": now - 90},
        "text_exp": {"exp": str(claims["exp"])},
        "no_exp": {"exp": None},
        "no_iat": {"iat": None},
        "future_iat": {"iat": now + 600},
        "old_iat": {"iat": now - WEEK},
        "no_sub": {"sub": None},
        "empty_sub": {"sub": ""},
        "long_sub": {"sub": "x" * 256},
        "other_sub": {"sub": "demo-somebody-else"},
        "wrong_at_hash": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        "no_auth_time": {"auth_time": None},
        "other_auth_time": {"auth_time": claims["auth_time"] - 3600},
    }
    changed = claims | changes.get(fault or "", {})
    return {name: value for name, value in changed.items() if value is not None}


def _part(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _by_hand(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None = None) -> str:
    """A token that no proper library would make: unsigned, or HMAC over the public key."""
    signed = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
    signature = hmac.digest(secret, signed.encode(), hashlib.sha256) if secret else b""
    return f"{signed}.{_part(signature)}"


def encode(keys: SigningKey, claims: dict[str, Any], fault: str | None) -> str:
    """A signed id_token, RS256 unless the fault says otherwise."""
    key = keys.current
    header: dict[str, Any] = {"alg": "RS256", "typ": "JWT", "kid": key.kid}
    match fault:
        case "garbage":
            return "this is not a token"
        case "five_parts":
            return ".".join([_part(b'{"alg":"RSA-OAEP","enc":"A256GCM"}'), *(_part(b"x" * 16) for _ in range(4))])
        case "alg_none":
            return _by_hand({"alg": "none"}, claims)
        case "alg_none_mixed":
            return _by_hand({"alg": "nOnE"}, claims)
        case "hs256":
            return _by_hand(header | {"alg": "HS256"}, claims, key.as_pem(private=False))
        case "crit":
            return jwt_with_unchecked_header(header | {"crit": ["demo"], "demo": 1}, claims, keys)
        case "bad_signature":
            token = jwt.encode(header, claims, key)
            head, payload, signature = token.split(".")
            return f"{head}.{payload}.{'B' if signature[0] != 'B' else 'C'}{signature[1:]}"
        case "other_key":
            return jwt.encode(header, claims, keys.stranger)
        case "unknown_kid":
            header["kid"] = "demo-unknown"
        case "no_kid":
            del header["kid"]
        case "jwk_header":
            stranger = keys.stranger
            return jwt.encode({"alg": "RS256", "jwk": stranger.as_dict(private=False)}, claims, stranger)
    return jwt.encode(header, claims, key)


def jwt_with_unchecked_header(header: dict[str, Any], claims: dict[str, Any], keys: SigningKey) -> str:
    """Signed genuinely although the header names an extension that nobody knows."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    signed = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
    signature = keys.current.private_key.sign(signed.encode(), PKCS1v15(), SHA256())  # type: ignore[union-attr]
    return f"{signed}.{_part(signature)}"
