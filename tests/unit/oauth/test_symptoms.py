"""What a server's words mean for whoever configured the client."""

from __future__ import annotations

from typing import Any

import pytest

from tokenkeep.domain.provider import Provider
from tokenkeep.oauth.symptoms import PKCE_REFUSED_STEP, PKCE_STEP, step_for

URI = "http://127.0.0.1:43210/callback/abc"


def entry(**keys: Any) -> Provider:
    return Provider(**({"id": "p", "issuer": "https://login.example", "client_id": "c"} | keys))


@pytest.mark.parametrize(
    ("keys", "step"),
    [
        ({}, "; where the provider compares the port too, choose one with `redirect_port`."),
        ({"issuer": "https://sso.example/realms/staff"}, " (Keycloak: “Valid redirect URIs”, "),
        ({"preset": "keycloak"}, " (Keycloak: "),
        ({"issuer": "https://x.eu.auth0.com/"}, " (Auth0: “Allowed Callback URLs”; "),
        ({"issuer": "https://x.okta.com/oauth2/default"}, " (Okta: “Sign-in redirect URIs”; "),
    ],
)
def test_a_redirect_address_that_is_not_registered_is_named(keys: dict[str, Any], step: str) -> None:
    found = step_for(entry(**keys), "redirect_uri_mismatch", "", URI)
    assert found.startswith(f"Register http://127.0.0.1/callback/abc as a redirect address of this client{step}")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("invalid_request", "Invalid parameter: redirect_uri"),
        ("invalid_request", "The redirect URI is wrong"),
        ("invalid_redirect_uri", ""),
    ],
)
def test_servers_say_it_in_many_ways(code: str, words: str) -> None:
    found = step_for(entry(redirect_port=43210), code, words, URI)
    assert found == f"Register {URI} as a redirect address of this client."


def test_an_ipv6_address_loses_its_port_alone() -> None:
    assert "http://[::1]/callback/abc as" in step_for(
        entry(), "redirect_uri_mismatch", "", "http://[::1]:5/callback/abc"
    )


@pytest.mark.parametrize(
    "words", ["Missing parameter: code_challenge_method", "PKCE is required", "code challenge required"]
)
def test_missing_code_challenge_method(words: str) -> None:
    assert step_for(entry(pkce=False), "invalid_request", words, URI) == PKCE_STEP
    assert step_for(entry(), "invalid_request", words, URI) == PKCE_REFUSED_STEP


def test_other_words_are_no_symptom() -> None:
    assert step_for(entry(), "invalid_request", "Something else", URI) == ""
