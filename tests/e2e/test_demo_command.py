"""`tokenkeep demo`: what it prints can be typed, and nothing is left of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.app import ask_socket
from support.canaries import descendants
from support.processes import clean_environment, end, wait_for

BIN = Path(sys.executable).parent


class Demo:
    """A running `tokenkeep demo` in a terminal's surroundings."""

    def __init__(self, home: Path, *arguments: str, path: str) -> None:
        self.home = home
        (home / "tmp").mkdir()
        self.env = clean_environment(home, {"TMPDIR": str(home / "tmp"), "PATH": path})
        self._err = home / "demo.err"
        with self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [str(BIN / "tokenkeep"), "demo", *arguments],
                env=self.env,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=err,
            )

    @property
    def said(self) -> str:
        return self._err.read_text()

    def introduction(self) -> str:
        """All that it prints at its start."""

        def look() -> bool:
            assert self.process.poll() is None, self.said
            return "Ctrl-C ends it." in self.said

        wait_for(look, "the introduction")
        return self.said

    def value(self, pattern: str) -> str:
        found = re.search(pattern, self.introduction())
        assert found is not None, self.said
        return found[1]

    def wait_ready(self) -> Path:
        """Wait for the socket; returns the throw-away folder."""
        folder = Path(self.value(r"export TOKENKEEP_HOME=(\S+)"))
        wait_for((folder / "run/api.sock").exists, "the socket")
        return folder

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        """Type a line into another terminal, after the line that is to be typed first."""
        first = "\n".join(re.findall(r"(?m)^ +(export .*)$", self.introduction()))
        return subprocess.run(
            ["bash", "-c", f"{first}\n{command}"],
            env=self.env,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def printed(self, label: str) -> str:
        """The command behind a label of the introduction."""
        return self.value(rf"(?m)^ *{re.escape(label)}: +(.*?)(?: {{2,}}.*)?$")


@contextmanager
def running_demo(home: Path, *arguments: str, path: str = "") -> Iterator[Demo]:
    demo = Demo(home, *arguments, path=path or f"{BIN}:{clean_environment(home)['PATH']}")
    try:
        yield demo
    finally:
        end(demo.process)


def sign_in_by_terminal(demo: Demo, command: str) -> None:
    """Run the printed log-in with curl as the browser."""
    with (demo.home / "login.out").open("wb") as out:
        login = subprocess.Popen(
            ["bash", "-c", f"export TOKENKEEP_HOME={demo.wait_ready()}\n{command}"],
            env=demo.env,
            cwd=demo.home,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        code = wait_for(
            lambda: re.search(r"enter the code +(\S+)", (demo.home / "login.out").read_text()), "the user code"
        )[1]
        approve(demo.value(r"provider is at (\S+)\. "), code, demo)
        assert login.wait(120) == 0, (demo.home / "login.out").read_text()
    finally:
        end(login)


def approve(issuer: str, code: str, demo: Demo) -> None:
    from support.demo_provider import Browser

    user, password = demo.value(r"user is (\S+)"), demo.value(r"password (\S+?)\.")

    class Person(Browser):
        def __init__(self) -> None:
            import requests

            self.issuer = issuer
            self.users = {user: password}
            self.http = requests.Session()
            self.http.trust_env = False

    Person().approve_device(code, user)


@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "for want of a display"])
def test_headless_what_it_prints_works_as_printed(asked: bool, home: Path) -> None:
    with running_demo(home, *(["--headless"] if asked else [])) as demo:
        said = demo.introduction()
        assert ("There is no display: running headless." in said) is not asked
        folder = demo.wait_ready()
        sign_in_by_terminal(demo, "tokenkeep login demo --device")
        assert "tokenkeep login demo --device" in said
        token = demo.shell(demo.printed("Get a token"))
        assert token.returncode == 0, token.stderr
        used = demo.shell(demo.printed("Use it"))
        assert used.returncode == 0, used.stderr
        assert "ada" in used.stdout
        asked_socket = demo.shell(demo.printed("Ask the socket").replace("curl ", "curl --silent ", 1))
        assert token.stdout.strip() in asked_socket.stdout
        assert demo.shell("tokenkeep status; tokenkeep list").returncode == 0
        assert "tokenkeep status; tokenkeep list" in said
        assert ask_socket(folder / "run/api.sock", "GET", "/v1/status").json["state"] == "ok"


def test_the_commands_are_printed_as_they_can_be_typed_without_an_activated_environment(home: Path) -> None:
    folders = [each for each in clean_environment(home)["PATH"].split(":") if not (Path(each) / "tokenkeep").exists()]
    with running_demo(home, "--headless", path=":".join(folders)) as demo:
        demo.wait_ready()
        listed = demo.shell(demo.printed("See how things stand").split(";")[0])
        assert listed.returncode == 0, listed.stderr


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_it_ends(sign: signal.Signals, home: Path) -> None:
    with running_demo(home, "--headless") as demo:
        folder = demo.wait_ready()
        children = [pid for pid in descendants(demo.process.pid) if pid != demo.process.pid]
        assert children, "the provider is a process of its own"
        demo.process.send_signal(sign)
        assert demo.process.wait(60) == 0
    assert not folder.exists()
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    assert "Traceback" not in demo.said


def test_nothing_is_left_when_the_whole_terminal_gets_ctrl_c(home: Path) -> None:
    with running_demo(home, "--headless") as demo:
        folder = demo.wait_ready()
        for pid in descendants(demo.process.pid):  # Ctrl-C reaches all processes of the foreground
            os.kill(pid, signal.SIGINT)
        assert demo.process.wait(60) == 0
    assert not folder.exists()
    assert "Traceback" not in demo.said


@pytest.mark.parametrize("missing", ["flask", "authlib"])
def test_without_its_packages_it_says_what_to_install(missing: str, home: Path) -> None:
    blocker = home / "blocked"
    (blocker / missing).mkdir(parents=True)
    (blocker / missing / "__init__.py").write_text(f"raise ModuleNotFoundError('no {missing}', name='{missing}')\n")
    env = clean_environment(home, {"PYTHONPATH": str(blocker)})
    result = subprocess.run(
        [sys.executable, "-m", "tokenkeep", "demo", "--headless"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 1
    assert "demo" in result.stderr
    assert "install" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_configuration_that_is_there_already_is_left_alone(home: Path) -> None:
    (home / "mine").mkdir()
    (home / "mine/config.toml").write_text("# mine\n")
    env = clean_environment(home, {"TOKENKEEP_HOME": str(home / "mine")})
    result = subprocess.run(
        [sys.executable, "-m", "tokenkeep", "demo", "--headless"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 1
    assert "does not touch it" in result.stderr
    assert (home / "mine/config.toml").read_text() == "# mine\n"
