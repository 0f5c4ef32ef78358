"""What TokenKeep finds around it: enough to see why a tray icon or a keyring is missing, and no secret."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tokenkeep
from tokenkeep.client import NotRunning, TokenKeep, TokenKeepError
from tokenkeep.domain.errors import TokenKeepError as TokenKeepProblem
from tokenkeep.storage.paths import Paths

OK, WARNING, PROBLEM = "ok", "warning", "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report.

    :param outcome: `ok`, `warning` (something is done without) or `problem`.
    """

    name: str
    outcome: str
    detail: str


def examine(paths: Paths) -> list[Check]:
    """All checks, in the order in which they matter."""
    checks: list[tuple[str, Callable[[], tuple[str, str]]]] = [
        ("version", version),
        ("running", lambda: running(paths)),
        ("socket", lambda: socket_place(paths)),
        ("config", lambda: configuration(paths)),
        ("keyring", keyring),
        ("display", display),
        ("tray", tray),
        ("browser", browser),
        ("network", network),
        ("autostart", autostart),
    ]
    return [_check(name, look) for name, look in checks]


def _check(name: str, look: Callable[[], tuple[str, str]]) -> Check:
    try:
        outcome, detail = look()
    except Exception as error:  # noqa: BLE001 - a report goes on whatever one of its lines meets
        outcome, detail = WARNING, f"cannot be told ({type(error).__name__})"
    return Check(name, outcome, detail)


def version() -> tuple[str, str]:
    """TokenKeep, Python and the system."""
    return OK, f"TokenKeep {tokenkeep.__version__}, Python {platform.python_version()}, {platform.system()}"


def running(paths: Paths) -> tuple[str, str]:
    """Whether an application answers at the socket."""
    try:
        with TokenKeep(paths.socket) as client:
            found = client.status()
    except NotRunning:
        return WARNING, "no; start it with `tokenkeep`"
    except TokenKeepError as error:
        return PROBLEM, str(error)
    same = found["version"] == tokenkeep.__version__
    detail = f"version {found['version']}, state {found['state']}, storage {found['storage']}"
    return (OK, detail) if same else (WARNING, f"{detail}; this command line is another version, restart TokenKeep")


def socket_place(paths: Paths) -> tuple[str, str]:
    """Whether the socket's folder is as it must be."""
    folder = paths.socket.parent
    if len(os.fsencode(paths.socket)) > 107:
        return PROBLEM, f"its path is longer than 107 bytes: {paths.socket}"
    if not folder.exists():
        return OK, f"{paths.socket} (its folder is made at the first start)"
    found = folder.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o077 or folder.is_symlink():
        return PROBLEM, f"the folder must be yours alone, and no link; run: chmod 700 {folder}"
    return OK, str(paths.socket)


def configuration(paths: Paths) -> tuple[str, str]:
    """Whether `config.toml` can be used."""
    from tokenkeep.storage import settings
    from tokenkeep.storage.catalogue import Catalogue

    if not paths.config_file.exists():
        return WARNING, f"none yet at {paths.config_file}"
    found = settings.read(paths.config_file, Catalogue.load())
    if found.problems:
        return PROBLEM, f"{len(found.problems)} found; `tokenkeep config check` names them"
    return OK, f"{paths.config_file}, {len(found.providers)} providers"


def keyring() -> tuple[str, str]:
    """Which keyring would keep the master key; nothing is read from it."""
    from tokenkeep.storage.keyring_key import active_backend

    try:
        return OK, active_backend()
    except TokenKeepProblem as problem:
        return WARNING, f"{problem.detail} TokenKeep offers a passphrase, or memory only."


def display() -> tuple[str, str]:
    """Whether a window can be shown."""
    if sys.platform in ("win32", "darwin"):
        return OK, "the system's own"
    desktop = os.environ.get("XDG_CURRENT_DESKTOP", "")
    named = [f"{name}={os.environ[name]}" for name in ("WAYLAND_DISPLAY", "DISPLAY") if os.environ.get(name)]
    if not named:
        return WARNING, "none; TokenKeep runs headless"
    return OK, " ".join([*named, f"({desktop})" if desktop else ""]).strip()


def tray() -> tuple[str, str]:
    """Whether somebody shows tray icons: a StatusNotifier host on the session bus, or an X11 tray."""
    from tokenkeep.system.tray_host import tray_host

    found = tray_host()
    if found:
        return OK, found
    return WARNING, "nobody shows tray icons; TokenKeep opens its window (on GNOME, the AppIndicator extension helps)"


def browser() -> tuple[str, str]:
    """What would open a sign-in page."""
    if named := os.environ.get("BROWSER"):
        return OK, f"BROWSER={named}"
    if sys.platform in ("win32", "darwin"):
        return OK, "the system's own"
    from tokenkeep.system.browser_name import default_browser

    named = default_browser(os.environ)
    for program in ("xdg-open", "gio", "x-www-browser", "firefox", "chromium", "google-chrome"):
        if shutil.which(program):
            return OK, f"{named}, by {program}" if named else program
    return WARNING, "none found; `tokenkeep login ID --no-open` prints the address, `--device` a code"


def network() -> tuple[str, str]:
    """Whether there is a way out, and proxies on it; nobody is contacted."""
    proxies = sorted(
        {name.lower() for name in os.environ if name.lower() in ("http_proxy", "https_proxy", "all_proxy")}
    )
    through = f", {' and '.join(proxies)} set" if proxies else ""
    routes = Path("/proc/net/route")
    if not routes.exists():
        return OK, f"not examined on this system{through}"
    lines = [line.split() for line in routes.read_text().splitlines()[1:]]
    if any(fields[1] == "00000000" for fields in lines if len(fields) > 1) or _has_ipv6_default():
        return OK, f"a default route{through}"
    return (OK if proxies else WARNING), f"no default route{through}"


def _has_ipv6_default() -> bool:
    table = Path("/proc/net/ipv6_route")
    if not table.exists():
        return False
    fields = [line.split() for line in table.read_text().splitlines()]
    return any(route[0] == "0" * 32 and route[1] == "00" and route[-1] != "lo" for route in fields)


def autostart() -> tuple[str, str]:
    """Whether the desktop starts it at login."""
    from tokenkeep.system.autostart import DesktopAutostart

    return OK, "on" if DesktopAutostart([]).enabled() else "off"
