"""Verifying id_tokens against keys that a scripted server publishes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.oauth_values import (
    ISSUER,
    NOW,
    b64,
    key,
    make_claims,
    make_metadata,
    make_provider,
    make_tokens,
    sign,
)
from support.scripted_server import ScriptedServer
from tokenkeep.domain.errors import MalformedAnswer, ProviderError
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import identity
from tokenkeep.oauth.transport import Transport

NONCE = Secret("nonce-1")
Claims = dict[str, Any]


def check(server: ScriptedServer, transport: Transport, token: str | None, **rest: Any) -> Claims | None:
    """Verify that id_token; arguments that are none of `verify_id_token` change provider or metadata."""
    metadata = {name.removeprefix("metadata_"): rest.pop(name) for name in list(rest) if "metadata_" in name}
    arguments = {"nonce": None, "wall": NOW} | {
        name: rest.pop(name) for name in list(rest) if name in ("nonce", "wall", "previous_claims")
    }
    tokens = rest.pop("tokens", None) or make_tokens(id_token=None if token is None else Secret(token))
    values = {"issuer": ISSUER, "jwks_uri": f"{server.origin}/jwks"} | metadata
    return identity.verify_id_token(
        transport,
        make_provider(server, **({"issuer": ISSUER, "scopes": ["openid"]} | rest)),
        make_metadata(server.origin, **values),
        tokens,
        **arguments,
    )


def refused(server: ScriptedServer, transport: Transport, token: str | None, **rest: Any) -> str:
    with pytest.raises(ProviderError) as caught:
        check(server, transport, token, **rest)
    assert not isinstance(caught.value, MalformedAnswer), "a refresh would take that for transient"
    return caught.value.detail


def signed(header: dict[str, Any] | None = None, **claims: Any) -> str:
    return sign(make_claims(**claims), key("RSA"), header=header)


ALL = {"metadata_id_token_signing_alg_values_supported": ("RS256", "ES256", "HS256", "none", "nOnE", "ES256K")}


def unsigned(algorithm: object, **header: Any) -> str:
    head = b64(json.dumps({"alg": algorithm, "kid": "k1", **header}).encode())
    return f"{head}.{b64(json.dumps(make_claims()).encode())}."
