"""The named pipe of Windows: owner-only descriptor, first instance only, remote clients refused.

asyncio's own pipe server passes no security attributes and takes remote clients, so instances are made here and only
accepting is asyncio's.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from tokenkeep.api.problems import SocketUnusable
from tokenkeep.httpserver import HttpServer

PIPE_ACCESS_DUPLEX = 0x00000003
FILE_FLAG_OVERLAPPED = 0x40000000
FILE_FLAG_FIRST_PIPE_INSTANCE = 0x00080000
PIPE_REJECT_REMOTE_CLIENTS = 0x00000008
PIPE_UNLIMITED_INSTANCES = 255
BUFFER = 65536
SDDL_REVISION_1 = 1


def descriptor(sid: str) -> str:
    """The security descriptor in SDDL: protected, full access for the owner, nobody else, no remote log-ons.

    :raises ValueError: the security identifier is none.
    """
    if not sid.startswith("S-1-") or not sid[4:].replace("-", "").isdigit():
        raise ValueError("not a security identifier")
    return f"O:{sid}D:P(D;;GA;;;NU)(A;;GA;;;{sid})"


def open_mode(*, first: bool) -> int:
    """`dwOpenMode`: only the first instance may claim that it is the first, and must."""
    return PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | (FILE_FLAG_FIRST_PIPE_INSTANCE if first else 0)


class NamedPipe:
    """Listens at a pipe; the name ends with the user's security identifier.

    :param name: `\\\\.\\pipe\\tokenkeep-S-1-5-…`.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._task: asyncio.Task[None] | None = None

    async def serve(self, front: HttpServer) -> None:
        """Listen.

        :raises SocketUnusable: another process has the name already.
        """
        try:
            first = self._instance(first=True)
        except OSError as error:
            raise SocketUnusable(f"The pipe {self._name} is in use.", hint="Is TokenKeep running already?") from error
        self._task = asyncio.create_task(self._accept(front, first))

    def release(self) -> None:
        """Stop listening; the name goes with the last instance."""
        if self._task is not None:
            self._task.cancel()

    async def _accept(self, front: HttpServer, instance: Any) -> None:
        loop: Any = asyncio.get_running_loop()
        try:
            while True:
                await loop._proactor.accept_pipe(instance)
                connected, instance = instance, self._instance(first=False)
                loop._make_duplex_pipe_transport(connected, front.connection(), extra={"pipe": connected})
        finally:
            instance.close()

    def _instance(self, *, first: bool) -> Any:
        sid = self._name.rpartition("tokenkeep-")[2]
        if sys.platform == "win32":
            return _create(self._name, open_mode(first=first), descriptor(sid))
        raise OSError("named pipes are of Windows")


if sys.platform == "win32":
    import ctypes
    from asyncio.windows_utils import PipeHandle
    from ctypes import wintypes

    class _SecurityAttributes(ctypes.Structure):
        _fields_ = (
            ("nLength", wintypes.DWORD),
            ("lpSecurityDescriptor", wintypes.LPVOID),
            ("bInheritHandle", wintypes.BOOL),
        )

    def _create(name: str, mode: int, sddl: str) -> PipeHandle:
        """One instance of the pipe; OSError says why not."""
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        security = ctypes.WinDLL("advapi32", use_last_error=True)
        kernel.CreateNamedPipeW.restype = wintypes.HANDLE
        pointer = wintypes.LPVOID()
        if not security.ConvertStringSecurityDescriptorToSecurityDescriptorW(
            sddl, SDDL_REVISION_1, ctypes.byref(pointer), None
        ):
            raise ctypes.WinError(ctypes.get_last_error())
        attributes = _SecurityAttributes(ctypes.sizeof(_SecurityAttributes), pointer, 0)
        try:
            handle = kernel.CreateNamedPipeW(
                name, mode, PIPE_REJECT_REMOTE_CLIENTS, PIPE_UNLIMITED_INSTANCES, BUFFER, BUFFER, 0,
                ctypes.byref(attributes),
            )  # fmt: skip
        finally:
            kernel.LocalFree(pointer)
        if handle == wintypes.HANDLE(-1).value:
            raise ctypes.WinError(ctypes.get_last_error())
        return PipeHandle(handle)
