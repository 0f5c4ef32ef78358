"""The real application as a process of its own, spoken to only from outside: socket, command line, signals."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.processes import END_LIMIT, START_LIMIT, clean_environment, end, program, wait_for


@dataclass(frozen=True)
class Answer:
    """What the socket answered; `json` is the body, None where there was none."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, limit: float) -> None:
        super().__init__("localhost", timeout=limit)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask_socket(
    path: Path,
    method: str,
    target: str,
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    limit: float = 60.0,
) -> Answer:
    """Send one request over a unix socket. :param body: sent as JSON when not None. :param limit: seconds."""
    connection = _UnixConnection(path, limit)
    try:
        content = None if body is None else json.dumps(body).encode()
        all_headers = ({} if body is None else {"Content-Type": "application/json"}) | dict(headers or {})
        connection.request(method, target, body=content, headers=all_headers)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


class AppProcess:
    """`python -m tokenkeep …` with its own home; use as a context manager, or `start` and `stop`."""

    def __init__(
        self, home: Path, *, env: Mapping[str, str] | None = None, args: Sequence[str] = (), config: str = ""
    ) -> None:
        """Prepare, start nothing.

        :param home: becomes TOKENKEEP_HOME and HOME.
        :param env: variables besides.
        :param args: of the command line.
        :param config: the text of config.toml; empty leaves the file alone.
        """
        self.home = home
        self.socket_path = home / "run/api.sock"
        self.stdout_path = home / "app.out"
        self.stderr_path = home / "app.err"
        self.env = clean_environment(home, {"TOKENKEEP_HOME": str(home)}, env or {})
        self._args = list(args)
        self._process: subprocess.Popen[bytes] | None = None
        if config:
            (home / "config.toml").write_text(config)

    def __enter__(self) -> AppProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running or ended process; an error before the start."""
        assert self._process is not None, "not started"
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stderr(self) -> str:
        """What it wrote to standard error until now, over all starts."""
        return self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""

    @property
    def stdout(self) -> str:
        """What it wrote to standard output until now, over all starts."""
        return self.stdout_path.read_text(errors="replace") if self.stdout_path.exists() else ""

    def start(self, *, ready: bool = True) -> None:
        """Start it, and wait until its socket answers unless `ready` is False."""
        with self.stdout_path.open("ab") as out, self.stderr_path.open("ab") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tokenkeep", *self._args],
                env=self.env,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        if ready:
            try:
                self.wait_ready()
            except BaseException:
                self.stop()
                raise

    def wait_ready(self) -> None:
        """Wait until `GET /v1/status` is answered by this process."""
        wait_for(self._is_ready, "the answer of the application's socket")

    def ask(self, method: str, target: str, body: object = None, **options: Any) -> Answer:
        """Send one request to its socket; see `ask_socket`."""
        return ask_socket(self.socket_path, method, target, body, **options)

    def curl(self, target: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Ask the socket with the real curl; standard output is the body and nothing else."""
        command = [program("curl"), "--silent", "--show-error", "--unix-socket", str(self.socket_path), *arguments]
        return self._run([*command, f"http://localhost{target}"])

    def cli(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command line of TokenKeep against this application."""
        return self._run([sys.executable, "-m", "tokenkeep", *arguments], stdin)

    def wait(self, limit: float = END_LIMIT) -> int:
        """Wait for its end (seconds) and return the exit code."""
        return self.process.wait(limit)

    def stop(self) -> int:
        """SIGTERM, a bounded wait, then SIGKILL; returns the exit code (negative: the signal)."""
        end(self._process)
        return self.process.returncode

    def kill9(self) -> None:
        """SIGKILL: no chance to clean up."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            pytest.fail(f"the application ended with {self.process.returncode}:\n{self.stderr or self.stdout}")
        try:
            return self.ask("GET", "/v1/status").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def _run(self, command: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self.env,
            cwd=self.home,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=START_LIMIT * 2,
        )


StartApp = Callable[..., AppProcess]


@pytest.fixture
def start_app(home: Path) -> Iterator[StartApp]:
    """Start applications, all with the test's `home` unless told otherwise; they are stopped after the test."""
    started: list[AppProcess] = []

    def start(where: Path | None = None, **options: Any) -> AppProcess:
        application = AppProcess(where or home, **options)
        started.append(application)
        application.start()
        return application

    yield start
    for application in reversed(started):
        application.stop()
