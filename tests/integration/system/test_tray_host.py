"""Somebody who shows tray icons is found, on X11 and on D-Bus; nobody is said to be there who is not."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from jeepney import HeaderFields, MessageType, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

from support.processes import clean_environment
from support.screen import Screen
from support.session_bus import SessionBus
from tokenkeep.system.tray_host import WATCHER, tray_host

ASK = "from tokenkeep.system.tray_host import tray_host; print(tray_host())"


def asked(home: Path, environment: dict[str, str]) -> str:
    """The answer in a process of its own: Xlib ends the process that it cannot serve."""
    return subprocess.run(
        [sys.executable, "-c", ASK],
        env=clean_environment(home, environment),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_an_x11_tray_is_found_only_where_there_is_one(screen: Screen, screen_without_tray: Screen, home: Path) -> None:
    assert asked(home, screen.env()) == "an X11 tray"
    assert asked(home, screen_without_tray.env()) == ""
    assert asked(home, {"DISPLAY": ":987654"}) == ""


@pytest.mark.parametrize("registered", [True, False])
def test_a_statusnotifier_host_is_found_by_its_watcher(
    home: Path, monkeypatch: pytest.MonkeyPatch, registered: bool
) -> None:
    with SessionBus(home) as bus:
        for name, value in bus.env().items():
            monkeypatch.setenv(name, value)
        assert tray_host() == ""
        with open_dbus_connection("SESSION") as watcher:
            watcher.send_and_get_reply(message_bus.RequestName(WATCHER))

            def answer() -> None:
                while True:
                    message = watcher.receive()
                    if message.header.message_type is MessageType.method_call:
                        assert message.header.fields[HeaderFields.member] == "Get"
                        watcher.send(new_method_return(message, "v", (("b", registered),)))
                        return

            thread = threading.Thread(target=answer)
            thread.start()
            assert bool(tray_host()) is registered
            thread.join(60)


def test_a_bus_that_is_not_there_is_no_tray(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={home}/missing")
    assert tray_host() == ""
