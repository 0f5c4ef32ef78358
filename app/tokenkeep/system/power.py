"""Tells of the machine waking up, as logind says it; the engine's clocks notice it later without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tokenkeep.system.dbus import SignalWatch

LOGIN_MANAGER = "org.freedesktop.login1"


class LogindPower:
    """Implements `domain.ports.PowerEvents` on Linux with systemd or elogind; elsewhere it never calls."""

    def __init__(self) -> None:
        self._watch: SignalWatch | None = None

    def watch(self, on_wake: Callable[[], None]) -> None:
        """Call `on_wake`, in another thread, after each resume."""

        def prepare_for_sleep(body: tuple[Any, ...]) -> None:
            if body == (False,):  # True says that the machine is about to sleep
                on_wake()

        self.close()
        self._watch = SignalWatch(
            "SYSTEM", LOGIN_MANAGER, f"{LOGIN_MANAGER}.Manager", "PrepareForSleep", prepare_for_sleep
        )

    def close(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
