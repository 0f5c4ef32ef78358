"""The demo provider as a child process, for tests of any OAuth client. Standard library only."""

import json
import subprocess
import sys
import threading
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from tokenkeep.demo.person import Person

# Against hanging only, in seconds; generous because test machines are busy.
START_LIMIT = 60
STOP_LIMIT = 30
REQUEST_LIMIT = 120


class DemoProcess:
    """`python -m tokenkeep.demo` as a context manager; it ends with this process, however that ends.

    :param faults: switches that are on from the start.
    :param options: those of the command line with underscores, for example `token_lifetime=20` (seconds), `tls=True`.
    """

    def __init__(self, *, faults: dict[str, str] | None = None, **options: int | bool | str) -> None:
        self._arguments = []
        for name, value in options.items():
            option = f"--{name.replace('_', '-')}"
            if value is not False:
                self._arguments.append(option if value is True else f"{option}={value}")
        self._arguments += [f"--fault={name}={value}" for name, value in (faults or {}).items()]
        # No proxy: the provider is on loopback.
        self._opener = build_opener(ProxyHandler({}))

    def __enter__(self) -> Self:
        """Start it.

        :raises RuntimeError: it ended before it listened; its standard error has said why.
        """
        self.process = subprocess.Popen(
            [sys.executable, *self.interpreter_options(), "-m", "tokenkeep.demo", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        guard = threading.Timer(START_LIMIT, self.process.kill)
        guard.start()
        line = self.process.stdout.readline()
        guard.cancel()
        if not line:
            self.close()
            raise RuntimeError(f"the demo provider ended with code {self.process.returncode} before it listened")
        #: All settings: `clients` with their secrets, `users` with their passwords, `scopes`, `resource`, …
        self.description: dict[str, Any] = json.loads(line)
        self.issuer: str = self.description["issuer"]
        #: What all addresses begin with; the issuer too, which may have a path.
        self.origin: str = self.description["origin"]
        self.client_id: str = self.description["client_id"]
        self.resource: str = self.description["resource"]
        self.whoami: str = self.description["whoami"]
        self.control: str = self.description["control"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def interpreter_options() -> list[str]:
        """Options of the Python that runs the provider."""
        return []

    def close(self) -> None:
        """End the process as its parent's death would: by the end of its standard input."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    # Faults and log

    def faults(self, **switches: str | int | None) -> None:
        """Set switches, for example `token="503*2"`; None switches one off.

        :raises ValueError: an unknown name or value; nothing was changed then.
        """
        try:
            self._ask("POST", "/faults", switches)
        except HTTPError as error:
            with error:
                raise ValueError(json.load(error)["error"]) from None

    def clear_faults(self) -> None:
        """Switch all off; requests that a switch held back go on."""
        self._ask("DELETE", "/faults")

    def log(self, path: str | None = None) -> list[dict[str, Any]]:
        """The requests that came, of one path or all; secrets are in it as fingerprints only."""
        entries: list[dict[str, Any]] = self._ask("GET", "/log")["entries"]
        return [entry for entry in entries if path in (None, entry["path"])]

    def count(self, counter: str) -> int:
        """A counter of the log: `/token`, `/token.refresh_token`, `/token.refresh_token.ok`, `/revoke`, …"""
        return int(self._ask("GET", "/log")["counters"].get(counter, 0))

    def wait_for(self, counter: str, count: int = 1, seconds: float = 30.0) -> None:
        """Return as soon as that counter has reached the count.

        :raises AssertionError: it does not within the seconds.
        """
        query = urlencode({"wait_for": counter, "count": count, "timeout": seconds})
        reached = self._ask("GET", f"/log?{query}")["counters"].get(counter, 0)
        if reached < count:
            raise AssertionError(f"{counter} is {reached}, not {count}, after {seconds} s")

    def reset_log(self) -> None:
        """Forget all entries and counters."""
        self._ask("DELETE", "/log")

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        # At the control address, which no network fault reaches.
        request = Request(  # noqa: S310 - on loopback
            self.control + path, data, {"Content-Type": "application/json", "Accept": "application/json"}, method=method
        )
        with self._opener.open(request, timeout=REQUEST_LIMIT) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    # The person with the browser

    def person(self) -> Person:
        """Somebody with a fresh browser."""
        return Person(self.origin, {user["username"]: user["password"] for user in self.description["users"]})

    def sign_in(self, authorization_url: str, user: str = "ada", *, allow: bool = True) -> str:
        """Play the browser from the authorization URL to the callback's URL, which is not opened."""
        return self.person().sign_in(authorization_url, user, allow=allow)

    def approve_device(self, user_code: str, user: str = "ada", *, allow: bool = True) -> None:
        """Type the device code, log in and decide."""
        self.person().approve_device(user_code, user, allow=allow)
