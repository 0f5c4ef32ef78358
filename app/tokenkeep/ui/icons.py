"""Every drawing of the windows and the tray: line icons, state marks, the application's icon, the tray's keeps."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from tokenkeep import assets
from tokenkeep.domain.session import OverallState, SessionSnapshot, SessionState
from tokenkeep.ui import style

Panel = Literal["on-dark", "on-light", "unknown", "template"]

# A 16 grid, strokes of 1.5 with round ends; C is replaced by the colour. QtSvg draws no masks, clips or CSS.
LINES = {
    "search": '<circle cx="7" cy="7" r="4.25"/><path d="M10.2 10.2 14 14"/>',
    "plus": '<path d="M8 3v10M3 8h10"/>',
    "copy": '<rect x="5.75" y="5.75" width="7.5" height="7.5" rx="1.5"/>'
    '<path d="M3.5 10.25h-.25a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1h6a1 1 0 0 1 1 1v.25"/>',
    "refresh": '<path d="M13.2 8a5.2 5.2 0 1 1-1.6-3.75L13.25 5.8M13.25 2.5v3.3h-3.3"/>',
    "more": '<g fill="C" stroke="none"><circle cx="3.5" cy="8" r="1.3"/><circle cx="8" cy="8" r="1.3"/>'
    '<circle cx="12.5" cy="8" r="1.3"/></g>',
    "back": '<path d="M9.75 3.5 5.25 8l4.5 4.5"/>',
    "down": '<path d="M4 6.25 8 10.25l4-4"/>',
    "out": '<path d="M6.5 3.25H4a1 1 0 0 0-1 1V12a1 1 0 0 0 1 1h7.75a1 1 0 0 0 1-1V9.5M9 2.75h4.25V7M13 3 7.5 8.5"/>',
    "gear": '<circle cx="8" cy="8" r="2"/><path d="M8 1.75v2M8 12.25v2M1.75 8h2M12.25 8h2M3.58 3.58 5 5M11 11l1.42 '
    '1.42M3.58 12.42 5 11M11 5l1.42-1.42"/>',
    "phone": '<rect x="4.5" y="1.75" width="7" height="12.5" rx="1.5"/><path d="M7.25 12h1.5"/>',
    "globe": '<circle cx="8" cy="8" r="5.75"/>'
    '<path d="M2.25 8h11.5M8 2.25c3.5 3.5 3.5 8 0 11.5-3.5-3.5-3.5-8 0-11.5z"/>',
    "check": '<path d="m3.5 8.5 3 3 6-7"/>',
    "close": '<path d="m4 4 8 8M12 4l-8 8"/>',
    "folder": '<path d="M1.75 12.5v-8a1 1 0 0 1 1-1h3.5l1.5 1.75h5.5a1 1 0 0 1 1 1v6.25a1 1 0 0 1-1 1H2.75a1 1 0 0 '
    '1-1-1z"/>',
    "lock": '<rect x="3.25" y="7" width="9.5" height="6.5" rx="1.5"/><path d="M5.25 7V5a2.75 2.75 0 0 1 5.5 0v2"/>',
    "warn": '<path d="M8 2.25 14.25 13H1.75zM8 6.25v3M8 11.2v.1"/>',
    "info": '<circle cx="8" cy="8" r="5.75"/><path d="M8 7.25v3.5M8 5.2v.1"/>',
    "terminal": '<rect x="1.75" y="2.75" width="12.5" height="10.5" rx="1.5"/><path d="m4.5 6 2 2-2 2M8.25 10.25h3"/>',
    "clock": '<circle cx="8" cy="8" r="5.75"/><path d="M8 4.75V8l2.25 1.5"/>',
    "undo": '<path d="M5.5 3 2.75 5.75 5.5 8.5M2.75 5.75H10a3.25 3.25 0 0 1 0 6.5H6"/>',
}

# One shape each, told apart without colour; H is replaced by what lies behind.
MARKS = {
    "ok": '<circle cx="8" cy="8" r="7" fill="C"/><path d="m4.7 8.3 2.3 2.3 4.3-4.9" fill="none" stroke="H" '
    'stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round"/>',
    "working": '<path d="M8 2a6 6 0 1 0 5.6 3.85" fill="none" stroke="C" stroke-width="2" stroke-linecap="round"/>',
    "needs": '<path d="M8 1.2c.5 0 .9.25 1.15.7l5.9 11c.5.9-.15 2-1.15 2H2.1c-1 0-1.65-1.1-1.15-2l5.9-11c.25-.45.65-.7 '
    '1.15-.7z" fill="C"/><path d="M8 5.5v4.3M8 12.2v.1" fill="none" stroke="H" stroke-width="1.8" '
    'stroke-linecap="round"/>',
    "offline": '<circle cx="8" cy="8" r="6" fill="none" stroke="C" stroke-width="1.7"/>'
    '<path d="m3.8 3.8 8.4 8.4" fill="none" stroke="C" stroke-width="1.7"/>',
    "failed": '<path d="M5.2 1h5.6L15 5.2v5.6L10.8 15H5.2L1 10.8V5.2z" fill="C"/>'
    '<path d="m5.6 5.6 4.8 4.8M10.4 5.6l-4.8 4.8" fill="none" stroke="H" stroke-width="1.8" stroke-linecap="round"/>',
    "signed_out": '<circle cx="8" cy="8" r="6" fill="none" stroke="C" stroke-width="1.7"/>',
    "refused": '<circle cx="8" cy="8" r="7" fill="C"/>'
    '<path d="M4.8 8h6.4" fill="none" stroke="H" stroke-width="1.8" stroke-linecap="round"/>',
    "locked": '<rect x="2.5" y="6.75" width="11" height="7.5" rx="1.75" fill="C"/>'
    '<path d="M5 7V5a3 3 0 0 1 6 0v2" fill="none" stroke="C" stroke-width="1.7"/>',
}

MARK_COLORS = {
    "ok": "ok", "working": "working", "needs": "needs", "offline": "quiet", "failed": "failed", "signed_out": "quiet",
    "refused": "quiet", "locked": "quiet",
}  # fmt: skip

_SESSION_MARKS = {
    SessionState.ACTIVE: "ok",
    SessionState.REFRESHING: "working",
    SessionState.SIGNING_IN: "working",
    SessionState.NEEDS_SIGN_IN: "needs",
    SessionState.OFFLINE: "offline",
    SessionState.FAILED: "failed",
    SessionState.SIGNED_OUT: "signed_out",
}
_OVERALL_MARKS = {
    OverallState.OK: "ok",
    OverallState.WORKING: "working",
    OverallState.NEEDS_YOU: "needs",
    OverallState.OFFLINE: "offline",
    OverallState.LOCKED: "locked",
}
_DIRECTED = frozenset({"back", "undo"})  # arrows that turn round in right-to-left windows

# size of the pixmap: drawing it is made from; 24 is the 22 drawing with a pixel of air, never a scaled one
_TRAY_SIZES = {16: "16", 22: "22", 24: "22", 32: "32", 44: "22", 48: "32", 64: "32"}


def mark_of(state: SessionSnapshot | OverallState) -> str:
    """The name of the mark that stands for a state, the same one everywhere."""
    if isinstance(state, OverallState):
        return _OVERALL_MARKS[state]
    return "locked" if state.sealed else _SESSION_MARKS[state.state]


def mark_color(mark: str) -> QColor:
    """The colour that repeats what a mark's shape says."""
    return style.color(MARK_COLORS[mark])


def paint_mark(
    painter: QPainter, place: QRect, mark: str, behind: QColor, angle: float = 0.0, color: QColor | None = None
) -> None:
    """Draw a state mark.

    :param behind: the colour that shows through the holes of the filled shapes.
    :param angle: degrees that the working mark is turned by.
    :param color: in place of the mark's own, where that could not be seen.
    """
    own = mark_color(mark) if color is None else color
    svg = MARKS[mark].replace('"C"', f'"{own.name()}"').replace('"H"', f'"{behind.name()}"')
    _paint(painter, place, f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">{svg}</svg>', angle)


def mark_icon(mark: str, behind: str = "base") -> QIcon:
    """A state mark as the icon of a menu entry; on the accent of the chosen entry it takes that text's colour."""
    icon = _as_icon(lambda painter, place: paint_mark(painter, place, mark, style.color(behind)))
    accent, on_accent = style.color("accent"), style.color("on_accent")
    chosen = _as_icon(lambda painter, place: paint_mark(painter, place, mark, accent, color=on_accent))
    for size in chosen.availableSizes():
        icon.addPixmap(chosen.pixmap(size, 1.0), QIcon.Mode.Active)
    return icon


def paint_line_icon(painter: QPainter, place: QRect, name: str, color: QColor) -> None:
    """Draw a line icon; back arrows turn round in right-to-left windows."""
    svg = LINES[name].replace('"C"', f'"{color.name()}"')
    if name in _DIRECTED and QApplication.isRightToLeft():
        svg = f'<g transform="translate(16 0) scale(-1 1)">{svg}</g>'
    group = f'<g fill="none" stroke="{color.name()}" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">'
    _paint(painter, place, f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">{group}{svg}</g></svg>')


def line_icon(name: str, color: str = "text", units: float = style.ICON, gap: int = 0) -> QIcon:
    """A line icon in a colour of the shown theme; ask again after the theme has changed.

    :param gap: empty pixels at the side where words follow, for Qt puts them too close.
    """
    return _as_icon(lambda painter, place: paint_line_icon(painter, place, name, style.color(color)), units, gap)


def app_icon() -> QIcon:
    """The application's icon; below 22 px its own simpler drawing."""
    icon = QIcon()
    for size in (16, 20, 22, 24, 32, 48, 64, 128, 256):
        icon.addPixmap(_drawing("app-16" if size < 22 else "app", size, size))
    return icon


def tray_icon(state: OverallState, panel: Panel) -> QIcon:
    """The tray's keep for a state; the installed theme's icon goes first, these pixmaps are the fall-back.

    :param panel: what it lies on; `template` is macOS's, which colours it itself.
    """
    icon = QIcon()
    for size, drawn in _TRAY_SIZES.items():
        grid = "22" if panel == "unknown" and drawn == "32" else drawn  # that set has no third drawing
        inner = 22 if size == 24 else size
        icon.addPixmap(_drawing(f"tray-{state.value.replace('_', '-')}-{panel}-{grid}", size, inner))
    icon.setIsMask(panel == "template")
    return icon


def _drawing(name: str, size: int, inner: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    air = (size - inner) // 2
    QSvgRenderer(assets.path(f"icons/{name}.svg").as_posix()).render(painter, QRectF(air, air, inner, inner))
    painter.end()
    return pixmap


def _as_icon(paint: Callable[[QPainter, QRect], None], units: float = style.ICON, gap: int = 0) -> QIcon:
    side = round(units * style.unit())
    left = gap if QApplication.isRightToLeft() else 0
    icon = QIcon()
    for ratio in (1, 2, 3):
        pixmap = QPixmap(QSize(side + gap, side) * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        paint(painter, QRect(left, 0, side, side))
        painter.end()
        icon.addPixmap(pixmap)
        icon.addPixmap(pixmap, QIcon.Mode.Disabled)
    return icon


def _paint(painter: QPainter, place: QRect, svg: str, angle: float = 0.0) -> None:
    image = _image(svg, place.width(), place.height(), painter.device().devicePixelRatio())
    if not angle:
        painter.drawImage(place.topLeft(), image)
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.translate(QRectF(place).center())
    painter.rotate(angle)
    painter.drawImage(QRectF(-place.width() / 2, -place.height() / 2, place.width(), place.height()), image)
    painter.restore()


@lru_cache(maxsize=512)
def _image(svg: str, width: int, height: int, ratio: float) -> QImage:
    """A drawing as pixels; kept, for lists paint the same few again and again."""
    image = QImage(QSize(round(width * ratio), round(height * ratio)), QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, image.width(), image.height()))
    painter.end()
    image.setDevicePixelRatio(ratio)
    return image
