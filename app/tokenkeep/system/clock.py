"""The one place that asks the system what time it is."""

from __future__ import annotations

import asyncio
import sys
import time

SLICE = 60.0  # seconds; suspend, clock jumps and 32-bit timers cannot hold up a wait for longer than this


class SystemClock:
    """Wall time, and boot time that runs on while the machine sleeps."""

    def wall(self) -> float:
        """Seconds since the epoch; jumps when somebody sets the clock."""
        return time.time()

    def boot(self) -> float:
        """Seconds since some moment before start; never jumps."""
        if sys.platform == "linux":
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        if sys.platform == "darwin":
            return time.clock_gettime(time.CLOCK_MONOTONIC)  # goes on in sleep there, time.monotonic() does not
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return when the boot clock is `seconds` further, never earlier.

        Event loops round timers, Qt's by up to 5 %, and stop counting in suspend; so the boot clock decides.
        """
        end = self.boot() + seconds
        while (left := end - self.boot()) > 0:  # noqa: ASYNC110 - it is time itself that is waited for
            await asyncio.sleep(min(left, SLICE))
        if seconds <= 0:
            await asyncio.sleep(0)
