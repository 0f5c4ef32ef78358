"""PKCE at the demo provider: S256 alone, enforced both ways, with texts that say so (RFC 7636, RFC 9700 §2.1.1)."""

from urllib.parse import parse_qs, urlsplit

import pytest

from support.demo_provider import Browser, DemoProvider


@pytest.mark.parametrize("verifier", [None, "x" * 43, "short", "x" * 129, "ä" * 43])
def test_DEMO_2_a_missing_or_wrong_verifier_is_invalid_grant(demo_provider: DemoProvider, verifier: str | None) -> None:
    asked = demo_provider.authorization_request()
    callback = demo_provider.sign_in(asked.url)
    answer = asked.exchange(callback, code_verifier=verifier)
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": "The PKCE code verifier is invalid"}
    # A guess does not use the code up for whom it belongs to.
    assert asked.exchange(callback).status_code == 200


def test_DEMO_2_a_verifier_without_a_challenge_is_refused(demo_provider: DemoProvider) -> None:
    demo_provider.faults(pkce="optional")
    asked = demo_provider.authorization_request(code_challenge=None, code_challenge_method=None)
    callback = demo_provider.sign_in(asked.url)
    assert asked.exchange(callback).json()["error"] == "invalid_request"
    assert asked.exchange(callback, code_verifier=None).status_code == 200


@pytest.mark.parametrize("method", ["plain", "s256", "S512"])
def test_DEMO_2_another_method_is_named_in_the_error(demo_provider: DemoProvider, method: str) -> None:
    url = demo_provider.authorization_request(code_challenge_method=method).url
    query = parse_qs(urlsplit(Browser(demo_provider).get(url).headers["Location"]).query)
    assert query["error_description"] == ["Invalid code_challenge_method: only S256 is supported"]
