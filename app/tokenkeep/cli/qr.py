"""A QR code drawn with half blocks, so that it is small enough for a terminal."""

from __future__ import annotations

import os
import sys

import segno

QUIET = 2  # modules of margin; the standard's four are more than terminals need
LIGHT, DARK = "231", "16"  # of the 256 colours: pure white and black, whatever theme the terminal has


def draw(text: str) -> str:
    """The lines of a code. With colours it is black on white everywhere; without, it suits a dark terminal."""
    matrix = [list(map(bool, row)) for row in segno.make(text, error="l", micro=False).matrix_iter(border=QUIET)]
    if len(matrix) % 2:
        matrix.append([False] * len(matrix[0]))
    lines = []
    for upper, lower in zip(matrix[::2], matrix[1::2], strict=True):
        lines.append("".join(_cell(dark, below) for dark, below in zip(upper, lower, strict=True)))
    return "\n".join(line + "\x1b[0m" if _coloured() else line for line in lines)


def _cell(upper_dark: bool, lower_dark: bool) -> str:
    if _coloured():
        return f"\x1b[38;5;{DARK if upper_dark else LIGHT};48;5;{DARK if lower_dark else LIGHT}m▀"
    return {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}[upper_dark, lower_dark]


def _coloured() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
