"""The refresh request."""

from __future__ import annotations

from typing import Any

import pytest

from support.oauth_values import CLIENT_ID, NOW, TOKENS, make_metadata, make_provider, make_tokens
from support.scripted_server import ScriptedServer, answer, cut, json_answer, raw
from tokenkeep.domain.errors import (
    ClientRejected,
    GrantEnded,
    InsufficientScope,
    InvalidTarget,
    MalformedAnswer,
    ProviderUnreachable,
    SignInRequired,
    TokenKeepError,
)
from tokenkeep.domain.tokens import Secret, TokenSet, Wish
from tokenkeep.oauth.adapter import CutAnswer
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.refresh import binding, refresh
from tokenkeep.oauth.transport import Transport

ROTATED = TOKENS | {"refresh_token": "CANARY-RT-0001"}


def renew(
    server: ScriptedServer,
    transport: Transport,
    tokens: TokenSet | None = None,
    wish: Wish | None = None,
    **rest: Any,
) -> TokenSet:
    credentials = rest.pop("credentials", ClientCredentials(CLIENT_ID))
    provider = make_provider(server, **rest)
    return refresh(
        transport, provider, make_metadata(server.origin), tokens or make_tokens(), credentials, wish=wish
    ).tokens


def test_REF_7_the_request_leaves_scope_out(server, transport):
    server.reply("/token", json_answer(ROTATED))
    tokens = renew(server, transport)
    (request,) = server.requests
    assert sorted(request.form) == [
        ("client_id", CLIENT_ID),
        ("grant_type", "refresh_token"),
        ("refresh_token", "CANARY-RT-0000"),
    ]
    assert request.header("Accept") == "application/json"
    assert tokens.access_token.reveal() == "CANARY-AT-0001"
    assert tokens.refresh_token == Secret("CANARY-RT-0001")
    assert (tokens.scope, tokens.obtained_at) == (("openid", "profile"), NOW)


def test_REF_7_narrowing_names_the_scope(server, transport):
    server.reply("/token", json_answer(TOKENS))
    assert renew(server, transport, wish=Wish(("profile",))).scope == ("profile",)
    assert dict(server.requests[0].form)["scope"] == "profile"


def test_REF_7_wider_scope_is_refused_before_anything_is_sent(server, transport):
    with pytest.raises(InsufficientScope):
        renew(server, transport, wish=Wish(("openid", "admin")))
    assert server.connections == 0


def test_REF_7_resources_are_repeated(server, transport):
    server.reply("/token", json_answer(TOKENS))
    tokens = renew(server, transport, make_tokens(resource=("https://a", "https://b")))
    assert [value for name, value in server.requests[0].form if name == "resource"] == ["https://a", "https://b"]
    assert tokens.resource == ("https://a", "https://b")


def test_RES_2_a_request_for_one_resource_of_several_names_that_one_alone(server, transport):
    server.reply("/token", json_answer(TOKENS))
    before = make_tokens(resource=("https://a", "https://b"))
    tokens = renew(server, transport, before, wish=Wish(before.scope, ("https://b",)))
    assert [pair for pair in server.requests[0].form if pair[0] in ("resource", "scope")] == [("resource", "https://b")]
    assert tokens.resource == ("https://b",)


def test_RES_1_invalid_target_is_an_error_of_its_own_and_the_request_is_not_repeated(server, transport):
    server.reply("/token", json_answer({"error": "invalid_target"}, status=400), json_answer(TOKENS))
    with pytest.raises(InvalidTarget) as caught:
        renew(server, transport, make_tokens(resource=("https://a",)))
    assert caught.value.error == "invalid_target"
    assert "resource" in caught.value.hint
    assert len(server.requests) == 1, "never again without the resource"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_CAUTH_1_confidential_client(server, transport, method):
    server.reply("/token", json_answer(TOKENS))
    renew(server, transport, credentials=ClientCredentials(CLIENT_ID, Secret("s"), method))
    (request,) = server.requests
    assert (request.header("Authorization") is None) == (method == "client_secret_post")
    assert ("client_secret" in dict(request.form)) == (method == "client_secret_post")
    assert ("client_id" in dict(request.form)) == (method == "client_secret_post")


@pytest.mark.parametrize("members", [{}, {"refresh_token": None}, {"refresh_token": ""}])
def test_REF_2_answer_without_a_refresh_token_keeps_the_old_one(server, transport, members):
    server.reply("/token", json_answer(TOKENS | members))
    tokens = renew(server, transport, make_tokens(id_token=Secret("old.id.token")))
    assert tokens.refresh_token == Secret("CANARY-RT-0000")
    assert tokens.id_token == Secret("old.id.token")


def test_REF_1_a_rotated_refresh_token_replaces_the_old_one(server, transport):
    server.reply("/token", json_answer(ROTATED | {"id_token": "new.id.token"}))
    tokens = renew(server, transport, make_tokens(id_token=Secret("old.id.token")))
    assert tokens.refresh_token == Secret("CANARY-RT-0001")
    assert tokens.id_token == Secret("new.id.token")


def test_no_refresh_token_sends_nothing(server, transport):
    with pytest.raises(SignInRequired):
        renew(server, transport, make_tokens(refresh_token=None))
    assert server.connections == 0


OUTCOMES = [
    ("REF-4", json_answer({"error": "invalid_grant"}, status=400), GrantEnded),
    ("REF-4", json_answer({"error": "invalid_grant"}, status=401), GrantEnded),
    ("CAUTH-4", json_answer({"error": "invalid_client"}, status=401), ClientRejected),
    ("CAUTH-4", json_answer({"error": "unauthorized_client"}, status=400), ClientRejected),
    ("REF-5", answer(408), ProviderUnreachable),
    ("REF-5", answer(425), ProviderUnreachable),
    ("REF-5", answer(429, "", {"Retry-After": "7"}), ProviderUnreachable),
    ("REF-5", answer(500, "<html>oops"), ProviderUnreachable),
    ("REF-5", json_answer({"error": "temporarily_unavailable"}, status=400), ProviderUnreachable),
    ("REF-5", answer(200, "<html>Please sign in to the hotel"), MalformedAnswer),
    ("REF-5", answer(200, '{"access_token":'), MalformedAnswer),
    ("REF-8", cut(), ProviderUnreachable),
    ("REF-8", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), CutAnswer),
]


@pytest.mark.parametrize(("reply", "kind"), [one[1:] for one in OUTCOMES], ids=[one[0] for one in OUTCOMES])
def test_REF_4_REF_5_REF_8_what_an_answer_means(server, transport, reply, kind):
    server.reply("/token", reply)
    with pytest.raises(TokenKeepError) as caught:
        renew(server, transport)
    assert type(caught.value) is kind
    assert len(server.requests) == 1, "a refresh is never repeated behind the caller's back"
    if isinstance(caught.value, ProviderUnreachable):
        assert caught.value.maybe_sent


def test_REF_5_retry_after_reaches_the_caller(server, transport):
    date = {"Date": "Tue, 14 Nov 2023 22:13:20 GMT", "Retry-After": "Tue, 14 Nov 2023 22:14:20 GMT"}
    server.reply("/token", answer(503, "", date))
    with pytest.raises(ProviderUnreachable) as caught:
        renew(server, transport)
    assert caught.value.retry_after == 60


def test_REF_8_an_unsent_request_is_known_as_such(transport):
    with ScriptedServer() as gone:
        pass
    with pytest.raises(ProviderUnreachable) as caught:
        renew(gone, transport)
    assert not caught.value.maybe_sent


def test_REF_9_binding_names_issuer_token_endpoint_origin_and_client():
    provider = make_provider()
    assert binding(provider, make_metadata(), "me") == (provider.issuer, "https://auth.example.com", "me")
    moved = make_metadata(token_endpoint="https://evil.example.com/token")
    assert binding(provider, moved, "me") != binding(provider, make_metadata(), "me")
    path = make_metadata(token_endpoint="https://auth.example.com/v2/token")
    assert binding(provider, path, "me") == binding(provider, make_metadata(), "me")
