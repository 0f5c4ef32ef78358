"""The master key in a real keyring: there, locked, locked again later, and missing."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.app import AppProcess, StartApp
from support.canaries import Canaries
from support.configurations import ALLOW, demo_entry
from support.demo_provider import DemoProvider
from support.processes import wait_for
from support.secret_service import SecretService
from support.sign_in import StartDemo, access_token, provider, sign_in, wait_for_state, wait_for_status, works

KEYRING = '[storage]\nkey = "keyring"\n'
TOKEN = "/v1/providers/demo/token"
SECOND_LOOK = Path(__file__).parents[1] / "support/children/second_look.py"


def configuration(demo: DemoProvider) -> str:
    return KEYRING + ALLOW + demo_entry(demo) + demo_entry(demo, "other")


def start_signed_in(
    demo: DemoProvider, service: SecretService, start_app: StartApp, **options: object
) -> tuple[AppProcess, str]:
    """The application with its key in the keyring and one sign-in."""
    app = start_app(args=["--headless"], env=service.env(), config=configuration(demo), **options)
    token = sign_in(app, demo)
    assert app.ask("GET", "/v1/status").json["storage"] == "keyring"
    return app, token


def test_LEAK_4_a_restart_finds_the_sign_in_and_only_the_keyring_can_open_it(
    secret_service: SecretService, start_demo: StartDemo, start_app: StartApp, canaries: Canaries
) -> None:
    demo = start_demo(token_lifetime=3600)
    app, token = start_signed_in(demo, secret_service, start_app)
    canaries.add(access_token=token)
    requests_before = demo.count("/token")
    app.stop()
    canaries.assert_absent_from_files(app.home)
    app.start()
    shown = wait_for_state(app, "active")
    assert shown["account"] == "ada"
    assert access_token(app) == token
    assert demo.count("/token") == requests_before, "the kept token serves on"
    assert provider(app, "other")["state"] == "signed_out"


def test_LEAK_4_a_locked_keyring_is_waited_for_and_nothing_is_dropped(
    secret_service: SecretService, start_demo: StartDemo, start_app: StartApp
) -> None:
    demo = start_demo(token_lifetime=3600)
    app, token = start_signed_in(demo, secret_service, start_app)
    app.stop()
    secret_service.lock()
    app.start()
    secret_service.wait_for_prompt()
    wait_for_status(app, "locked")
    impatient = app.ask("GET", f"{TOKEN}?wait=0.1")
    assert (impatient.status, impatient.json["code"]) == (423, "locked")
    assert "keyring" in impatient.json["detail"]
    with ThreadPoolExecutor(1) as pool:
        patient = pool.submit(app.ask, "GET", f"{TOKEN}?wait=240", limit=300.0)
        secret_service.answer_prompt()
        answer = patient.result(300)
    assert answer.status == 200, answer.body
    assert answer.json["access_token"] == token
    wait_for_status(app, "ok")


def test_LEAK_4_a_dismissed_prompt_leaves_it_locked_and_another_try_opens_it(
    secret_service: SecretService, start_demo: StartDemo, start_app: StartApp
) -> None:
    demo = start_demo(token_lifetime=3600)
    app, token = start_signed_in(demo, secret_service, start_app)
    app.stop()
    secret_service.lock()
    app.start()
    secret_service.dismiss_prompt()
    wait_for(lambda: app.ask("GET", "/v1/status").json["notices"], "the reason")
    assert app.ask("GET", "/v1/status").json["state"] == "locked"
    refused = app.cli("token", "demo")
    assert (refused.returncode, refused.stdout) == (9, "")
    assert "Try again and unlock it" in refused.stderr
    said = app.cli("status").stdout
    assert "locked" in said
    assert "nothing was lost" in said
    assert app.ask("POST", "/v1/sign-ins", {"provider": "demo"}).status == 423, "a sign-in could not be kept"
    app.stop()
    app.start()
    secret_service.answer_prompt()
    wait_for_state(app, "active")
    assert access_token(app) == token


def test_REF_1_a_refresh_commits_while_the_keyring_asks(
    secret_service: SecretService, start_demo: StartDemo, start_app: StartApp
) -> None:
    demo = start_demo(token_lifetime=3600)
    app, old = start_signed_in(demo, secret_service, start_app, python=[str(SECOND_LOOK)])
    secret_service.lock()
    os.kill(app.pid, signal.SIGUSR1)
    secret_service.wait_for_prompt()
    refreshed = app.ask("POST", "/v1/providers/demo/refresh")
    assert refreshed.status == 200, refreshed.body
    new = access_token(app)
    assert new != old
    assert works(demo, new)
    assert secret_service.has_prompt(), "the keyring has asked all the while"
    app.kill9()

    # what the refresh brought is in the vault, and not only in the memory of the process that is gone
    requests_before = demo.count("/token")
    secret_service.answer_prompt()  # it is still there
    wait_for(lambda: not secret_service.is_locked(), "the unlocking of the keyring")
    again = start_app(args=["--headless"], env=secret_service.env())
    wait_for_state(again, "active")
    assert access_token(again) == new
    assert demo.count("/token") == requests_before
    assert again.ask("POST", "/v1/providers/demo/refresh").status == 200, "and its refresh token is the newest"


def test_LEAK_4_without_a_keyring_the_alternatives_are_named_and_nothing_is_kept(
    start_demo: StartDemo, start_app: StartApp
) -> None:
    demo = start_demo(token_lifetime=3600)
    none = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    app = start_app(args=["--headless"], env=none, config=configuration(demo))
    wait_for_status(app, "locked")
    for arguments in (["status"], ["token", "demo"], ["login", "demo"]):
        told = app.cli(*arguments)
        assert told.returncode == (0 if arguments == ["status"] else 9)
        words = told.stdout + told.stderr
        assert "no keyring" in words
        assert "passphrase" in words
        assert "memory" in words
    assert not list(app.home.rglob("vault.db*")), "no sealed file without a key"


def test_in_memory_nothing_is_written(start_demo: StartDemo, start_app: StartApp, canaries: Canaries) -> None:
    demo = start_demo(token_lifetime=3600)
    app = start_app(args=["--headless"], config='[storage]\nkey = "memory"\n' + ALLOW + demo_entry(demo))
    canaries.add(access_token=sign_in(app, demo))
    app.stop()
    canaries.assert_absent_from_files(app.home)
    assert not list(app.home.rglob("vault.db*"))
    app.start()
    assert provider(app)["state"] == "signed_out"
