"""Userinfo and the account."""

from __future__ import annotations

from typing import Any

import pytest

from support.id_tokens import Claims, unsigned
from support.oauth_values import (
    CLIENT_ID,
    ISSUER,
    key,
    make_metadata,
    make_provider,
    make_tokens,
    sign,
)
from support.scripted_server import Reply, ScriptedServer, answer, json_answer
from tokenkeep.domain.errors import MalformedAnswer, ProviderError, ProviderUnreachable
from tokenkeep.domain.tokens import Account
from tokenkeep.oauth import identity
from tokenkeep.oauth.transport import Transport


def ask(server: ScriptedServer, transport: Transport, subject: str | None = "user-1", **changes: Any) -> Claims:
    metadata = make_metadata(server.origin, **{"issuer": ISSUER, **changes.pop("metadata", {})})
    return identity.userinfo(transport, make_provider(server, **changes), metadata, make_tokens(), subject)


def test_OIDC_9_NET_6_token_travels_in_the_header_only(server, transport):
    server.reply("/userinfo", json_answer({"sub": "user-1", "email": "ada@example.com"}))
    assert ask(server, transport) == {"sub": "user-1", "email": "ada@example.com"}
    (request,) = server.requests
    assert request.header("Authorization") == "Bearer CANARY-AT-0000"
    assert "CANARY" not in request.target + request.body.decode()


def test_OIDC_9_no_endpoint_no_request(server, transport):
    assert ask(server, transport, metadata={"userinfo_endpoint": None}) == {}
    assert server.connections == 0


@pytest.mark.parametrize("claims", [{"sub": "user-2"}, {}, {"sub": None}, {"email": "ada@example.com"}])
def test_OIDC_9_answer_about_somebody_else_is_dropped(server, transport, claims):
    server.reply("/userinfo", json_answer(claims))
    with pytest.raises(ProviderError, match="somebody else"):
        ask(server, transport)


def test_OIDC_9_without_an_id_token_any_subject_is_taken(server, transport):
    server.reply("/userinfo", json_answer({"sub": "user-2"}))
    assert ask(server, transport, subject=None) == {"sub": "user-2"}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer(401), ProviderError),
        (answer(403), ProviderError),
        (answer(500), ProviderUnreachable),
        (answer(200, "<html>"), MalformedAnswer),
        (json_answer([]), MalformedAnswer),
        (answer(307, "", {"Location": "https://evil.example.com"}), ProviderError),
    ],
)
def test_OIDC_9_failures_are_ours_to_swallow(server, transport, reply, kind):
    server.reply("/userinfo", reply)
    with pytest.raises(kind):
        ask(server, transport)


def jwt(token: str) -> Reply:
    return answer(200, token, {"Content-Type": "application/jwt; charset=utf-8"})


def test_OIDC_9_signed_answers_are_verified(server, transport, keys):
    server.reply(
        "/userinfo",
        jwt(sign({"sub": "user-1", "iss": ISSUER, "aud": [CLIENT_ID]}, key("RSA"))),
        jwt(sign({"sub": "user-1"}, key("RSA"))),
    )
    assert ask(server, transport)["sub"] == "user-1"
    assert ask(server, transport)["sub"] == "user-1"


@pytest.mark.parametrize(
    "token",
    [
        lambda: sign({"sub": "user-1"}, key("RSA other")),
        lambda: unsigned("none"),
        lambda: sign({"sub": "user-1", "aud": "x"}, key("RSA")),
        lambda: sign({"sub": "user-1", "iss": "https://evil.example.com"}, key("RSA")),
        lambda: sign({"sub": "user-2"}, key("RSA")),
        lambda: "é",
        lambda: '{"sub":"user-1"}',
    ],
)
def test_OIDC_9_badly_signed_answers_are_dropped(server, transport, keys, token):
    server.reply("/userinfo", jwt(token()))
    with pytest.raises(ProviderError):
        ask(server, transport)


@pytest.mark.parametrize(
    ("claims", "profile", "account"),
    [
        ({"iss": ISSUER, "sub": "1"}, {}, Account(ISSUER, "1", "1")),
        ({"iss": ISSUER, "sub": "1", "name": "Ada L"}, {"sub": "1", "email": "a@b"}, Account(ISSUER, "1", "a@b")),
        ({"iss": ISSUER, "sub": "1", "preferred_username": "ada"}, {"email": "a@b"}, Account(ISSUER, "1", "ada")),
        (None, {"sub": "2", "name": "\x1b Ada \u202e"}, Account("https://x", "2", "Ada")),
        (None, {"sub": "2", "preferred_username": 7, "email": ""}, Account("https://x", "2", "2")),
        (None, {}, None),
        (None, {"sub": 7}, None),
        (None, {"sub": ""}, None),
    ],
)
def test_OIDC_8_account_is_keyed_by_issuer_and_subject(claims, profile, account):
    assert identity.account("https://x", claims, profile) == account


def test_OIDC_8_same_mail_two_subjects_are_two_accounts():
    one, other = (identity.account(ISSUER, None, {"sub": sub, "email": "a@b"}) for sub in "12")
    assert one != other
