"""Names at the left, values at the right; in narrow places the names stand above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from tokenkeep.ui import style
from tokenkeep.ui.widgets.label import Label
from tokenkeep.ui.widgets.value import Value

STACKED = 32.0  # em; below this width the names stand above their values


@dataclass(frozen=True, slots=True)
class Fact:
    """One line.

    :param mono: the value is a scope, a path or a code.
    """

    name: str
    value: str
    mono: bool = False


class Facts(QWidget):
    """Lines of name and value. The name column is as wide everywhere, so that sections line up.

    :param names_quiet: names in the secondary colour; else the values are.
    :param column: width of the names in em; dialogs are narrower than pages.
    :param stacked: width in em below which the names stand above their values.
    """

    def __init__(
        self,
        *,
        names_quiet: bool = True,
        column: float = style.LABEL_COLUMN,
        stacked: float = STACKED,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._column = column
        self._stack_below = stacked
        self._names_quiet = names_quiet
        self._facts: tuple[Fact, ...] = ()
        self._rows: list[tuple[Label, Value]] = []
        self._stacked = False
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._measure()

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show these lines; widgets stay, and with them focus and selection, while the names stay."""
        wanted = tuple(facts)
        self.setVisible(bool(wanted))
        if wanted == self._facts:
            return
        if [(fact.name, fact.mono) for fact in wanted] != [(fact.name, fact.mono) for fact in self._facts]:
            self._build(wanted)
        for (_, value), fact in zip(self._rows, wanted, strict=True):
            value.show_text(fact.value)
        self._facts = wanted

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationFontChange:
            self._measure()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        if (event.size().width() < style.em(self._stack_below)) != self._stacked:
            self._measure()

    def _build(self, facts: tuple[Fact, ...]) -> None:
        for label, value in self._rows:
            for widget in (label, value):
                self._grid.removeWidget(widget)
                widget.hide()
                widget.deleteLater()
        self._rows = [
            (
                Label(fact.name, quiet=self._names_quiet),
                Value("mono" if fact.mono else "body", name=fact.name, quiet=fact.mono and not self._names_quiet),
            )
            for fact in facts
        ]
        self._arrange()
        for label, value in self._rows:  # a layout would show them one turn later, and the page would jump
            label.show()
            value.show()

    def _measure(self) -> None:
        self._stacked = self.width() < style.em(self._stack_below)
        self._grid.setHorizontalSpacing(style.space("l"))
        self._grid.setVerticalSpacing(0 if self._stacked else style.space("s") - style.FOCUS_LINE)
        self._grid.setColumnMinimumWidth(0, 0 if self._stacked else style.em(self._column))
        self._grid.setColumnStretch(0 if self._stacked else 1, 1)
        self._grid.setColumnStretch(1 if self._stacked else 0, 0)
        self._arrange()

    def _arrange(self) -> None:
        for number, (label, value) in enumerate(self._rows):
            label.setMaximumWidth(style.measure(label.font()) if self._stacked else style.em(self._column))
            self._grid.removeWidget(label)
            self._grid.removeWidget(value)
            self._grid.setRowMinimumHeight(3 * number + 2, style.space("s") if self._stacked else 0)
            if self._stacked:
                self._grid.addWidget(label, 3 * number, 0)
                self._grid.addWidget(value, 3 * number + 1, 0)
            else:
                self._grid.addWidget(label, number, 0, Qt.AlignmentFlag.AlignTop)
                self._grid.addWidget(value, number, 1)
