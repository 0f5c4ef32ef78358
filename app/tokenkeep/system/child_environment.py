"""The environment of programs that we start: what is ours stays with us, what a frozen build changed is put back."""

from __future__ import annotations

import sys
from collections.abc import Mapping

# Names that a service manager gave to us and to nobody else.
_OURS = frozenset({"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
# What frozen builds and AppImages set so that *we* find our libraries; a browser started with them breaks.
_CHANGED_BY_BUNDLES = (
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "DYLD_LIBRARY_PATH",
    "DYLD_FRAMEWORK_PATH",
    "GIO_MODULE_DIR",
    "GSETTINGS_SCHEMA_DIR",
    "PYTHONHOME",
    "PYTHONPATH",
    "QT_PLUGIN_PATH",
    "QT_QPA_PLATFORM_PLUGIN_PATH",
    "XDG_DATA_DIRS",
)


def for_child(environ: Mapping[str, str], *, bundled: bool | None = None) -> dict[str, str]:
    """A copy of our environment that is fit for another program.

    :param bundled: whether we run from a frozen build or an AppImage; found out when None.
    """
    if bundled is None:
        bundled = getattr(sys, "frozen", False) or "APPIMAGE" in environ
    kept = {name: value for name, value in environ.items() if name not in _OURS and not name.startswith("TOKENKEEP_")}
    if not bundled:
        return kept
    for name in _CHANGED_BY_BUNDLES:
        before = kept.pop(f"{name}_ORIG", None)  # kept there by the launchers of PyInstaller and AppImages
        if before:
            kept[name] = before
        elif name != "XDG_DATA_DIRS":  # without it the browser's own files are not found; a bundle's extra is harmless
            kept.pop(name, None)
    return kept
