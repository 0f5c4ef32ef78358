"""Tokens taken apart for people: what kind they are, whose signature they have, and what is odd about them (TOK-8)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from support.fake_clock import FakeClock
from support.oauth_values import key, public, sign
from support.openid_server import JWKS, OpenIdServer
from support.scripted_server import answer
from tokenkeep.domain.tokens import Secret, TokenSet
from tokenkeep.oauth import inspection
from tokenkeep.oauth.inspection import Inspection
from tokenkeep.oauth.metadata import discover
from tokenkeep.oauth.transport import Transport

NOW = FakeClock().wall()


@pytest.fixture
def server() -> Any:
    with OpenIdServer() as one:
        one.keys = [public(key("RSA"), use="sig", kid="k1")]
        yield one


def look(server: OpenIdServer, token: str) -> Inspection:
    entry = server.entry()
    server.publish()
    transport = Transport(proxy="none", wall=lambda: NOW).starting_at(entry.written)
    return inspection.inspect(transport, entry, discover(transport, entry), Secret(token), NOW)


def segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_TOK_8_a_token_signed_by_the_issuer_is_verified(server: OpenIdServer) -> None:
    found = look(server, sign({"sub": "s", "exp": NOW + 60}, key("RSA"), header={"kid": "k1"}))
    assert (found.kind, found.signature, found.reason, found.expires_at) == ("jwt", "verified", "", NOW + 60)
    assert found.claims["sub"] == "s"


@pytest.mark.parametrize("token", ["demo-at-opaque", "a.b.c", "", "e30.W10.x", "..."])
def test_TOK_8_an_opaque_token_is_said_to_be_opaque(server: OpenIdServer, token: str) -> None:
    assert look(server, token) == Inspection("opaque")


def test_TOK_8_an_encrypted_token_is_said_to_be_encrypted(server: OpenIdServer) -> None:
    assert look(server, "a.b.c.d.e").kind == "encrypted"


@pytest.mark.parametrize(
    ("made", "signature"),
    [
        (lambda: sign({"sub": "s"}, key("P-256"), "ES256", header={"kid": "other"}), "not_verifiable"),
        (lambda: sign({"sub": "s"}, key("P-256"), "ES256", header={"kid": "k1"}), "bad"),
        (lambda: sign({"sub": "s"}, key("RSA"), header={"kid": "k1"})[:-6] + "AAAAAA", "bad"),
        (lambda: f"{segment({'alg': 'none'})}.{segment({'sub': 's'})}.", "bad"),
        (lambda: f"{segment({'alg': 'HS256'})}.{segment({'sub': 's'})}.c2ln", "not_verifiable"),
        (lambda: f"{segment({'alg': 'RS256', 'crit': ['x']})}.{segment({'sub': 's'})}.c2ln", "not_verifiable"),
    ],
)
def test_TOK_8_a_signature_is_bad_only_where_the_issuers_own_key_says_so(
    server: OpenIdServer, made: Any, signature: str
) -> None:
    found = look(server, made())
    assert (found.kind, found.signature, found.claims) == ("jwt", signature, {"sub": "s"})
    assert found.reason.endswith(".")


def test_TOK_8_without_keys_nobody_can_tell(server: OpenIdServer) -> None:
    server.reply(JWKS, answer(503, ""))
    found = look(server, sign({"sub": "s"}, key("RSA"), header={"kid": "k1"}))
    assert found.signature == "not_verifiable"
    assert "could not be had" in found.reason


def odd(claims: dict[str, Any], entry: dict[str, Any] | None = None, **tokens: Any) -> tuple[str, ...]:
    with OpenIdServer() as server:
        provider = server.discovered(**({"id": "p", "issuer": "https://i.example", "local": False} | (entry or {})))
    values: dict[str, Any] = {"obtained_at": NOW, "lifetime": 3600.0} | tokens
    held = TokenSet(access_token=Secret("x"), token_type="Bearer", **values)
    return inspection.oddities(provider, "client-1", held, Inspection("jwt", claims=claims), NOW)


def test_A_403_after_a_sign_in_is_explained_by_audience_and_scopes() -> None:
    api, other = "https://api.example/v1", "https://other.example"
    [found] = odd({"aud": other}, resource=(api,))
    assert found.startswith(f"`aud` is {other}, without {api}: ")
    [found] = odd({"aud": [other, "x"]}, {"audience": api})
    assert f"without {api}: " in found
    assert odd({"aud": [api, other]}, resource=(api,)) == ()
    [found] = odd({"scope": "openid"}, scope=("openid", "models:use"))
    assert found == "The scopes models:use were granted, and the token does not carry them."
    [found] = odd({"scp": ["openid"]}, scope=("openid", "models:use"))
    assert "models:use" in found


def test_TOK_8_an_end_that_contradicts_expires_in_is_odd_and_no_more() -> None:
    assert odd({"exp": NOW + 3600}) == ()
    [found] = odd({"exp": NOW + 600})
    assert found.startswith("`exp` is 50 min earlier than the provider said with `expires_in`; TokenKeep goes by")
    assert odd({"exp": NOW - 5}) == ("By its own `exp` it has run out.",)
    assert odd({"nbf": NOW + 300}) == ("By its own `nbf` it is not valid yet: compare the clocks.",)


def test_claims_of_others_are_odd() -> None:
    assert odd({"iss": "https://else.example"}) == ("`iss` is https://else.example, not https://i.example.",)
    assert odd({"azp": "somebody"}) == ("It was made for the client somebody, not client-1.",)
    assert odd({"client_id": "client-1", "iss": "https://i.example"}) == ()


@pytest.mark.parametrize(
    "claims", [{"exp": "x"}, {"exp": True}, {"exp": 10**400}, {"aud": 5}, {"scope": {}}, {"iss": 1}]
)
def test_TOK_8_nonsense_in_claims_is_passed_over(claims: dict[str, Any]) -> None:
    assert odd(claims) == ()
