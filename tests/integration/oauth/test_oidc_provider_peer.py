"""The protocol against an independent, certified provider."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from support.oidc_provider import OidcProviderPeer
from tokenkeep.domain.errors import AccessDenied, GrantEnded, MalformedAnswer, ProviderError
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import Secret, TokenSet
from tokenkeep.oauth import authorization, device, identity, metadata, refresh, revocation
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.transport import Transport

pytestmark = pytest.mark.peer

REDIRECT_URI = "http://127.0.0.1:53682/callback"


@pytest.fixture
def transport() -> Transport:
    return Transport(timeout=60.0, wall=time.time)


def entry(peer: OidcProviderPeer, **changes: Any) -> Provider:
    values = {"id": "peer", "issuer": peer.issuer, "client_id": peer.client_id, "local": True}
    return Provider(**(values | {"scopes": ["openid", "profile", "email", "offline_access"]} | changes))


@pytest.fixture
def provider(oidc_provider: OidcProviderPeer) -> Provider:
    return entry(oidc_provider)


class Flow:
    """A client of that provider in a few lines."""

    def __init__(self, peer: OidcProviderPeer, transport: Transport, **changes: Any) -> None:
        self.peer, self.transport, self.provider = peer, transport, entry(peer, **changes)
        self.server = metadata.discover(transport, self.provider)
        self.credentials = ClientCredentials(peer.client_id)

    def begin(self, redirect_uri: str = REDIRECT_URI, prompt: str = "consent") -> authorization.Attempt:
        return authorization.begin(self.provider, self.server, redirect_uri, prompt=prompt)

    def response(self, attempt: authorization.Attempt) -> str:
        return urlsplit(self.peer.sign_in(attempt.url, follow=False)).query

    def exchange(self, attempt: authorization.Attempt, code: Secret) -> TokenSet:
        return authorization.exchange(self.transport, attempt, code, self.credentials).tokens

    def refresh(self, tokens: TokenSet) -> TokenSet:
        return refresh.refresh(self.transport, self.provider, self.server, tokens, self.credentials).tokens

    def code(self) -> tuple[authorization.Attempt, Secret]:
        attempt = self.begin()
        return attempt, authorization.read_response(attempt, self.response(attempt))


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProviderPeer]:
    """One provider for the tests that leave it as it was: each has its own browser and its own grants."""
    with OidcProviderPeer(tmp_path_factory.mktemp("peer")) as running:
        yield running


@pytest.fixture
def flow(peer: OidcProviderPeer, transport: Transport) -> Flow:
    return Flow(peer, transport)


def test_OIDC_2_RESP_3_code_flow_refresh_and_revocation(oidc_provider, provider, transport):
    server = metadata.discover(transport, provider)
    credentials = ClientCredentials(provider.client_id)
    attempt = authorization.begin(provider, server, REDIRECT_URI, prompt="consent")
    redirect = oidc_provider.sign_in(attempt.url, follow=False)
    code = authorization.read_response(attempt, urlsplit(redirect).query)
    tokens = authorization.exchange(transport, attempt, code, credentials).tokens
    claims = identity.verify_id_token(transport, provider, server, tokens, nonce=attempt.nonce, wall=time.time())
    assert claims is not None
    profile = identity.userinfo(transport, provider, server, tokens, claims["sub"])
    account = identity.account(provider.issuer, claims, profile)
    assert account is not None
    assert (account.issuer, account.subject, account.label) == (oidc_provider.issuer, "alice", "alice")

    renewed = refresh.refresh(transport, provider, server, tokens, credentials).tokens
    assert renewed.access_token != tokens.access_token
    assert renewed.refresh_token != tokens.refresh_token
    assert identity.verify_id_token(
        transport, provider, server, renewed, nonce=None, previous_claims=claims, wall=time.time()
    )

    assert renewed.refresh_token is not None
    outcome = revocation.revoke(transport, provider, server, renewed.refresh_token, "refresh_token", credentials)
    assert outcome is revocation.Revocation.REVOKED
    with pytest.raises(GrantEnded):
        refresh.refresh(transport, provider, server, renewed, credentials)


def test_RESP_6_refusal_comes_back_as_such(oidc_provider, provider, transport):
    attempt = authorization.begin(provider, metadata.discover(transport, provider), REDIRECT_URI)
    redirect = oidc_provider.sign_in(attempt.url, allow=False, follow=False)
    with pytest.raises(AccessDenied):
        authorization.read_response(attempt, urlsplit(redirect).query)


def test_DEV_1_DEV_6_device_grant(oidc_provider, provider, transport):
    server = metadata.discover(transport, provider)
    credentials = ClientCredentials(provider.client_id)
    codes = device.request_codes(transport, provider, server, credentials)
    assert codes.openable
    assert codes.interval == 5, "this server names none"
    with pytest.raises(device.AuthorizationPending):
        device.poll(transport, provider, server, credentials, codes)
    oidc_provider.approve_device(codes.user_code)
    tokens = device.poll(transport, provider, server, credentials, codes).tokens
    claims = identity.verify_id_token(transport, provider, server, tokens, nonce=None, wall=time.time())
    assert claims is not None
    assert claims["sub"] == "alice"


# --- what it refuses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://127.0.0.1:53682/another"},
        {"client_id": "nobody"},
        {"redirect_uri": "https://evil.test/"},
    ],
)
def test_RESP_2_a_request_that_ends_on_a_page_of_the_server_sends_nothing_back(flow, changes):
    """The person sees an error page and nothing comes to the redirect URI: the deadline alone ends such an attempt."""
    attempt = flow.begin()
    parts = urlsplit(attempt.url)
    query = urlencode(dict(parse_qsl(parts.query)) | changes)
    answer = requests.get(parts._replace(query=query).geturl(), allow_redirects=False, timeout=60)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_PKCE_1_a_request_without_a_challenge_comes_back_as_an_error(peer, transport):
    flow = Flow(peer, transport, pkce=False)
    attempt = flow.begin()
    with pytest.raises(ProviderError) as caught:
        authorization.read_response(attempt, flow.response(attempt))
    assert caught.value.error == "invalid_request"


def test_AUTHZ_a_silent_request_comes_back_as_login_required(flow):
    attempt = flow.begin(prompt="none")
    with pytest.raises(ProviderError) as caught:
        authorization.read_response(attempt, flow.response(attempt))
    assert caught.value.error == "login_required"


def test_RESP_3_RESP_4_its_issuer_must_come_back_unchanged(flow):
    assert flow.server.authorization_response_iss_parameter_supported
    attempt = flow.begin()
    pairs = dict(parse_qsl(flow.response(attempt)))
    assert pairs["iss"] == flow.peer.issuer
    for iss in (None, "", pairs["iss"] + "/", "https://evil.test"):
        changed = {name: value for name, value in (pairs | {"iss": iss}).items() if value is not None}
        with pytest.raises(MalformedAnswer):
            authorization.read_response(attempt, urlencode(changed))
    with pytest.raises(authorization.UnrelatedResponse):
        authorization.read_response(attempt, urlencode(pairs | {"state": "another"}))
    assert flow.exchange(attempt, authorization.read_response(attempt, urlencode(pairs))).access_token


def test_PKCE_4_another_attempts_verifier_is_refused(flow):
    attempt, code = flow.code()
    with pytest.raises(ProviderError) as caught:
        flow.exchange(replace(attempt, verifier=flow.begin().verifier), code)
    assert caught.value.error == "invalid_grant"
    assert not isinstance(caught.value, GrantEnded), "the attempt's end, not that of another sign-in"


def test_TOK_2_another_redirect_uri_than_that_of_the_request_is_refused(flow):
    attempt, code = flow.code()
    with pytest.raises(ProviderError) as caught:
        flow.exchange(replace(attempt, redirect_uri=REDIRECT_URI.replace("53682", "53683")), code)
    assert caught.value.error == "invalid_grant"


def test_LOOP_9_a_code_that_is_used_again_ends_the_whole_grant(flow):
    attempt, code = flow.code()
    tokens = flow.exchange(attempt, code)
    with pytest.raises(ProviderError) as caught:
        flow.exchange(attempt, code)
    assert caught.value.error == "invalid_grant"
    with pytest.raises(GrantEnded):
        flow.refresh(tokens)


def test_DEV_5_TOK_5_expired_codes_are_refused_by_their_own_errors(start_oidc_provider, transport):
    flow = Flow(start_oidc_provider(code_ttl=1, device_code_ttl=1), transport)
    attempt, code = flow.code()
    codes = device.request_codes(transport, flow.provider, flow.server, flow.credentials)
    poll_until_expired(flow, codes)  # it was issued after the other one and for as long
    with pytest.raises(ProviderError) as caught:
        flow.exchange(attempt, code)
    assert caught.value.error == "invalid_grant"


def poll_until_expired(flow: Flow, codes: device.DeviceAuthorization) -> None:
    while True:
        try:
            device.poll(flow.transport, flow.provider, flow.server, flow.credentials, codes)
        except device.AuthorizationPending:
            continue
        except device.CodeExpired:
            return


def test_REF_4_a_refresh_token_that_is_used_again_ends_the_family(flow):
    attempt, code = flow.code()
    first = flow.exchange(attempt, code)
    second = flow.refresh(first)
    with pytest.raises(GrantEnded):
        flow.refresh(first)
    with pytest.raises(GrantEnded):
        flow.refresh(second)


def test_TOK_7_a_scope_it_does_not_know_is_seen_to_be_missing(peer, transport):
    flow = Flow(peer, transport, scopes=["openid", "email", "made:up"])
    attempt, code = flow.code()
    assert set(flow.exchange(attempt, code).scope) == {"openid", "email"}


def test_OIDC_11_the_time_of_the_login_comes_back_when_an_age_is_asked_for(peer, transport):
    flow = Flow(peer, transport, authorization_params={"max_age": "3600"})
    attempt, code = flow.code()
    tokens = flow.exchange(attempt, code)
    arguments = (transport, flow.provider, flow.server, tokens)
    claims = identity.verify_id_token(*arguments, nonce=attempt.nonce, wall=time.time())
    assert claims is not None
    assert isinstance(claims["auth_time"], int)
    plain = Flow(peer, transport, authorization_params={"acr_values": "gold"})
    attempt, code = plain.code()
    tokens = plain.exchange(attempt, code)
    with pytest.raises(ProviderError, match="acr"):
        identity.verify_id_token(transport, plain.provider, plain.server, tokens, nonce=attempt.nonce, wall=time.time())


def test_DEV_6_denied_and_unknown_device_codes(flow):
    arguments = (flow.transport, flow.provider, flow.server, flow.credentials)
    codes = device.request_codes(*arguments)
    flow.peer.approve_device(codes.user_code, allow=False)
    with pytest.raises(AccessDenied):
        device.poll(*arguments, codes)
    unknown = replace(device.request_codes(*arguments), device_code=Secret("nobody-knows-this-one"))
    with pytest.raises(ProviderError) as caught:
        device.poll(*arguments, unknown)
    assert caught.value.error == "invalid_grant"
    assert not isinstance(caught.value, GrantEnded)
