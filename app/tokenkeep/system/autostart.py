"""Whether the desktop starts TokenKeep at login: its own record is read and written, we keep none."""

from __future__ import annotations

import os
import plistlib
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tokenkeep.domain.errors import StorageFailed

NAME = "tokenkeep"
LABEL = "org.tokenkeep.TokenKeep"
RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"
# Characters that the Desktop Entry Specification wants quoted, and those that are escaped inside the quotes.
_RESERVED = set(" \t\n\"'\\><~|&;$*?#()`")
_ESCAPED = {character: "\\" + character for character in '"`$\\'}


class DesktopAutostart:
    """Implements `domain.ports.Autostart`: an XDG autostart entry, a LaunchAgent, or a value of the Run key."""

    def __init__(self, command: Sequence[str], folder: Path | None = None) -> None:
        """:param command: what is started, as arguments. :param folder: of the entry; the platform's own when None."""
        self._command = list(command)
        if sys.platform == "darwin":
            self._file = (folder or Path.home() / "Library/LaunchAgents") / f"{LABEL}.plist"
        else:
            self._file = (folder or _config_home() / "autostart") / f"{NAME}.desktop"

    def enabled(self) -> bool:
        """As the system's record says. An entry that the desktop's own settings have switched off counts as off."""
        if sys.platform == "win32":
            return self._in_registry()
        try:
            content = self._file.read_bytes()
        except OSError:
            return False
        if sys.platform == "darwin":
            return b"RunAtLoad" in content
        keys = dict(_pairs(content.decode("utf-8", "replace")))
        return (
            "Exec" in keys
            and keys.get("Hidden", "false").lower() != "true"
            and keys.get("X-GNOME-Autostart-enabled", "true").lower() != "false"
        )

    def set(self, *, enabled: bool) -> None:
        """Change it.

        :raises StorageFailed: the system's record could not be written.
        """
        try:
            if sys.platform == "win32":
                self._write_registry(enabled=enabled)
            elif enabled:
                self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                temporary = self._file.with_suffix(".new")
                temporary.write_bytes(self._content())
                temporary.replace(self._file)
            else:
                self._file.unlink(missing_ok=True)
        except OSError as error:
            raise StorageFailed(f"The autostart entry could not be written: {error.strerror}.") from error

    def _content(self) -> bytes:
        if sys.platform == "darwin":
            agent = {"Label": LABEL, "ProgramArguments": self._command, "RunAtLoad": True, "ProcessType": "Interactive"}
            return plistlib.dumps(agent)
        return (
            "[Desktop Entry]\n"
            "Type=Application\n"
            "Name=TokenKeep\n"
            "Comment=Keeps your sign-ins fresh\n"
            f"Exec={' '.join(map(_quoted, self._command))}\n"
            "Icon=tokenkeep\n"
            "Terminal=false\n"
            "X-GNOME-Autostart-enabled=true\n"
        ).encode()

    if sys.platform == "win32":

        def _in_registry(self) -> bool:
            import winreg

            with suppress(OSError), winreg.OpenKey(winreg.HKEY_CURRENT_USER, RUN_KEY) as key:
                winreg.QueryValueEx(key, "TokenKeep")
                return True
            return False

        def _write_registry(self, *, enabled: bool) -> None:
            import subprocess
            import winreg

            with winreg.CreateKey(winreg.HKEY_CURRENT_USER, RUN_KEY) as key:
                if enabled:
                    winreg.SetValueEx(key, "TokenKeep", 0, winreg.REG_SZ, subprocess.list2cmdline(self._command))
                else:
                    with suppress(FileNotFoundError):
                        winreg.DeleteValue(key, "TokenKeep")


def _config_home() -> Path:
    value = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return value if value.is_absolute() else Path.home() / ".config"


def _pairs(text: str) -> list[tuple[str, str]]:
    """The keys of the first group of a desktop entry."""
    pairs: list[tuple[str, str]] = []
    groups = 0
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            groups += 1
        elif groups == 1 and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            pairs.append((key.strip(), value.strip()))
    return pairs


def _quoted(argument: str) -> str:
    """An argument of `Exec` (Desktop Entry Specification, "The Exec key"): quoted, then escaped as any string value."""
    argument = argument.replace("%", "%%")
    if argument and not _RESERVED & set(argument):
        return argument
    quoted = '"' + "".join(_ESCAPED.get(character, character) for character in argument) + '"'
    return quoted.replace("\\", "\\\\")
