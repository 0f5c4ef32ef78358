"""The protocol against the demo provider, a process of its own, and its fault switches."""

from __future__ import annotations

import contextlib
import gc
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from support.demo_provider import DemoProvider
from support.oauth_values import REDIRECT_URI
from tokenkeep.domain.errors import (
    AccessDenied,
    ClientRejected,
    GrantEnded,
    MalformedAnswer,
    ProviderError,
    ProviderUnreachable,
    TokenKeepError,
)
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import Secret, TokenSet
from tokenkeep.oauth import authorization, device, identity, metadata, refresh, revocation
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.transport import Transport

SCOPES = ["openid", "profile", "email", "offline_access", "notes:read"]


@dataclass
class Client:
    """The engine's part in a few lines."""

    demo: DemoProvider
    transport: Transport
    provider: Provider
    credentials: ClientCredentials

    def metadata(self) -> ServerMetadata:
        return metadata.discover(self.transport, self.provider)

    def begin(self) -> authorization.Attempt:
        return authorization.begin(self.provider, self.metadata(), REDIRECT_URI)

    def response(self, attempt: authorization.Attempt, *, allow: bool = True) -> str:
        return urlsplit(self.demo.sign_in(attempt.url, allow=allow)).query

    def exchange(self, attempt: authorization.Attempt, code: Secret) -> TokenSet:
        return authorization.exchange(self.transport, attempt, code, self.credentials).tokens

    def sign_in(self) -> tuple[authorization.Attempt, TokenSet]:
        attempt = self.begin()
        return attempt, self.exchange(attempt, authorization.read_response(attempt, self.response(attempt)))

    def refresh(self, tokens: TokenSet) -> TokenSet:
        return refresh.refresh(self.transport, self.provider, self.metadata(), tokens, self.credentials).tokens

    def claims(self, tokens: TokenSet, nonce: Secret | None = None) -> dict[str, object] | None:
        return identity.verify_id_token(
            self.transport, self.provider, self.metadata(), tokens, nonce=nonce, wall=time.time()
        )

    def codes(self) -> device.DeviceAuthorization:
        return device.request_codes(self.transport, self.provider, self.metadata(), self.credentials)

    def poll(self, codes: device.DeviceAuthorization) -> TokenSet:
        return device.poll(self.transport, self.provider, self.metadata(), self.credentials, codes).tokens


@pytest.fixture
def client(demo_provider: DemoProvider) -> Client:
    provider = Provider(
        id="demo", issuer=demo_provider.issuer, client_id=demo_provider.client_id, scopes=SCOPES, local=True
    )
    credentials = ClientCredentials(demo_provider.client_id)
    return Client(demo_provider, Transport(timeout=60.0, wall=time.time), provider, credentials)


def test_OIDC_1_sign_in_refresh_and_revocation(client):
    attempt, tokens = client.sign_in()
    claims = client.claims(tokens, attempt.nonce)
    assert claims is not None
    profile = identity.userinfo(client.transport, client.provider, client.metadata(), tokens, claims["sub"])
    account = identity.account(client.demo.issuer, claims, profile)
    assert account is not None
    assert (account.subject, account.label) == ("demo-ada", "ada")
    assert client.demo.call(tokens.access_token.reveal()).status_code == 200

    for _ in range(3):
        before, tokens = tokens, client.refresh(tokens)
        assert tokens.refresh_token != before.refresh_token
        assert identity.verify_refreshed(
            client.transport, client.provider, client.metadata(), before, tokens, time.time()
        )
        assert client.demo.call(tokens.access_token.reveal()).status_code == 200

    for token, hint in ((tokens.refresh_token, "refresh_token"), (tokens.access_token, "access_token")):
        outcome = revocation.revoke(
            client.transport, client.provider, client.metadata(), token, hint, client.credentials
        )
        assert outcome is revocation.Revocation.REVOKED
    assert client.demo.call(tokens.access_token.reveal()).status_code == 401
    with pytest.raises(GrantEnded):
        client.refresh(tokens)


def test_REF_4_reuse_of_a_rotated_refresh_token_ends_the_grant(client):
    _, tokens = client.sign_in()
    newer = client.refresh(tokens)
    with pytest.raises(GrantEnded):
        client.refresh(tokens)
    with pytest.raises(GrantEnded):
        client.refresh(newer)


def test_DEV_3_DEV_6_device_grant(client):
    codes = client.codes()
    assert codes.openable
    with pytest.raises(device.AuthorizationPending):
        client.poll(codes)
    client.demo.faults(slow_down=1)
    with pytest.raises(device.SlowDown):
        client.poll(codes)
    client.demo.approve_device(codes.user_code)
    tokens = client.poll(codes)  # a confirmed code is never answered slow_down
    claims = client.claims(tokens)
    assert claims is not None
    assert claims["sub"] == "demo-ada"
    with pytest.raises(ProviderError) as caught:
        client.poll(codes)
    assert caught.value.error == "invalid_grant"
    assert not isinstance(caught.value, GrantEnded)


def test_DEV_6_refusal_at_the_device(client):
    codes = client.codes()
    client.demo.approve_device(codes.user_code, allow=False)
    with pytest.raises(AccessDenied):
        client.poll(codes)


def test_RESP_6_refusal_in_the_browser(client):
    attempt = client.begin()
    with pytest.raises(AccessDenied):
        authorization.read_response(attempt, client.response(attempt, allow=False))


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
REFUSED = ["redirect", "mac_type", "na_type", "invalid_request", "unsupported_grant_type", "invalid_scope", "made_up"]
REJECTED = ["invalid_client", "unauthorized_client", "www_authenticate_only"]
TOKEN_FAULTS = [
    *[(fault, ProviderUnreachable) for fault in TRANSIENT],
    *[(fault, MalformedAnswer) for fault in MALFORMED],
    *[(fault, GrantEnded) for fault in ENDED],
    *[(fault, ProviderError) for fault in REFUSED],
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


@pytest.mark.parametrize("cut", ["before", "after"])
def test_TOK_9_code_is_sent_once_when_the_connection_breaks(client, cut):
    attempt = client.begin()
    code = authorization.read_response(attempt, client.response(attempt))
    client.demo.faults(token_cut=cut)
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


BAD_ID_TOKENS = [
    "absent",
    "garbage",
    "five_parts",
    "alg_none",
    "alg_none_mixed",
    "hs256",
    "bad_signature",
    "other_key",
    "unknown_kid",
    "jwk_header",
    "crit",
    "wrong_nonce",
    "no_nonce",
    "wrong_aud",
    "no_aud",
    "number_aud",
    "extra_aud",
    "wrong_azp",
    "wrong_iss",
    "no_iss",
    "long_expired",
    "text_exp",
    "no_exp",
    "no_iat",
    "future_iat",
    "old_iat",
    "no_sub",
    "empty_sub",
    "long_sub",
    "wrong_at_hash",
]


@pytest.mark.parametrize("fault", BAD_ID_TOKENS)
def test_OIDC_1_OIDC_2_OIDC_3_OIDC_4_OIDC_5_OIDC_6_OIDC_8_bad_id_tokens(client, fault):
    attempt = client.begin()
    code = authorization.read_response(attempt, client.response(attempt))
    client.demo.faults(id_token=fault)
    tokens = client.exchange(attempt, code)
    with pytest.raises(ProviderError):
        client.claims(tokens, attempt.nonce)


@pytest.mark.parametrize("fault", ["list_aud", "extra_aud_azp", "no_kid", "just_expired"])
def test_OIDC_4_OIDC_7_odd_but_good_id_tokens(client, fault):
    attempt = client.begin()
    code = authorization.read_response(attempt, client.response(attempt))
    client.demo.faults(id_token=fault)
    assert client.claims(client.exchange(attempt, code), attempt.nonce)


def test_OIDC_7_keys_rotated_just_before_signing(client):
    attempt, tokens = client.sign_in()
    assert client.claims(tokens, attempt.nonce)
    client.demo.faults(jwks="rotate")
    attempt, tokens = client.sign_in()
    assert client.claims(tokens, attempt.nonce)


@pytest.mark.parametrize("fault", ["other_sub", "other_auth_time", "wrong_iss", "wrong_aud", "wrong_nonce"])
def test_OIDC_10_refreshed_id_token_of_another_sign_in(client, fault):
    _, tokens = client.sign_in()
    client.demo.faults(id_token=fault)
    refreshed = client.refresh(tokens)
    assert refreshed.refresh_token != tokens.refresh_token
    with pytest.raises(ProviderError):
        identity.verify_refreshed(client.transport, client.provider, client.metadata(), tokens, refreshed, time.time())


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


@pytest.mark.parametrize("fault", ["other_sub", "no_sub", "401", "500", "html", "array"])
def test_OIDC_9_bad_userinfo(client, fault):
    _, tokens = client.sign_in()
    client.demo.faults(userinfo=fault)
    with pytest.raises((ProviderError, ProviderUnreachable)):
        identity.userinfo(client.transport, client.provider, client.metadata(), tokens, "demo-ada")


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
    ("fault", "kind"), [("503", ProviderUnreachable), ("500", ProviderUnreachable), ("cut", ProviderUnreachable)]
)
def test_REV_2_revocation_that_is_not_confirmed(client, fault, kind):
    client.demo.faults(revoke=fault)
    with pytest.raises(kind):
        revocation.revoke(
            client.transport, client.provider, client.metadata(), Secret("x"), "refresh_token", client.credentials
        )


def test_REV_3_unsupported_revocation(client):
    client.demo.faults(revoke="unsupported")
    outcome = revocation.revoke(
        client.transport, client.provider, client.metadata(), Secret("x"), "refresh_token", client.credentials
    )
    assert outcome is revocation.Revocation.UNSUPPORTED


@pytest.mark.parametrize("fault", [None, "invalid_grant", "html200", "500"])
def test_PKCE_4_no_verifier_is_left_after_the_attempt(client, fault):
    attempt = client.begin()
    verifier = attempt.verifier.reveal()
    code = authorization.read_response(attempt, client.response(attempt))
    client.demo.faults(exchange=fault)
    with contextlib.suppress(TokenKeepError):
        client.exchange(attempt, code)
    del attempt, code
    gc.collect()
    holders = [
        type(owner).__name__
        for owner in gc.get_objects()
        for held in gc.get_referents(owner)
        if held is not verifier and isinstance(held, str | bytes) and _holds(held, verifier)
    ]
    assert holders == []


def _holds(held: str | bytes, verifier: str) -> bool:
    return (verifier in held) if isinstance(held, str) else (verifier.encode() in held)
