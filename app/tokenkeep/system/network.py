"""Tells of the network coming back, as NetworkManager or the desktop portal says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tokenkeep.system.dbus import SignalWatch

NETWORK_MANAGER = "org.freedesktop.NetworkManager"
CONNECTED_LOCAL = 50  # NMState; from here on up something may be reachable
PORTAL = "org.freedesktop.portal.Desktop"
PORTAL_MONITOR = "org.freedesktop.portal.NetworkMonitor"


class DesktopNetwork:
    """Implements `domain.ports.Network`: a hint to try earlier. Where nobody tells, it never calls."""

    def __init__(self) -> None:
        self._watches: list[SignalWatch] = []

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call `on_change`, in another thread, when connectivity may have come back."""

        def state_changed(body: tuple[Any, ...]) -> None:
            if body and isinstance(body[0], int) and body[0] >= CONNECTED_LOCAL:
                on_change()

        self.close()
        self._watches = [
            SignalWatch("SYSTEM", NETWORK_MANAGER, NETWORK_MANAGER, "StateChanged", state_changed),
            # sandboxes and desktops without NetworkManager; it does not say in which direction it changed
            SignalWatch("SESSION", PORTAL, PORTAL_MONITOR, "changed", lambda _: on_change()),
        ]

    def close(self) -> None:
        """Stop watching."""
        for watch in self._watches:
            watch.close()
        self._watches = []
