"""Signing the application in at the demo provider over its socket, where the way there is not the matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests

from support.app import AppProcess
from support.demo_provider import DemoProvider
from support.processes import wait_for

StartDemo = Callable[..., DemoProvider]


def provider(app: AppProcess, id_: str = "demo") -> dict[str, Any]:
    """The provider as the socket shows it."""
    answer = app.ask("GET", f"/v1/providers/{id_}")
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def wait_for_state(app: AppProcess, state: str, id_: str = "demo") -> dict[str, Any]:
    """Wait until the provider is in this state and return it."""
    return wait_for(lambda: [p for p in [provider(app, id_)] if p["state"] == state], f"{id_} in the state {state}")[0]


def wait_for_status(app: AppProcess, state: str) -> dict[str, Any]:
    """Wait until the application as a whole is in this state and return its status."""

    def look() -> list[dict[str, Any]]:
        return [found for found in [app.ask("GET", "/v1/status").json] if found["state"] == state]

    return wait_for(look, f"the overall state {state}")[0]


def sign_in(app: AppProcess, demo: DemoProvider, id_: str = "demo", user: str = "ada") -> str:
    """Sign in by the authorization code grant with the test as the browser; returns the access token."""
    started = app.ask("POST", "/v1/sign-ins", {"provider": id_, "open_browser": False})
    assert started.status == 201, started.body
    callback = requests.get(demo.sign_in(started.json["authorization_url"], user), timeout=60)
    assert callback.status_code == 200
    wait_for_state(app, "active", id_)
    return access_token(app, id_)


def access_token(app: AppProcess, id_: str = "demo") -> str:
    """What a token query gives."""
    answer = app.ask("GET", f"/v1/providers/{id_}/token")
    assert answer.status == 200, answer.body
    token: str = answer.json["access_token"]
    return token


def works(demo: DemoProvider, token: str) -> bool:
    """Tell whether the protected resource takes this token."""
    return demo.call(token).status_code == 200
