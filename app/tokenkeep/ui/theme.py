"""The colours of a theme as values, and the arithmetic that keeps text readable on them (WCAG 2.2 §1.4.3)."""

from __future__ import annotations

from colorsys import hls_to_rgb, rgb_to_hls
from dataclasses import dataclass, replace

TEXT_CONTRAST = 4.5  # least ratio for anything that is read
LEAST_TINT, MOST_TINT = 0.15, 0.25  # share of the accent over `base` in a selected row

# What Qt reports as the system's accent when it knows none: its own default, which nobody chose.
QT_DEFAULT_ACCENT = "#308cc6"


@dataclass(frozen=True, slots=True)
class Theme:
    """All colours, as `#RRGGBB`; the names are those of the visual design.

    :param tiles: pairs of fill and letters of the letter tiles.
    """

    dark: bool
    window: str
    base: str
    text: str
    text2: str
    control: str
    line: str
    hover: str
    button: str
    track: str
    accent: str
    on_accent: str
    sel: str
    ok: str
    working: str
    needs: str
    needs_bg: str
    needs_line: str
    failed: str
    failed_bg: str
    failed_line: str
    tiles: tuple[tuple[str, str], ...]

    @property
    def quiet(self) -> str:
        """For what wants nothing: the same as secondary text."""
        return self.text2


LIGHT = Theme(
    dark=False,
    window="#F4F4F6",
    base="#FFFFFF",
    text="#1C1D20",
    text2="#575B63",
    control="#85898F",
    line="#DCDDE1",
    hover="#EDEEF1",
    button="#FFFFFF",
    track="#E3E4E8",
    accent="#2A63C7",
    on_accent="#FFFFFF",
    sel="#DFE8F8",
    ok="#166B3E",
    working="#2A63C7",
    needs="#8F4E00",
    needs_bg="#FDF1DE",
    needs_line="#E3C48F",
    failed="#B3261E",
    failed_bg="#FCEBE9",
    failed_line="#E8B3AE",
    tiles=(
        ("#D9E0EA", "#33475F"),
        ("#CBE6E8", "#0C5963"),
        ("#D0E8D4", "#22602F"),
        ("#E4E6C8", "#54560F"),
        ("#F6E0BD", "#7A4A00"),
        ("#F5D3D6", "#8A2638"),
        ("#E9D7EE", "#6A2E7C"),
        ("#CFDDF8", "#22499B"),
    ),
)

DARK = Theme(
    dark=True,
    window="#1F2023",
    base="#292A2E",
    text="#ECEDEF",
    text2="#A9ADB6",
    control="#7F838B",
    line="#3B3D42",
    hover="#313338",
    button="#34363B",
    track="#3D3F45",
    accent="#7FB0FF",
    on_accent="#0E1A2E",
    sel="#2F3F5C",
    ok="#63CF93",
    working="#7FB0FF",
    needs="#F5B54A",
    needs_bg="#3B2F1C",
    needs_line="#6B5426",
    failed="#FF8F86",
    failed_bg="#402523",
    failed_line="#74423E",
    tiles=(
        ("#34404F", "#C5D3E6"),
        ("#1F4347", "#9ADBE2"),
        ("#24432B", "#A3DBAE"),
        ("#40421F", "#D6D98F"),
        ("#4A3718", "#F1C98A"),
        ("#4D2830", "#F4AEB8"),
        ("#42294B", "#DDB3EA"),
        ("#263A5F", "#AFC9F8"),
    ),
)


def channels(color: str) -> tuple[float, float, float]:
    """Red, green, blue of `#RRGGBB`, each from 0 to 1."""
    red, green, blue = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


def hexadecimal(red: float, green: float, blue: float) -> str:
    """`#RRGGBB` of channels from 0 to 1."""
    return "#" + "".join(f"{round(255 * min(1.0, max(0.0, part))):02X}" for part in (red, green, blue))


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels(color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def mix(over: str, under: str, share: float) -> str:
    """`share` of one colour laid over another."""
    pairs = zip(channels(over), channels(under), strict=True)
    red, green, blue = (share * top + (1 - share) * bottom for top, bottom in pairs)
    return hexadecimal(red, green, blue)


def readable(accent: str, theme: Theme) -> str:
    """The accent with its lightness moved in steps of 2 % until it can be read on `base`, `window` and its own tint."""
    hue, lightness, saturation = rgb_to_hls(*channels(accent))
    step = 0.02 if theme.dark else -0.02
    while _least_contrast(accent, theme) < TEXT_CONTRAST and 0 < lightness < 1:
        lightness = min(1.0, max(0.0, lightness + step))
        accent = hexadecimal(*hls_to_rgb(hue, lightness, saturation))
    return accent


def _least_contrast(accent: str, theme: Theme) -> float:
    surfaces = (theme.base, theme.window, mix(accent, theme.base, LEAST_TINT))
    return min(contrast(accent, surface) for surface in surfaces)


def with_accent(theme: Theme, system_accent: str) -> Theme:
    """The theme with the system's accent; unchanged when Qt has only its own default to offer."""
    if system_accent.lower() == QT_DEFAULT_ACCENT:
        return theme
    accent = readable(system_accent, theme)
    on_accent = max(("#FFFFFF", "#000000"), key=lambda color: contrast(color, accent))
    # A selected row is tinted as far as its words and marks stay readable, at most a quarter.
    share = MOST_TINT
    read_there = (theme.text, theme.text2, theme.ok, theme.needs, theme.failed, accent)
    while share > 0 and min(contrast(color, mix(accent, theme.base, share)) for color in read_there) < TEXT_CONTRAST:
        share -= 0.01
    return replace(theme, accent=accent, working=accent, on_accent=on_accent, sel=mix(accent, theme.base, share))


def high_contrast(*, window: str, base: str, text: str, button: str, accent: str, on_accent: str) -> Theme:
    """A theme made of nothing but the system's own high-contrast palette: marks and outlines in the text colour."""
    return Theme(
        dark=luminance(base) < luminance(text),
        window=window,
        base=base,
        text=text,
        text2=text,
        control=text,
        line=text,
        hover=base,
        button=button,
        track=base,
        accent=accent,
        on_accent=on_accent,
        sel=base,
        ok=text,
        working=text,
        needs=text,
        needs_bg=base,
        needs_line=text,
        failed=text,
        failed_bg=base,
        failed_line=text,
        tiles=((base, text),),
    )
