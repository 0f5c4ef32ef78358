"""What all dialogs share: a window of its own that is never modal, pages with heading, body and buttons, one tick."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLayout,
    QScrollArea,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from tokenkeep.domain.ports import Clock
from tokenkeep.ui import style
from tokenkeep.ui.widgets.button import Button
from tokenkeep.ui.widgets.facts import Facts
from tokenkeep.ui.widgets.label import Label
from tokenkeep.ui.widgets.mark import Mark
from tokenkeep.ui.widgets.tile import Tile

TICK = 1000  # milliseconds; countdowns step once a second
FACT_COLUMN = 7.5  # em
FACT_STACKED = 22.0  # em
LEAST_WIDTH = 24.0  # em
LONGEST_WORD = 40  # characters; an account beside the tile is not broken while it fits on a line


class Heading(QWidget):
    """Picture at the left; mark, title and a sentence beside it. The title takes the focus, so that it is read out."""

    def __init__(self, picture: QWidget, *, mark: bool = False, quiet: bool = False) -> None:
        super().__init__()
        self.mark = Mark(units=style.RESULT_ICON)
        self.mark.setVisible(mark)
        self.title = Label(kind="title")
        self.title.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.text = Label(quiet=quiet, longest=LONGEST_WORD)
        first = QHBoxLayout()
        first.setSpacing(style.space("s"))
        first.addWidget(self.mark)
        first.addWidget(self.title, 1)
        words = QVBoxLayout()
        words.setSpacing(style.space("xs"))
        words.addLayout(first)
        words.addWidget(self.text)
        words.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.space("l"))
        layout.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(words, 1)

    def say(self, title: str, text: str, mark: str = "") -> None:
        """Set the words, and the mark where there is one."""
        self.title.setText(title)
        self.text.setText(text)
        self.text.setVisible(bool(text))
        if mark:
            self.mark.show_mark(mark, "window")


def facts() -> Facts:
    """Lines of name and value in the narrower columns of a dialog."""
    return Facts(column=FACT_COLUMN, stacked=FACT_STACKED)


def rule() -> QFrame:
    """A hair line across."""
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFrameShadow(QFrame.Shadow.Plain)
    line.setForegroundRole(line.palette().ColorRole.Mid)
    return line


def row(*widgets: QWidget, stretch: QWidget | None = None) -> QHBoxLayout:
    """Widgets beside each other; `stretch` takes what is left, else the end stays empty."""
    layout = QHBoxLayout()
    layout.setSpacing(style.space("s"))
    for widget in widgets:
        layout.addWidget(widget, 1 if widget is stretch else 0)
    if stretch is None:
        layout.addStretch(1)
    return layout


def flush(links: QWidget) -> QHBoxLayout:
    """Links keep room for their focus frame; this moves them out so that their words meet the other left edges."""
    layout = QHBoxLayout()
    layout.setContentsMargins(-style.FOCUS_LINE, 0, -style.FOCUS_LINE, 0)
    layout.addWidget(links)
    return layout


class _Inside(QWidget):
    """What scrolls. Its least height is what its width asks for; the sum of the parts' own least heights is more."""

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize()


class Page(QWidget):
    """One view of a dialog: the body scrolls when the screen is too small for it, the buttons stay."""

    def __init__(self, *, ruled: bool) -> None:
        """:param ruled: a hair line over the buttons."""
        super().__init__()
        edge, between = style.space("xl"), style.space("l")
        self._inside = _Inside()
        self.body = QVBoxLayout(self._inside)
        self.body.setContentsMargins(edge, edge - style.unit(), edge, 0)
        self.body.setSpacing(between)
        self._scroll = QScrollArea()
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(self._inside)
        self._foot = QWidget()
        foot = self._foot_column = QVBoxLayout(self._foot)
        foot.setContentsMargins(edge, between, edge, edge - style.unit())
        foot.setSpacing(between)
        if ruled:
            foot.addWidget(rule())
        self.foot = QHBoxLayout()
        self.foot.setSpacing(style.space("l"))
        self.buttons = QDialogButtonBox()
        if (between_buttons := self.buttons.layout()) is not None:
            between_buttons.setSpacing(style.space("s"))
        self.buttons.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.foot.addStretch(1)
        self.foot.addWidget(self.buttons, 0, Qt.AlignmentFlag.AlignBottom)
        foot.addLayout(self.foot)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._scroll, 1)
        layout.addWidget(self._foot)

    def add_button(self, button: Button, role: QDialogButtonBox.ButtonRole) -> Button:
        """Add a button; the platform orders them by role."""
        self.buttons.addButton(button, role)
        button.setAutoDefault(False)
        return button

    def at_foot(self, label: Label) -> None:
        """Put words at the left of the buttons; they take the room that is there."""
        self.foot.setStretch(0, 0)
        self.foot.insertWidget(0, label, 1, Qt.AlignmentFlag.AlignVCenter)

    def at_foot_link(self, link: Button) -> None:
        """Put a link at the left of the buttons."""
        self.foot.insertLayout(0, flush(link))

    def height_for(self, width: int) -> int:
        """How high it must be at a width to show everything."""
        return _height_for(self.body, width) + _height_for(self._foot_column, width)


def _height_for(layout: QLayout, width: int) -> int:
    return layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else layout.totalSizeHint().height()


class DialogFrame(QDialog):
    """A dialog that is not modal, opens without taking the keyboard unless a click of the person opened it.

    :param width: in em.
    :param clock: countdowns ask its wall time.
    """

    def __init__(self, width: float, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._width = width
        self._pages = QStackedLayout(self)
        self._pages.setContentsMargins(0, 0, 0, 0)
        self.ticker = QTimer(self, interval=TICK, timerType=Qt.TimerType.CoarseTimer)
        self.ticker.timeout.connect(self.tick)
        self.setModal(False)

    def add_page(self, page: Page) -> None:
        """Add a view; the first is shown."""
        self._pages.addWidget(page)

    @property
    def page(self) -> Page:
        """The view that is shown."""
        page = self._pages.currentWidget()
        assert isinstance(page, Page)
        return page

    def turn_to(self, page: Page) -> None:
        """Show another view; the window keeps its size unless the view needs more."""
        self._pages.setCurrentWidget(page)
        self.fit()

    def tick(self) -> None:
        """A second has gone by; only while the window is shown."""

    def open_up(self, *, activate: bool) -> None:
        """Show it.

        :param activate: the person's own click opened it, so it may take the keyboard.
        """
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating, not activate)
        self.fit()
        self.show()
        if activate:
            self.raise_()
            self.activateWindow()

    def fit(self) -> None:
        """Give the shown view the height it needs, at most the screen's; never make the window smaller."""
        if self._pages.currentWidget() is None:
            return
        page = self.page
        room = self.screen().availableGeometry().size()
        width = self.width() if self.isVisible() else min(style.em(self._width), room.width())
        height = min(page.height_for(width), room.height() - 8 * style.unit())  # the window's own frame
        if self.isVisible():
            height = max(height, self.height())
        self.setMinimumWidth(min(style.em(LEAST_WIDTH), room.width()))
        self.resize(width, height)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self.tick()
        self.ticker.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        self.ticker.stop()
        super().hideEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationFontChange:
            self.fit()


def provider_tile(provider: str, name: str) -> Tile:
    """The large tile of a provider for a heading."""
    tile = Tile()
    tile.show_provider(provider, name)
    return tile
