"""Sign-ins sealed with a passphrase, without a window: nothing is served before it, nothing lost by a wrong one."""

from __future__ import annotations

from collections.abc import Callable

from support.app import AppProcess, StartApp
from support.configurations import demo_configuration
from support.demo_provider import DemoProvider
from support.sign_in import sign_in

PASSPHRASE = "CANARY correct horse battery staple"


def test_LEAK_4_a_passphrase_opens_what_it_sealed(start_demo: Callable[..., DemoProvider], start_app: StartApp) -> None:
    demo = start_demo()
    app = start_app(args=["--headless"], config=demo_configuration(demo, storage='[storage]\nkey = "passphrase"\n'))
    assert app.ask("GET", "/v1/status").json["state"] == "locked"
    assert app.cli("token", "demo").returncode == 9
    chosen = app.cli("unlock", stdin=PASSPHRASE + "\n")
    assert chosen.returncode == 0, chosen.stderr
    sign_in(app, demo)
    before = app.cli("token", "demo").stdout
    app.stop()

    app.start()
    assert app.cli("token", "demo").returncode == 9
    wrong = app.cli("unlock", stdin="something else\n")
    assert wrong.returncode == 9
    assert "not right" in wrong.stderr
    assert app.cli("token", "demo").returncode == 9
    assert app.cli("unlock", stdin=PASSPHRASE + "\n").returncode == 0
    assert app.cli("token", "demo").stdout == before
    no_secret_on_disk(app, before.strip())


def no_secret_on_disk(app: AppProcess, token: str) -> None:
    for path in app.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert PASSPHRASE.encode() not in content, path
            assert token.encode() not in content, path


def test_with_the_keyring_only_our_own_window_unlocks(
    start_demo: Callable[..., DemoProvider], start_app: StartApp
) -> None:
    app = start_app(args=["--headless"], config=demo_configuration(start_demo(), storage=""))
    refused = app.cli("unlock", stdin=PASSPHRASE + "\n")
    assert refused.returncode == 9
    assert "keyring" in refused.stderr
