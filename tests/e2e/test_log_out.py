"""Logging out with a real Chromium: the one-time page posts by itself and leads back; no process shows the id_token."""

from __future__ import annotations

import json
import os

from support.app import StartApp
from support.browser import BrowserCommand
from support.canaries import Canaries, WatchProcess
from support.configurations import ALLOW, IN_MEMORY, demo_configuration, peer_entry
from support.demo_provider import DemoProvider
from support.oidc_provider import OidcProviderPeer, StartOidcProvider
from support.processes import wait_for


def test_OUT_1_OUT_2_a_browser_logs_out_and_comes_back(
    demo_provider: DemoProvider,
    open_browser: BrowserCommand,
    start_app: StartApp,
    canaries: Canaries,
    watch_process: WatchProcess,
) -> None:
    config = demo_configuration(demo_provider, post_logout_redirect=True)
    app = start_app(args=["--headless"], env=open_browser.env(), config=config)
    started = app.ask("POST", "/v1/sign-ins", {"provider": "demo", "open_browser": False})
    back = demo_provider.sign_in(started.json["authorization_url"])
    app.ask("POST", "/v1/sign-ins/callback", {"url": back})
    wait_for(lambda: app.ask("GET", "/v1/providers/demo").json["state"] == "active", "the sign-in")
    canaries.add(start_of_an_id_token="eyJhbGciOi")
    watch_process(os.getpid())  # and all that it started
    signed_out = app.cli("logout", "demo", "--browser", "--json")
    assert signed_out.returncode == 0, signed_out.stderr
    outcome = json.loads(signed_out.stdout)
    assert (outcome["revoked"], outcome["end_session"]) == (True, "opened")
    assert app.ask("GET", "/v1/providers/demo").json["state"] == "signed_out"
    launch = open_browser.wait_for_launch()
    assert len(launch.arguments) == 1
    assert launch.url.startswith("http://127.0.0.1:")
    assert "eyJ" not in launch.url
    launch.wait_for_url("/signed-out/")
    assert "You are logged out" in launch.attach().page_source


def test_OUT_1_an_independent_provider_ends_on_a_page_of_its_own(
    start_oidc_provider: StartOidcProvider, open_browser: BrowserCommand, start_app: StartApp
) -> None:
    peer: OidcProviderPeer = start_oidc_provider()
    entry = peer_entry(peer, quirks=["logout_by_get"])
    app = start_app(args=["--headless"], env=open_browser.env(), config=IN_MEMORY + ALLOW + entry)
    started = app.ask("POST", "/v1/sign-ins", {"provider": "peer", "open_browser": False})
    peer.sign_in(started.json["authorization_url"])
    wait_for(lambda: app.ask("GET", "/v1/providers/peer").json["state"] == "active", "the sign-in")
    outcome = app.ask("POST", "/v1/providers/peer/sign-out", {"end_session": True}).json
    assert (outcome["revoked"], outcome["end_session"]) == (True, "opened")
    launch = open_browser.wait_for_launch()
    assert launch.find("logged-out").text == "Logged out"
