"""The list of providers with its search field."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QModelIndex, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent, QKeyEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QFrame, QListView, QVBoxLayout, QWidget

from tokenkeep.domain.session import EngineSnapshot
from tokenkeep.ui import style
from tokenkeep.ui.provider_model import ProviderModel
from tokenkeep.ui.provider_row import ProviderRow
from tokenkeep.ui.translation import tr
from tokenkeep.ui.widgets.label import Label
from tokenkeep.ui.widgets.search_field import SearchField

QUIET_AFTER_KEY = 2_000  # milliseconds after a key press in which no row moves


class _View(QListView):
    """Tells when the person is about to point at a row, by pointer or keys."""

    activated_row = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pointed_at = False
        self.key_timer = QTimer(self, singleShot=True, interval=QUIET_AFTER_KEY)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setUniformItemSizes(False)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(style.em(style.LIST_WIDTH[0]), style.em(8))

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802
        self.pointed_at = True
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        self.pointed_at = False
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        self.key_timer.start()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated_row.emit()
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()  # rows wrap, so their heights follow the width


class ProviderList(QWidget):
    """Search and rows. The chosen provider is kept by its id through every change.

    `chosen` carries the id of the provider that is now current, empty for none; `opened` the id of one that was
    double clicked or entered.
    """

    chosen = Signal(str)
    opened = Signal(str)

    def __init__(self, wall: Callable[[], float], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wall = wall
        self._snapshot: EngineSnapshot | None = None
        self._wanted = ""
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.search = SearchField(tr("Search providers"))
        self.model = ProviderModel(self)
        self.view = _View()
        self.view.setAccessibleName(tr("Providers"))
        self.view.setModel(self.model)
        self.row = ProviderRow(self.view, wall)
        self.view.setItemDelegate(self.row)
        self.nothing = Label(quiet=True)
        self._head = QVBoxLayout()
        self._head.addWidget(self.search)
        self._foot = QVBoxLayout()
        self._foot.addWidget(self.nothing)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._head)
        column.addLayout(self._foot)
        column.addWidget(self.view, 1)
        self.nothing.hide()
        self._space()
        self.search.textChanged.connect(self._search)
        self.view.selectionModel().currentChanged.connect(self._current_changed)
        self.view.doubleClicked.connect(lambda _index: self._open())
        self.view.activated_row.connect(self._open)
        self.view.key_timer.timeout.connect(self._settle)

    @property
    def current(self) -> str:
        """The id of the chosen provider, empty for none."""
        return self._wanted

    def choose(self, provider: str) -> None:
        """Make a provider the current one; a search that hides it is cleared."""
        if not self.model.place(provider).isValid():
            self.search.clear()
        self._wanted = provider
        self._restore()

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Show the providers of a snapshot; scroll position, current row and focus stay."""
        self._snapshot = snapshot
        scroll = self.view.verticalScrollBar().value()
        self.model.show_snapshot(snapshot, self._wall(), hold_order=self._busy)
        self._restore()
        self.view.verticalScrollBar().setValue(scroll)
        self._say_nothing_found()

    def turn(self, angle: float) -> None:
        """Turn the working marks to an angle in degrees."""
        self.row.angle = angle
        self.view.viewport().update()

    @property
    def _busy(self) -> bool:
        return self.view.pointed_at or self.view.key_timer.isActive()

    def _settle(self) -> None:
        """What held the order is over: sort as the rule says."""
        if self._snapshot is not None and not self._busy:
            self.show_snapshot(self._snapshot)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        super().leaveEvent(event)
        self._settle()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() in (QEvent.Type.ApplicationFontChange, QEvent.Type.StyleChange):
            self._space()
            self.view.scheduleDelayedItemsLayout()

    def _space(self) -> None:
        edge, gap = style.space("l"), style.space("m")
        self._head.setContentsMargins(edge, gap, edge, gap)
        self._foot.setContentsMargins(edge, 0, edge, 0 if self.nothing.isHidden() else gap)

    def _search(self, words: str) -> None:
        self.model.search(words)
        self._restore()
        self._say_nothing_found()

    def _say_nothing_found(self) -> None:
        empty = self.model.rowCount() == 0 and self.model.total > 0
        self.nothing.setVisible(empty)
        self._space()
        if empty:
            self.nothing.setText(tr("Nothing matches “{words}”.", words=self.search.text()))

    def _restore(self) -> None:
        """The wanted provider's row is the current one; when it is gone or hidden, the first that is shown."""
        place = self.model.place(self._wanted)
        if not place.isValid() and self.model.rowCount():
            place = self.model.index(0)
        if place.isValid() and place != self.view.currentIndex():
            self.view.setCurrentIndex(place)
        if self.model.total == 0 and self._wanted:
            self._wanted = ""
            self.chosen.emit("")

    def _current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        row = self.model.row(current)
        if row is not None and row.session.id != self._wanted:
            self._wanted = row.session.id
            self.chosen.emit(self._wanted)

    def _open(self) -> None:
        row = self.model.row(self.view.currentIndex())
        if row is not None:
            self.opened.emit(row.session.id)
