"""The page of providers: list and detail side by side, one of them in a narrow window, or how to begin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QStackedWidget, QVBoxLayout, QWidget

from tokenkeep.domain.session import EngineSnapshot
from tokenkeep.ui import style
from tokenkeep.ui.empty_page import EmptyPage
from tokenkeep.ui.notices import Notices
from tokenkeep.ui.provider_detail import ProviderDetail
from tokenkeep.ui.provider_list import ProviderList
from tokenkeep.ui.provider_model import pending_sign_in
from tokenkeep.ui.translation import tr
from tokenkeep.ui.widgets.label import Label


class ProvidersPage(QStackedWidget):
    """Holds nothing but the last snapshot and which provider is chosen.

    :param wall: wall clock in seconds.
    """

    storage_chosen = Signal(str, object)
    open_folder_requested = Signal()
    reload_requested = Signal()

    def __init__(self, wall: Callable[[], float], config_file: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._snapshot: EngineSnapshot | None = None
        self._narrow = False
        self._shows_detail = False
        self.list = ProviderList(wall)
        self.detail = ProviderDetail(wall)
        self.empty = EmptyPage(config_file)
        self.notices = Notices()
        self.splitter = QSplitter()
        self.splitter.setHandleWidth(style.HAIR_LINE)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.list)
        self.splitter.addWidget(self.detail)
        self.splitter.setStretchFactor(1, 1)
        self._full = QWidget()
        self._strip = QVBoxLayout()
        self._strip.addWidget(self.notices)
        column = QVBoxLayout(self._full)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._strip)
        column.addWidget(self.splitter, 1)
        # Until the engine has spoken nobody knows whether there are providers.
        self.starting = Label(tr("TokenKeep is starting…"), quiet=True, wrap=False)
        self.starting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.addWidget(self.starting)
        self.addWidget(self.empty)
        self.addWidget(self._full)
        self._space()
        self.list.chosen.connect(self._chosen)
        self.list.opened.connect(self._opened)
        self.list.view.clicked.connect(lambda _index: self._show_detail(shown=True))
        self.detail.back_requested.connect(self.back)
        self.detail.open_folder_requested.connect(self.open_folder_requested)
        for notices in (self.notices, self.empty.notices):
            notices.storage_chosen.connect(self.storage_chosen)
            notices.open_folder.connect(self.open_folder_requested)
            notices.reload.connect(self.reload_requested)
        self.empty.open_folder_requested.connect(self.open_folder_requested)
        self.empty.reload_requested.connect(self.reload_requested)

    @property
    def current(self) -> str:
        """The id of the chosen provider, empty for none."""
        return self.list.current

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Show a snapshot; the chosen provider, scroll position and focus stay."""
        self._snapshot = snapshot
        if not snapshot.sessions:
            self.empty.show_snapshot(snapshot)
            self._turn_to(self.empty, self.empty.folder_button)
            return
        self.notices.show_snapshot(snapshot)
        self._space()
        self.list.show_snapshot(snapshot)
        self._show_current()
        self._turn_to(self._full, self.list.view)

    def choose(self, provider: str) -> None:
        """Show a provider's page."""
        self.list.choose(provider)
        self._show_current()
        self._show_detail(shown=True)

    def tick(self) -> None:
        """Show what changes with time alone."""
        self.detail.tick()
        self.list.view.viewport().update()

    def take_back(self) -> bool:
        """Undo the last small step: a question, a half typed passphrase, a search; False when there is none."""
        notices = self.empty.notices if self.currentWidget() is self.empty else self.notices
        if self.detail.take_back() or notices.storage.take_back():
            return True
        if self.list.search.text():
            self.list.search.clear()
            return True
        return self.back()

    def back(self) -> bool:
        """In a narrow window, from the detail page to the list; False when there is no way back."""
        if not (self._narrow and self._shows_detail):
            return False
        self._show_detail(shown=False)
        self.list.view.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    def areas(self) -> list[QWidget]:
        """What F6 goes through."""
        if self.currentWidget() is self.empty:
            return [self.empty.folder_button]
        return [part for part in (self.list.search, self.list.view, self.detail.header.more_button) if part.isVisible()]

    def _turn_to(self, part: QWidget, focus: QWidget) -> None:
        if self.currentWidget() is not part or self.window().focusWidget() is None:
            self.setCurrentWidget(part)
            focus.setFocus(Qt.FocusReason.OtherFocusReason)

    def _chosen(self, _provider: str) -> None:
        self._show_current()

    def _opened(self, provider: str) -> None:
        if self._narrow and not self._shows_detail:
            self.choose(provider)
        else:
            self.detail.primary()

    def _show_current(self) -> None:
        if self._snapshot is None:
            return
        session = self._snapshot.session(self.current)
        if session is not None:
            self.detail.show_session(session, pending_sign_in(self._snapshot, session.id))

    def _show_detail(self, *, shown: bool) -> None:
        self._shows_detail = shown
        self._arrange()
        if shown:
            self.detail.settle()

    def _arrange(self) -> None:
        self.list.setVisible(not (self._narrow and self._shows_detail))
        self.detail.setVisible(not self._narrow or self._shows_detail)
        self.detail.header.back_button.setVisible(self._narrow)
        least, _, most = style.LIST_WIDTH
        # alone in a narrow window the list takes all of the width
        self.list.setMaximumWidth(self.maximumWidth() if self._narrow else style.em(most))
        self.list.setMinimumWidth(0 if self._narrow else style.em(least))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        narrow = event.size().width() < style.em(style.NARROW)
        if narrow != self._narrow:
            self._narrow = narrow
            if not narrow:
                self._shows_detail = False
        self._arrange()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationFontChange:
            self._space()
            self._arrange()

    def _space(self) -> None:
        edge = style.space("l")
        self._strip.setContentsMargins(*((edge,) * 4 if not self.notices.isHidden() else (0,) * 4))
