"""The few questions to an X server that no command-line program answers."""

from __future__ import annotations

import ctypes
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

_LINE = re.compile(
    r'^(?P<indent> *)(?P<id>0x[0-9a-f]+) (?:"(?P<title>.*)"|\(has no name\)): '
    r'\((?:"[^"]*" "(?P<cls>[^"]*)")?.*\)'
    r"\s+(?P<width>\d+)x(?P<height>\d+)\S+\s+\+(?P<x>-?\d+)\+(?P<y>-?\d+)$"
)


@dataclass(frozen=True)
class Window:
    """One window of the tree; `depth` is the indentation, places are absolute pixels."""

    id: int
    title: str
    cls: str
    x: int
    y: int
    width: int
    height: int
    depth: int

    @property
    def center(self) -> tuple[int, int]:
        """The pixel in its middle."""
        return self.x + self.width // 2, self.y + self.height // 2


def selection_is_owned(display: str, selection: str) -> bool:
    """Tell whether some client owns this selection, for example `_NET_SYSTEM_TRAY_S0`."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    x11.XInternAtom.restype = ctypes.c_ulong
    x11.XGetSelectionOwner.argtypes = [ctypes.c_void_p, ctypes.c_ulong]
    x11.XGetSelectionOwner.restype = ctypes.c_ulong
    x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
    connection = x11.XOpenDisplay(display.encode())
    if not connection:
        return False
    try:
        return bool(x11.XGetSelectionOwner(connection, x11.XInternAtom(connection, selection.encode(), 0)))
    finally:
        x11.XCloseDisplay(connection)


def window_tree(environment: Mapping[str, str]) -> list[Window]:
    """List all windows from the root down, in the order of `xwininfo -root -tree`."""
    result = subprocess.run(
        ["xwininfo", "-root", "-tree"], env=environment, capture_output=True, text=True, check=True, timeout=30
    )
    matches = (_LINE.match(line) for line in result.stdout.splitlines())
    return [
        Window(
            id=int(match["id"], 16),
            title=match["title"] or "",
            cls=match["cls"] or "",
            x=int(match["x"]),
            y=int(match["y"]),
            width=int(match["width"]),
            height=int(match["height"]),
            depth=len(match["indent"]),
        )
        for match in matches
        if match
    ]
