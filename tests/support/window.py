"""The main window on a real screen, read as a person can read it: by selecting a text and copying it."""

from __future__ import annotations

import subprocess

from support.processes import clean_environment, program, wait_for
from support.screen import Screen
from support.x11 import Window


def main_window(screen: Screen) -> Window:
    """Wait until the main window is there and return it."""
    return wait_for(lambda: [w for w in screen.windows() if w.cls == "TokenKeep" and w.width > 600], "the window")[0]


def shown_account(screen: Screen) -> str:
    """The account in the head of the page of the only provider, taken with a double click and Ctrl+C."""

    def look() -> str:
        window = main_window(screen)
        screen.focus(window.id)  # in front of whatever else is on the screen
        for _ in range(2):
            screen.click(window.x + 410, window.y + 57)
        screen.key("ctrl+c")
        copied = subprocess.run(
            [program("xclip"), "-o", "-selection", "clipboard"],
            env=clean_environment(screen.home, screen.env()),
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return copied.stdout.strip()

    return wait_for(look, "an account in the window", step=0.5)
