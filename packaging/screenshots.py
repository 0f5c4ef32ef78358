"""Writes the documentation's pictures: real windows with made-up providers, light and dark, at twice the resolution.

    python packaging/screenshots.py FOLDER [NAME …]

Nothing is shown on a screen and nobody's configuration is read. Whoever adds a window adds its picture to PICTURES.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # the made-up providers are those of the tests

# A screen that is large enough for every window; Qt's own one without a display is 800 by 800.
SCREEN = {"name": "paper", "x": 0, "y": 0, "width": 4000, "height": 3000, "logicalDpi": 96, "dpr": 1}


def _use_paper(folder: Path) -> None:
    """Draw without a display; to be called before Qt is imported."""
    screens = folder / "screens.json"
    screens.write_text(json.dumps({"screens": [SCREEN]}), encoding="utf-8")
    os.environ["QT_QPA_PLATFORM"] = f"offscreen:configfile={screens}"
    os.environ["QT_SCALE_FACTOR"] = "2"


def take(out: Path, names: list[str]) -> list[Path]:
    """Write the pictures whose names begin with one of `names`, all without any.

    :return: the files, in the order of PICTURES.
    """
    from PySide6.QtCore import QLocale
    from PySide6.QtGui import QFont
    from PySide6.QtWidgets import QApplication

    from tokenkeep.ui import style

    app = QApplication(["tokenkeep-screenshots"])
    app.setStyle("Fusion")
    app.setFont(QFont("Inter", 10))
    QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedKingdom))
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, build in _with_dialogs().items():
        if names and not name.startswith(tuple(names)):
            continue
        for scheme in ("light", "dark"):
            style.apply(app, style.scheme(app, scheme), contrast=False)
            window = build()
            app.processEvents()
            file = out / f"{name}-{scheme}.png"
            if not window.grab().save(str(file)):
                raise OSError(f"{file} could not be written")
            written.append(file)
            window.close()
    return written


def _main_window(provider: str) -> Callable[[], QWidget]:
    """The main window with all states in its list and one provider's page."""

    def build() -> QWidget:
        from support import snapshots
        from tokenkeep.ui.main_window import MainWindow

        window = MainWindow(snapshots.wall, Path("/home/mara/.config/tokenkeep/config.toml"), reduced_motion=True)
        window.resize(1000, 640)
        window.apply(snapshots.six_states())
        window.show()
        window.activateWindow()
        window.show_provider(provider)
        return window

    return build


def _first_run() -> QWidget:
    from support import snapshots
    from tokenkeep.ui.main_window import MainWindow

    window = MainWindow(snapshots.wall, Path("/home/mara/.config/tokenkeep/config.toml"), reduced_motion=True)
    window.resize(1000, 640)
    window.apply(snapshots.engine())
    window.show()
    return window


PICTURES: dict[str, Callable[[], QWidget]] = {
    "main-active": _main_window("example-ai"),
    "main-needs-you": _main_window("keycloak"),
    "main-signed-out": _main_window("gitlab"),
    "main-first-run": _first_run,
}


def _with_dialogs() -> dict[str, Callable[[], QWidget]]:
    sys.path.insert(0, str(Path(__file__).parent))
    from screenshots_dialogs import PICTURES as DIALOGS

    return PICTURES | DIALOGS


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: screenshots.py FOLDER [NAME …]")
    with tempfile.TemporaryDirectory() as scratch:
        _use_paper(Path(scratch))
        for picture in take(Path(sys.argv[1]), sys.argv[2:]):
            print(picture)
