"""What the fault switches of the demo provider lead to."""

from __future__ import annotations

import pytest

from support.demo_provider import DemoProvider
from support.protocol_client import SCOPES
from tokenkeep.domain.errors import (
    AccessDenied,
    ClientRejected,
    GrantEnded,
    MalformedAnswer,
    ProviderError,
    ProviderUnreachable,
    TokenKeepError,
)
from tokenkeep.domain.tokens import Secret, TokenSet
from tokenkeep.oauth import authorization, revocation
from tokenkeep.oauth.answer import Redirected

RESPONSES = [
    *[("iss", value, MalformedAnswer) for value in ("wrong", "missing", "slash", "upper", "port", "encoded")],
    *[("state", value, authorization.UnrelatedResponse) for value in ("missing", "wrong", "empty", "upper")],
    *[("code", value, MalformedAnswer) for value in ("missing", "empty", "with_error")],
    ("dup", "state", authorization.UnrelatedResponse),
    *[("dup", value, MalformedAnswer) for value in ("code", "iss")],
    *[("extra", value, MalformedAnswer) for value in ("access_token", "id_token", "response")],
    ("authorize", "server_error", ProviderError),
    ("authorize", "markup", AccessDenied),
]


@pytest.mark.parametrize(("switch", "value", "kind"), RESPONSES, ids=[f"{one[0]}={one[1]}" for one in RESPONSES])
def test_RESP_1_RESP_3_RESP_4_RESP_7_RESP_8_no_token_call_after_a_bad_response(client, switch, value, kind):
    attempt = client.begin()
    client.demo.faults(**{switch: value})
    with pytest.raises(kind):
        authorization.read_response(attempt, client.response(attempt))
    assert client.demo.count("/token") == 0


def test_RESP_8_unknown_parameters_are_ignored(client):
    attempt = client.begin()
    client.demo.faults(extra="unknown")
    assert authorization.read_response(attempt, client.response(attempt))


TRANSIENT = ["408", "425", "429", "500", "502", "503", "504", "html", "server_error", "temporarily_unavailable"]
MALFORMED = [
    "400",
    "401",
    "html200",
    "array",
    "null",
    "empty",
    "bom",
    "bad_utf8",
    "dup_keys",
    "nan",
    "huge",
    "truncated",
    "missing_access_token",
    "number_access_token",
    "empty_access_token",
    "missing_token_type",
    "error_number",
]
ENDED = [
    "invalid_grant",
    "error200",
    "error_form",
    "error_text_plain",
    "error_html_type",
    "error_long",
    "invalid_grant_401",
]
REFUSED = ["mac_type", "na_type", "invalid_request", "unsupported_grant_type", "invalid_scope", "made_up"]
REJECTED = ["invalid_client", "unauthorized_client", "www_authenticate_only"]
TOKEN_FAULTS = [
    *[(fault, ProviderUnreachable) for fault in TRANSIENT],
    *[(fault, MalformedAnswer) for fault in MALFORMED],
    *[(fault, GrantEnded) for fault in ENDED],
    *[(fault, ProviderError) for fault in REFUSED],
    ("redirect", Redirected),
    *[(fault, ClientRejected) for fault in REJECTED],
    ("access_denied", AccessDenied),
]


@pytest.fixture(scope="module")
def signed_in(_session_demo_provider: DemoProvider) -> TokenSet:
    """Tokens that faulty refreshes never use up."""
    _session_demo_provider.clear_faults()
    answer = _session_demo_provider.tokens()
    return TokenSet(
        Secret(answer["access_token"]), "Bearer", 0.0, 300.0, tuple(SCOPES), Secret(answer["refresh_token"])
    )


@pytest.mark.parametrize(("fault", "kind"), TOKEN_FAULTS)
def test_TOK_3_TOK_4_TOK_5_REF_4_REF_5_CAUTH_4_refresh_faults(client, signed_in, fault, kind):
    client.demo.faults(refresh=fault)
    with pytest.raises(TokenKeepError) as caught:
        client.refresh(signed_in)
    assert type(caught.value) is kind or (kind is MalformedAnswer and isinstance(caught.value, MalformedAnswer))
    assert client.demo.count("/token.refresh_token") == 1


@pytest.mark.parametrize("cut", ["cut", "cut:0", "cut:120", "reset"])
def test_TOK_9_code_is_sent_once_when_the_connection_breaks(client, cut):
    attempt = client.begin()
    code = authorization.read_response(attempt, client.response(attempt))
    client.demo.faults(network=f"{cut}@/token")
    with pytest.raises(ProviderUnreachable) as caught:
        client.exchange(attempt, code)
    assert caught.value.maybe_sent
    assert client.demo.count("/token") == 1


@pytest.mark.parametrize("value", ["absent", "null", "empty"])
def test_REF_2_refresh_without_a_new_refresh_token(client, value):
    _, tokens = client.sign_in()
    client.demo.faults(refresh_token=value)
    assert client.refresh(tokens).refresh_token == tokens.refresh_token


def test_TOK_7_narrower_grant_is_seen(client):
    attempt = client.begin()
    code = authorization.read_response(attempt, client.response(attempt))
    client.demo.faults(scope="openid")
    assert client.exchange(attempt, code).scope == ("openid",)


BAD_METADATA = [
    "wrong_issuer",
    "slash_issuer",
    "upper_issuer",
    "number_issuer",
    "no_issuer",
    "no_token_endpoint",
    "relative_token_endpoint",
    "http_token_endpoint",
    "fragment_token_endpoint",
    "userinfo_token_endpoint",
    "list_token_endpoint",
    "fragment_authorization_endpoint",
    "javascript_authorization_endpoint",
    "plain_only",
    "html",
    "404",
    "redirect",
    "empty",
    "huge",
]


@pytest.mark.parametrize("fault", BAD_METADATA)
def test_META_3_META_5_META_6_PKCE_2_bad_metadata_stops_before_the_browser(client, fault):
    client.demo.faults(metadata=fault)
    with pytest.raises(ProviderError):
        client.begin()


def test_META_4_trouble_with_the_metadata_is_transient(client):
    client.demo.faults(metadata="500")
    with pytest.raises(ProviderUnreachable):
        client.begin()


BAD_DEVICE = [
    "no_device_code",
    "no_user_code",
    "no_verification_uri",
    "no_expires_in",
    "number_device_code",
    "number_user_code",
    "text_expires_in",
    "null_verification_uri",
    "verification_url",
    "html",
    "500",
    "503",
    "invalid_client",
    "unauthorized_client",
    "invalid_scope",
]


@pytest.mark.parametrize("fault", BAD_DEVICE)
def test_DEV_1_bad_device_answers(client, fault):
    client.demo.faults(device=fault)
    with pytest.raises((ProviderError, ProviderUnreachable)):
        client.codes()


@pytest.mark.parametrize("fault", ["javascript_uri", "http_uri"])
def test_DEV_7_bad_verification_uri_is_not_openable(client, fault):
    client.demo.faults(device=fault)
    assert not client.codes().openable


@pytest.mark.parametrize(
    "fault", [{"revoke": "503"}, {"revoke": "500"}, {"network": "cut@/revoke"}, {"network": "reset:0@/revoke"}]
)
def test_REV_2_revocation_that_is_not_confirmed(client, fault):
    client.demo.faults(**fault)
    with pytest.raises(ProviderUnreachable):
        revocation.revoke(
            client.transport, client.provider, client.metadata(), Secret("x"), "refresh_token", client.credentials
        )


def test_REV_3_unsupported_revocation(client):
    client.demo.faults(revoke="unsupported")
    outcome = revocation.revoke(
        client.transport, client.provider, client.metadata(), Secret("x"), "refresh_token", client.credentials
    )
    assert outcome is revocation.Revocation.UNSUPPORTED
