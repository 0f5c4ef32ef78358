"""Whose end of a loopback connection the other one is, as far as the kernel tells (Linux: `/proc/net/tcp`)."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

_TABLES = {socket.AF_INET: Path("/proc/net/tcp"), socket.AF_INET6: Path("/proc/net/tcp6")}


def owner(family: socket.AddressFamily, theirs: tuple[str, int], ours: tuple[str, int]) -> int | None:
    """The user id behind the other end; None when nobody can tell.

    :param theirs: address and port of the other end.
    :param ours: the same of this end.
    """
    # In whatever state: who has closed one direction still reads what comes in the other.
    wanted = [_written(family, theirs), _written(family, ours)]
    try:
        lines = _TABLES[family].read_text(encoding="ascii").splitlines()[1:]
    except (KeyError, OSError, UnicodeDecodeError):
        return None
    for line in lines:
        fields = line.split()
        if fields[1:3] == wanted:
            return int(fields[7])
    return None


def _written(family: socket.AddressFamily, address: tuple[str, int]) -> str:
    """As the kernel writes it: words of 32 bits in the machine's own order, in hexadecimal."""
    packed = socket.inet_pton(family, address[0])
    words = (packed[start : start + 4] for start in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words) + f":{address[1]:04X}"
