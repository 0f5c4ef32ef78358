"""A clock that moves only when a test says so; sleepers wake in the order of their deadlines."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

GUARD = 30.0  # seconds; a bound against hanging, never a statement about speed


class FakeClock:
    """Implements `domain.ports.Clock`. Wall and boot move together unless a test moves one alone."""

    def __init__(self, wall: float = 1_800_000_000.0, boot: float = 5_000.0) -> None:
        self._wall = wall
        self._boot = boot
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def wall(self) -> float:
        return self._wall

    def boot(self) -> float:
        return self._boot

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._boot + seconds, next(self._order), future))
        await future

    @property
    def pending(self) -> list[float]:
        """How many seconds each live sleeper has left, soonest first."""
        return sorted(at - self._boot for at, _, future in self._sleepers if not future.done())

    def jump_wall(self, seconds: float) -> None:
        """Somebody set the system's clock."""
        self._wall += seconds

    async def advance(self, seconds: float) -> None:
        """Let time pass: every sleeper wakes at its own moment, and what follows from it runs before the next."""
        end = self._boot + seconds
        while True:
            await turn()
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            if not self._sleepers or self._sleepers[0][0] > end:
                break
            at, _, future = heapq.heappop(self._sleepers)
            self._move_to(max(at, self._boot))
            future.set_result(None)
        self._move_to(end)
        await turn()

    async def suspend(self, seconds: float) -> None:
        """The machine slept: both clocks are ahead at once, and whoever waited wakes up late."""
        self._move_to(self._boot + seconds)
        await self.advance(0)

    def skip(self, seconds: float) -> None:
        """Both clocks are ahead, and nobody who waits has noticed yet."""
        self._move_to(self._boot + seconds)

    def _move_to(self, boot: float) -> None:
        self._wall += boot - self._boot
        self._boot = boot


async def turn(times: int = 10) -> None:
    """Let everything run that can run now."""
    for _ in range(times):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object], what: str = "the condition") -> None:
    """Wait until something holds that worker threads bring about."""
    try:
        async with asyncio.timeout(GUARD):
            while not condition():
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError(f"{what} did not come about") from None
