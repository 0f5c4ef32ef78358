"""The window: everything that the tray can do and more, shown from the engine's snapshots."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QCloseEvent, QHideEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from tokenkeep.domain.session import EngineSnapshot, SessionState
from tokenkeep.ui import clipboard, icons, style, window_state
from tokenkeep.ui.providers_page import ProvidersPage
from tokenkeep.ui.translation import tr
from tokenkeep.ui.turning import Turning

_TURNS = frozenset({SessionState.REFRESHING, SessionState.SIGNING_IN})


class MainWindow(QWidget):
    """Shows snapshots and says what the person wants; it changes nothing by itself.

    Signals carry provider ids. `sign_in_requested` adds `auto` or `device`; `storage_chosen` carries `keyring`,
    `passphrase` or `memory` and a `Secret` or None; `cancel_sign_in_requested` the id of the sign-in.

    :param wall: wall clock in seconds since the epoch.
    :param config_file: where providers are written down.
    :param state_file: where the window's size is kept; None keeps nothing.
    :param reduced_motion: nothing turns, whatever the platform says.
    """

    sign_in_requested = Signal(str, str)
    show_sign_in_requested = Signal(str)
    cancel_sign_in_requested = Signal(str)
    sign_out_requested = Signal(str)
    log_out_requested = Signal(str)
    refresh_requested = Signal(str)
    copy_requested = Signal(str)
    diagnose_requested = Signal(str)
    secret_requested = Signal(str)
    public_key_requested = Signal(str)
    storage_chosen = Signal(str, object)
    open_folder_requested = Signal()
    reload_requested = Signal()
    quit_requested = Signal()

    def __init__(
        self,
        wall: Callable[[], float],
        config_file: Path,
        *,
        state_file: Path | None = None,
        reduced_motion: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._wall = wall
        self._state_file = state_file
        self._reduced_motion = reduced_motion
        self._snapshot: EngineSnapshot | None = None
        self.setWindowTitle(tr("TokenKeep"))
        self.setWindowIcon(icons.app_icon())
        self.tabs = QTabBar()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setAutoHide(True)  # a bar of one tab leads nowhere
        self.pages = QStackedWidget()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.tabs)
        column.addWidget(self.pages, 1)
        self.providers = ProvidersPage(wall, config_file)
        self.add_page(tr("Providers"), self.providers)
        self.tabs.currentChanged.connect(self.pages.setCurrentIndex)
        self._clock = QTimer(self, interval=1000)
        self._clock.timeout.connect(self.providers.tick)
        self._turning = Turning(self)
        self._turning.turned.connect(self._turn)
        self._connect()
        self._add_keys()
        self._space()

    @property
    def counting(self) -> bool:
        """Whether times count: only while the window can be seen."""
        return self._clock.isActive()

    @property
    def turning(self) -> bool:
        """Whether the working mark turns."""
        return self._turning.running

    def add_page(self, title: str, page: QWidget) -> None:
        """Add a page; with the second one the bar of tabs appears."""
        self.pages.addWidget(page)
        self.tabs.addTab(title)

    def apply(self, snapshot: EngineSnapshot) -> None:
        """Show a snapshot."""
        self._snapshot = snapshot
        self.providers.show_snapshot(snapshot)
        self._animate()

    def show_provider(self, provider: str) -> None:
        """Show a provider's page, for whoever clicked it elsewhere."""
        self.tabs.setCurrentIndex(0)
        self.providers.choose(provider)

    def ask_sign_out(self, provider: str) -> None:
        """Show a provider's page with the question whether to sign out."""
        self.show_provider(provider)
        self.providers.detail.ask_sign_out()

    def token_copied(self, provider: str) -> None:
        """Say that a provider's token was put on the clipboard just now."""
        self.providers.detail.token_copied(provider, self._wall() + clipboard.KEEP)

    def _connect(self) -> None:
        page, detail = self.providers, self.providers.detail
        detail.sign_in_requested.connect(self.sign_in_requested)
        detail.show_sign_in_requested.connect(self.show_sign_in_requested)
        detail.cancel_sign_in_requested.connect(self.cancel_sign_in_requested)
        detail.sign_out_requested.connect(self.sign_out_requested)
        detail.log_out_requested.connect(self.log_out_requested)
        detail.refresh_requested.connect(self.refresh_requested)
        detail.copy_requested.connect(self.copy_requested)
        detail.diagnose_requested.connect(self.diagnose_requested)
        detail.secret_requested.connect(self.secret_requested)
        detail.public_key_requested.connect(self.public_key_requested)
        page.storage_chosen.connect(self.storage_chosen)
        page.open_folder_requested.connect(self.open_folder_requested)
        page.reload_requested.connect(self.reload_requested)

    # --- keyboard --------------------------------------------------------------------------------------------------

    def _add_keys(self) -> None:
        header = self.providers.detail.header
        for keys, act in (
            (("Ctrl+F",), self._focus_search),
            (("F5", "Ctrl+R"), lambda: _press(header.refresh_button)),
            (("Ctrl+Shift+C",), lambda: _press(header.copy_button)),
            (("Menu", "Shift+F10"), header.open_menu),
            (("F6",), lambda: self._next_area(1)),
            (("Shift+F6",), lambda: self._next_area(-1)),
            (("Escape",), self._escape),
            (("Ctrl+W",), self.close),
            (("Ctrl+Q",), self.quit_requested.emit),
            (("/",), self._slash),
        ):
            action = QAction(self)
            action.setShortcuts([QKeySequence(key) for key in keys])
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            action.triggered.connect(act)
            self.addAction(action)

    def _focus_search(self) -> None:
        self.tabs.setCurrentIndex(0)
        if self.providers.list.isHidden():
            self.providers.back()
        self.providers.list.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.providers.list.search.selectAll()

    def _slash(self) -> None:
        focused = QApplication.focusWidget()
        if isinstance(focused, QLineEdit) and not focused.isReadOnly():
            focused.insert("/")
        else:
            self._focus_search()

    def _next_area(self, step: int) -> None:
        areas = self.providers.areas()
        focused = QApplication.focusWidget()
        here = next((place for place, area in enumerate(areas) if area is focused), -1 if step > 0 else 0)
        if areas:
            areas[(here + step) % len(areas)].setFocus(Qt.FocusReason.TabFocusReason)

    def _escape(self) -> None:
        if not self.providers.take_back():
            self.close()

    # --- time, motion, size ----------------------------------------------------------------------------------------

    def _turn(self, angle: float) -> None:
        self.providers.list.turn(angle)
        self.providers.detail.state.mark.turn(angle)

    def _animate(self) -> None:
        sessions = () if self._snapshot is None else self._snapshot.sessions
        app = QApplication.instance()
        still = self._reduced_motion or (isinstance(app, QApplication) and style.reduced_motion(app))
        self._turning.run(self.isVisible() and not still and any(session.state in _TURNS for session in sessions))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        if not event.spontaneous():
            self._clock.start()
            self.providers.tick()
            self._animate()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        super().hideEvent(event)
        if not event.spontaneous():
            self._clock.stop()
            self._animate()
            self._keep_size()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        self._keep_size()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationFontChange:
            self._space()

    def _space(self) -> None:
        self.setMinimumSize(self._on_screen(QSize(*(style.em(side) for side in style.WINDOW_LEAST))))
        if not self.isVisible():
            self._take_size()

    def _take_size(self) -> None:
        width, height = (style.em(side) for side in style.WINDOW_SIZE)
        list_width = style.em(style.LIST_WIDTH[1])
        kept = None if self._state_file is None else window_state.read(self._state_file, self._screen_name())
        if kept is not None:
            width, height, list_width = kept.width, kept.height, kept.list_width
        self.resize(self._on_screen(QSize(width, height)))
        self.providers.splitter.setSizes([list_width, max(1, width - list_width)])

    def _keep_size(self) -> None:
        if self._state_file is None or self.isMaximized() or self.isFullScreen():
            return
        list_width = self.providers.splitter.sizes()[0] or style.em(style.LIST_WIDTH[1])
        state = window_state.WindowState(self.width(), self.height(), list_width)
        window_state.write(self._state_file, self._screen_name(), state)

    def _screen_name(self) -> str:
        return self.screen().name()

    def _on_screen(self, size: QSize) -> QSize:
        return size.boundedTo(self.screen().availableSize())


def _press(button: QPushButton) -> None:
    """What a key does with a button: nothing while it is not there."""
    if button.isVisible():
        button.click()
