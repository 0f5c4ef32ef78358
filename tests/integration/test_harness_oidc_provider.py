"""The independent provider of the harness behaves as the tests of TokenKeep rely on."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from urllib.parse import urlencode

import requests

from support.browser import BrowserCommand
from support.oidc_provider import OidcProviderPeer, StartOidcProvider, query_of
from support.screen import Screen

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
REDIRECT = "http://127.0.0.1:41999/callback"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def challenge() -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def authorization_url(peer: OidcProviderPeer, **changes: str) -> str:
    parameters = {
        "response_type": "code",
        "client_id": peer.client_id,
        "redirect_uri": REDIRECT,
        "scope": "openid profile email offline_access",
        "state": "s-1",
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
    } | changes
    return f"{peer.issuer}/auth?{urlencode({name: value for name, value in parameters.items() if value})}"


def post(url: str, **form: str) -> requests.Response:
    return requests.post(url, data=form, timeout=30)


def exchange(peer: OidcProviderPeer, code: str) -> dict[str, object]:
    response = post(
        f"{peer.issuer}/token",
        grant_type="authorization_code",
        client_id=peer.client_id,
        code=code,
        redirect_uri=REDIRECT,
        code_verifier=VERIFIER,
    )
    assert response.status_code == 200, response.text
    return dict(response.json())


def refresh(peer: OidcProviderPeer, token: object) -> requests.Response:
    return post(f"{peer.issuer}/token", grant_type="refresh_token", client_id=peer.client_id, refresh_token=str(token))


def test_a_sign_in_gives_rotating_tokens_and_revocation_ends_them(start_oidc_provider: StartOidcProvider) -> None:
    peer = start_oidc_provider(access_token_ttl=20)
    answer = query_of(peer.sign_in(authorization_url(peer), follow=False))
    assert (answer["state"], answer["iss"]) == ("s-1", peer.issuer)

    first = exchange(peer, answer["code"])
    assert first["expires_in"] == 20
    userinfo = requests.get(
        f"{peer.issuer}/me", headers={"Authorization": f"Bearer {first['access_token']}"}, timeout=30
    ).json()
    assert (userinfo["sub"], userinfo["email"]) == ("alice", "alice@example.test")

    second = refresh(peer, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert post(f"{peer.issuer}/token/revocation", client_id=peer.client_id, token=second["refresh_token"]).ok
    assert refresh(peer, second["refresh_token"]).json()["error"] == "invalid_grant"
    assert peer.counts()["token:refresh_token"] == 2


def test_reuse_of_a_rotated_refresh_token_kills_the_family(oidc_provider: OidcProviderPeer) -> None:
    code = query_of(oidc_provider.sign_in(authorization_url(oidc_provider), follow=False))["code"]
    first = exchange(oidc_provider, code)
    second = refresh(oidc_provider, first["refresh_token"]).json()
    assert refresh(oidc_provider, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert refresh(oidc_provider, second["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_request_without_a_challenge_and_a_denial_come_back_as_errors(oidc_provider: OidcProviderPeer) -> None:
    without = authorization_url(oidc_provider, code_challenge="", code_challenge_method="")
    assert query_of(oidc_provider.sign_in(without, follow=False))["error"] == "invalid_request"
    denied = oidc_provider.sign_in(authorization_url(oidc_provider), allow=False, follow=False)
    assert query_of(denied)["error"] == "access_denied"


def test_a_device_is_signed_in_after_its_code_was_approved(oidc_provider: OidcProviderPeer) -> None:
    device = post(
        f"{oidc_provider.issuer}/device/auth", client_id=oidc_provider.client_id, scope="openid offline_access"
    ).json()

    def poll() -> dict[str, object]:
        form = {"client_id": oidc_provider.client_id, "device_code": device["device_code"]}
        return dict(post(f"{oidc_provider.issuer}/token", grant_type=DEVICE_GRANT, **form).json())

    assert poll()["error"] == "authorization_pending"
    oidc_provider.approve_device(device["user_code"])
    assert {"access_token", "refresh_token", "id_token"} <= poll().keys()


def test_a_denied_device_is_told_so(oidc_provider: OidcProviderPeer) -> None:
    device = post(f"{oidc_provider.issuer}/device/auth", client_id=oidc_provider.client_id, scope="openid").json()
    oidc_provider.approve_device(device["user_code"], allow=False)
    answer = post(
        f"{oidc_provider.issuer}/token",
        grant_type=DEVICE_GRANT,
        client_id=oidc_provider.client_id,
        device_code=device["device_code"],
    )
    assert answer.json()["error"] == "access_denied"


def test_a_real_chromium_opened_by_a_program_can_be_attached_to_and_signs_in(
    screen: Screen, open_browser: BrowserCommand, oidc_provider: OidcProviderPeer
) -> None:
    url = authorization_url(oidc_provider)
    opener = subprocess.Popen([str(open_browser.path), url], stdin=subprocess.DEVNULL)
    try:
        launch = open_browser.wait_for_launch()
        assert launch.url == url
        assert launch.pid == opener.pid
        launch.type("login", "alice")
        launch.type("password", "any")
        launch.click("log-in")
        launch.click("allow")
        assert query_of(launch.wait_for_url("/callback"))["state"] == "s-1"
        assert screen.find_window(cls="[Cc]hromium")
    finally:
        open_browser.close()
        opener.wait(30)
    assert not launch.is_running()
