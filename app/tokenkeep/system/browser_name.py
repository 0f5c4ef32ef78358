"""What people call a browser: "Firefox" and not /usr/lib/firefox/firefox."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

ASK_LIMIT = 2.0  # seconds; the name is a courtesy, nothing waits longer for it

# Beginnings of commands and of desktop entry names, the more special ones first.
NAMES = (
    ("google-chrome", "Google Chrome"),
    ("chromium", "Chromium"),
    ("chrome", "Google Chrome"),
    ("microsoft-edge", "Microsoft Edge"),
    ("brave", "Brave"),
    ("vivaldi", "Vivaldi"),
    ("opera", "Opera"),
    ("librewolf", "LibreWolf"),
    ("firefox", "Firefox"),
    ("epiphany", "GNOME Web"),
    ("falkon", "Falkon"),
    ("konqueror", "Konqueror"),
    ("qutebrowser", "qutebrowser"),
    ("safari", "Safari"),
    ("zen", "Zen"),
)
RUNNERS = frozenset({"env", "flatpak", "snap", "open", "start", "nohup", "setsid", "run"})


def name_of_command(words: Sequence[str]) -> str:
    """The browser that a command starts, by its first word, or by a later one for runners such as flatpak; or empty."""
    for word in words:
        found = known_name(PurePosixPath(word).name)
        if found:
            return found
        if PurePosixPath(word).name not in RUNNERS and not word.startswith("-") and "=" not in word:
            return ""
    return ""


def known_name(text: str) -> str:
    """The name behind a program's or a desktop entry's, as `org.mozilla.firefox`; empty when it is not known."""
    parts = text.lower().removesuffix(".desktop").removesuffix(".exe").split(".")
    for beginning, name in NAMES:
        if any(part.startswith(beginning) for part in parts):
            return name
    return ""


def default_browser(environment: Mapping[str, str]) -> str:
    """What the desktop says its default browser is; empty when it does not say, or nothing that we know."""
    if shutil.which("xdg-settings", path=environment.get("PATH")) is None:
        return ""
    try:
        answer = subprocess.run(
            ["xdg-settings", "get", "default-web-browser"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ASK_LIMIT,
            check=False,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return known_name(answer.stdout.strip())
