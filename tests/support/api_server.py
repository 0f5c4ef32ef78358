"""The real socket server over a fake engine, on a loop in a thread of its own, so that blocking clients can ask it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from support.fake_engine import FakeEngine
from tokenkeep.api.server import ApiServer
from tokenkeep.httpserver import Limits

LIMIT = 60.0  # seconds; a guard against hanging
Result = TypeVar("Result")


class BeatClock:
    """A clock whose sleeps end when the test says so."""

    def __init__(self) -> None:
        self.sleepers: list[asyncio.Future[None]] = []

    def wall(self) -> float:
        return 1_900_000_000.0

    def boot(self) -> float:
        return 1000.0

    async def sleep(self, _seconds: float) -> None:
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleepers.append(sleeper)
        await sleeper

    def wake(self) -> None:
        """End all sleeps; on the server's loop."""
        for sleeper in self.sleepers:
            if not sleeper.done():
                sleeper.set_result(None)
        self.sleepers.clear()


class Served:
    """A running server.

    :ivar path: its socket.
    """

    def __init__(self, path: Path, limits: Limits | None) -> None:
        self.path = path
        self.clock = BeatClock()
        self._limits = limits
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(LIMIT)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        if self._thread.is_alive():
            self.call(lambda: self._stop.set() if self._stop else None)
        self._thread.join(LIMIT)
        assert not self._thread.is_alive()
        if self._failure is not None:
            raise self._failure

    def call(self, function: Callable[[], Result]) -> Result:
        """Run a function on the server's loop."""

        async def run() -> Result:
            return function()

        return self.run(run())

    def connections(self) -> int:
        """How many connections are open."""
        return self.call(lambda: len(self.server._front.connections))

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(LIMIT)

    def _run(self) -> None:
        try:
            uvloop.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.engine = FakeEngine()
        self.server = server = ApiServer(self.engine, self.path, clock=self.clock, limits=self._limits)  # type: ignore[arg-type]
        await server.start()
        self._ready.set()
        await self._stop.wait()
        await server.stop()


@contextmanager
def served(path: Path, limits: Limits | None = None) -> Iterator[Served]:
    """A server at that path, for the length of a block."""
    server = Served(path, limits)
    server.start()
    try:
        yield server
    finally:
        server.stop()
