"""The one exclusive lock beside the vault: whoever holds it owns the vault, every other process is a client."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from tokenkeep.domain.errors import StorageFailed
from tokenkeep.storage.files import private_file


class ProcessLock:
    """Freed by the kernel when the process dies, however it dies.

    The file itself stays: removing it would let a third process lock a new file while the second holds the old one.
    """

    def __init__(self, path: Path) -> None:
        """:param path: of the lock's file; its folder must exist."""
        self._path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take the lock without waiting; False when another process has it.

        :raises StorageFailed: the file cannot be made.
        """
        if self._descriptor is not None:
            return True
        private_file(self._path)
        descriptor = os.open(self._path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        try:
            _lock(descriptor)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            os.close(descriptor)
            raise StorageFailed(f"{self._path} cannot be locked: {error.strerror}.") from error
        self._descriptor = descriptor
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        return True

    def owner(self) -> int | None:
        """The process that says it has the lock, for messages; None when nobody said so."""
        with suppress(OSError, ValueError):
            return int(self._path.read_text(encoding="ascii"))
        return None

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _lock(descriptor: int) -> None:
    """:raises BlockingIOError: another process has it."""
    if sys.platform == "win32":
        import msvcrt

        # One byte far behind the text, since Windows' locks keep others from reading what they cover.
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as taken:
            raise BlockingIOError from taken
        os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        import fcntl

        # flock and not lockf: that one is lost as soon as any descriptor of the file is closed in this process.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
