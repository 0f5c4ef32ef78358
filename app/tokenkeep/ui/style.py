"""Spacing, type sizes and colours of every window: the one module that knows them, and the one style sheet."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QFontMetrics, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QStyle, QToolTip

from tokenkeep import assets
from tokenkeep.ui import theme as themes
from tokenkeep.ui.theme import Theme

Scheme = Literal["light", "dark"]
FontKind = Literal["caption", "body", "strong", "title", "code", "mono"]
Space = Literal["xs", "s", "m", "l", "xl", "xxl"]

SPACES: dict[str, int] = {"xs": 1, "s": 2, "m": 3, "l": 4, "xl": 6, "xxl": 8}  # in units
SIZES: dict[str, float] = {"caption": 0.92, "body": 1.0, "strong": 1.0, "title": 1.3, "code": 2.3, "mono": 0.92}
HEAVY = frozenset({"strong", "title", "code"})
SMALLEST = 8.0  # points; nothing is set smaller than this

RADIUS_CONTROL = 5
RADIUS_BAND = 6
HAIR_LINE = 1
FOCUS_LINE = 2

ICON, RESULT_ICON, TILE, BIG_TILE = 4, 5, 9, 12  # in units: in text, in results, in lists, in headers
RING = 4.5  # units
LABEL_COLUMN = 13.5  # em; names at the left of values
LIST_WIDTH = (20.0, 25.5, 32.0)  # em: least, at first, most
DETAIL_WIDTH = 70.0  # em; a wider window gets margins
COLUMN_WIDTH = 46.0  # em; pages of one column
WINDOW_SIZE = (77.0, 54.0)  # em
WINDOW_LEAST = (36.0, 28.0)  # em
NARROW = 60.0  # em; below this the window shows list or detail
MEASURE = 36.0  # em; about 70 characters, the widest that running text may get

_current: Theme = themes.LIGHT
_system: QPalette | None = None


def theme() -> Theme:
    """The theme that is shown."""
    return _current


def color(name: str) -> QColor:
    """A colour of the shown theme by its name, such as `text2` or `needs_bg`."""
    return QColor(getattr(_current, name))


def unit() -> int:
    """The unit of all distances in device-independent pixels: a quarter of a line, 4 at a 13 px font."""
    return max(4, round(QFontMetrics(QApplication.font()).height() / 4.25))


def space(name: Space) -> int:
    """A named distance in device-independent pixels."""
    return SPACES[name] * unit()


def em(count: float = 1.0) -> int:
    """So many times the font's pixel size."""
    return round(count * QFontInfo(QApplication.font()).pixelSize())


def measure(font: QFont) -> int:
    """The widest that running text may get, in device-independent pixels."""
    return round(MEASURE * QFontInfo(font).pixelSize())


def font(kind: FontKind = "body") -> QFont:
    """The system's font in one of the six kinds of text."""
    base = QApplication.font()
    made = QFont(base)
    if kind in ("code", "mono"):
        made.setFamilies(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).families())
        made.setStyleHint(QFont.StyleHint.Monospace)
    made.setPointSizeF(max(SMALLEST, QFontInfo(base).pointSizeF() * SIZES[kind]))
    made.setWeight(QFont.Weight.DemiBold if kind in HEAVY else QFont.Weight.Normal)
    return made


def line_height(kind: FontKind = "body") -> int:
    """The height of one line of a kind of text."""
    return QFontMetrics(font(kind)).height()


def own_look(app: QApplication) -> bool:
    """Whether the widgets take our palette and sheet; macOS and Windows keep their own."""
    # A sheet wraps the style into one without a name: whoever has a sheet, has ours.
    return bool(app.styleSheet()) or app.style().name().lower() == "fusion"


def high_contrast() -> bool:
    """Whether the system asks for high contrast (known to Qt since 6.10)."""
    accessibility = getattr(QGuiApplication.styleHints(), "accessibility", None)
    preference = getattr(Qt, "ContrastPreference", None)
    return bool(accessibility and preference and accessibility().contrastPreference() == preference.HighContrast)


def reduced_motion(app: QApplication) -> bool:
    """Whether the platform wants things to stand still."""
    return app.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) == 0


def scheme(app: QApplication, setting: str = "system") -> Scheme:
    """Light or dark: the setting, or what the desktop says; light when it says nothing."""
    if setting in ("light", "dark"):
        return "dark" if setting == "dark" else "light"
    return "dark" if app.styleHints().colorScheme() == Qt.ColorScheme.Dark else "light"


def apply(app: QApplication, wanted: Scheme, *, contrast: bool | None = None) -> None:
    """Show a scheme everywhere: the palette first, then the sheet again.

    With a sheet set, living widgets do not take a new palette by themselves: half of the window would stay light.

    :param contrast: high contrast whatever the system says; None asks the system.
    """
    global _current, _system  # noqa: PLW0603 - there is one look at a time, as there is one QApplication
    if _system is None:
        _system = QPalette(app.palette())
    strong = high_contrast() if contrast is None else contrast
    _current = _contrast_theme(app.style().standardPalette()) if strong else _colored_theme(wanted)
    if not own_look(app):
        return
    shown = palette()
    app.setPalette(shown)
    QToolTip.setPalette(shown)
    app.setStyleSheet(sheet())


def refresh(app: QApplication) -> None:
    """Take a changed font: the sizes of the sheet come from it."""
    if own_look(app):
        app.setStyleSheet(sheet())


def _colored_theme(wanted: Scheme) -> Theme:
    chosen = themes.DARK if wanted == "dark" else themes.LIGHT
    return chosen if _system is None else themes.with_accent(chosen, _system.color(QPalette.ColorRole.Accent).name())


def _contrast_theme(system: QPalette) -> Theme:
    role = QPalette.ColorRole
    return themes.high_contrast(
        window=system.color(role.Window).name(),
        base=system.color(role.Base).name(),
        text=system.color(role.Text).name(),
        button=system.color(role.Button).name(),
        accent=system.color(role.Highlight).name(),
        on_accent=system.color(role.HighlightedText).name(),
    )


def palette() -> QPalette:
    """Every role that Fusion or the sheet reads; Dark is the control outline, Mid the hair line, Midlight hover."""
    made, role = QPalette(), QPalette.ColorRole
    for name, token in (
        (role.Window, "window"),
        (role.WindowText, "text"),
        (role.Base, "base"),
        (role.AlternateBase, "window"),
        (role.Text, "text"),
        (role.BrightText, "text"),
        (role.Button, "button"),
        (role.ButtonText, "text"),
        (role.PlaceholderText, "text2"),
        (role.Highlight, "accent"),
        (role.HighlightedText, "on_accent"),
        (role.Accent, "accent"),
        (role.Link, "accent"),
        (role.LinkVisited, "accent"),
        (role.ToolTipBase, "base"),
        (role.ToolTipText, "text"),
        (role.Light, "base"),
        (role.Mid, "line"),
        (role.Midlight, "hover"),
        (role.Dark, "control"),
        (role.Shadow, "control"),
    ):
        made.setColor(name, color(token))
    for name in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, name, color("text2"))
    return made


def sheet() -> str:
    """The whole style sheet: colours as palette roles, sizes from the font; only two pictures differ by theme."""
    height = QFontMetrics(QApplication.font()).height()
    box = round(height * 0.8)
    dot = round(box * 0.34)
    icon = ICON * unit()
    pad = 2 * unit()
    variant = "dark" if _current.dark else "light"
    check = assets.path(f"icons/check-{variant}.svg").as_posix()
    down = assets.path(f"icons/down-{variant}.svg").as_posix()
    return f"""
QPushButton, QLineEdit, QComboBox {{ border: {HAIR_LINE}px solid palette(dark); border-radius: {RADIUS_CONTROL}px;
  padding: 5px {pad + 3}px; min-height: {height}px }}
QPushButton {{ background: palette(button); color: palette(button-text) }}
QLineEdit, QComboBox {{ background: palette(base) }} QLineEdit {{ padding: 5px {pad - 1}px }}
QPushButton:hover {{ background: palette(midlight) }} QPushButton:pressed {{ background: palette(mid) }}
QPushButton:disabled {{ color: palette(placeholder-text); border-color: palette(mid); background: palette(window) }}
QPushButton:focus, QComboBox:focus {{ border: {FOCUS_LINE}px solid palette(accent); padding: 4px {pad + 2}px }}
QLineEdit:focus {{ border: {FOCUS_LINE}px solid palette(accent); padding: 4px {pad - 2}px }}
QPushButton[kind="primary"] {{ background: palette(accent); color: palette(highlighted-text);
  border-color: palette(accent); font-weight: 600 }}
QPushButton[kind="primary"]:focus {{ border-color: palette(window-text) }}
QPushButton[kind="primary"]:disabled {{ background: palette(mid); border-color: palette(mid);
  color: palette(placeholder-text); font-weight: 400 }}
QPushButton[kind="icon"] {{ padding: 5px {pad - 1}px; min-width: {height - 2}px }}
QPushButton[kind="icon"]:focus {{ padding: 4px {pad - 2}px }}
QPushButton::menu-indicator {{ width: 0 }}
QPushButton[kind="link"] {{ background: transparent; border: 0; border-bottom: {FOCUS_LINE}px solid transparent;
  border-radius: 0; padding: {FOCUS_LINE}px 0 0 0;
  color: palette(link); text-decoration: underline; min-height: {max(height, 20)}px }}
QPushButton[kind="link"]:hover {{ color: palette(window-text) }}
QPushButton[kind="link"]:focus {{ border: 0; border-bottom: {FOCUS_LINE}px solid palette(accent);
  padding: {FOCUS_LINE}px 0 0 0 }}
QComboBox::drop-down {{ border: 0; width: {icon + pad}px }}
QComboBox::down-arrow {{ image: url({down}); width: {icon}px; height: {icon}px }}
QCheckBox, QRadioButton {{ spacing: {pad}px }}
QCheckBox::indicator, QRadioButton::indicator {{ width: {box}px; height: {box}px;
  border: {HAIR_LINE}px solid palette(dark); background: palette(base); border-radius: 3px }}
QRadioButton::indicator {{ border-radius: {box // 2 + 1}px }}
QCheckBox::indicator:focus, QRadioButton::indicator:focus {{ border: {HAIR_LINE}px solid palette(accent) }}
QCheckBox::indicator:checked {{ background: palette(accent); border-color: palette(accent); image: url({check}) }}
QRadioButton::indicator:checked {{ border: {dot}px solid palette(accent);
  width: {box + 2 - 2 * dot}px; height: {box + 2 - 2 * dot}px }}
QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0 }}
QScrollBar::handle:vertical {{ background: palette(dark); border-radius: 3px; min-height: 32px; margin: 2px 3px }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0 }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent }}
QTabBar::tab {{ background: transparent; color: palette(placeholder-text); padding: {3 * unit()}px; border: 0;
  border-bottom: {FOCUS_LINE}px solid transparent }}
QTabBar::tab:selected {{ color: palette(window-text); border-bottom-color: palette(accent) }}
QTabBar::tab:selected:focus {{ text-decoration: underline }}
QSplitter::handle {{ background: palette(mid) }}
"""
