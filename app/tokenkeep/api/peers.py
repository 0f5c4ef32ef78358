"""Who is at the other end: the kernel's word on the user, and the program behind the process as far as can be told."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys

from tokenkeep.api import processes
from tokenkeep.domain.access import Application

SO_PEERPIDFD = 77  # Linux 6.5; the socket module has no name for it
SOL_LOCAL, LOCAL_PEERCRED, LOCAL_PEERPID = 0, 0x001, 0x002  # macOS, sys/un.h
XUCRED = struct.Struct("=IIh2x16I")  # macOS, sys/ucred.h: version, uid, number of groups, groups
CACHED = 512  # processes whose identity is remembered


class Unknown(Exception):
    """The kernel does not say who it is."""


class Peer:
    """One connection's other end.

    :ivar application: the program that connected. It holds for the connection: who hands a connection on vouches for
        the other program, and who becomes another program after connecting stays who it was.
    """

    __slots__ = ("application",)

    def __init__(self, application: Application) -> None:
        self.application = application


class Peers:
    """Lets in our own user only, and remembers who is who."""

    def __init__(self) -> None:
        self._uid = os.geteuid() if hasattr(os, "geteuid") else -1
        self._known: dict[object, processes.Identity] = {}
        self._pidfs = sys.platform == "linux" and processes.has_pidfs()

    def admit(self, transport: asyncio.BaseTransport) -> Peer | None:
        """The peer of an accepted connection; None, which closes it, for other users and when nobody knows."""
        pipe = transport.get_extra_info("pipe")
        if pipe is not None:  # the pipe's descriptor has let in nobody but us
            return Peer(self.identify(None, 0))
        sock = transport.get_extra_info("socket")
        try:
            uid, pid = credentials(sock)
        except (OSError, AttributeError, Unknown):
            return None
        return Peer(self.identify(sock, pid)) if uid == self._uid else None

    def identify(self, sock: socket.socket | None, pid: int) -> Application:
        """The program behind a process that is connected, remembered by what names the process for good."""
        if pid <= 0:  # of another process namespace: nothing here has its number
            return Application(pid=-1, login_session="elsewhere")
        if sys.platform != "linux" or sock is None:
            return Application(executable=processes.executable_of(pid), pid=pid)
        pidfd = self._pidfd(sock)
        try:
            key: object = os.fstat(pidfd).st_ino if pidfd is not None else (pid, processes.start_time(pid))
            known = self._known.get(key)
            if known is None or not _is_still(known, pid):
                known = processes.identify(pid)
                if pidfd is not None and not processes.lives(pidfd):
                    return Application(pid=pid)  # its number may be another process's by now
                self._remember(key, known)
            return known.application
        finally:
            if pidfd is not None:
                os.close(pidfd)

    def _pidfd(self, sock: socket.socket) -> int | None:
        if not self._pidfs:
            return None
        try:
            return sock.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD)
        except OSError:
            return None

    def _remember(self, key: object, identity: processes.Identity) -> None:
        if len(self._known) >= CACHED:
            del self._known[next(iter(self._known))]
        self._known[key] = identity


def _is_still(known: processes.Identity, pid: int) -> bool:
    """Whether a process still runs what it ran: exec makes another program of the same process."""
    if known.executable != processes.executable_of(pid):
        return False
    return not known.words or known.words == processes.command_line(pid)


def credentials(sock: socket.socket, platform: str = sys.platform) -> tuple[int, int]:
    """User and process id of a unix socket's peer, from the kernel.

    :raises OSError: it does not say; Unknown: it says something else.
    """
    if platform == "linux":
        size = struct.calcsize("3i")
        pid, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        if uid < 0:
            raise Unknown
        return uid, pid
    if platform == "darwin":
        uid = xucred_uid(sock.getsockopt(SOL_LOCAL, LOCAL_PEERCRED, XUCRED.size))
        return uid, sock.getsockopt(SOL_LOCAL, LOCAL_PEERPID)
    raise Unknown


def xucred_uid(raw: bytes) -> int:
    """The user id of macOS' `struct xucred`.

    :raises Unknown: it is another version or has no groups, which means it was never filled in.
    """
    if len(raw) < XUCRED.size:
        raise Unknown
    version, uid, groups, *_ = XUCRED.unpack(raw[: XUCRED.size])
    if version != 0 or groups < 1:
        raise Unknown
    return int(uid)
