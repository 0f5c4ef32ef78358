"""How a provider's row is drawn: tile, name and account, state mark and words, the ring of its token."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from tokenkeep.ui import icons, style
from tokenkeep.ui.provider_model import ROW, Row
from tokenkeep.ui.widgets import ring, tile

_BAR = 3  # pixels; marks the selected row
_LEAST_ACCOUNT = 12  # units; an account of two letters and an ellipsis helps nobody
_ENDLESS = 10_000


class ProviderRow(QStyledItemDelegate):
    """State words wrap and are never cut; the account is cut in its middle, the name last.

    :param wall: wall clock in seconds.
    """

    def __init__(self, view: QListView, wall: Callable[[], float]) -> None:
        super().__init__(view)
        self._view = view
        self._wall = wall
        self.angle = 0.0

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:  # noqa: N802
        row = index.data(ROW)
        if not isinstance(row, Row):
            return super().sizeHint(option, index)
        k = style.unit()
        words = self._words_place(row, self._text_width(row, self._view.viewport().width()))
        text = style.line_height("strong") + max(words.height(), style.ICON * k) + k // 2
        return QSize(0, max(text + 5 * k, (style.TILE + 5) * k))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row = index.data(ROW)
        if not isinstance(row, Row):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area: QRect = option.rect
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        focused = bool(option.state & QStyle.StateFlag.State_HasFocus)
        direction = option.direction

        def place(x: int, y: int, width: int, height: int) -> QRect:
            return QStyle.visualRect(direction, area, QRect(area.x() + x, area.y() + y, width, height))

        if selected:
            painter.fillRect(area, style.color("sel"))
            painter.fillRect(place(0, 0, _BAR, area.height()), style.color("accent"))
            if focused:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(style.color("accent"), style.FOCUS_LINE))
                painter.drawRect(area.adjusted(1, 1, -1, -1))
        side = style.TILE * style.unit()
        square = place(style.space("l"), (area.height() - side) // 2, side, side)
        tile.paint_tile(painter, square, row.session.id, row.session.name)
        rtl = direction == Qt.LayoutDirection.RightToLeft
        lead = (Qt.AlignmentFlag.AlignRight if rtl else Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignAbsolute
        self._paint_text(painter, place, lead, row, area, selected=selected)
        share = ring.remaining(row.session, self._wall())
        if share is not None:
            size = round(style.RING * style.unit())
            x = area.width() - size - style.space("l")
            ring.paint_ring(painter, place(x, (area.height() - size) // 2, size, size), share, selected=selected)
        painter.restore()

    def _paint_text(
        self,
        painter: QPainter,
        place: Callable[[int, int, int, int], QRect],
        lead: Qt.AlignmentFlag,
        row: Row,
        area: QRect,
        *,
        selected: bool,
    ) -> None:
        k, x, width = style.unit(), self._text_left(), self._text_width(row, area.width())
        words = self._words_place(row, width)
        name_height, words_height = style.line_height("strong"), max(words.height(), style.ICON * k)
        y = (area.height() - name_height - words_height - k // 2) // 2
        self._paint_name(painter, place, lead, row, QRect(x, y, width, name_height))
        y += name_height + k // 2
        icon, indent = style.ICON * k, (style.ICON + 2) * k - k // 2
        behind = style.color("sel" if selected else "base")
        first_line = QFontMetrics(self._words_font(row)).height()
        mark = place(x, y + (min(words_height, max(first_line, icon)) - icon) // 2, icon, icon)
        icons.paint_mark(painter, mark, row.mark, behind, self.angle if row.mark == "working" else 0.0)
        painter.setPen(icons.mark_color(row.mark) if row.urgent else style.color("text2"))
        painter.setFont(self._words_font(row))
        beside = place(x + indent, y + (words_height - words.height()) // 2, width - indent, words.height())
        painter.drawText(beside, lead | Qt.TextFlag.TextWordWrap, row.words)

    def _paint_name(
        self,
        painter: QPainter,
        place: Callable[[int, int, int, int], QRect],
        lead: Qt.AlignmentFlag,
        row: Row,
        line: QRect,
    ) -> None:
        strong, body = QFontMetrics(style.font("strong")), QFontMetrics(style.font())
        name = strong.elidedText(row.session.name, Qt.TextElideMode.ElideRight, line.width())
        painter.setPen(style.color("text"))
        painter.setFont(style.font("strong"))
        painter.drawText(place(line.x(), line.y(), line.width(), line.height()), lead, name)
        used = strong.horizontalAdvance(name) + style.space("s")
        room = line.width() - used
        if row.session.account and room >= _LEAST_ACCOUNT * style.unit():
            account = body.elidedText(row.session.account, Qt.TextElideMode.ElideMiddle, room)
            painter.setPen(style.color("text2"))
            painter.setFont(style.font())
            painter.drawText(place(line.x() + used, line.y(), room, line.height()), lead, account)

    def _text_left(self) -> int:
        return style.space("l") + style.TILE * style.unit() + style.space("m")

    def _text_width(self, row: Row, width: int) -> int:
        k = style.unit()
        token = ring.remaining(row.session, self._wall()) is not None
        beyond = style.space("l") + (round(style.RING * k) + style.space("m") if token else 0)
        return max(10 * k, width - self._text_left() - beyond)

    def _words_font(self, row: Row) -> QFont:
        return style.font("strong" if row.urgent else "body")

    def _words_place(self, row: Row, width: int) -> QRect:
        indent = (style.ICON + 2) * style.unit() - style.unit() // 2
        room = QRect(0, 0, width - indent, _ENDLESS)
        return QFontMetrics(self._words_font(row)).boundingRect(room, Qt.TextFlag.TextWordWrap, row.words)
