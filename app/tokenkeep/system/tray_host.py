"""Whether somebody on this desktop shows tray icons."""

from __future__ import annotations

import os
import sys

BUS_LIMIT = 2.0  # seconds
WATCHER = "org.kde.StatusNotifierWatcher"


def tray_host() -> str:
    """Who shows tray icons, in words; empty when nobody does. Blocking, at most a few seconds."""
    if sys.platform in ("win32", "darwin"):
        return "the system's own"
    if os.environ.get("DBUS_SESSION_BUS_ADDRESS") and status_notifier_host():
        return "a StatusNotifier host on the session bus"
    if os.environ.get("DISPLAY") and x11_tray():
        return "an X11 tray"
    return ""


def status_notifier_host() -> bool:
    """Whether the session bus has a host for the StatusNotifierItem specification."""
    from jeepney import DBusAddress, Properties
    from jeepney.io.blocking import open_dbus_connection

    from tokenkeep.system.dbus import bus_errors

    watcher = DBusAddress("/StatusNotifierWatcher", bus_name=WATCHER, interface=WATCHER)
    try:
        with open_dbus_connection("SESSION") as bus:
            question = Properties(watcher).get("IsStatusNotifierHostRegistered")
            answer = bus.send_and_get_reply(question, timeout=BUS_LIMIT)
    except bus_errors():
        return False
    return answer.header.message_type.name == "method_return" and bool(answer.body[0][1])


def x11_tray() -> bool:
    """Whether somebody owns the selection that names an X11 tray (XEmbed system tray specification)."""
    import ctypes
    from ctypes.util import find_library

    try:
        x11 = ctypes.CDLL(find_library("X11") or "libX11.so.6")
    except OSError:
        return False
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XOpenDisplay.argtypes = [ctypes.c_char_p]
    x11.XInternAtom.restype = ctypes.c_ulong
    x11.XInternAtom.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    x11.XGetSelectionOwner.restype = ctypes.c_ulong
    x11.XGetSelectionOwner.argtypes = [ctypes.c_void_p, ctypes.c_ulong]
    x11.XDefaultScreen.argtypes = x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
    shown = x11.XOpenDisplay(None)
    if not shown:
        return False
    try:
        atom = x11.XInternAtom(shown, f"_NET_SYSTEM_TRAY_S{x11.XDefaultScreen(shown)}".encode(), 0)
        return bool(x11.XGetSelectionOwner(shown, atom))
    finally:
        x11.XCloseDisplay(shown)
