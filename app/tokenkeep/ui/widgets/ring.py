"""The ring that shows how much of a token's life is left."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from tokenkeep.domain.session import SessionSnapshot
from tokenkeep.ui import style

_FULL = 360 * 16  # Qt counts sixteenths of a degree
_TOP = 90 * 16
_STROKE = 0.62  # units


def remaining(session: SessionSnapshot, now: float) -> float | None:
    """The share of the token's life that is left, 0 to 1; None without a token or a known lifetime."""
    if not session.token_usable or session.expires_at is None or session.obtained_at is None:
        return None
    lifetime = session.expires_at - session.obtained_at
    if lifetime <= 0 or session.expires_at <= now:
        return None
    return min(1.0, (session.expires_at - now) / lifetime)


def paint_ring(painter: QPainter, place: QRect, share: float, *, selected: bool = False) -> None:
    """Draw the share clockwise from the top, in either reading direction.

    :param selected: it lies on the tint of a selected row, on which the usual track could not be seen.
    """
    stroke = _STROKE * style.unit()
    inset = stroke / 2
    circle = QRectF(place).adjusted(inset, inset, -inset, -inset)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(style.color("base" if selected else "track"), stroke))
    painter.drawEllipse(circle)
    painter.setPen(QPen(style.color("quiet"), stroke, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawArc(circle, _TOP, -round(_FULL * share))
    painter.restore()
