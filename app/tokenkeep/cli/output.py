"""What people read in the terminal: tables, times in their own time zone, colours where they are wanted."""

from __future__ import annotations

import json
import os
import sys
import time
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

GREEN, YELLOW, RED, DIM, BOLD = "32", "33", "31", "2", "1"
STATE_COLOURS = {
    "active": GREEN,
    "refreshing": GREEN,
    "signing_in": YELLOW,
    "needs_sign_in": YELLOW,
    "offline": YELLOW,
    "failed": RED,
    "signed_out": DIM,
    "ok": GREEN,
    "working": GREEN,
    "needs_you": YELLOW,
    "locked": YELLOW,
    "warning": YELLOW,
    "problem": RED,
}
WORDS = {
    "needs_you": "needs you",
    "needs_sign_in": "needs sign-in",
    "signed_out": "signed out",
    "signing_in": "signing in",
    "waiting_for_browser": "waiting for the browser",
    "waiting_for_code": "waiting for the code",
    "exchanging": "fetching the tokens",
}


def colours_wanted(stream: TextIO) -> bool:
    """A terminal that shows colours, and nobody who asked for none (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """The text in a colour, where colours are wanted."""
    return f"\x1b[{colour}m{text}\x1b[0m" if colour and colours_wanted(stream or sys.stdout) else text


def state_word(state: str) -> str:
    """A state as people read it."""
    return WORDS.get(state, state)


def plain(text: str) -> str:
    """Text from elsewhere without control characters: a terminal obeys them."""
    return "".join(char if char.isprintable() else " " for char in text)


def width(text: str) -> int:
    """Columns that a text takes in a terminal."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], colours: Sequence[str] = ()) -> str:
    """Aligned columns under their titles; `colours` of each row colour its third column."""
    body = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(titles, *body, strict=True)]
    lines = [paint(_line(titles, widths), BOLD)]
    for number, row in enumerate(body):
        cells = [cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=True)]
        if colours:
            cells[2] = paint(cells[2], colours[number])
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell + " " * (size - width(cell)) for cell, size in zip(cells, widths, strict=True)).rstrip()


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Names and values, aligned; rows without a value are left out."""
    shown = [(name, plain(value)) for name, value in rows if value]
    longest = max((width(name) for name, _ in shown), default=0)
    return "\n".join(f"{paint(name + ' ' * (longest - width(name)), DIM)}  {value}" for name, value in shown)


def moment(wall: float | None, now: float) -> str:
    """A moment in local time, with its distance; the day only when it is another one."""
    if wall is None:
        return ""
    then, today = time.localtime(wall), time.localtime(now)
    same_day = then[:3] == today[:3]
    stamp = time.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M", then)
    return f"{stamp} ({distance(wall - now)})"


def distance(seconds: float) -> str:
    """`in 5 min`, `2 h ago`."""
    size = abs(seconds)
    for limit, unit, length in ((90, "s", 1), (5400, "min", 60), (172_800, "h", 3600)):
        if size < limit:
            words = f"{round(size / length)} {unit}"
            break
    else:
        words = f"{round(size / 86_400)} days"
    return f"in {words}" if seconds > 0 else f"{words} ago"


def print_json(value: Any) -> None:
    """JSON for programs, indented for people who look."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def now() -> float:
    """Wall clock, seconds since the epoch."""
    from tokenkeep.system.clock import SystemClock

    return SystemClock().wall()
