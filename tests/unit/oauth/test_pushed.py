"""Pushed authorization requests: what is sent, what counts as taken, and what the browser gets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from support.oauth_values import CLIENT_ID, NOW, REDIRECT_URI, make_metadata, make_provider
from support.scripted_server import ScriptedServer, answer, cut, json_answer
from tokenkeep.domain.errors import (
    ClientRejected,
    InvalidTarget,
    MalformedAnswer,
    ProviderError,
    ProviderUnreachable,
    TokenKeepError,
)
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import pushed
from tokenkeep.oauth.answer import Redirected
from tokenkeep.oauth.authorization import Attempt, begin
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.transport import Transport

URI = "urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c"  # that of RFC 9126 §2.2
TAKEN = {"request_uri": URI, "expires_in": 60}
EVERYTHING = {
    "scopes": ["openid", "notes"],
    "resource": ["https://a", "https://b"],
    "authorization_params": {"login_hint": "ada@example.com", "prompt": "consent"},
}


def attempt_at(server: ScriptedServer, *, required: bool = False, **entry: Any) -> Attempt:
    metadata = make_metadata(
        server.origin,
        pushed_authorization_request_endpoint=f"{server.origin}/par",
        require_pushed_authorization_requests=required,
        **{name: entry.pop(name) for name in list(entry) if name.endswith("_endpoint")},
    )
    assert pushed.is_pushed(metadata)
    return begin(make_provider(server, **entry), metadata, REDIRECT_URI)


def push(transport: Transport, attempt: Attempt, **credentials: Any) -> Attempt:
    return pushed.push(transport, attempt, ClientCredentials(CLIENT_ID, **credentials))


def test_PAR_1_all_parameters_are_posted_once_and_none_is_a_request_uri(server, transport):
    server.reply("/par", json_answer(TAKEN, 201))
    attempt = attempt_at(server, **EVERYTHING)
    push(transport, attempt)
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/par")
    assert sorted(request.form) == sorted(attempt.parameters)
    assert [value for name, value in request.form if name == "resource"] == ["https://a", "https://b"]
    sent = dict(request.form)
    assert "request_uri" not in sent
    assert (sent["state"], sent["response_type"], sent["code_challenge_method"], sent["redirect_uri"]) == (
        attempt.state.reveal(),
        "code",
        "S256",
        REDIRECT_URI,
    )


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_PAR_1_the_client_proves_itself_as_at_the_token_endpoint(server, transport, method):
    server.reply("/par", json_answer(TAKEN, 201))
    attempt = push(transport, attempt_at(server), secret=Secret("CANARY-CS"), method=method)
    (request,) = server.requests
    assert [value for name, value in request.form if name == "client_id"] == [CLIENT_ID]
    assert (request.header("Authorization") is not None) == (method == "client_secret_basic")
    assert ("client_secret" in dict(request.form)) == (method == "client_secret_post")
    assert "CANARY" not in attempt.url


@pytest.mark.parametrize("status", [200, 201])
def test_PAR_2_the_address_holds_client_and_request_uri_and_nothing_else(server, transport, status):
    server.reply("/par", json_answer(TAKEN, status))
    attempt = push(transport, attempt_at(server, **EVERYTHING))
    assert attempt.url.startswith(f"{server.origin}/authorize?")
    assert parse_qsl(urlsplit(attempt.url).query) == [("client_id", CLIENT_ID), ("request_uri", URI)]
    assert attempt.expires_at == NOW + 60


def test_PAR_2_the_endpoints_own_query_stays(server, transport):
    server.reply("/par", json_answer(TAKEN, 201))
    endpoint = f"{server.origin}/authorize?tenant=a%2Fb"
    attempt = push(transport, attempt_at(server, authorization_endpoint=endpoint))
    assert attempt.url.startswith(f"{endpoint}&client_id=")
    assert parse_qsl(urlsplit(attempt.url).query)[0] == ("tenant", "a/b")
    with pytest.raises(ProviderError, match="request_uri"):
        push(transport, attempt_at(server, authorization_endpoint=f"{server.origin}/authorize?request_uri=x"))


def test_PAR_2_neither_the_attempt_nor_its_errors_print_what_was_pushed(server, transport):
    server.reply("/par", json_answer({"error": "invalid_request"}, 400))
    attempt = attempt_at(server, **EVERYTHING)
    with pytest.raises(ProviderError) as caught:
        push(transport, attempt)
    for text in (repr(attempt), repr(caught.value), caught.value.detail):
        assert attempt.state.reveal() not in text
        assert "ada@example.com" not in text.replace(repr(attempt.provider), "")


FINAL = [
    (answer(400), MalformedAnswer),
    (json_answer({"error": "invalid_request", "error_description": "no"}, 400), ProviderError),
    (json_answer({"error": "invalid_target"}, 400), InvalidTarget),
    (json_answer({"error": "invalid_grant"}, 400), ProviderError),
    (json_answer({"error": "invalid_client"}, 401), ClientRejected),
    (answer(401, "", {"WWW-Authenticate": "Basic"}), ClientRejected),
    (answer(404), MalformedAnswer),
    (answer(405), MalformedAnswer),
    (answer(413), MalformedAnswer),
    (answer(201, "<html>Please sign in to the hotel"), MalformedAnswer),
    (answer(302, "", {"Location": "https://elsewhere.example"}), Redirected),
    (json_answer(TAKEN, 202), MalformedAnswer),
    (json_answer(TAKEN | {"error": "invalid_request"}, 201), ProviderError),
    (json_answer([TAKEN], 201), MalformedAnswer),
    (json_answer({"expires_in": 60}, 201), MalformedAnswer),
    *(
        (json_answer(TAKEN | {"request_uri": value}, 201), MalformedAnswer)
        for value in (7, "", "no-uri", "urn:a b", "urn:a\n", [URI])
    ),
    (json_answer({"request_uri": URI}, 201), MalformedAnswer),
    *(
        (json_answer(TAKEN | {"expires_in": value}, 201), MalformedAnswer)
        for value in (0, -1, "soon", None, True, [60])
    ),
]


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize(("reply", "kind"), FINAL)
def test_PAR_1_a_refusal_or_nonsense_is_final_and_no_plain_address_takes_its_place(
    server, transport, reply, kind, required
):
    server.reply("/par", reply)
    with pytest.raises(TokenKeepError) as caught:
        push(transport, attempt_at(server, required=required))
    assert type(caught.value) is kind
    assert len(server.requests) == 1


@pytest.mark.parametrize("reply", [answer(429), answer(500), answer(503, "<html>"), cut()])
def test_PAR_1_trouble_at_a_server_that_demands_it_ends_the_attempt(server, transport, reply):
    server.reply("/par", reply)
    with pytest.raises(ProviderUnreachable) as caught:
        push(transport, attempt_at(server, required=True))
    assert caught.value.hint == "Start the sign-in again."


@pytest.mark.parametrize("reply", [answer(429), answer(500), answer(503, "<html>"), cut()])
def test_PAR_1_where_it_is_only_offered_a_server_in_trouble_gets_a_plain_address(server, transport, reply):
    server.reply("/par", reply)
    attempt = attempt_at(server)
    assert push(transport, attempt) == attempt
    assert ("state", attempt.state.reveal()) in parse_qsl(urlsplit(attempt.url).query)


def test_PAR_1_a_server_that_demands_it_and_has_no_endpoint_is_refused():
    with pytest.raises(ProviderError, match="no endpoint"):
        pushed.is_pushed(make_metadata(require_pushed_authorization_requests=True))
    assert not pushed.is_pushed(make_metadata())


def test_PAR_1_an_expiry_in_a_string_is_a_number_all_the_same(server, transport):
    server.reply("/par", json_answer(TAKEN | {"expires_in": "90"}, 201))
    assert push(transport, attempt_at(server)).expires_at == NOW + 90


def test_PAR_1_the_client_of_the_credentials_counts(server, transport):
    server.reply("/par", json_answer(TAKEN, 201))
    attempt = attempt_at(server)
    url = pushed.push(transport, replace(attempt), ClientCredentials("registered")).url
    assert dict(parse_qsl(urlsplit(url).query))["client_id"] == "registered"
    assert [value for name, value in server.requests[0].form if name == "client_id"] == ["registered"]
