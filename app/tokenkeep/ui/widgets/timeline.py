"""The last tokens of a sign-in as blocks on a line of time, up to the end of the current one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QStyle, QWidget

from tokenkeep.domain.session import SessionSnapshot
from tokenkeep.ui import style, texts, times
from tokenkeep.ui.translation import plural, tr

SPAN = 6 * 3600.0  # seconds; older tokens are nobody's concern


@dataclass(frozen=True, slots=True)
class Course:
    """What the line shows, in wall-clock seconds.

    :param starts: when each token was obtained, oldest first; the last is the current one.
    """

    starts: tuple[float, ...]
    now: float
    end: float

    @property
    def start(self) -> float:
        """Where the line begins."""
        return self.starts[0]

    def share(self, at: float) -> float:
        """The place of a moment on the line, 0 to 1."""
        return min(1.0, max(0.0, (at - self.start) / max(1.0, self.end - self.start)))


def course(session: SessionSnapshot, now: float) -> Course | None:
    """The line of a session; None without a token whose end is known and still to come."""
    if not session.token_usable or session.expires_at is None or session.obtained_at is None:
        return None
    if session.expires_at <= now:
        return None
    starts = sorted({*session.history, session.obtained_at})
    kept = tuple(start for start in starts if now - start <= SPAN and start <= session.obtained_at)
    return Course(kept or (session.obtained_at,), now, session.expires_at)


class Timeline(QWidget):
    """Painted; a screen reader gets one sentence."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._course: Course | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)

    def show_course(self, shown: Course | None) -> None:
        """Show a line, or nothing."""
        self.setVisible(shown is not None)
        if shown is None or shown == self._course:
            return
        self._course = shown
        first, end = times.moment(shown.start, shown.now), times.moment(shown.end, shown.now)
        sentence = texts.timeline_sentence(first, len(shown.starts) - 1, end)
        if sentence != self.accessibleName():
            self.setAccessibleName(sentence)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(style.em(20), 5 * style.unit() + style.line_height("caption"))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(style.em(8), self.sizeHint().height())

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationFontChange:
            self.updateGeometry()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        if self._course is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_blocks(painter, self._course)
        self._paint_times(painter, self._course)

    def _place(self, left: float, top: float, width: float, height: float) -> QRectF:
        """Mirrored in right-to-left windows: there time runs from the right."""
        if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            left = self.width() - left - width
        return QRectF(left, top, width, height)

    def _paint_blocks(self, painter: QPainter, shown: Course) -> None:
        k, width = style.unit(), self.width()
        top, height, gap, radius = float(k), 2.0 * k, 0.75 * k, 0.5 * k
        painter.setPen(Qt.PenStyle.NoPen)
        edges = [shown.share(start) * width for start in shown.starts]
        for left, right in pairwise(edges):
            painter.setBrush(style.color("control"))
            painter.drawRoundedRect(self._place(left, top, max(1.0, right - left - gap), height), radius, radius)
        now = shown.share(shown.now) * width
        painter.setBrush(style.color("track"))
        painter.drawRoundedRect(self._place(edges[-1], top, width - edges[-1], height), radius, radius)
        painter.setBrush(style.color("accent"))
        painter.drawRoundedRect(self._place(edges[-1], top, max(1.0, now - edges[-1]), height), radius, radius)
        painter.setBrush(style.color("text"))
        painter.drawRect(self._place(min(max(0.0, now - 1), width - 2.0), 0.0, 2.0, 4.0 * k))

    def _paint_times(self, painter: QPainter, shown: Course) -> None:
        """The moment now always; start and end as far as there is room beside it."""
        quiet, strong = style.font("caption"), style.font("caption")
        strong.setWeight(style.font("strong").weight())
        metrics, gap, width = QFontMetrics(quiet), style.space("m"), self.width()
        refreshes = len(shown.starts) - 1
        first, end = times.clock_time(shown.start), tr("ends {time}", time=times.moment(shown.end, shown.now))
        now = tr("now, {time}", time=times.clock_time(shown.now))
        now_width, end_width = QFontMetrics(strong).horizontalAdvance(now) + 2, metrics.horizontalAdvance(end) + 2
        center = shown.share(shown.now) * width
        left = max(0.0, min(center - now_width / 2, width - now_width))
        if width - end_width - gap - now_width >= 0:
            left = min(left, width - end_width - gap - now_width)
            self._text(painter, width - end_width, end_width, end, strong=False)
        self._text(painter, left, now_width, now, strong=True)
        spoken = plural("{time}, %n refresh since", "{time}, %n refreshes since", refreshes, time=first)
        for text in (spoken, first) if refreshes else (first,):
            if metrics.horizontalAdvance(text) + 2 + gap <= left:
                self._text(painter, 0, metrics.horizontalAdvance(text) + 2, text, strong=False)
                break

    def _text(self, painter: QPainter, left: float, width: float, text: str, *, strong: bool) -> None:
        font = style.font("caption")
        if strong:
            font.setWeight(style.font("strong").weight())
        painter.setFont(font)
        painter.setPen(style.color("text" if strong else "text2"))
        # The first text begins and the last one ends where the blocks do.
        rtl = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        at_start = (left <= 0) != rtl
        lead = Qt.AlignmentFlag.AlignLeft if at_start else Qt.AlignmentFlag.AlignRight
        place = QRect(round(left), 5 * style.unit(), round(width), style.line_height("caption"))
        painter.drawText(
            QStyle.visualRect(self.layoutDirection(), self.rect(), place), lead | Qt.AlignmentFlag.AlignAbsolute, text
        )
