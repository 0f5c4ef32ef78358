"""A screen of our own: Xvfb with a window manager and a tray host, mouse and keyboard, pictures of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.homes import MakeHome
from support.processes import clean_environment, end, program, wait_for
from support.x11 import Window, selection_is_owned, window_tree

_TINT2 = """\
panel_items = S
panel_size = 100% 32
panel_position = bottom center horizontal
panel_layer = top
strut_policy = follow_size
systray_padding = 4 2 4
systray_sort = ascending
systray_icon_size = 24
panel_background_id = 1
rounded = 0
border_width = 0
background_color = {background} 100
"""
_TRAYER = ["--edge", "bottom", "--align", "right", "--widthtype", "request", "--height", "28", "--SetDockType", "true"]
_PANEL_CLASSES = {"Tint2", "trayer"}
PANEL_DARK = "#202428"
PANEL_LIGHT = "#f0f1f3"


class Screen:
    """An X server on a display number that nobody else has. Ends its processes by id; use as a context manager."""

    def __init__(self, home: Path, *, tray: bool = True, panel: str = PANEL_DARK, size: str = "1600x1000") -> None:
        """:param home: a folder for these processes alone. :param panel: background colour of the tray's panel."""
        self.display = ""
        self.home = home
        self._tray = tray
        self._panel = panel
        self._size = size
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Screen:
        try:
            self._start_server()
            self._start("openbox", "--config-file", str(self._openbox_configuration()))
            wait_for(self._has_window_manager, "the window manager")
            if self._tray:
                self._start_tray_host()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the tray host, the window manager and then the server."""
        while self._processes:
            end(self._processes.pop())

    def env(self) -> dict[str, str]:
        """The variables that make a program show its windows here."""
        return {"DISPLAY": self.display, "QT_QPA_PLATFORM": "xcb", "GDK_BACKEND": "x11", "NO_AT_BRIDGE": "1"}

    def windows(self) -> list[Window]:
        """All windows, also such as are not shown."""
        return window_tree(self._environment())

    def find_window(self, title: str = "", *, pid: int | None = None, cls: str = "") -> int:
        """Wait for a visible window and return its id.

        :param title: a regular expression for its title.
        :param pid: its process.
        :param cls: a regular expression for its class.
        """
        criteria = ["--all", "--onlyvisible"]
        if pid is not None:
            criteria += ["--pid", str(pid)]
        if cls:
            criteria += ["--class", cls]
        if title or not cls:
            criteria += ["--name", title or ".+"]
        what = f"a window with {' '.join(criteria[2:])}"
        return int(wait_for(lambda: self._xdotool("search", *criteria, check=False).split(), what)[0])

    def visible_windows(self, pid: int) -> set[int]:
        """The ids of the windows of a process that are on the screen now."""
        found = self._xdotool("search", "--all", "--onlyvisible", "--pid", str(pid), "--name", ".*", check=False)
        return {int(line) for line in found.split()}

    def close_window(self, window: int) -> None:
        """Click the button in its title bar that closes it (the right-most of openbox' own theme)."""
        self.focus(window)
        place = next(each for each in self.windows() if each.id == window)
        self.click(place.x + place.width - 11, place.y - 11)

    def has_window(self, title: str) -> bool:
        """Tell whether a visible window with such a title is there now."""
        return bool(self._xdotool("search", "--onlyvisible", "--name", title, check=False).split())

    def focus(self, window: int) -> None:
        """Raise a window and give it the keyboard."""
        self._xdotool("windowactivate", "--sync", str(window))

    def click(self, x: int, y: int, button: int = 1) -> None:
        """Press and release a mouse button at a pixel of the screen."""
        # --sync waits for a movement, in vain when the pointer is there already
        self._xdotool("mousemove", str(x + 1), str(y + 1), "mousemove", "--sync", str(x), str(y), "click", str(button))

    def type(self, text: str) -> None:
        """Type a text into whatever has the keyboard; it goes over standard input, as it may be a password."""
        self._xdotool("type", "--file", "-", text=text)

    def key(self, *names: str) -> None:
        """Press keys by their X names, for example `Return` or `ctrl+a`."""
        self._xdotool("key", *names)

    def tray_icons(self) -> list[Window]:
        """The icons that are embedded in the tray host's panel now, from left to right."""
        found: list[Window] = []
        panel: Window | None = None
        for window in self.windows():
            if window.cls in _PANEL_CLASSES:
                panel = window
            elif panel and window.depth <= panel.depth:
                panel = None
            elif panel and window.cls and window.width > 1:
                found.append(window)
        return sorted(found, key=lambda window: window.x)

    def tray_icon_position(self, index: int = 0) -> tuple[int, int]:
        """Wait for the tray icon number `index` and return the pixel in its middle."""
        icons = wait_for(lambda: [*self.tray_icons()][index:], "an icon in the tray")
        return icons[0].center

    def screenshot(self, path: Path, window: int | None = None) -> Path:
        """Write a picture of the screen, or of one window without its frame."""
        target = "root" if window is None else str(window)
        subprocess.run(
            [program("import"), "-silent", "-window", target, str(path)],
            env=self._environment(),
            check=True,
            timeout=60,
        )
        return path

    def pointer_away(self) -> None:
        """Move the mouse where it touches nothing, before a picture is taken."""
        self._xdotool("mousemove", "2", "2")

    def _environment(self) -> dict[str, str]:
        return clean_environment(self.home, self.env())

    def _start(self, name: str, *arguments: str) -> None:
        with (self.home / f"{name}.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    [program(name), *arguments],
                    env=self._environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )

    def _start_server(self) -> None:
        reading, writing = os.pipe()
        command = [program("Xvfb"), "-displayfd", str(writing), "-screen", "0", f"{self._size}x24", "-nolisten", "tcp"]
        with (self.home / "Xvfb.log").open("ab") as log, os.fdopen(reading, "rb") as answer:
            try:
                self._processes.append(
                    subprocess.Popen(
                        [*command, "-noreset"],
                        env=clean_environment(self.home),
                        pass_fds=[writing],
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                    )
                )
            finally:
                os.close(writing)
            number = answer.readline().strip().decode()  # ends with the server, should it not start
        assert number, f"Xvfb did not start: {(self.home / 'Xvfb.log').read_text()}"
        self.display = f":{number}"

    def _start_tray_host(self) -> None:
        if program("tint2", "trayer").endswith("tint2"):
            configuration = self.home / "tint2rc"
            configuration.write_text(_TINT2.format(background=self._panel))
            self._start("tint2", "-c", str(configuration))
        else:
            self._start("trayer", *_TRAYER)
        wait_for(lambda: selection_is_owned(self.display, "_NET_SYSTEM_TRAY_S0"), "the tray host")

    def _openbox_configuration(self) -> Path:
        path = self.home / "openbox.xml"
        path.write_text('<?xml version="1.0"?><openbox_config xmlns="http://openbox.org/3.4/rc"></openbox_config>')
        return path

    def _has_window_manager(self) -> bool:
        command = ["xprop", "-root", "-notype", "_NET_SUPPORTING_WM_CHECK"]
        result = subprocess.run(
            command, env=self._environment(), capture_output=True, text=True, check=False, timeout=30
        )
        return "window id" in result.stdout

    def _xdotool(self, *arguments: str, text: str = "", check: bool = True) -> str:
        result = subprocess.run(
            [program("xdotool"), *arguments],
            env=self._environment(),
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert not check or result.returncode == 0, f"xdotool {arguments[0]}: {result.stderr}"
        return result.stdout


@pytest.fixture
def screen(make_home: MakeHome) -> Iterator[Screen]:
    """A screen with a window manager and a tray host, for this test alone."""
    with Screen(make_home()) as running:
        yield running


@pytest.fixture
def screen_without_tray(make_home: MakeHome) -> Iterator[Screen]:
    """The same without a tray host, as GNOME is without an extension."""
    with Screen(make_home(), tray=False) as running:
        yield running
