"""The two things that systemd and a service of it say to each other: passed sockets and readiness (sd_notify(3))."""

from __future__ import annotations

import os
import socket
import stat

FIRST_FD = 3


def passed_sockets() -> list[socket.socket]:
    """Listening unix sockets passed by socket activation (sd_listen_fds(3)), once; they are no child's business."""
    named = os.environ.get("LISTEN_PID", "")
    count = os.environ.get("LISTEN_FDS", "")
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    if named != str(os.getpid()) or not count.isdigit():
        return []
    sockets = []
    for number in range(FIRST_FD, FIRST_FD + min(int(count), 16)):
        os.set_inheritable(number, False)  # noqa: FBT003 - takes no name
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            sock = socket.socket(fileno=number)
            if sock.family == socket.AF_UNIX and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                sockets.append(sock)
            else:
                sock.detach()
    return sockets


def notify(state: str) -> bool:
    """Tell the service manager, as `READY=1`; whether there is one that took it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)
        try:
            sock.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
        except OSError:
            return False
    return True
