"""A client that the server registers, in the running application: killed on the way, restarted, shown and removed."""

from __future__ import annotations

import json
from typing import Any

import requests

from support.app import StartApp
from support.configurations import ALLOW, demo_entry
from support.demo_provider import DemoProvider
from support.file_keyring import IN_KEYRING, file_keyring
from support.sign_in import wait_for_state


def test_DCR_6_DCR_8_killed_between_the_answer_and_the_commit_it_registers_once_more(
    start_app: StartApp, demo_provider: DemoProvider, make_home: Any
) -> None:
    demo = demo_provider
    entry = demo_entry(demo, client_id="", registration="auto", client_auth="client_secret_basic")
    app = start_app(args=["--headless"], config=IN_KEYRING + ALLOW + entry, env=file_keyring(make_home()))
    demo.faults(network="drip:5@/register")
    with app.background("login", "demo", "--no-open"):
        demo.wait_for("/register")
        app.kill9()
    demo.clear_faults()
    app.start()

    started = app.ask("POST", "/v1/sign-ins", {"provider": "demo", "open_browser": False}).json
    assert requests.get(demo.sign_in(started["authorization_url"]), timeout=60).status_code == 200
    wait_for_state(app, "active")
    shown = json.loads(app.cli("show", "demo", "--json").stdout)
    assert shown["client"]["source"] == "registration"
    assert demo.count("/register") == 2, "the one whose answer was lost, and one more"

    app.kill9()
    app.start()
    assert app.cli("token", "demo").returncode == 0
    again = json.loads(app.cli("show", "demo", "--json").stdout)
    assert again["client"] == shown["client"]
    assert app.ask("POST", "/v1/providers/demo/refresh", {}).json["state"] == "active"
    assert demo.count("/register") == 2

    removed = app.cli("remove", "demo")
    assert (removed.returncode, removed.stdout, removed.stderr) == (0, "demo is removed.\n", "")
    assert [one["status"] for one in demo.log() if one["method"] == "DELETE"] == [204]
    assert app.cli("token", "demo").returncode == 7
    assert "client_secret" not in json.dumps([shown, again])
