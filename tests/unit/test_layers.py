"""The core without a window: everything but `ui` can be imported where Qt is not installed."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import importlib, pkgutil, sys
for name in ("PySide6", "shiboken6", "qasync"):
    sys.modules[name] = None
import tokenkeep
imported = []
for module in pkgutil.walk_packages(tokenkeep.__path__, "tokenkeep."):
    if module.name.startswith("tokenkeep.ui") or module.name.endswith("__main__"):
        continue
    importlib.import_module(module.name)
    imported.append(module.name)
print(len(imported))
"""


def test_everything_but_the_window_imports_without_qt() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100


def test_AUTHZ_2_no_web_view_is_imported_anywhere() -> None:
    from tokenkeep import assets

    package = assets.__file__.rpartition("/")[0]
    found = subprocess.run(
        ["grep", "-rlE", "WebEngine|WebView|webview", "--include=*.py", package],
        check=False,
        capture_output=True,
        text=True,
    )
    assert found.stdout == ""
