"""Whole flows against the demo provider, a process of its own."""

from __future__ import annotations

import contextlib
import gc
import time

import pytest

from tokenkeep.domain.errors import (
    AccessDenied,
    GrantEnded,
    ProviderError,
    TokenKeepError,
)
from tokenkeep.oauth import authorization, device, identity, revocation


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
