"""requests-oauthlib as its documentation shows it, without anything of ours."""

from __future__ import annotations

from typing import Any

import pytest
from oauthlib.oauth2 import MismatchingStateError, OAuth2Error
from requests_oauthlib import OAuth2Session

from support.demo_provider import DemoProvider

REDIRECT = "http://127.0.0.1:53682/callback/requestsoauthlib"
SCOPES = ["openid", "profile", "notes:read", "offline_access"]


@pytest.fixture(autouse=True)
def _loopback_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def _session(demo: DemoProvider) -> OAuth2Session:
    session = OAuth2Session(demo.client_id, redirect_uri=REDIRECT, scope=SCOPES, pkce="S256")
    session.trust_env = False
    return session


def _sign_in(demo: DemoProvider, session: OAuth2Session) -> dict[str, object]:
    url, _ = session.authorization_url(f"{demo.issuer}/authorize", prompt="consent")
    token: dict[str, object] = session.fetch_token(
        f"{demo.issuer}/token", authorization_response=demo.sign_in(url), include_client_id=True
    )
    return token


def test_DEMO_2_code_with_pkce_refresh_and_use(demo_provider: DemoProvider) -> None:
    session = _session(demo_provider)
    first = _sign_in(demo_provider, session)
    assert session.get(demo_provider.whoami).json()["username"] == "ada"
    second = session.refresh_token(f"{demo_provider.issuer}/token", client_id=demo_provider.client_id)
    assert second["refresh_token"] != first["refresh_token"]
    assert session.get(demo_provider.whoami).status_code == 200


def test_DEMO_4_a_used_refresh_token_ends_all_of_the_sign_in(demo_provider: DemoProvider) -> None:
    session = _session(demo_provider)
    first = _sign_in(demo_provider, session)
    endpoint = f"{demo_provider.issuer}/token"
    session.refresh_token(endpoint, client_id=demo_provider.client_id)
    with pytest.raises(OAuth2Error, match="invalid_grant"):
        session.refresh_token(endpoint, refresh_token=first["refresh_token"], client_id=demo_provider.client_id)
    assert session.get(demo_provider.whoami).status_code == 401


def test_DEMO_3_a_foreign_state_is_noticed(demo_provider: DemoProvider) -> None:
    demo_provider.faults(state="wrong")
    with pytest.raises(MismatchingStateError):
        _sign_in(demo_provider, _session(demo_provider))


def test_DEMO_2_a_wrong_verifier_is_refused(demo_provider: DemoProvider) -> None:
    url, state = _session(demo_provider).authorization_url(f"{demo_provider.issuer}/authorize")
    without_pkce = OAuth2Session(demo_provider.client_id, redirect_uri=REDIRECT, state=state)
    callback = demo_provider.sign_in(url)
    proofs: list[dict[str, Any]] = [{"code_verifier": "x" * 43}, {}]
    for proof in proofs:
        with pytest.raises(OAuth2Error, match="invalid_grant"):
            without_pkce.fetch_token(
                f"{demo_provider.issuer}/token", authorization_response=callback, include_client_id=True, **proof
            )
