"""What no window may contain: nested event loops, threads of Qt, sheets of its own, clocks that nobody handed in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tokenkeep.ui

SOURCES = sorted(Path(tokenkeep.ui.__file__).parent.rglob("*.py"))
FORBIDDEN = {
    # a modal exec inside a coroutine stops the other tasks for good
    "nested event loop": re.compile(
        r"\.exec_?\(|QEventLoop\((?!application)|WindowModal|ApplicationModal|setModal\(True"
    ),
    "thread of Qt": re.compile(r"\bQThread\b|QThreadPool|QRunnable"),
    "clock of its own": re.compile(r"\btime\.(time|monotonic|sleep)\(|datetime\.now|currentDateTime|currentSecsSince"),
    "rich text": re.compile(r"RichText\(True|TextFormat\.(RichText|MarkdownText|AutoText)|setHtml\(|setMarkdown\("),
    "blocking wait": re.compile(r"\.result\(\)|run_until_complete\((?!until_quit)|processEvents\([^)]"),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_window_contains_a(what: str) -> None:
    found = [
        f"{source.name}:{number}"
        for source in SOURCES
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1)
        if FORBIDDEN[what].search(line)
    ]
    assert found == []


def test_sheets_are_set_in_one_place() -> None:
    found = {source.name for source in SOURCES if "setStyleSheet(" in source.read_text(encoding="utf-8")}
    assert found == {"style.py"}
