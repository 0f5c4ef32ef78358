"""The protocol against an independent, certified provider."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import pytest

from support.oidc_provider import OidcProviderPeer
from tokenkeep.domain.errors import AccessDenied, GrantEnded
from tokenkeep.domain.provider import Provider
from tokenkeep.oauth import authorization, device, identity, metadata, refresh, revocation
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.transport import Transport

pytestmark = pytest.mark.peer

REDIRECT_URI = "http://127.0.0.1:53682/callback"


@pytest.fixture
def transport() -> Transport:
    return Transport(timeout=60.0, wall=time.time)


@pytest.fixture
def provider(oidc_provider: OidcProviderPeer) -> Provider:
    scopes = ["openid", "profile", "email", "offline_access"]
    return Provider(
        id="peer", issuer=oidc_provider.issuer, client_id=oidc_provider.client_id, scopes=scopes, local=True
    )


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
