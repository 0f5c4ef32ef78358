"""Genuine and deliberately wrong id_tokens, by the values of the `id_token` fault switch."""

import secrets
from typing import Any

from flask import Response
from joserfc import jwt

from tokenkeep.demo.faults.forgeries import FORGERIES
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
        "no_acr": {"acr": None},
        "wrong_acr": {"acr": "urn:tokenkeep:demo:nothing"},
    }
    changed = claims | changes.get(fault or "", {})
    return {name: value for name, value in changed.items() if value is not None}


def encode(keys: SigningKey, claims: dict[str, Any], fault: str | None) -> str:
    """A signed id_token, RS256 unless the fault says otherwise."""
    key = keys.current
    header: dict[str, Any] = {"alg": "RS256", "typ": "JWT", "kid": key.kid}
    if fault in FORGERIES:
        return FORGERIES[fault](keys, header, claims)
    match fault:
        case "other_key":
            return jwt.encode(header, claims, keys.stranger)
        case "jwk_header":
            stranger = keys.stranger
            return jwt.encode({"alg": "RS256", "jwk": stranger.as_dict(private=False)}, claims, stranger)
        case "unknown_kid":
            header["kid"] = "demo-unknown"
        case "random_kid":
            header["kid"] = f"demo-{secrets.token_hex(8)}"
        case "no_kid":
            del header["kid"]
    return jwt.encode(header, claims, key)


def signed_userinfo(keys: SigningKey, claims: dict[str, Any], fault: str) -> Response:
    """A userinfo answer as a JWT (OpenID Connect Core §5.3.2), good when the fault is `signed`."""
    changes = {"wrong_iss": {"iss": claims["iss"] + "/other"}, "wrong_aud": {"aud": "somebody-else"}}
    return Response(encode(keys, claims | changes.get(fault, {}), fault), mimetype="application/jwt")
