"""Tells when one file changes: inotify on Linux; elsewhere nothing, and the engine's slice notices within a minute."""

from __future__ import annotations

import ctypes
import logging
import os
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

IN_CLOSE_WRITE, IN_MOVED_TO, IN_DELETE = 0x8, 0x80, 0x200  # inotify(7)
EVENT_BYTES = 16  # of the fixed part of an event: descriptor, mask, cookie, length of the name


class FileWatch:
    """Watches the file's folder, since editors write a new file and rename it over the old one."""

    def __init__(self, path: Path) -> None:
        """:param path: the file; its folder must exist when `watch` is called, else nothing is watched."""
        self._path = path
        self._stop = -1

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` (from a thread of its own) after each change."""
        if not sys.platform.startswith("linux"):
            return
        target = self._path.resolve()  # a link leads to where dotfile managers keep the real one
        try:
            descriptor = _inotify(target.parent)
        except OSError as error:
            log.info("changes of %s are noticed within a minute: %s", self._path.name, error.strerror)
            return
        reading, self._stop = os.pipe()
        arguments = (descriptor, reading, target.name.encode(), on_change)
        threading.Thread(target=_follow, args=arguments, name="file-watch", daemon=True).start()

    def close(self) -> None:
        """Stop watching."""
        if self._stop != -1:
            with suppress(OSError):
                os.close(self._stop)
            self._stop = -1


def _inotify(folder: Path) -> int:
    """:raises OSError: the folder cannot be watched."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = int(libc.inotify_init1(os.O_CLOEXEC))
    mask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE
    if descriptor < 0 or libc.inotify_add_watch(descriptor, os.fsencode(folder), mask) < 0:
        number = ctypes.get_errno()
        if descriptor >= 0:
            os.close(descriptor)
        raise OSError(number, os.strerror(number))
    return descriptor


def _follow(descriptor: int, stop: int, name: bytes, on_change: Callable[[], None]) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.register(stop, select.POLLIN)
    try:
        while True:
            ready = {number for number, _ in poll.poll()}
            if stop in ready:
                return
            if name in _names(os.read(descriptor, 65_536)):
                on_change()
    finally:
        os.close(descriptor)
        os.close(stop)


def _names(events: bytes) -> set[bytes]:
    """The file names in a buffer of events."""
    names = set()
    at = 0
    while at + EVENT_BYTES <= len(events):
        length = int.from_bytes(events[at + 12 : at + EVENT_BYTES], sys.byteorder)
        names.add(events[at + EVENT_BYTES : at + EVENT_BYTES + length].rstrip(b"\0"))
        at += EVENT_BYTES + length
    return names
