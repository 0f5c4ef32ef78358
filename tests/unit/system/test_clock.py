"""The clock that waits by boot time and never returns early."""

from __future__ import annotations

import asyncio
import time

import pytest

from tokenkeep.system import clock
from tokenkeep.system.clock import SLICE, SystemClock


def test_wall_and_boot_time_are_the_systems() -> None:
    system = SystemClock()
    assert abs(system.wall() - time.time()) < 60
    assert abs(system.boot() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 60
    assert system.boot() <= system.boot()


def test_a_wait_is_sliced_and_goes_on_until_the_boot_clock_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's timers are early by 5 % here, as Qt's are, and the machine sleeps in between."""
    now = 1_000.0
    waits: list[float] = []

    async def early(seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += seconds * 0.95 if len(waits) != 3 else 500.0

    monkeypatch.setattr(SystemClock, "boot", lambda _: now)
    monkeypatch.setattr(clock.asyncio, "sleep", early)
    asyncio.run(SystemClock().sleep(100.0))
    assert now >= 1_100.0
    assert max(waits) <= SLICE
    now = 0.0
    waits.clear()
    asyncio.run(SystemClock().sleep(4_000_000.0))  # longer than 32-bit milliseconds
    assert max(waits) <= SLICE
    assert now >= 4_000_000.0


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_no_wait_still_lets_others_run(seconds: float) -> None:
    async def main() -> list[str]:
        order: list[str] = []
        other = asyncio.create_task(asyncio.sleep(0, order.append("other")))
        await SystemClock().sleep(seconds)
        order.append("us")
        await other
        return order

    assert asyncio.run(main())[-1] == "us"


def test_a_short_wait_is_not_early() -> None:
    system = SystemClock()
    before = system.boot()
    asyncio.run(system.sleep(0.02))
    assert system.boot() - before >= 0.02
