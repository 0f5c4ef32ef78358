"""The block that says what is the matter: mark, heading, sentence, and the buttons that lead on."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QRectF
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from tokenkeep.ui import style
from tokenkeep.ui.widgets.flow_layout import FlowLayout
from tokenkeep.ui.widgets.label import Label
from tokenkeep.ui.widgets.mark import Mark

BandKind = Literal["plain", "needs", "failed"]


class Band(QFrame):
    """A tinted or plain block. Heading and sentence are plain text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind: BandKind = "plain"
        self.mark = Mark()
        self.title = Label(kind="strong")
        self.aside = Label(kind="caption", quiet=True, wrap=False)
        self.sentence = Label()
        self.body = QVBoxLayout()
        self.buttons = QWidget()
        FlowLayout(self.buttons)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.buttons.setSizePolicy(policy)
        self._head = QHBoxLayout()
        self._head.addWidget(self.mark)
        self._head.addWidget(self.title, 1000)  # its width ends at 70 characters, the rest goes to the far side
        self._head.addStretch(1)
        self._head.addWidget(self.aside)
        self._column = QVBoxLayout(self)
        self._column.addLayout(self._head)
        self._column.addWidget(self.sentence)
        self._column.addLayout(self.body)
        self._column.addWidget(self.buttons)
        self._space()

    def say(self, kind: BandKind, mark: str, title: str, sentence: str, aside: str = "") -> None:
        """Show a matter.

        :param aside: at the far end of the heading: since when, or how long still.
        """
        self._kind = kind
        self.mark.show_mark(mark, self._fill)
        self.title.setText(title)
        self.sentence.setText(sentence)
        self.sentence.set_quiet(quiet=kind == "plain")
        self.sentence.setVisible(bool(sentence))
        self.aside.setText(aside)
        self.aside.setVisible(bool(aside))
        self.update()

    def add_button(self, button: QWidget) -> None:
        """Add a button after the others."""
        layout = self.buttons.layout()
        assert layout is not None
        layout.addWidget(button)

    def show_buttons(self) -> None:
        """Take no room for buttons when none is there to be shown."""
        layout = self.buttons.layout()
        assert layout is not None
        widgets = [item.widget() for number in range(layout.count()) if (item := layout.itemAt(number))]
        self.buttons.setVisible(any(widget is not None and not widget.isHidden() for widget in widgets))

    @property
    def _fill(self) -> str:
        return "base" if self._kind == "plain" else f"{self._kind}_bg"

    @property
    def _edge(self) -> str:
        return "line" if self._kind == "plain" else f"{self._kind}_line"

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationFontChange:
            self._space()

    def _space(self) -> None:
        wide, high = style.space("l"), style.space("m")
        self._column.setContentsMargins(wide, high, wide, high)
        self._column.setSpacing(style.space("s"))
        self._head.setSpacing(style.space("s"))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(style.color(self._fill))
        painter.setPen(QPen(style.color(self._edge), style.HAIR_LINE))
        painter.drawRoundedRect(
            QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), style.RADIUS_BAND, style.RADIUS_BAND
        )
