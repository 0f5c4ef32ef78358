"""The device grant from outside: a code in the dialog or in the terminal, typed into a real browser."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from support.app import StartApp
from support.browser import BrowserCommand, Launch
from support.configurations import ALLOW, IN_MEMORY, demo_configuration, peer_entry
from support.demo_provider import DemoProvider
from support.oidc_provider import OidcProviderPeer
from support.processes import wait_for
from support.screen import Screen
from support.tray import click_first_provider

StartDemo = Callable[..., DemoProvider]


def open_browser_at(command: BrowserCommand, url: str) -> Launch:
    """A person's own browser at the address that the dialog shows."""
    subprocess.run(["setsid", "--fork", str(command.path), url], check=True)
    return command.wait_for_launch()


def test_the_dialogs_code_is_typed_into_the_browser(
    screen: Screen, open_browser: BrowserCommand, start_demo: StartDemo, start_app: StartApp
) -> None:
    demo = start_demo(device_interval=1)
    config = demo_configuration(demo, flow="device_code")
    app = start_app(env=screen.env() | open_browser.env(), config=config)
    click_first_provider(screen)
    screen.find_window("Sign in to Demo provider")
    pending = app.ask("POST", "/v1/sign-ins", {"provider": "demo"}).json  # joins the one that the click began
    assert pending["method"] == "device"
    assert pending["state"] == "waiting_for_code"
    page = open_browser_at(open_browser, pending["verification_uri"])
    page.type("user-code", pending["user_code"].lower())
    page.click("continue")
    page.type("username", "grace")
    page.type("password", "demo")
    page.click("sign-in")
    page.click("allow")
    page.find("result")
    wait_for(lambda: app.ask("GET", "/v1/providers/demo").json["state"] == "active", "the sign-in")
    token = app.ask("GET", "/v1/providers/demo/token").json["access_token"]
    assert demo.call(token).status_code == 200


def test_headless_by_code_with_the_command_line_alone(start_demo: StartDemo, start_app: StartApp) -> None:
    demo = start_demo(device_interval=1)
    app = start_app(args=["--headless"], config=demo_configuration(demo))
    pending = app.ask("POST", "/v1/sign-ins", {"provider": "demo", "method": "device"}).json
    demo.approve_device(pending["user_code"])
    login = app.cli("login", "demo", "--device")
    assert login.returncode == 0, login.stderr
    assert demo.call(app.cli("token", "demo").stdout.strip()).status_code == 200


def test_the_device_grant_against_an_independent_provider(oidc_provider: OidcProviderPeer, start_app: StartApp) -> None:
    app = start_app(args=["--headless"], config=IN_MEMORY + ALLOW + peer_entry(oidc_provider))
    pending = app.ask("POST", "/v1/sign-ins", {"provider": "peer", "method": "device"})
    assert pending.status == 201, pending.body
    oidc_provider.approve_device(pending.json["user_code"])
    wait_for(lambda: app.ask("GET", "/v1/providers/peer").json["state"] == "active", "the sign-in")
    assert app.ask("GET", "/v1/providers/peer/token").status == 200
