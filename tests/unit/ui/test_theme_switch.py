"""A live switch of the theme leaves nothing behind: the window then looks like one that was built in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from support import snapshots
from tokenkeep.domain.session import EngineSnapshot
from tokenkeep.ui import style
from tokenkeep.ui.main_window import MainWindow

Show = Callable[..., MainWindow]

CASES = [
    pytest.param(snapshots.six_states(), "example-ai", id="active"),
    pytest.param(snapshots.six_states(), "keycloak", id="needs"),
    pytest.param(snapshots.six_states(), "codeberg", id="failed"),
    pytest.param(snapshots.engine(locked=True, storage_notice="No keyring is running."), "", id="empty"),
]


def picture(window: MainWindow) -> QImage:
    return window.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)


@pytest.mark.parametrize(("snapshot", "provider"), CASES)
@pytest.mark.parametrize(("before", "after"), [("light", "dark"), ("dark", "light")])
def test_a_switched_window_equals_a_freshly_built_one(
    show: Show, qapp: QApplication, snapshot: EngineSnapshot, provider: str, before: style.Scheme, after: style.Scheme
) -> None:
    style.apply(qapp, before, contrast=False)
    window = show(snapshot, provider)
    first = picture(window)
    style.apply(qapp, after, contrast=False)
    qapp.processEvents()
    switched = picture(window)
    window.close()
    fresh = picture(show(snapshot, provider))
    assert switched != first
    assert switched == fresh


def test_the_setting_goes_before_what_the_desktop_says(qapp: QApplication) -> None:
    assert style.scheme(qapp, "dark") == "dark"
    assert style.scheme(qapp, "light") == "light"
    assert style.scheme(qapp, "system") in ("light", "dark")


def test_high_contrast_takes_colour_out_of_the_marks(qapp: QApplication) -> None:
    style.apply(qapp, "light", contrast=True)
    assert style.color("needs") == style.color("text")
    style.apply(qapp, "light", contrast=False)
    assert style.color("needs") != style.color("text")
