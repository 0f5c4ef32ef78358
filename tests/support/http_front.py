"""Runs an `HttpServer` on a real unix socket inside one test, on asyncio's loop and on uvloop's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop

from tokenkeep.httpserver import Handler, HttpServer, Limits

GUARD = 60.0  # seconds; a guard against hanging, far above what anything here takes

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "uvloop": uvloop.new_event_loop,
}


def run(coroutine: Coroutine[Any, Any, Any], loop: str = "asyncio") -> Any:
    """Run a test's coroutine on a fresh loop, bounded; whatever a callback lets escape fails it."""

    async def guarded() -> Any:
        escaped: list[str] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: escaped.append(f"{context.get('message')}: {context.get('exception')!r}")
        )
        result = await asyncio.wait_for(coroutine, GUARD)
        assert not escaped, escaped
        return result

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(guarded())


@asynccontextmanager
async def front(
    home: Path, handler: Handler, limits: Limits | None = None, *, grace: float = 1.0, **options: Any
) -> AsyncIterator[tuple[HttpServer, str]]:
    """A server and the path of its socket."""
    path = str(home / "front.sock")
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    server = HttpServer(handler, limits, **options)
    await server.serve(sock)
    try:
        yield server, path
    finally:
        await server.close(grace)


async def raw(path: str, *pieces: bytes, half_close: bool = False) -> bytes:
    """Send pieces, then everything that comes until the server closes; a reset ends it too."""
    reader, writer = await asyncio.open_unix_connection(path)
    received = b""
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if half_close:
            writer.write_eof()
        while chunk := await reader.read(65536):
            received += chunk
    except ConnectionError:
        pass
    finally:
        writer.close()
    return received


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something is so; the guard of `run` bounds it."""
    while not condition():
        await asyncio.sleep(0)


Result = Awaitable[Any]
