"""The device grant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.oauth_values import CLIENT_ID, NOW, TOKENS, make_metadata, make_provider
from support.scripted_server import ScriptedServer, answer, cut, json_answer, raw
from tokenkeep.domain.errors import (
    AccessDenied,
    ClientRejected,
    GrantEnded,
    MalformedAnswer,
    Misconfigured,
    ProviderError,
    ProviderUnreachable,
    TokenKeepError,
)
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import pkce
from tokenkeep.oauth.answer import Redirected
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.device import (
    AuthorizationPending,
    CodeExpired,
    DeviceAuthorization,
    SlowDown,
    first_interval,
    next_interval,
    poll,
    request_codes,
)
from tokenkeep.oauth.token_answer import TokenAnswer
from tokenkeep.oauth.transport import Transport

CREDENTIALS = ClientCredentials(CLIENT_ID)
CODES = {
    "device_code": "CANARY-DEVICE-CODE",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://auth.example.com/device",
    "verification_uri_complete": "https://auth.example.com/device?user_code=WDJB-MJHT",
    "expires_in": 900,
    "interval": 5,
}


def ask(server: ScriptedServer, transport: Transport, **changes: Any) -> DeviceAuthorization:
    return request_codes(transport, make_provider(server, **changes), make_metadata(server.origin), CREDENTIALS)


def codes(server: ScriptedServer, **changes: Any) -> None:
    members = {name: value for name, value in (CODES | changes).items() if value is not ...}
    server.reply("/device", json_answer(members))


def ask_once(server: ScriptedServer, transport: Transport, codes: DeviceAuthorization, **changes: Any) -> TokenAnswer:
    provider = make_provider(server, **changes)
    return poll(transport, provider, make_metadata(server.origin), CREDENTIALS, codes)


def test_DEV_1_the_device_request(server, transport):
    codes(server)
    given = ask(server, transport, scopes=["openid", "a"], resource=["https://r"], audience="api")
    (request,) = server.requests
    assert given.verifier is not None
    assert dict(request.form) == {
        "client_id": CLIENT_ID,
        "scope": "openid a",
        "code_challenge": pkce.challenge(given.verifier),
        "code_challenge_method": "S256",
        "resource": "https://r",
        "audience": "api",
    }
    assert request.method == "POST"
    assert (given.user_code, given.expires_in, given.interval, given.sent_at) == ("WDJB-MJHT", 900.0, 5.0, NOW)
    assert given.openable


@pytest.mark.parametrize(
    ("method", "in_header", "in_body"),
    [
        ("none", False, {"client_id"}),
        ("client_secret_basic", True, set()),
        ("client_secret_post", False, {"client_id", "client_secret"}),
    ],
)
def test_DEV_1_CAUTH_1_device_request_and_poll_authenticate_like_a_token_request(
    server, transport, method, in_header, in_body
):
    credentials = ClientCredentials(CLIENT_ID, Secret("s:e"), method)
    provider, metadata = make_provider(server), make_metadata(server.origin)
    codes(server)
    server.reply("/token", json_answer(TOKENS))
    given = request_codes(transport, provider, metadata, credentials)
    poll(transport, provider, metadata, credentials, given)
    for request in server.requests:
        assert (request.header("Authorization") is not None) is in_header
        assert {"client_id", "client_secret"} & set(dict(request.form)) == in_body
        assert "s:e" not in request.target


def test_DEV_1_nothing_of_pkce_when_switched_off_and_no_empty_scope(server, transport):
    codes(server)
    given = ask(server, transport, pkce=False)
    assert dict(server.requests[0].form) == {"client_id": CLIENT_ID}
    server.reply("/token", json_answer(TOKENS))
    ask_once(server, transport, given, pkce=False)
    assert "code_verifier" not in dict(server.requests[1].form)


def test_PKCE_2_device_grant_refuses_plain_only(server, transport):
    metadata = make_metadata(server.origin, code_challenge_methods_supported=("plain",))
    with pytest.raises(ProviderError, match="S256"):
        request_codes(transport, make_provider(server), metadata, CREDENTIALS)
    assert server.connections == 0


@pytest.mark.parametrize("member", ["device_code", "user_code", "verification_uri", "expires_in"])
@pytest.mark.parametrize("value", [..., None, "", 0, True, [], {}])
def test_DEV_1_members_are_required(server, transport, member, value):
    codes(server, **{member: value})
    with pytest.raises(MalformedAnswer, match=member) as caught:
        ask(server, transport)
    assert "CANARY" not in repr(vars(caught.value))


@pytest.mark.parametrize("value", ["soon", -5, "-1"])
def test_DEV_1_lifetime_is_a_positive_number(server, transport, value):
    codes(server, expires_in=value)
    with pytest.raises(MalformedAnswer, match="expires_in"):
        ask(server, transport)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, 5), (5, 5), ("5", 5), (7.5, 7.5), (0, 1), (-1, 1), (100_000, 300), ("x", 5), (True, 5), ([], 5), ("٣", 5)],
)
def test_DEV_1_interval(value, seconds):
    assert first_interval(value) == seconds


def test_DEV_1_absent_interval_is_5(server, transport):
    codes(server, interval=...)
    assert ask(server, transport).interval == 5


def test_DEV_1_verification_url_only_with_the_quirk(server, transport):
    codes(server, verification_uri=..., verification_url="https://www.google.com/device")
    with pytest.raises(MalformedAnswer, match="verification_uri"):
        ask(server, transport)
    given = ask(server, transport, quirks=["google"])
    assert given.verification_uri == "https://www.google.com/device"


@pytest.mark.parametrize("body", ["[]", "null", "<html>", ""])
def test_DEV_1_answer_that_is_none(server, transport, body):
    server.reply("/device", answer(200, body))
    with pytest.raises(MalformedAnswer):
        ask(server, transport)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (json_answer({"error": "invalid_client"}, status=401), ClientRejected),
        (json_answer({"error": "unauthorized_client"}), ClientRejected),
        (json_answer({"error": "invalid_scope"}, status=400), ProviderError),
        (answer(503, "", {"Retry-After": "3"}), ProviderUnreachable),
        (answer(404), MalformedAnswer),
    ],
)
def test_DEV_1_refusals_are_those_of_a_token_request(server, transport, reply, kind):
    server.reply("/device", reply)
    with pytest.raises(TokenKeepError) as caught:
        ask(server, transport)
    assert type(caught.value) is kind


def test_missing_endpoint_is_said(transport):
    with pytest.raises(ProviderError, match="no device authorization endpoint"):
        request_codes(transport, make_provider(), make_metadata(device_authorization_endpoint=None), CREDENTIALS)


def test_OIDC_4_openid_without_an_issuer_is_a_configuration_fault(transport):
    with pytest.raises(Misconfigured):
        request_codes(transport, make_provider(scopes=["openid"]), make_metadata(issuer=""), CREDENTIALS)


@pytest.mark.parametrize("code", ["WDJB-MJHT", "wdjb mjht", " lead", "ÄÖÜ"])
def test_DEV_7_user_code_is_kept_as_sent(server, transport, code):
    codes(server, user_code=code)
    assert ask(server, transport).user_code == code


@pytest.mark.parametrize("code", ["a\nb", "\x1b[31m", " ", "x" * 65, "\u202eabc"])
def test_DEV_7_user_code_that_nobody_can_type_is_refused(server, transport, code):
    codes(server, user_code=code)
    with pytest.raises(MalformedAnswer, match="user_code"):
        ask(server, transport)


@pytest.mark.parametrize(
    "uri", ["javascript:alert(1)", "http://somebody-else.invalid/device", "file:///x", "auth.example.com/device"]
)
def test_DEV_7_AUTHZ_5_bad_verification_uri_is_shown_but_not_opened(server, transport, uri):
    codes(server, verification_uri=uri, verification_uri_complete=uri)
    given = ask(server, transport)
    assert (given.verification_uri, given.openable, given.verification_uri_complete) == (uri, False, None)


def test_DEV_7_loopback_verification_uri_of_a_local_provider(server, transport):
    codes(server, verification_uri=f"{server.origin}/d", verification_uri_complete=7)
    given = ask(server, transport)
    assert (given.openable, given.verification_uri_complete) == (True, None)


def test_DEV_7_device_code_does_not_print(server, transport):
    codes(server)
    assert "CANARY" not in repr(ask(server, transport))


# --- polling --------------------------------------------------------------------------------------------------------


@pytest.fixture
def given_codes(server, transport):
    codes(server)
    return ask(server, transport, scopes=["a"])


def test_DEV_2_the_poll(server, transport, given_codes):
    server.reply("/token", json_answer(TOKENS))
    tokens = ask_once(server, transport, given_codes, resource=["https://r", "https://s"]).tokens
    request = server.requests[-1]
    assert sorted(request.form) == sorted(
        [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", "CANARY-DEVICE-CODE"),
            ("code_verifier", given_codes.verifier.reveal()),
            ("client_id", CLIENT_ID),
            ("resource", "https://r"),
            ("resource", "https://s"),
        ]
    )
    assert (tokens.scope, tokens.resource) == (("a",), ("https://r", "https://s"))


POLLS = [
    (json_answer({"error": "authorization_pending"}, status=400), AuthorizationPending),
    (json_answer({"error": "authorization_pending"}), AuthorizationPending),
    (json_answer({"error": "authorization_pending"}, status=429), AuthorizationPending),
    (json_answer({"error": "slow_down"}, status=400), SlowDown),
    (json_answer({"error": "slow_down"}, status=429), SlowDown),
    (json_answer({"error": "expired_token"}, status=400), CodeExpired),
    (json_answer({"error": "access_denied"}, status=400), AccessDenied),
    (json_answer({"error": "invalid_grant"}, status=400), ProviderError),
    (json_answer({"error": "invalid_client"}, status=401), ClientRejected),
    (json_answer({"error": "made_up"}, status=400), ProviderError),
    (json_answer({"error": "made_up"}, status=500), ProviderError),
    (json_answer({"error": "server_error"}, status=400), ProviderUnreachable),
    (json_answer({"error": "temporarily_unavailable"}, status=503), ProviderUnreachable),
    (json_answer({"error": "rate_limited"}, status=429), ProviderUnreachable),
    (answer(500, "<html>"), ProviderUnreachable),
    (answer(503, "", {"Retry-After": "3"}), ProviderUnreachable),
    (cut(), ProviderUnreachable),
    (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), ProviderUnreachable),
    (answer(200, "<html>"), MalformedAnswer),
    (answer(302, "", {"Location": "https://x"}), Redirected),
]


@pytest.mark.parametrize(("reply", "kind"), POLLS)
def test_DEV_5_DEV_6_what_a_poll_means(server, transport, given_codes, reply, kind):
    server.reply("/token", reply)
    with pytest.raises(TokenKeepError) as caught:
        ask_once(server, transport, given_codes)
    assert type(caught.value) is kind
    assert not isinstance(caught.value, GrantEnded)
    assert len(server.to("/token")) == 1


def test_DEV_4_retry_after_is_told(server, transport, given_codes):
    server.reply("/token", answer(503, "", {"Retry-After": "33"}))
    with pytest.raises(ProviderUnreachable) as caught:
        ask_once(server, transport, given_codes)
    assert caught.value.retry_after == 33


def gaps(*outcomes: str, interval: float = 5.0, remaining: float = 900.0) -> list[float]:
    """The gap before each poll, the last one being that of the success."""
    found = [interval]
    for outcome in outcomes:
        interval = next_interval(interval, outcome, remaining)
        found.append(interval)
    return found


def test_DEV_3_slow_down_is_cumulative_and_permanent():
    assert gaps("pending", "slow_down", "pending", "slow_down", "pending") == [5, 5, 10, 10, 15, 15]


def test_DEV_4_time_outs_double_and_slow_down_adds_to_that():
    assert gaps("unreachable", "unreachable", "slow_down") == [5, 10, 20, 25]


def test_DEV_4_doubling_ends_at_the_codes_life():
    assert next_interval(20, "unreachable", 30) == 30
    assert next_interval(20, "unreachable", 10) == 20


@given(
    st.floats(1, 300),
    st.lists(st.sampled_from(["pending", "slow_down", "unreachable"]), max_size=20),
    st.floats(0, 86_400),
)
def test_DEV_2_the_interval_never_shrinks(interval, outcomes, remaining):
    found = gaps(*outcomes, interval=interval, remaining=remaining)
    assert found == sorted(found)
    assert found[0] == interval


def test_DEV_7_a_complete_address_that_fits_no_code_is_left_out(server, transport):
    long = f"{server.origin}/d?user_code=" + "A" * 1000
    codes(server, verification_uri=f"{server.origin}/d", verification_uri_complete=long)
    given = ask(server, transport)
    assert (given.openable, given.verification_uri_complete) == (True, None)
