"""The same look for every test: Fusion, one font, left to right, light, British texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication

from support import snapshots
from support.fake_ui_engine import ui_engine  # noqa: F401 - fixtures of the windows' tests
from support.ui_loop import run_ui  # noqa: F401
from tokenkeep.domain.session import EngineSnapshot
from tokenkeep.ui import style
from tokenkeep.ui.main_window import MainWindow

Show = Callable[..., MainWindow]


@pytest.fixture(autouse=True)
def look(qapp: QApplication) -> Iterator[QApplication]:
    qapp.setStyle("Fusion")
    QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedKingdom))
    qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    qapp.setFont(QFont("Inter", 10))
    style.apply(qapp, "light", contrast=False)
    yield qapp
    qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    qapp.setFont(QFont("Inter", 10))


@pytest.fixture
def show(qapp: QApplication, tmp_path: Path) -> Show:
    """Build the main window, show it with a snapshot at a size, and lay it out."""

    def build(
        snapshot: EngineSnapshot, provider: str = "", *, size: tuple[int, int] = (1000, 700), **options: object
    ) -> MainWindow:
        options.setdefault("reduced_motion", True)
        window = MainWindow(snapshots.wall, tmp_path / "config.toml", **options)  # type: ignore[arg-type]
        window.apply(snapshot)
        window.resize(*size)
        window.show()
        window.activateWindow()
        if provider:
            window.show_provider(provider)
        qapp.processEvents()
        qapp.processEvents()
        return window

    return build
