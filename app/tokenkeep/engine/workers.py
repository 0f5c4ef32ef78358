"""The private thread pools for blocking work: network, vault, keyring.

`concurrent.futures` is not used on purpose: its executors hold the exit of the process behind a running job, and a job
here may be a frozen provider or a keyring dialog that nobody answers.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

P = ParamSpec("P")
T = TypeVar("T")

NET_THREADS = 32
NET_INTERACTIVE = 4  # threads that background work may never take: a person or a program is waiting
NET_PER_HOST = 2  # background calls at one host at a time


class WorkerPool:
    """Daemon threads, made when first needed, that run blocking calls for one event loop.

    :param threads: how many calls may run at a time.
    """

    def __init__(self, name: str, threads: int) -> None:
        self._name = name
        self._limit = threads
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = 0
        self._unfinished = 0  # queued and running calls
        self._lock = threading.Lock()
        self._closed = False

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The call's result or exception. Cancelling the caller leaves the call running and drops its result."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(set_outcome: Callable[[Any], None], outcome: object) -> None:
            if not future.done():
                set_outcome(outcome)

        def job() -> None:
            try:
                result = call(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - every outcome belongs to the waiting caller
                outcome: tuple[Callable[[Any], None], object] = (future.set_exception, error)
            else:
                outcome = (future.set_result, result)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, *outcome)

        self._put(job)
        return await future

    def _put(self, job: Callable[[], None]) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError(f"the pool {self._name} is closed")
            self._jobs.put(job)
            self._unfinished += 1
            if self._threads < min(self._unfinished, self._limit):
                self._threads += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # an idle thread must not keep the last call's secrets alive
            with self._lock:
                self._unfinished -= 1

    def close(self) -> None:
        """Take no more calls and end the idle threads; running calls are left behind, their threads are daemons."""
        with self._lock:
            self._closed = True
            for _ in range(self._threads):
                self._jobs.put(None)


class NetPool:
    """The network pool: background calls leave room for interactive ones and spare every single host."""

    def __init__(
        self, threads: int = NET_THREADS, interactive: int = NET_INTERACTIVE, per_host: int = NET_PER_HOST
    ) -> None:
        self._pool = WorkerPool("net", threads)
        self._background = asyncio.Semaphore(threads - interactive)
        self._hosts: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(per_host))

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that somebody waits for."""
        return await self._pool.run(call, *args, **kwargs)

    async def run_background(self, url: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that nobody waits for, at most two at a time at the host of `url`."""
        async with self._hosts[urlsplit(url).netloc], self._background:
            return await self._pool.run(call, *args, **kwargs)

    def close(self) -> None:
        """As `WorkerPool.close`."""
        self._pool.close()
