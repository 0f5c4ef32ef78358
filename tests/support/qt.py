"""Qt in the test's own process: one application without a screen, and warnings of Qt that fail the test."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

# The platform plug-in without a screen says this whenever a window has size limits; there is no screen to obey them.
_HARMLESS = ("This plugin does not support propagateSizeHints()",)


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """The one QApplication of this process, drawing into memory."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    application = QApplication.instance() or QApplication(["tokenkeep-tests"])
    assert isinstance(application, QApplication)
    application.setQuitOnLastWindowClosed(False)
    return application


@pytest.fixture
def qt_warnings() -> list[str]:
    """The warnings of Qt so far. A test that asks for this list answers for its content itself."""
    return []


@pytest.fixture(autouse=True)
def no_unexpected_qt_warnings(request: pytest.FixtureRequest) -> Iterator[None]:
    """In tests that use `qapp`: fail on a warning of Qt, and on an exception inside a slot or an overridden method."""
    if "qapp" not in request.fixturenames:
        yield
        return
    application = request.getfixturevalue("qapp")
    from PySide6.QtCore import QtMsgType, qInstallMessageHandler

    expected = "qt_warnings" in request.fixturenames
    messages: list[str] = request.getfixturevalue("qt_warnings") if expected else []
    exceptions: list[BaseException] = []

    def on_message(kind: QtMsgType, context: Any, text: str) -> None:
        if kind in {QtMsgType.QtWarningMsg, QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg} and text not in _HARMLESS:
            messages.append(f"{context.category}: {text}")

    def on_exception(_kind: type[BaseException], error: BaseException, _trace: Any) -> None:
        exceptions.append(error)

    previous_handler = qInstallMessageHandler(on_message)
    previous_hook, sys.excepthook = sys.excepthook, on_exception
    try:
        yield
        _remove_windows(application)
    finally:
        sys.excepthook = previous_hook
        qInstallMessageHandler(previous_handler)
    if exceptions:
        raise exceptions[0]
    if messages and not expected:
        pytest.fail("unexpected warnings of Qt:\n" + "\n".join(messages), pytrace=False)


def _remove_windows(application: QApplication) -> None:
    """Leave no window to the next test; deletion happens now and not in the middle of that test."""
    from PySide6.QtCore import QCoreApplication, QEvent

    for widget in application.topLevelWidgets():
        widget.close()
        widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    application.processEvents()
