"""The authorization code flow."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.oauth_values import CLIENT_ID, ISSUER, NOW, REDIRECT_URI, TOKENS, make_metadata, make_provider
from support.scripted_server import ScriptedServer, answer, cut, json_answer, run_out_of_time
from tokenkeep.domain.errors import (
    AccessDenied,
    GrantEnded,
    MalformedAnswer,
    Misconfigured,
    ProviderError,
    ProviderUnreachable,
    TokenKeepError,
)
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import pkce
from tokenkeep.oauth.authorization import Attempt, UnrelatedResponse, begin, exchange, read_response
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.transport import Transport

CODE = Secret("CANARY-CODE+/=%&")


def start(**changes: Any) -> Attempt:
    """An attempt; arguments that begin with `metadata_` go to the metadata."""
    metadata = {name.removeprefix("metadata_"): value for name, value in changes.items() if "metadata_" in name}
    provider = {name: value for name, value in changes.items() if "metadata_" not in name}
    return begin(make_provider(**provider), make_metadata(**metadata), REDIRECT_URI)


def sent(attempt: Attempt) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(attempt.url).query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


# --- the request ----------------------------------------------------------------------------------------------------


def test_AUTHZ_1_only_the_code_flow():
    attempt = start(authorization_params={"login_hint": "a b+c&d%é"}, scopes=["openid", "email"], audience="api")
    parameters = sent(attempt)
    assert attempt.url.count("response_type=") == 1
    assert parameters == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT_URI,
        "scope": "openid email",
        "state": attempt.state.reveal(),
        "nonce": attempt.nonce.reveal(),
        "code_challenge": pkce.challenge(attempt.verifier or Secret("")),
        "code_challenge_method": "S256",
        "login_hint": "a b+c&d%é",
        "audience": "api",
    }


@pytest.mark.parametrize("key", ["response_type", "flow"])
def test_AUTHZ_1_no_configuration_reaches_another_flow(key):
    with pytest.raises(ValueError, match=key):
        Provider.model_validate({"id": "x", "flow": "password"} if key == "flow" else {"id": "x", key: "token"})


def test_arguments_go_before_the_configuration():
    provider = make_provider(authorization_params={"prompt": "none", "login_hint": "old"}, scopes=["a"])
    attempt = begin(provider, make_metadata(), REDIRECT_URI, scope=("b", "c"), login_hint="me", prompt="select_account")
    parameters = sent(attempt)
    assert (parameters["prompt"], parameters["login_hint"], parameters["scope"]) == ("select_account", "me", "b c")
    assert attempt.scope == ("b", "c")


def test_no_scope_and_no_nonce_without_need():
    assert not {"scope", "nonce"} & set(sent(start()))


def test_resources_may_be_several():
    attempt = start(resource=["https://a", "https://b"])
    assert parse_qs(urlsplit(attempt.url).query)["resource"] == ["https://a", "https://b"]


@pytest.mark.parametrize(
    ("endpoint", "before"),
    [
        ("https://h/a?tenant=a%2Fb&x=1", "https://h/a?tenant=a%2Fb&x=1&"),
        ("https://h/a?x=%7E+%20", "https://h/a?x=%7E+%20&"),
        ("https://h/a?", "https://h/a?"),
        ("https://h/a?x&", "https://h/a?x&"),
        ("https://h/a", "https://h/a?"),
        ("https://h", "https://h?"),
    ],
)
def test_AUTHZ_3_the_endpoints_own_query_survives_byte_for_byte(endpoint, before):
    url = start(metadata_authorization_endpoint=endpoint).url
    assert url.startswith(before + "response_type=code&")


@pytest.mark.parametrize("endpoint", ["https://h/a#f", "https://h/a?x=1#f", "https://h/a#"])
def test_AUTHZ_3_fragment_is_refused(endpoint):
    with pytest.raises(ProviderError, match="fragment"):
        start(metadata_authorization_endpoint=endpoint)


def test_AUTHZ_1_endpoint_that_sets_our_parameters_is_refused():
    with pytest.raises(ProviderError, match="response_type"):
        start(metadata_authorization_endpoint="https://h/a?response_type=token")


@given(st.text(min_size=1))
def test_AUTHZ_3_any_value_survives_a_round_trip(value):
    if value.encode("utf-8", "ignore").decode() == value:
        assert sent(start(authorization_params={"login_hint": value}))["login_hint"] == value


def test_AUTHZ_4_fresh_for_each_attempt():
    seen = set()
    for _ in range(1000):
        random.seed(1)
        attempt = start()
        assert attempt.verifier is not None
        fresh = {attempt.state.reveal(), attempt.nonce.reveal(), attempt.verifier.reveal()}
        assert all(len(one) >= 43 for one in fresh)  # base64url of 32 bytes: 256 bits
        seen |= fresh
    assert len(seen) == 3000


@pytest.mark.parametrize(
    "endpoint",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ms-msdt:/id",
        "-evil",
        'https://x/";calc',
        "https://x/a b",
        "http://auth.example.com/authorize",
        "http://127.0.0.1/authorize",
        "https://user@auth.example.com/",
        "//auth.example.com/authorize",
    ],
)
def test_AUTHZ_5_only_good_urls_are_handed_out(endpoint):
    with pytest.raises(ProviderError, match="cannot be opened"):
        start(metadata_authorization_endpoint=endpoint)


def test_AUTHZ_5_loopback_http_for_a_local_provider():
    assert start(local=True, metadata_authorization_endpoint="http://127.0.0.1:1/a").url.startswith("http://127.")


def test_missing_authorization_endpoint_is_said():
    with pytest.raises(ProviderError, match="no authorization endpoint"):
        start(metadata_authorization_endpoint=None)


def test_OIDC_4_openid_without_an_issuer_is_a_configuration_fault():
    with pytest.raises(Misconfigured) as caught:
        start(scopes=["openid"], metadata_issuer="")
    assert caught.value.key == "providers.example.issuer"


def test_PKCE_2_plain_only_is_refused_before_the_browser():
    with pytest.raises(ProviderError, match="S256"):
        start(metadata_code_challenge_methods_supported=("plain",))


def test_PKCE_3_oidc_provider_without_the_list_gets_challenge_state_and_nonce():
    attempt = start(scopes=["openid"], metadata_code_challenge_methods_supported=None)
    assert {"code_challenge", "state", "nonce"} <= set(sent(attempt))


def test_PKCE_3_mcp_provider_without_the_list_is_refused():
    with pytest.raises(ProviderError, match="code_challenge_methods_supported"):
        start(profile="mcp", metadata_code_challenge_methods_supported=None)


def test_PKCE_1_nothing_of_it_when_switched_off():
    attempt = start(pkce=False)
    assert attempt.verifier is None
    assert not {"code_challenge", "code_challenge_method"} & set(sent(attempt))


def test_LEAK_5_attempt_does_not_print_its_secrets():
    attempt = start(scopes=["openid"])
    assert attempt.state.reveal() not in repr(attempt)
    assert attempt.nonce.reveal() not in repr(attempt)


# --- the response ---------------------------------------------------------------------------------------------------


def response(attempt: Attempt, *more: tuple[str, str], **changes: str | None) -> str:
    """A good response's query with changes; None leaves a parameter out."""
    members: dict[str, str | None] = {"code": CODE.reveal(), "state": attempt.state.reveal()}
    pairs = [(name, value) for name, value in (members | changes).items() if value is not None]
    return urlencode([*pairs, *more])


def refused(attempt: Attempt, query: str) -> TokenKeepError:
    """The error that ends the attempt."""
    with pytest.raises(TokenKeepError) as caught:
        read_response(attempt, query)
    assert not isinstance(caught.value, UnrelatedResponse)
    return caught.value


def unrelated(attempt: Attempt, query: str) -> None:
    with pytest.raises(UnrelatedResponse) as caught:
        read_response(attempt, query)
    assert "CANARY" not in repr(vars(caught.value))


def test_RESP_1_good_response_gives_the_code():
    attempt = start()
    assert read_response(attempt, response(attempt)) == CODE


def test_RESP_1_foreign_state_leaves_the_attempt_pending():
    attempt, other = start(), start()
    state = attempt.state.reveal()
    for wrong in (None, "", "wrong", state.swapcase(), state + "x", state[:-1], " " + state, "é", other.state.reveal()):
        unrelated(attempt, response(attempt, state=wrong))
    for query in ("", "&&&", "%", "state", "a" * 10_000, "&".join(f"a{number}=1" for number in range(1000))):
        unrelated(attempt, query)
    assert read_response(attempt, response(attempt)) == CODE


ADVERTISED = {"metadata_authorization_response_iss_parameter_supported": True}


@pytest.mark.parametrize(
    ("issuer", "iss"),
    [
        (ISSUER, "https://evil.example.com"),
        (ISSUER, ISSUER + "/"),
        (ISSUER + "/", ISSUER),
        (ISSUER, "https://AUTH.example.com"),
        (ISSUER, ISSUER + ":443"),
        ("https://auth.example.com/~a", "https://auth.example.com/%7Ea"),
        (ISSUER, ISSUER.upper()),
        (ISSUER, ISSUER + "\n"),
        (ISSUER, "\ud800"),
    ],
)
@pytest.mark.parametrize("advertised", [{}, ADVERTISED], ids=["unadvertised", "advertised"])
def test_RESP_3_RESP_5_iss_is_compared_to_the_letter(issuer, iss, advertised):
    attempt = start(issuer=issuer, metadata_issuer=issuer, **advertised)
    query = response(attempt, iss=iss.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    assert isinstance(refused(attempt, query), MalformedAnswer)
    assert read_response(attempt, response(attempt, iss=issuer)) == CODE


@pytest.mark.parametrize("iss", [None, ""])
def test_RESP_4_missing_iss_is_fatal_when_advertised(iss):
    attempt = start(**ADVERTISED)
    assert "which server" in refused(attempt, response(attempt, iss=iss)).detail
    attempt = start()
    assert read_response(attempt, response(attempt, iss=iss)) == CODE


def test_RESP_3_provider_without_an_issuer_takes_iss_of_its_own_server_only():
    attempt = start(issuer="", metadata_issuer="")
    assert read_response(attempt, response(attempt, iss=f"{ISSUER}/login/oauth")) == CODE
    refused(attempt, response(attempt, iss="https://evil.example.com"))
    refused(attempt, response(attempt, iss="https://[broken"))


def test_RESP_6_errors_are_believed_only_after_state_and_issuer():
    attempt = start(**ADVERTISED)
    error: dict[str, str | None] = {"code": None, "error": "access_denied", "error_description": "CANARY\x1b[1m <b>"}
    unrelated(attempt, response(attempt, **error | {"state": "bad"}))
    wrong = refused(attempt, response(attempt, **error, iss="https://evil.example.com"))
    assert "CANARY" not in wrong.detail
    assert isinstance(wrong, MalformedAnswer)
    denied = refused(attempt, response(attempt, **error, iss=ISSUER))
    assert isinstance(denied, AccessDenied)
    assert denied.detail == "The request was denied. CANARY[1m <b>"


def test_RESP_6_other_errors_keep_code_and_description():
    attempt = start()
    error = refused(
        attempt, response(attempt, code=None, error="invalid_scope", error_description="no such", error_uri="https://x")
    )
    assert isinstance(error, ProviderError)
    assert (error.error, error.description) == ("invalid_scope", "no such")
    assert "scopes" in error.detail
    made_up = refused(attempt, response(attempt, code=None, error="made\x00up" + "x" * 500))
    assert isinstance(made_up, ProviderError)
    assert made_up.error is not None
    assert made_up.error.startswith("madeup")
    assert len(made_up.error) <= 64
    assert made_up.description is None


def test_RESP_7_a_parameter_twice_makes_it_invalid():
    attempt = start()
    unrelated(attempt, response(attempt, ("state", attempt.state.reveal())))
    unrelated(attempt, response(attempt, ("state", "")))
    for more in (("code", "x"), ("code", CODE.reveal()), ("code", "")):
        refused(attempt, response(attempt, more))
    refused(attempt, response(attempt, ("iss", ISSUER), ("iss", ISSUER)))
    refused(attempt, response(attempt, ("error", "a"), ("error", "a"), code=None))
    refused(attempt, response(attempt, ("foo", "1"), ("foo", "2")))
    refused(attempt, response(attempt, ("error", "access_denied")))


def test_RESP_8_unknown_parameters_are_ignored():
    attempt = start()
    assert read_response(attempt, response(attempt, session_state="x", foo="", error="", scope="a")) == CODE


@pytest.mark.parametrize("code", [None, "", "line\nbreak", "é"])
def test_RESP_8_no_usable_code(code):
    attempt = start()
    assert "no code" in refused(attempt, response(attempt, code=code)).detail


@pytest.mark.parametrize("name", ["access_token", "id_token", "response"])
@pytest.mark.parametrize("value", ["", "CANARY"])
def test_RESP_8_front_channel_tokens_are_refused(name, value):
    attempt = start()
    assert "CANARY" not in refused(attempt, response(attempt, (name, value))).detail


ATTEMPT = start()
chunks = st.sampled_from(["state", "code", "iss", "error", "=", "&", "%", "+", ATTEMPT.state.reveal(), ISSUER, "x"])


@given(st.text() | st.lists(chunks | st.text(max_size=3), max_size=30).map("".join))
def test_RESP_8_no_query_raises_anything_but_our_errors(query):
    try:
        code = read_response(ATTEMPT, query)
    except TokenKeepError:
        return
    assert f"state={ATTEMPT.state.reveal()}" in query
    assert code


# --- the exchange ---------------------------------------------------------------------------------------------------


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
