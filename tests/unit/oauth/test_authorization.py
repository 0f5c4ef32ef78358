"""The authorization request."""

from __future__ import annotations

import random
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.attempts import sent, start
from support.oauth_values import CLIENT_ID, REDIRECT_URI, make_metadata, make_provider
from tokenkeep.domain.errors import (
    Misconfigured,
    ProviderError,
)
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import pkce
from tokenkeep.oauth.authorization import begin


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
        "nonce": (attempt.nonce or Secret("")).reveal(),
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
    assert start().nonce is None


def test_OIDC_1_openid_is_always_asked_for_with_a_nonce():
    attempt = start(scopes=["openid"])
    assert attempt.nonce is not None
    assert sent(attempt)["nonce"] == attempt.nonce.reveal()
    narrowed = begin(make_provider(scopes=["a"]), make_metadata(), REDIRECT_URI, scope=("openid",))
    assert "nonce" in sent(narrowed)


def test_OIDC_11_demands_on_the_login_are_sent():
    wishes = {"max_age": "60", "acr_values": "gold silver", "claims": '{"id_token":{"acr":{"value":"gold"}}}'}
    assert wishes.items() <= sent(start(authorization_params=wishes)).items()


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
        attempt = start(scopes=["openid"])
        assert attempt.verifier is not None
        assert attempt.nonce is not None
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
    assert attempt.nonce is not None
    assert attempt.state.reveal() not in repr(attempt)
    assert attempt.nonce.reveal() not in repr(attempt)
