"""The main job from outside: click in the tray, sign in with a real browser, stay signed in, ask the socket."""

from __future__ import annotations

import json
from collections.abc import Callable

from support.app import AppProcess, StartApp
from support.browser import BrowserCommand, Launch
from support.configurations import ALLOW, IN_MEMORY, demo_configuration, peer_entry
from support.demo_provider import DemoProvider
from support.desktop_services import DesktopServices
from support.oidc_provider import OidcProviderPeer
from support.processes import wait_for
from support.screen import Screen
from support.tray import click_first_provider
from support.window import shown_account

StartDemo = Callable[..., DemoProvider]


def log_in_and_consent(launch: Launch) -> None:
    """What a person does at the demo provider."""
    launch.type("username", "ada")
    launch.type("password", "demo")
    launch.click("sign-in")
    launch.click("allow")
    launch.wait_for_url("/done")


def provider(app: AppProcess, id_: str = "demo") -> dict:
    answer = app.ask("GET", f"/v1/providers/{id_}")
    assert answer.status == 200, answer.body
    return answer.json


def wait_until_active(app: AppProcess, id_: str = "demo") -> dict:
    wait_for(lambda: provider(app, id_)["state"] == "active", f"the sign-in of {id_}")
    return provider(app, id_)


def test_click_in_the_tray_sign_in_stay_signed_in_and_sign_out(
    screen: Screen, open_browser: BrowserCommand, start_demo: StartDemo, start_app: StartApp
) -> None:
    demo = start_demo(token_lifetime=20)
    app = start_app(env=screen.env() | open_browser.env(), config=demo_configuration(demo))
    assert provider(app)["state"] == "signed_out"

    click_first_provider(screen)
    launch = open_browser.wait_for_launch()
    assert launch.url.startswith(f"{demo.issuer}/authorize?")
    assert len(launch.arguments) == 1
    log_in_and_consent(launch)
    assert "?" not in launch.attach().current_url, "the code is out of the address bar"
    assert "Go back to TokenKeep" in launch.attach().page_source

    shown = wait_until_active(app)
    assert shown["account"] == "ada"
    launch.close()
    app.ask("POST", "/v1/show")
    assert shown_account(screen) == "ada", "the window shows whose sign-in it is"

    # both ways to ask give a token that the protected resource takes
    from_curl = json.loads(app.curl("/v1/providers/demo/token").stdout)
    assert demo.call(from_curl["access_token"]).status_code == 200
    from_cli = app.cli("token", "demo")
    assert from_cli.returncode == 0, from_cli.stderr
    assert demo.call(from_cli.stdout.strip()).status_code == 200

    # three refreshes by itself, and the old tokens have gone by then
    demo.wait_for("/token.refresh_token.ok", 3, seconds=120)
    assert demo.call(from_curl["access_token"]).status_code == 401
    later = json.loads(app.curl("/v1/providers/demo/token").stdout)["access_token"]
    assert later != from_curl["access_token"]
    assert demo.call(later).status_code == 200
    assert len(open_browser.launches()) == 1, "nothing was opened again"

    signed_out = app.cli("logout", "demo")
    assert signed_out.returncode == 0, signed_out.stderr
    assert demo.call(later).status_code == 401, "revoked at the provider"
    assert provider(app)["state"] == "signed_out"
    refused = app.cli("token", "demo")
    assert (refused.returncode, refused.stdout) == (4, "")


def test_the_tray_entry_by_its_words_over_the_desktops_own_protocol(
    screen_without_tray: Screen,
    desktop_services: DesktopServices,
    open_browser: BrowserCommand,
    start_demo: StartDemo,
    start_app: StartApp,
) -> None:
    demo = start_demo()
    env = screen_without_tray.env() | desktop_services.env() | open_browser.env()
    start_app(env=env, config=demo_configuration(demo))
    item = desktop_services.wait_for_item()
    assert "TokenKeep" in item.tool_tip
    item.click("Demo provider: signed out")
    demo.sign_in(open_browser.wait_for_launch().url)  # a person elsewhere: only the click is of interest here


def test_headless_with_the_command_line_alone(
    open_browser: BrowserCommand, start_demo: StartDemo, start_app: StartApp
) -> None:
    demo = start_demo()
    app = start_app(args=["--headless"], env=open_browser.env(), config=demo_configuration(demo))
    started = app.ask("POST", "/v1/sign-ins", {"provider": "demo"})
    assert started.status == 201, started.body
    log_in_and_consent(open_browser.wait_for_launch())
    wait_until_active(app)
    for arguments in (["status"], ["list"], ["show", "demo"]):
        shown = app.cli(*arguments)
        assert shown.returncode == 0, shown.stderr
    token = app.cli("token", "demo")
    assert demo.call(token.stdout.strip()).status_code == 200


def test_against_an_independent_provider(
    oidc_provider: OidcProviderPeer, open_browser: BrowserCommand, start_app: StartApp
) -> None:
    app = start_app(args=["--headless"], config=IN_MEMORY + ALLOW + peer_entry(oidc_provider))
    started = app.ask("POST", "/v1/sign-ins", {"provider": "peer", "open_browser": False})
    assert started.status == 201, started.body
    oidc_provider.sign_in(started.json["authorization_url"])
    shown = wait_until_active(app, "peer")
    assert shown["account"]
    before = app.ask("GET", "/v1/providers/peer/token").json["access_token"]
    assert app.ask("POST", "/v1/providers/peer/refresh").status == 200
    after = app.ask("GET", "/v1/providers/peer/token").json["access_token"]
    assert before != after
    assert oidc_provider.counts()["token:refresh_token"] == 1
    answer = app.ask("POST", "/v1/providers/peer/sign-out", {"revoke": True})
    assert answer.json["revoked"] is True
