"""The one scheduler: a heap of due times on the boot clock, sliced waits, nothing in between."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Callable
from typing import Protocol

from tokenkeep.domain import schedule
from tokenkeep.domain.ports import Clock

log = logging.getLogger(__name__)

SLICE = 60.0  # seconds; no wait is longer, so a suspended machine or a jumping clock is noticed
SAME = 0.1  # seconds
SUSPENDED = 15.0  # seconds by which a slice must overrun before it counts as a wake-up


class Work(Protocol):
    """Something to be done in the background: a session, or what providers still have to be told."""

    @property
    def id(self) -> str:
        """Names it among all others."""
        ...

    def due(self) -> float | None:
        """When there is something to do, by the boot clock."""
        ...

    def when_due(self) -> None:
        """Begin to do it."""
        ...


class Refresher:
    """Wakes sessions, and what else has to be done at a time, when it is due.

    :param jitter: a number in [0, 1), new at each call; spreads the work after a wake-up.
    :param each_slice: called after every wait, at most once a minute when nothing is due.
    """

    def __init__(self, clock: Clock, jitter: Callable[[], float], each_slice: Callable[[], None]) -> None:
        self._clock = clock
        self._jitter = jitter
        self._each_slice = each_slice
        self._heap: list[tuple[float, int, Work]] = []
        self._planned: dict[str, float] = {}
        self._order = itertools.count()
        self._moved = asyncio.Event()
        self._hold_until = 0.0

    def plan(self, work: Work) -> None:
        """Take note of when it is due now; entries planned before become void."""
        due = work.due()
        if due is None:
            self._planned.pop(work.id, None)
            return
        planned = self._planned.get(work.id)
        if planned is not None and abs(planned - due) < SAME:
            return  # two clocks were asked one after the other: the same moment, and no reason to wake up
        self._planned[work.id] = due
        heapq.heappush(self._heap, (due, next(self._order), work))
        self._moved.set()

    def forget(self, work: Work) -> None:
        """It was removed."""
        self._planned.pop(work.id, None)

    def woke(self) -> None:
        """The machine woke up: hold background work back a little, the network comes up late."""
        self._hold_until = self._clock.boot() + schedule.after_wake(self._jitter())
        self._moved.set()

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            self._moved.clear()
            boot = self._clock.boot()
            for work in self._take_due(boot):
                self._guarded(work.when_due)
            await self._wait(boot)
            self._guarded(self._each_slice)

    @staticmethod
    def _guarded(call: Callable[[], None]) -> None:
        """A bug in one work must not stop all others."""
        try:
            call()
        except Exception:
            log.exception("background work failed unexpectedly")

    def _take_due(self, boot: float) -> list[Work]:
        due: list[Work] = []
        if boot < self._hold_until:
            return due
        while self._heap and self._heap[0][0] <= boot:
            at, _, work = heapq.heappop(self._heap)
            if self._planned.get(work.id) == at:
                del self._planned[work.id]
                due.append(work)
        return due

    async def _wait(self, boot: float) -> None:
        at = boot + SLICE
        if self._heap:
            at = min(at, max(self._heap[0][0], self._hold_until))
        elif boot < self._hold_until:
            at = min(at, self._hold_until)
        pause = max(0.0, at - boot)
        sleep = asyncio.ensure_future(self._clock.sleep(pause))
        moved = asyncio.ensure_future(self._moved.wait())
        try:
            await asyncio.wait({sleep, moved}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            moved.cancel()
        if self._clock.boot() - boot > pause + SUSPENDED:
            self.woke()
