"""The window's loop in a test: coroutines run on qasync, waits end when what they wait for is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
import qasync
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

T = TypeVar("T")
LIMIT = 60.0  # seconds; a guard against hanging, nothing is measured by it

Run = Callable[[Coroutine[Any, Any, T]], T]


@pytest.fixture
def run_ui(qapp: QApplication) -> Iterator[Run[Any]]:
    """Run a coroutine on the window's own loop."""
    loop = qasync.QEventLoop(qapp)

    def run(coroutine: Coroutine[Any, Any, T]) -> T:
        async def bounded() -> T:
            async with asyncio.timeout(LIMIT):
                return await coroutine

        result: T = loop.run_until_complete(bounded())
        return result

    with loop:
        yield run


async def until(look: Callable[[], object], what: str) -> None:
    """Return when `look` gives something true; the loop goes on meanwhile."""
    try:
        async with asyncio.timeout(LIMIT / 2):
            while not look():
                await asyncio.sleep(0.005)
    except TimeoutError:
        pytest.fail(f"never came: {what}", pytrace=False)


class HandTimer(QTimer):
    """A timer that runs out when the test says so."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.running = False
        self.starts = 0
        self.timeout.connect(self._over)

    def start(self, *_: object) -> None:  # type: ignore[override]
        """Begin anew."""
        self.running = True
        self.starts += 1

    def stop(self) -> None:
        """End without running out."""
        self.running = False

    def isActive(self) -> bool:
        """Whether it runs."""
        return self.running

    def run_out(self) -> None:
        """Let the time be over, if it runs."""
        if self.running:
            self.timeout.emit()

    def _over(self) -> None:
        self.running = False
