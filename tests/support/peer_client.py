"""Independent OAuth clients from npm: a process that says what a person must do, and hears how it went."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.processes import clean_environment, end, program

_PEERS = Path(__file__).parents[1] / "peers"
_CLIENTS = {"oauth4webapi": "oauth4webapi.mjs", "openid-client": "openid_client.mjs"}


class PeerFailedError(Exception):
    """The client found something it does not accept.

    :param error: its code for that.
    """

    def __init__(self, error: str, message: str) -> None:
        super().__init__(f"{error}: {message}")
        self.error = error


class PeerClient:
    """One of the clients in tests/peers/clients.

    :param home: an empty folder for it.
    :param open_address: plays the person's browser: gets the authorization URL, returns the callback's URL.
    :param type_code: plays the person at the second device.
    """

    def __init__(
        self, name: str, home: Path, open_address: Callable[[str], str], type_code: Callable[[str], None]
    ) -> None:
        if not (_PEERS / "node_modules" / name).exists():
            pytest.skip("the Node packages of tests/peers are not installed")
        self._script = _PEERS / "clients" / _CLIENTS[name]
        self._home = home
        self.open_address = open_address
        self.type_code = type_code

    def run(self, flow: str, **settings: Any) -> dict[str, Any]:
        """Run one flow to its end.

        :returns: what the client says of it.
        :raises PeerFailedError: the client refused something.
        """
        process = subprocess.Popen(
            [program("node"), str(self._script)],
            env=clean_environment(self._home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            said: dict[str, Any] = {"flow": flow, **settings}
            while True:
                process.stdin.write(json.dumps(said).encode() + b"\n")
                process.stdin.flush()
                line = process.stdout.readline()
                assert line, f"the client ended without a word: {process.wait()}"
                heard = json.loads(line)
                if "result" in heard:
                    result: dict[str, Any] = heard["result"]
                    return result
                if "error" in heard:
                    raise PeerFailedError(str(heard["error"]), f"{heard.get('message')} {heard.get('cause') or ''}")
                said = self._act(heard)
        finally:
            end(process)

    def _act(self, heard: dict[str, Any]) -> dict[str, Any]:
        if "open" in heard:
            return {"callback": self.open_address(heard["open"])}
        self.type_code(heard["user_code"])
        return {}
