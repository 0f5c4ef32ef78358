"""Bad id_tokens and userinfo answers of the demo provider."""

from __future__ import annotations

import time

import pytest

from tokenkeep.domain.errors import (
    ProviderError,
    ProviderUnreachable,
)
from tokenkeep.oauth import authorization, identity

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


@pytest.mark.parametrize("fault", ["other_sub", "no_sub", "401", "500", "html", "array"])
def test_OIDC_9_bad_userinfo(client, fault):
    _, tokens = client.sign_in()
    client.demo.faults(userinfo=fault)
    with pytest.raises((ProviderError, ProviderUnreachable)):
        identity.userinfo(client.transport, client.provider, client.metadata(), tokens, "demo-ada")
