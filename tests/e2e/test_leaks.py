"""No secret in what is written or shown to other processes with a real browser; whose the files are; core dumps.

Every flow and fault is in `test_leak_sweep.py`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from support.app import AppProcess, StartApp
from support.browser import BrowserCommand
from support.canaries import Canaries, WatchProcess
from support.configurations import ALLOW, demo_entry
from support.demo_provider import DemoProvider
from support.file_keyring import IN_KEYRING, file_keyring
from support.homes import MakeHome
from support.processes import wait_for
from support.sign_in import StartDemo, wait_for_state
from support.token_recorder import TokenRecorder

TRACE = '[app]\nlog_level = "trace"\n'


class Scene:
    """The application at its most talkative, a provider behind the recorder, and what was seen."""

    def __init__(self, app: AppProcess, demo: DemoProvider, canaries: Canaries, visible: Canaries) -> None:
        """:param visible: secrets that may be in the browser's arguments, as they are part of the address (LEAK-2)."""
        self.app = app
        self.demo = demo
        self.canaries = canaries
        self.visible = visible

    def sign_in(self, id_: str, *, ends: str = "done", allow: bool = True) -> None:
        """The authorization code grant, with the test as the browser."""
        started = self.app.ask("POST", "/v1/sign-ins", {"provider": id_, "open_browser": False}).json
        self.follow(started["authorization_url"], allow=allow)
        self.wait_for_end(started["id"], ends)

    def follow(self, url: str, *, allow: bool = True) -> None:
        """Log in and let the callback come."""
        self.note_address(url)
        callback = self.demo.sign_in(url, allow=allow)
        self.note_callback(callback)
        requests.get(callback, timeout=60)

    def note_address(self, url: str) -> None:
        """Remember what an authorization URL carries: the name of a pushed request, or the request."""
        query = parse_qs(urlsplit(url).query)
        self.visible.add(**{name: query[name][0] for name in ("request_uri", "state", "nonce") if name in query})

    def note_callback(self, url: str) -> None:
        """Remember the code."""
        for code in parse_qs(urlsplit(url).query).get("code", []):
            self.canaries.add(code=code)

    def wait_for_end(self, sign_in: str, state: str) -> None:
        def look() -> bool:
            return bool(self.app.ask("GET", f"/v1/sign-ins/{sign_in}?wait=5").json["state"] == state)

        wait_for(look, f"the end of a sign-in as {state}")

    def refresh(self, id_: str) -> int:
        return self.app.ask("POST", f"/v1/providers/{id_}/refresh").status


def configuration(demo: DemoProvider, recorder: TokenRecorder) -> str:
    return TRACE + IN_KEYRING + ALLOW + demo_entry(demo, **recorder.keys())


def test_LEAK_1_LEAK_2_no_secret_is_written_or_shown_with_a_real_browser(
    open_browser: BrowserCommand,
    start_demo: StartDemo,
    start_app: StartApp,
    make_home: MakeHome,
    canaries: Canaries,
    watch_process: WatchProcess,
) -> None:
    demo = start_demo(token_lifetime=3600)
    env = open_browser.env() | file_keyring(make_home())
    with TokenRecorder(demo, canaries) as recorder:
        app = start_app(args=["--headless"], env=env, config=configuration(demo, recorder))
        watch = watch_process(app.pid)
        scene = Scene(app, demo, canaries, Canaries())
        app.ask("POST", "/v1/sign-ins", {"provider": "demo"})
        launch = open_browser.wait_for_launch()
        assert launch.arguments == [launch.url], "the address and nothing else"
        scene.note_address(launch.url)
        launch.type("username", "ada")
        launch.type("password", "demo")
        launch.click("sign-in")
        launch.click("allow")
        assert "?" not in launch.wait_for_url("/done")
        wait_for_state(app, "active")
        assert scene.refresh("demo") == 200
        watch.look()
        if launch.is_running():
            for kind in ("cmdline", "environ"):
                assert not canaries.found_in(Path(f"/proc/{launch.pid}/{kind}").read_bytes()), kind
        app.stop()
    for secrets in (scene.canaries, scene.visible):
        secrets.assert_absent_from_files(app.home)


@pytest.mark.unprivileged
def test_LEAK_4_files_and_folders_are_the_owners_alone_whatever_the_umask(
    demo_provider: DemoProvider, start_app: StartApp, make_home: MakeHome, canaries: Canaries
) -> None:
    before = os.umask(0)
    try:
        app = start_app(
            args=["--headless"], env=file_keyring(make_home()), config=IN_KEYRING + ALLOW + demo_entry(demo_provider)
        )
    finally:
        os.umask(before)
    scene = Scene(app, demo_provider, canaries, Canaries())
    scene.sign_in("demo")
    made = {"run": 0o700, "run/api.sock": 0o600, "log": 0o700, "log/tokenkeep.log": 0o600, "vault.db": 0o600}
    made |= {"vault.lock": 0o600, "run/api.sock.lock": 0o600}
    for name, mode in made.items():
        assert stat.S_IMODE((app.home / name).lstat().st_mode) == mode, name
    for side in app.home.glob("vault.db-*"):
        assert stat.S_IMODE(side.lstat().st_mode) == 0o600, side.name


@pytest.mark.unprivileged
def test_LEAK_5_no_core_dumps_and_headless_nobody_looks_in(start_app: StartApp) -> None:
    app = start_app(args=["--headless"], config='[storage]\nkey = "memory"\n')
    limits = Path(f"/proc/{app.pid}/limits").read_text()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"], core
    if os.geteuid() != 0:
        assert Path(f"/proc/{app.pid}/environ").stat().st_uid == 0, "the kernel gives what is not dumpable to root"
        with pytest.raises(PermissionError):
            Path(f"/proc/{app.pid}/environ").read_bytes()


def test_LEAK_2_the_command_line_takes_no_secret(start_app: StartApp) -> None:
    app = start_app(args=["--headless"], config='[storage]\nkey = "memory"\n')
    for arguments in (["login", "demo", "--client-secret", "x"], ["token", "demo", "--refresh-token=x"]):
        refused = app.cli(*arguments)
        assert refused.returncode == 2
        assert "not taken from the command line" in refused.stderr
