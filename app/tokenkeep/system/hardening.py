"""What keeps secrets of this process out of files that others may read: no core dumps, no looking in."""

from __future__ import annotations

import logging
import os
import sys

log = logging.getLogger(__name__)

PR_SET_DUMPABLE = 4  # prctl(2)
DESCRIPTORS = 8192  # the socket keeps up to 4096 connections; many systems begin with a soft limit of 1024


def harden(*, headless: bool) -> int:
    """Forbid core dumps, make new files owner-only, and headless also forbid other processes to look in (LEAK-5).

    Under the tray the process stays dumpable: xdg-desktop-portal refuses to serve one whose /proc it cannot read.

    :returns: the umask that held before, for programs of the person that we start.
    """
    before = os.umask(0o077)
    if sys.platform == "win32":
        return before
    import resource

    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as error:
        log.warning("core dumps could not be forbidden: %s", error)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if headless and sys.platform == "linux":
        _not_dumpable()
    return before


def _not_dumpable() -> None:
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        log.warning("the process could not be closed to others: %s", os.strerror(ctypes.get_errno()))
