"""The real application with everything that could say too much turned on, and a record of its wire for the test.

Libraries log at the application's level: requests-oauthlib and oauthlib write tokens and codes there, urllib3
addresses, http.client (through a logger in place of `print`) whole requests. `WIRE_RECORD` names the file that gets
what went over every connection to providers, and the private keys that were made.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

_LOCK = threading.Lock()
_RECORD = Path(os.environ.pop("WIRE_RECORD"))
# The fence that keeps these libraries quiet is taken down on purpose: only the redaction stands then.
_TALKATIVE = ("requests_oauthlib", "oauthlib", "urllib3", "asyncio", "http.client")


def record(data: bytes) -> None:
    """Add to the record."""
    with _LOCK, _RECORD.open("ab") as file:
        file.write(data)


class _Tee:
    """A response's file that records what is read from it."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def _recorded(self, data: bytes) -> bytes:
        record(data)
        return data

    def read(self, *size: int) -> bytes:
        return self._recorded(self._file.read(*size))

    def read1(self, *size: int) -> bytes:
        return self._recorded(self._file.read1(*size))

    def readline(self, *size: int) -> bytes:
        return self._recorded(self._file.readline(*size))

    def readinto(self, buffer: Any) -> int:
        count: int = self._file.readinto(buffer)
        record(bytes(memoryview(buffer)[:count]))
        return count


def tap() -> None:
    """Record every connection, and the keys that are made."""
    send, begin = http.client.HTTPConnection.send, http.client.HTTPResponse.__init__

    def recorded_send(self: Any, data: Any) -> None:
        record(b"\n" + bytes(data) if isinstance(data, bytes | bytearray | memoryview) else b"")
        send(self, data)

    def recorded_begin(self: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs)
        self.fp = _Tee(self.fp)
        record(b"\n")

    http.client.HTTPConnection.send = recorded_send  # type: ignore[method-assign]
    http.client.HTTPResponse.__init__ = recorded_begin  # type: ignore[method-assign]

    from joserfc.jwk import ECKey

    generate = ECKey.generate_key

    def recorded_key(*args: Any, **kwargs: Any) -> Any:
        made = generate(*args, **kwargs)
        record(b"\n" + json.dumps({"private_key": made.as_dict(private=True)["d"]}).encode() + b"\n")
        return made

    ECKey.generate_key = recorded_key  # type: ignore[method-assign]


def talk() -> None:
    """Let the libraries say everything."""
    import tokenkeep.oauth.session  # noqa: F401 - it quietens two of them when it is imported
    from tokenkeep import logs

    for name in _TALKATIVE:
        logs.QUIETER.pop(name, None)
        logging.getLogger(name).setLevel(logging.NOTSET)
    wire = logging.getLogger("http.client")
    http.client.HTTPConnection.debuglevel = 1
    http.client.print = lambda *words: wire.debug(" ".join(map(str, words)))  # type: ignore[attr-defined]


def hurry() -> None:
    """A test does in a minute what a program may do in a day."""
    from tokenkeep.engine.limits import Limits

    Limits.spend = lambda *_: None  # type: ignore[method-assign]


def main() -> int:
    """Run the application as `python -m tokenkeep` does."""
    tap()
    talk()
    hurry()
    from tokenkeep.__main__ import main as tokenkeep

    return tokenkeep(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
