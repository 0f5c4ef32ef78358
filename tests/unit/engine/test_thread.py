"""The engine's own thread: starting, reaching its loop, and its end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tokenkeep.engine.thread import EngineThread


class Serving:
    """Stands for the composition root; what it gives as the engine is any object."""

    def __init__(self) -> None:
        self.engine = object()
        self.asked = threading.Event()
        self._end: asyncio.Event | None = None

    async def __call__(self, ready) -> None:
        self._end = asyncio.Event()
        ready(self.engine)
        await self._end.wait()

    def end(self) -> None:
        assert self._end is not None
        self._end.set()


def test_the_engine_is_reached_from_other_threads_until_it_ends() -> None:
    serving = Serving()
    thread = EngineThread(serving)
    assert thread.start() is serving.engine
    assert thread.engine is serving.engine

    async def where() -> str:
        return threading.current_thread().name

    assert thread.submit(where()).result(30) == "engine"
    thread.call(serving.asked.set)
    assert serving.asked.wait(30)
    thread.call(serving.end)
    assert thread.join(30)


def test_what_keeps_it_from_starting_is_raised_where_it_is_started() -> None:
    async def fail(_: object) -> None:
        raise OSError("in the way")

    thread = EngineThread(fail)
    with pytest.raises(OSError, match="in the way"):
        thread.start()
    assert thread.join(30)


def test_it_cannot_be_used_before_it_was_started() -> None:
    thread = EngineThread(Serving())
    with pytest.raises(RuntimeError):
        thread.call(print)
    with pytest.raises(RuntimeError):
        _ = thread.engine


def test_a_thread_that_hangs_is_not_waited_for() -> None:
    serving = Serving()
    thread = EngineThread(serving)
    thread.start()
    assert not thread.join(0.0)
    thread.call(serving.end)
    assert thread.join(30)


def test_it_runs_on_the_loop_that_it_was_given() -> None:
    used = []

    def runner(main) -> None:
        used.append("runner")
        asyncio.run(main)

    serving = Serving()
    thread = EngineThread(serving, runner)
    thread.start()
    thread.call(serving.end)
    assert thread.join(30)
    assert used == ["runner"]
