"""Tokens bound to a key in the real application: restarts, a kill at a bad moment, and the command line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from support.app import AppProcess, StartApp
from support.configurations import demo_configuration
from support.demo_provider import DemoProvider
from support.proofs import read
from support.sign_in import wait_for_state

PASSPHRASE = "CANARY correct horse battery staple"
WHERE = "/v1/providers/demo/headers?url="


@pytest.fixture
def demo(start_demo: Callable[..., DemoProvider]) -> DemoProvider:
    return start_demo()


@pytest.fixture
def app(demo: DemoProvider, start_app: StartApp) -> AppProcess:
    """Signed in with a bound token, in a vault that outlives the process."""
    config = demo_configuration(demo, storage='[storage]\nkey = "passphrase"\n', dpop="required")
    app = start_app(args=["--headless"], config=config)
    unlock(app)
    sign_in(app, demo)
    return app


def unlock(app: AppProcess) -> None:
    assert app.cli("unlock", stdin=PASSPHRASE + "\n").returncode == 0


def begin(app: AppProcess) -> str:
    started = app.ask("POST", "/v1/sign-ins", {"provider": "demo", "open_browser": False})
    assert started.status == 201, started.body
    url: str = started.json["authorization_url"]
    return url


def sign_in(app: AppProcess, demo: DemoProvider) -> None:
    assert requests.get(demo.sign_in(begin(app)), timeout=60).status_code == 200
    wait_for_state(app, "active")


def headers(app: AppProcess, demo: DemoProvider) -> dict[str, str]:
    answer = app.ask("GET", WHERE + demo.whoami)
    assert answer.status == 200, answer.body
    found: dict[str, str] = answer.json["headers"]
    return found


def key(app: AppProcess, demo: DemoProvider) -> str:
    """The thumbprint of the key that signs now; the resource takes what it signs."""
    found = headers(app, demo)
    assert requests.get(demo.whoami, headers=found, timeout=60).status_code == 200
    return read(found["DPoP"]).jkt


def test_DPOP_5_the_key_and_the_refresh_token_outlive_restarts(app: AppProcess, demo: DemoProvider) -> None:
    before = key(app, demo)
    for end in (app.stop, app.kill9):
        end()
        app.start()
        unlock(app)
        assert key(app, demo) == before
        demo.reset_log()
        assert app.ask("POST", "/v1/providers/demo/refresh").status == 200
        assert [entry["dpop_jkt"] for entry in demo.log("/token")] == [before]
        assert key(app, demo) == before


def test_DPOP_5_killed_between_a_new_key_and_its_commit(app: AppProcess, demo: DemoProvider) -> None:
    before = key(app, demo)
    url = begin(app)  # it has a key by now, and the server knows its thumbprint
    demo.faults(network="stall@/token")
    demo.reset_log()
    callback = demo.sign_in(url)
    requests.get(callback, timeout=60)
    app.kill9()
    demo.clear_faults()

    app.start()
    unlock(app)
    assert key(app, demo) == before
    assert app.ask("POST", "/v1/providers/demo/refresh").status == 200
    sign_in(app, demo)
    assert key(app, demo) != before


def test_DPOP_6_the_command_line_prints_headers_and_never_the_bare_token(app: AppProcess, demo: DemoProvider) -> None:
    bare = app.cli("token", "demo")
    assert (bare.returncode != 0, bare.stdout) == (True, "")
    assert "bound to a key" in bare.stderr
    without = app.cli("header", "demo")
    assert (without.returncode != 0, without.stdout) == (True, "")
    for arguments in (("demo", "--url", demo.whoami), (demo.whoami,)):
        printed = app.cli("header", *arguments)
        assert printed.returncode == 0, printed.stderr
        lines = dict(line.split(": ", 1) for line in printed.stdout.splitlines())
        assert set(lines) == {"Authorization", "DPoP"}
        assert requests.get(demo.whoami, headers=lines, timeout=60).status_code == 200
    posted = app.cli("header", demo.resource + "/notes", "--method", "POST")
    assert read(dict(line.split(": ", 1) for line in posted.stdout.splitlines())["DPoP"]).claims["htm"] == "POST"
