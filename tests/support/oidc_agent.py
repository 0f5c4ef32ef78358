"""oidc-agent of this system as a client of some provider: `oidc-gen`, `oidc-token` and the agent between them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.homes import MakeHome
from support.processes import clean_environment, end, program, wait_for

_LIMIT = 120  # seconds; a guard against hanging


class OidcAgent:
    """A running agent with an empty folder.

    :ivar errors: what oidc-gen wrote, for the message of a failing test.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._socket = home / "agent.sock"
        self.errors = ""
        (home / ".oidc-agent").mkdir(mode=0o700)
        self._password = home / "password"
        self._password.write_text("a password\n")
        self._env = clean_environment(home)
        with (home / "agent.log").open("wb") as log:
            self._process = subprocess.Popen(
                [program("oidc-agent"), "--console", "--no-webserver", "--socket-path", str(self._socket)],
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for(self._socket.exists, "the socket of oidc-agent")
        self._env["OIDC_SOCK"] = str(self._socket)

    def generate(self, account: str, *arguments: str, seen: Callable[[str], None]) -> None:
        """Run oidc-gen to its end.

        :param seen: gets every line that it prints, and does what a person would.
        """
        command = [program("oidc-gen"), account, "--prompt=none", "--confirm-default", "--no-url-call", "--no-scheme"]
        command += [f"--pw-file={self._password}", *arguments]
        process = subprocess.Popen(
            command,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                self.errors += line
                seen(line)
            assert process.wait(_LIMIT) == 0, self.errors
        finally:
            process.stdout.close()
            if process.poll() is None:
                process.kill()
                process.wait()

    def redeem(self, callback_url: str) -> None:
        """Give the agent the redirect that a browser would have brought."""
        command = [program("oidc-gen"), f"--codeExchange={callback_url}", f"--pw-file={self._password}"]
        done = subprocess.run(
            [*command, "--prompt=none", "--confirm-default"],
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
        self.errors += done.stdout + done.stderr

    def token(self, account: str, *arguments: str) -> str:
        """What oidc-token prints."""
        done = subprocess.run(
            [program("oidc-token"), account, *arguments],
            env=self._env,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def close(self) -> None:
        """End the agent."""
        end(self._process)


@pytest.fixture
def oidc_agent(make_home: MakeHome) -> Iterator[OidcAgent]:
    """An agent without accounts."""
    agent = OidcAgent(make_home())
    yield agent
    agent.close()
