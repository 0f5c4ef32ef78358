"""The authorization code at the token endpoint."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from support.attempts import CODE, sent
from support.oauth_values import CLIENT_ID, NOW, REDIRECT_URI, TOKENS, make_metadata, make_provider
from support.scripted_server import ScriptedServer, answer, cut, json_answer, run_out_of_time
from tokenkeep.domain.errors import (
    GrantEnded,
    MalformedAnswer,
    ProviderError,
    ProviderUnreachable,
    TokenKeepError,
)
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.authorization import Attempt, begin, exchange
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.transport import Transport


def prepare(server: ScriptedServer, **changes: Any) -> Attempt:
    return begin(make_provider(server, **changes), make_metadata(server.origin), REDIRECT_URI)


def redeem(transport: Transport, attempt: Attempt) -> Any:
    return exchange(transport, attempt, CODE, ClientCredentials(CLIENT_ID))


def test_TOK_1_TOK_2_the_token_request(server, transport):
    server.reply("/token", json_answer(TOKENS))
    attempt = prepare(server, scopes=["a", "b"])
    tokens = redeem(transport, attempt).tokens
    (request,) = server.requests
    assert attempt.verifier is not None
    assert sorted(request.form) == sorted(
        {
            "grant_type": "authorization_code",
            "code": CODE.reveal(),
            "redirect_uri": REDIRECT_URI,
            "code_verifier": attempt.verifier.reveal(),
            "client_id": CLIENT_ID,
        }.items()
    )
    assert (request.method, request.target) == ("POST", "/token")
    assert request.header("Accept") == "application/json"
    assert request.header("Content-Type") == "application/x-www-form-urlencoded"
    assert request.header("Authorization") is None
    assert tokens.access_token.reveal() == TOKENS["access_token"]
    assert (tokens.scope, tokens.obtained_at) == (("a", "b"), NOW)


@pytest.mark.parametrize("redirect_uri", ["http://[::1]:1/cb/", "http://localhost:65535/cb?x=%2F", REDIRECT_URI])
def test_TOK_2_redirect_uri_is_repeated_byte_for_byte(server, transport, redirect_uri):
    server.reply("/token", json_answer(TOKENS))
    attempt = begin(make_provider(server), make_metadata(server.origin), redirect_uri)
    redeem(transport, attempt)
    assert dict(server.requests[0].form)["redirect_uri"] == redirect_uri == sent(attempt)["redirect_uri"]


def test_TOK_1_several_resources_and_the_endpoints_query_survive(server, transport):
    server.reply("/token", json_answer(TOKENS))
    metadata = make_metadata(server.origin, token_endpoint=f"{server.origin}/token?tenant=a%2Fb")
    attempt = begin(make_provider(server, resource=["https://a", "https://b"]), metadata, REDIRECT_URI)
    tokens = redeem(transport, attempt).tokens
    (request,) = server.requests
    assert request.target == "/token?tenant=a%2Fb"
    assert [value for name, value in request.form if name == "resource"] == ["https://a", "https://b"]
    assert tokens.resource == ("https://a", "https://b")


def test_TOK_1_a_server_that_answers_with_a_form_unless_json_is_asked_for(server, transport):
    def as_asked(connection: Any) -> None:
        form = answer(200, urlencode(TOKENS), {"Content-Type": "application/x-www-form-urlencoded"})
        wants_json = "application/json" in (server.requests[-1].header("Accept") or "")
        (json_answer(TOKENS) if wants_json else form)(connection)

    server.reply("/token", as_asked)
    assert redeem(transport, prepare(server)).tokens.access_token.reveal() == TOKENS["access_token"]


@pytest.mark.parametrize(
    "changes", [{}, {"scopes": ["a"], "audience": "b"}, {"pkce": False}, {"resource": ["https://a", "https://b"]}]
)
def test_TOK_1_nothing_is_empty_and_nothing_but_resource_occurs_twice(server, transport, changes):
    server.reply("/token", json_answer(TOKENS))
    redeem(transport, prepare(server, **changes))
    (request,) = server.requests
    assert all(value for _, value in request.form)
    names = [name for name, _ in request.form if name != "resource"]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("method", "header", "body"),
    [("client_secret_basic", True, set()), ("client_secret_post", False, {"client_id", "client_secret"})],
)
def test_CAUTH_1_confidential_client(server, transport, method, header, body):
    server.reply("/token", json_answer(TOKENS))
    exchange(transport, prepare(server), CODE, ClientCredentials(CLIENT_ID, Secret("s:e"), method))
    (request,) = server.requests
    assert (request.header("Authorization") is not None) is header
    assert {"client_id", "client_secret"} & set(dict(request.form)) == body


def test_PKCE_1_no_verifier_when_switched_off(server, transport):
    server.reply("/token", json_answer(TOKENS))
    redeem(transport, prepare(server, pkce=False))
    assert "code_verifier" not in dict(server.requests[0].form)


def test_PKCE_4_two_attempts_in_reverse_order_keep_their_own_verifier(server, transport):
    server.reply("/token", json_answer(TOKENS))
    first, second = prepare(server), prepare(server)
    redeem(transport, second)
    redeem(transport, first)
    verifiers = [dict(request.form)["code_verifier"] for request in server.requests]
    assert [Secret(one) for one in verifiers] == [second.verifier, first.verifier]


def test_RESP_10_the_code_goes_to_the_snapshots_token_endpoint(server, transport):
    with ScriptedServer() as evil:
        server.reply("/token", json_answer(TOKENS))
        attempt = prepare(server)
        make_metadata(evil.origin)  # what a later discovery says has no way into the attempt
        redeem(transport, attempt)
        assert evil.connections == 0
    assert len(server.to("/token")) == 1


def test_NET_4_a_307_does_not_get_the_code(server, transport):
    with ScriptedServer() as evil:
        server.reply("/token", answer(307, "", {"Location": f"{evil.origin}/token"}))
        with pytest.raises(ProviderError, match="redirects"):
            redeem(transport, prepare(server))
        assert evil.connections == 0


def test_TOK_3_duplicate_json_keys_never_reach_the_library(server, transport):
    server.reply("/token", answer(200, '{"access_token":"a","token_type":"Bearer","access_token":"CANARY"}'))
    with pytest.raises(MalformedAnswer):
        redeem(transport, prepare(server))


@pytest.mark.parametrize("granted", ["a", "", "x y z"])
def test_TOK_7_another_scope_is_a_value_not_a_warning(server, transport, granted):
    server.reply("/token", json_answer(TOKENS | {"scope": granted}))
    assert redeem(transport, prepare(server, scopes=["a", "b"])).tokens.scope == tuple(granted.split())


def test_TOK_6_lifetime_counts_from_when_the_request_was_sent(server, transport, wall):
    def late(connection: Any) -> None:
        wall.now = NOW + 20
        json_answer(TOKENS)(connection)

    server.reply("/token", late)
    assert redeem(transport, prepare(server)).tokens.expires_at == NOW + 3600


@pytest.mark.parametrize("reply", [cut(), answer(500), answer(503, "", {"Retry-After": "1"}), answer(408)])
def test_TOK_9_code_is_not_used_twice_once_it_may_have_arrived(server, transport, reply):
    server.reply("/token", reply, json_answer(TOKENS))
    with pytest.raises(ProviderUnreachable) as caught:
        redeem(transport, prepare(server))
    assert len(server.requests) == 1
    assert "sign-in again" in caught.value.hint


def test_TOK_9_nor_after_a_time_out(server, transport):
    server.reply("/token", run_out_of_time(transport), json_answer(TOKENS))
    with pytest.raises(ProviderUnreachable, match="within"):
        redeem(transport, prepare(server))
    assert len(server.requests) == 1


def test_TOK_9_one_retry_when_nothing_was_sent(server, transport, monkeypatch):
    """The first connection is refused, the second one works."""
    import socket

    with ScriptedServer() as gone:
        pass
    ports = [gone.port, server.port]
    monkeypatch.setattr(
        "socket.getaddrinfo", lambda *_, **__: [(socket.AF_INET, 0, 0, "", ("127.0.0.1", ports.pop(0)))]
    )
    server.reply("/token", json_answer(TOKENS))
    assert redeem(transport, prepare(server)).tokens.access_token
    assert len(server.requests) == 1


def test_TOK_9_only_one_retry(transport, monkeypatch):
    with ScriptedServer() as gone:
        pass
    tried: list[int] = []
    import socket

    real = socket.getaddrinfo
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **kwargs: (tried.append(1), real(*args, **kwargs))[1])
    with pytest.raises(ProviderUnreachable) as caught:
        redeem(transport, prepare(gone))
    assert len(tried) == 2
    assert "sign-in again" in caught.value.hint


def test_LOOP_13_refused_code_ends_the_attempt_and_no_other_sign_in(server, transport):
    server.reply("/token", json_answer({"error": "invalid_grant", "error_description": "used"}, status=400))
    with pytest.raises(ProviderError) as caught:
        redeem(transport, prepare(server))
    assert not isinstance(caught.value, GrantEnded)
    assert (caught.value.error, caught.value.description) == ("invalid_grant", "used")


@pytest.mark.parametrize(
    "reply",
    [
        json_answer(TOKENS | {"refresh_token": "CANARY-RT"}),
        json_answer({"error": "invalid_grant"}, status=400),
        answer(200, '{"access_token": "CANARY-AT", "token_type": "CANARY-TYPE"}'),
        answer(200, "CANARY-HTML"),
        cut(),
    ],
)
def test_LEAK_1_nothing_secret_in_logs_or_errors_at_any_level(server, transport, caplog, reply):
    import logging
    import traceback

    server.reply("/token", reply)
    attempt = prepare(server)
    text = ""
    with caplog.at_level(logging.DEBUG):
        try:
            redeem(transport, attempt)
        except TokenKeepError as error:
            seen: BaseException | None = error
            while seen is not None:
                text += repr(seen) + repr(vars(seen)) + "".join(traceback.format_exception(seen))
                seen = seen.__context__
    assert attempt.verifier is not None
    for secret in ("CANARY-CODE", "CANARY-AT", "CANARY-RT", "CANARY-HTML", attempt.verifier.reveal()):
        assert secret not in caplog.text
        assert secret not in text
