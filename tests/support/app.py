"""The real application as a process of its own, spoken to only from outside: socket, command line, signals."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
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
        self,
        home: Path,
        *,
        env: Mapping[str, str] | None = None,
        args: Sequence[str] = (),
        config: str = "",
        python: Sequence[str] = ("-m", "tokenkeep"),
    ) -> None:
        """Prepare, start nothing.

        :param home: becomes TOKENKEEP_HOME and HOME.
        :param env: variables besides.
        :param args: of the command line.
        :param config: the text of config.toml; empty leaves the file alone.
        :param python: what the interpreter runs.
        """
        self.home = home
        self.socket_path = home / "run/api.sock"
        self.stdout_path = home / "app.out"
        self.stderr_path = home / "app.err"
        self.env = clean_environment(home, {"TOKENKEEP_HOME": str(home)}, env or {})
        self._command = [sys.executable, *python, *args]
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
                self._command,
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

    def background(self, *arguments: str) -> BackgroundCommand:
        """A command line that goes on beside the test; use as a context manager."""
        return BackgroundCommand([sys.executable, "-m", "tokenkeep", *arguments], self.env, self.home)

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


class BackgroundCommand:
    """A command that is under way: what it said so far, and its end."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        self._command = list(command)
        self._env = dict(env)
        self._folder = folder

    def __enter__(self) -> BackgroundCommand:
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix="background-", delete=False) as out:
            self._path = Path(out.name)
            self.process = subprocess.Popen(
                self._command,
                env=self._env,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(self, *_: object) -> None:
        end(self.process)
        self._path.unlink()

    @property
    def said(self) -> str:
        """Its output until now, of both kinds."""
        return self._path.read_text(errors="replace")

    def wait_for(self, text: str) -> str:
        """Wait until it has said this text; returns all that it said."""

        def look() -> bool:
            found = text in self.said
            assert found or self.process.poll() is None, f"ended with {self.process.returncode}: {self.said}"
            return found

        wait_for(look, f"{text!r} from {self._command[3:]}")
        return self.said


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
