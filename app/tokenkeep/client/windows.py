"""The named pipe of Windows: its name for this user, and a connection with the two calls that the client needs."""

from __future__ import annotations

import subprocess


def pipe_name() -> str:
    """`\\\\.\\pipe\\tokenkeep-` and the user's security identifier."""
    answer = subprocess.run(["whoami", "/user", "/fo", "csv", "/nh"], capture_output=True, text=True, check=True)
    return "\\\\.\\pipe\\tokenkeep-" + sid_of(answer.stdout)


def sid_of(line: str) -> str:
    """The identifier in `"host\\\\name","S-1-5-…"`.

    :raises ValueError: there is none.
    """
    for field in reversed(line.strip().split(",")):
        candidate = field.strip().strip('"')
        if candidate.startswith("S-1-") and candidate[4:].replace("-", "").isdigit():
            return candidate
    raise ValueError("Windows does not say who the user is")


class Pipe:
    """A connected pipe, spoken to like a socket."""

    def __init__(self, name: str) -> None:
        self._file = open(name, "r+b", buffering=0)  # noqa: SIM115, PTH123 - a pipe is no path

    def sendall(self, data: bytes) -> None:
        """Write all of it."""
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]

    def recv(self, size: int) -> bytes:
        """What is there, at most `size` bytes; nothing at the end."""
        return self._file.read(size) or b""

    def settimeout(self, seconds: float | None) -> None:
        """Reads of a pipe end with the server's own limits; there is nothing to set."""

    def close(self) -> None:
        """Close it."""
        self._file.close()
