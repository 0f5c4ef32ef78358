"""The window's side of the process: QApplication, its loop, signals, and the end of all of it."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QLocale
from PySide6.QtWidgets import QApplication

import qasync  # isort: skip  # takes the Qt binding that is imported already

from tokenkeep.domain.configuration import AppSettings
from tokenkeep.domain.ports import Clock
from tokenkeep.ui import icons, style
from tokenkeep.ui.access_prompt import REMEMBER
from tokenkeep.ui.collector import Collector
from tokenkeep.ui.desktop import Desktop
from tokenkeep.ui.notifications import DesktopNotifier

if TYPE_CHECKING:
    from tokenkeep.engine.thread import EngineThread


class TrayApplication(QApplication):
    """One for each process: stays when the last window is closed, and follows the desktop's theme and font."""

    def __init__(self, settings: AppSettings) -> None:
        super().__init__(["tokenkeep"])
        self._setting = settings.theme
        self.setApplicationName("TokenKeep")
        self.setDesktopFileName("tokenkeep")
        self.setQuitOnLastWindowClosed(False)
        if sys.platform.startswith("linux"):
            self.setStyle("Fusion")
        if settings.language != "system":
            QLocale.setDefault(QLocale(settings.language))
        self.setLayoutDirection(QLocale().textDirection())
        self.take_theme()
        self.setWindowIcon(icons.app_icon())
        self.styleHints().colorSchemeChanged.connect(self.take_theme)

    def take_theme(self) -> None:
        """Show the scheme that the settings or the desktop want."""
        style.apply(self, style.scheme(self, self._setting))

    def event(self, event: QEvent) -> bool:
        """The sheet's sizes come from the font."""
        if event.type() == QEvent.Type.ApplicationFontChange:
            style.refresh(self)
        return super().event(event)


def run(
    thread: EngineThread,
    *,
    tray: bool,
    clock: Clock,
    settings: AppSettings,
    config_file: Path,
    state_file: Path | None = None,
    notifier: DesktopNotifier | None = None,
    remember: float = REMEMBER,
) -> int:
    """Show tray and windows until somebody quits. The engine runs on; ending it is the caller's.

    :param tray: try to put an icon into the tray.
    :param settings: `[app]` of the configuration.
    :param state_file: where the window's size is kept; None keeps nothing.
    :param remember: seconds that an answer "for a while" holds.
    :returns: the process's exit code.
    """
    application = TrayApplication(settings)
    collector = Collector()
    collector.start()
    with qasync.QEventLoop(application) as loop:
        desktop = Desktop(
            thread,
            clock,
            settings,
            config_file=config_file,
            state_file=state_file,
            notifier=notifier,
            remember=remember,
            tray=tray,
        )
        application.styleHints().colorSchemeChanged.connect(desktop.theme_changed)
        desktop.bridge.snapshot.connect(collector.look)
        try:
            loop.run_until_complete(until_quit(desktop))
        finally:
            desktop.remove()
            QApplication.processEvents()
    collector.stop()
    return 0


async def until_quit(desktop: Desktop) -> None:
    """Return when the person, the engine or a signal wants the end; nothing is left pending on the loop."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    desktop.ended.connect(ended.set)
    with suppress(NotImplementedError):  # Windows has no signals for loops
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended.set)
        loop.add_signal_handler(signal.SIGHUP, desktop.reload)
    desktop.start()
    await ended.wait()
