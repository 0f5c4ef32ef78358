"""Providers, metadata, signed tokens and answers for the tests of the protocol."""

from __future__ import annotations

import base64
import json
import warnings
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from support.scripted_server import ScriptedServer
from tokenkeep.domain.provider import Flow, Provider
from tokenkeep.domain.tokens import Secret, TokenSet
from tokenkeep.oauth.metadata import ServerMetadata

NOW = 1_700_000_000.0
CLIENT_ID = "client-1"
REDIRECT_URI = "http://127.0.0.1:53682/callback/abcdefgh2345"
TOKENS = {"access_token": "CANARY-AT-0001", "token_type": "Bearer", "expires_in": 3600}
ISSUER = "https://auth.example.com"


def make_provider(server: ScriptedServer | None = None, **changes: Any) -> Provider:
    """A provider; with a server, one on its loopback address."""
    values: dict[str, Any] = {"id": "example", "issuer": ISSUER, "client_id": CLIENT_ID, "scopes": []}
    if server is not None:
        values |= {"issuer": server.origin, "local": True}
    values |= changes
    if isinstance(values.get("flow"), str):
        values["flow"] = Flow(values["flow"])
    return Provider(**values)


def make_metadata(origin: str = ISSUER, **changes: Any) -> ServerMetadata:
    """All endpoints below one origin."""
    values: dict[str, Any] = {
        "issuer": origin,
        "authorization_endpoint": f"{origin}/authorize",
        "token_endpoint": f"{origin}/token",
        "device_authorization_endpoint": f"{origin}/device",
        "revocation_endpoint": f"{origin}/revoke",
        "userinfo_endpoint": f"{origin}/userinfo",
        "jwks_uri": f"{origin}/jwks",
        "code_challenge_methods_supported": ("S256",),
    }
    return ServerMetadata(**(values | changes))


def make_tokens(**changes: Any) -> TokenSet:
    """A token set that can be refreshed."""
    values: dict[str, Any] = {
        "access_token": Secret("CANARY-AT-0000"),
        "token_type": "Bearer",
        "obtained_at": NOW,
        "lifetime": 3600.0,
        "scope": ("openid", "profile"),
        "refresh_token": Secret("CANARY-RT-0000"),
    }
    return TokenSet(**(values | changes))


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_claims(**changes: Any) -> dict[str, Any]:
    """Good claims at `NOW`; a None leaves one out."""
    claims = {"iss": ISSUER, "aud": CLIENT_ID, "sub": "user-1", "iat": NOW, "exp": NOW + 300}
    return {name: value for name, value in (claims | changes).items() if value is not None}


def sign(claims: object, key: Any, algorithm: str = "RS256", header: dict[str, Any] | None = None) -> str:
    """A compact JWS; `header` adds to or changes the header."""
    head = {"alg": algorithm, "kid": "k1"} | (header or {})
    head = {name: value for name, value in head.items() if value is not None}
    signed = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{signed}.{b64(JWSRegistry.algorithms[algorithm].sign(signed.encode(), key))}"


def public(key: Any, **members: Any) -> dict[str, Any]:
    """The JWK that a server publishes for this key."""
    return {**key.as_dict(private=False), "kid": "k1", **members}


_MADE: dict[str, Any] = {}


def key(name: str) -> Any:
    """A key by type and name: `RSA`, `RSA other`, `RSA 1024`, `P-256`, `Ed25519`; made once, key making is slow."""
    if name not in _MADE:
        kind, _, variant = name.partition(" ")
        if kind == "RSA":
            private = rsa.generate_private_key(public_exponent=65537, key_size=1024 if variant == "1024" else 2048)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the short one is short on purpose
                _MADE[name] = RSAKey.import_key(private)
        elif kind.startswith("P-"):
            _MADE[name] = ECKey.generate_key(kind)  # type: ignore[arg-type]
        else:
            _MADE[name] = OKPKey.generate_key(kind)  # type: ignore[arg-type]
    return _MADE[name]
