"""The socket's file: in a folder of ours alone, 0600 from birth, never stolen from a running process (AGENT-1, 3)."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import sys
from pathlib import Path

from tokenkeep.api.problems import SocketUnusable
from tokenkeep.httpserver import HttpServer

PATH_LIMIT = 103 if sys.platform == "darwin" else 107  # bytes of sun_path less its NUL (unix(7))


class UnixSocket:
    """A listening socket at a path, with the lock that keeps others from it while it lives.

    :param path: absolute; its folder is made when it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: int | None = None
        self._identity: tuple[int, int] | None = None

    def bind(self) -> socket.socket:
        """Bind; the caller listens.

        :raises SocketUnusable: folder, path or file are not as they must be, or another process serves there.
        """
        self._check_length()
        self._check_folder()
        self._take_lock()
        try:
            self._clear()
            return self._make()
        except BaseException:
            self.release()
            raise

    async def serve(self, front: HttpServer) -> None:
        """Bind and have the front answer; raises as `bind`."""
        await front.serve(self.bind())

    def release(self) -> None:
        """Remove the file if it is still ours, and free the lock."""
        if self._identity is not None and self._identity == _identity(self._path):
            self._path.unlink()
        self._identity = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _check_length(self) -> None:
        if not self._path.is_absolute():
            raise SocketUnusable(f"{self._path} is not an absolute path.", hint="Set TOKENKEEP_SOCKET to a whole path.")
        length = len(os.fsencode(self._path))
        if length > PATH_LIMIT:
            raise SocketUnusable(
                f"Its path has {length} bytes, the system takes {PATH_LIMIT}: {self._path}",
                hint="Set TOKENKEEP_SOCKET to a shorter path, or TOKENKEEP_HOME to a shorter folder.",
            )

    def _check_folder(self) -> None:
        folder = self._path.parent
        try:
            for missing in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
                missing.mkdir(mode=0o700, exist_ok=True)  # `parents=True` would make them as wide as the umask lets
            found = folder.lstat()
        except OSError as error:
            raise SocketUnusable(f"The folder {folder} cannot be made: {error.strerror}.") from error
        if stat.S_ISLNK(found.st_mode) or not stat.S_ISDIR(found.st_mode):
            raise SocketUnusable(f"{folder} is a link, it must be a folder.", hint="Remove it and start again.")
        if found.st_uid != os.geteuid():
            raise SocketUnusable(f"The folder {folder} belongs to somebody else.", hint="Remove it, or use another.")
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise SocketUnusable(f"Others may enter the folder {folder}.", hint=f"Run: chmod 700 {folder}")

    def _take_lock(self) -> None:
        name = f"{self._path}.lock"
        try:
            self._lock = os.open(name, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise _in_use(self._path) from None
        except OSError as error:
            self.release()
            raise SocketUnusable(f"{name} cannot be used: {error.strerror}.") from error

    def _clear(self) -> None:
        """Remove what a process that died has left; anything else in the way stays where it is."""
        try:
            mode = self._path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise SocketUnusable(f"Something else is at {self._path}.", hint="Move it away and start again.")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(0)
            answer = probe.connect_ex(str(self._path))
        if answer != errno.ECONNREFUSED:
            raise _in_use(self._path)
        self._path.unlink()

    def _make(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if sys.platform == "linux":
                os.fchmod(sock.fileno(), 0o600)  # bind gives the file the socket's own mode; no umask can widen it
                sock.bind(str(self._path))
            else:
                before = os.umask(0o177)
                try:
                    sock.bind(str(self._path))
                finally:
                    os.umask(before)
        except OSError as error:
            sock.close()
            raise SocketUnusable(f"{self._path} cannot be made: {error.strerror}.") from error
        self._identity = _identity(self._path)
        return sock


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _in_use(path: Path) -> SocketUnusable:
    return SocketUnusable(f"Another process serves {path}.", hint="`tokenkeep status` shows what is running.")
