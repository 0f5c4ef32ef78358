"""The engine's own thread: its loop beside the window's, reached by coroutines and calls that are sent over."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from tokenkeep.engine.engine import Engine

T = TypeVar("T")


class EngineThread:
    """Runs an engine and what serves it on a loop in a daemon thread.

    :param serve: runs on that thread's new loop; it gets a callback to call with the engine once all is up, and
        returns when everything was closed again.
    :param runner: runs a coroutine to its end on a new loop, such as `uvloop.run`.
    """

    def __init__(
        self,
        serve: Callable[[Callable[[Engine], object]], Coroutine[Any, Any, None]],
        runner: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run,
    ) -> None:
        self._serve = serve
        self._runner = runner
        self._ready: concurrent.futures.Future[Engine] = concurrent.futures.Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    @property
    def engine(self) -> Engine:
        """The running engine.

        :raises RuntimeError: `start` has not returned yet.
        """
        if not self._ready.done():
            raise RuntimeError("the engine has not been started")
        return self._ready.result()

    def start(self) -> Engine:
        """Start and wait until the engine is up; raises what kept it from starting."""
        self._thread.start()
        return self._ready.result()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine on the engine's loop; the future may be awaited with `asyncio.wrap_future`."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._running_loop())

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call a function on the engine's loop, soon."""
        self._running_loop().call_soon_threadsafe(function, *args)

    def join(self, timeout: float) -> bool:
        """Wait for the end of the thread, at most `timeout` seconds; whether it ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the engine has not been started")
        return self._loop

    def _run(self) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            await self._serve(self._ready.set_result)

        try:
            self._runner(main())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)
