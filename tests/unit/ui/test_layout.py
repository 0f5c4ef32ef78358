"""Nothing is cut and nothing scrolls sideways: large fonts, long texts, small windows, right to left."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QStyleOptionViewItem, QTextEdit, QWidget

from support import snapshots
from tokenkeep.domain.errors import GrantEnded
from tokenkeep.domain.session import EngineSnapshot
from tokenkeep.ui import style
from tokenkeep.ui.main_window import MainWindow
from tokenkeep.ui.provider_row import ProviderRow
from tokenkeep.ui.widgets.value import Value

Show = Callable[..., MainWindow]
LONG = "Bundesministerium-für-Verkehrsinfrastrukturplanungsbeschleunigung Zentralstelle"


def long_texts() -> EngineSnapshot:
    needy = snapshots.needs_sign_in(
        name=LONG,
        account="a" * 60 + "@" + "b" * 60 + ".example",
        issuer="https://" + "id." * 30 + "example/realms/" + "staff" * 20,
        scope=("openid", "https://www.example.com/auth/" + "userinfo.profile" * 6),
        waiting=(("x" * 80, snapshots.NOW),),
        last_error=GrantEnded(error="invalid_grant", description="Sitzung abgelaufen " * 20),
    )
    return snapshots.engine(needy, snapshots.active(), snapshots.failed(name=LONG))


def cut(window: MainWindow) -> Iterator[str]:
    """Texts that do not fit into the place they have, or reach out of their parents."""
    for widget in window.findChildren(QWidget):
        if not widget.isVisible() or widget.window() is not window:
            continue
        if isinstance(widget, QLabel) and widget.text():
            needed = widget.heightForWidth(widget.width()) if widget.wordWrap() else widget.sizeHint().height()
            if widget.height() < needed or (not widget.wordWrap() and widget.width() < widget.sizeHint().width()):
                yield f"{widget.text()!r}: {widget.size()} for {needed}"
        if isinstance(widget, Value) and widget.height() < widget.heightForWidth(widget.width()):
            yield f"{widget.toPlainText()!r}: {widget.height()}"
        if isinstance(widget, QPushButton) and widget.width() < widget.sizeHint().width():
            yield f"{widget.text()!r}: {widget.width()} for {widget.sizeHint().width()}"
        if isinstance(widget, (QLabel, QPushButton, QTextEdit)):
            parent = widget.parentWidget()
            inside = parent is None or parent.rect().contains(QRect(widget.pos(), widget.size()))
            if not inside:
                yield f"{widget} at {widget.geometry()} is out of {parent.rect()}"


def sideways(window: MainWindow) -> bool:
    detail = window.providers.detail
    return detail.widget().width() > detail.viewport().width()


CASES = [
    pytest.param(10, (1000, 700), False, id="default"),
    pytest.param(10, (470, 370), False, id="smallest"),
    pytest.param(20, (936, 728), False, id="double"),
    pytest.param(20, (1700, 900), False, id="double-wide"),
    pytest.param(10, (1000, 700), True, id="rtl"),
    pytest.param(10, (470, 370), True, id="rtl-smallest"),
]


@pytest.mark.parametrize(("points", "size", "rtl"), CASES)
@pytest.mark.parametrize("snapshot", [snapshots.six_states(), snapshots.signing_in(), long_texts()])
def test_no_text_is_cut_on_any_page(
    show: Show, qapp: QApplication, snapshot: EngineSnapshot, points: int, size: tuple[int, int], rtl: bool
) -> None:
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft if rtl else Qt.LayoutDirection.LeftToRight)
    qapp.setFont(QFont("Inter", points))
    style.refresh(qapp)
    window = show(snapshot, size=size)
    for session in snapshot.sessions:
        window.show_provider(session.id)
        if session.id == "example-ai":
            window.ask_sign_out("example-ai")
        qapp.processEvents()
        assert list(cut(window)) == []
        assert not sideways(window)


@pytest.mark.parametrize(("points", "size", "rtl"), CASES)
def test_no_text_is_cut_on_the_first_run(
    show: Show, qapp: QApplication, points: int, size: tuple[int, int], rtl: bool
) -> None:
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft if rtl else Qt.LayoutDirection.LeftToRight)
    qapp.setFont(QFont("Inter", points))
    style.refresh(qapp)
    window = show(snapshots.engine(locked=True, storage_notice="No keyring is running."), size=size)
    window.providers.empty.notices.storage.passphrase_button.click()
    qapp.processEvents()
    assert list(cut(window)) == []


def test_a_font_that_grows_while_the_window_is_open_is_taken_everywhere(show: Show, qapp: QApplication) -> None:
    window = show(snapshots.six_states(), "keycloak", size=(1000, 780))
    qapp.setFont(QFont("Inter", 20))
    style.refresh(qapp)
    qapp.processEvents()
    qapp.processEvents()
    assert list(cut(window)) == []
    assert window.providers.detail.header.tile.width() == 12 * style.unit()


def test_the_smallest_window_at_double_size_fits_a_small_screen(show: Show, qapp: QApplication) -> None:
    font = QFont("Inter")
    font.setPixelSize(26)
    qapp.setFont(font)
    style.refresh(qapp)
    window = show(snapshots.six_states())
    assert window.minimumWidth() <= 1366
    assert window.minimumHeight() <= 768 - 32
    assert window.minimumSizeHint().width() <= window.minimumWidth()


def test_state_words_wrap_instead_of_being_cut(show: Show) -> None:
    window = show(snapshots.six_states(), size=(470, 500))
    view = window.providers.list.view
    delegate = view.itemDelegate()
    assert isinstance(delegate, ProviderRow)
    option = QStyleOptionViewItem()
    option.font = view.font()
    heights = [delegate.sizeHint(option, view.model().index(row, 0)).height() for row in range(6)]
    words = snapshots.failed(last_error=None)
    window.apply(snapshots.engine(snapshots.offline(name="Google"), words))
    window.providers.list.setMaximumWidth(190)
    window.providers.list.view.resize(190, 300)
    narrow = delegate.sizeHint(option, view.model().index(1, 0)).height()
    assert narrow > min(heights)


def test_right_to_left_mirrors_the_window(show: Show, qapp: QApplication) -> None:
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    window = show(snapshots.six_states(), "example-ai")
    lists, detail = window.providers.list, window.providers.detail
    assert lists.mapTo(window, QPoint(0, 0)).x() > detail.mapTo(window, QPoint(0, 0)).x()
    header = detail.header
    assert header.tile.mapTo(window, QPoint(0, 0)).x() > header.more_button.mapTo(window, QPoint(0, 0)).x()


def test_texts_begin_at_the_same_edge_in_a_wide_window(show: Show) -> None:
    band = show(snapshots.six_states(), "keycloak", size=(1300, 700)).providers.detail.state
    edges = {part.mapTo(band, QPoint(0, 0)).x() for part in (band.mark, band.sentence, band.sign_in_button)}
    assert len(edges) == 1
    assert band.title.x() - band.mark.geometry().right() <= 3 * style.unit()


def test_the_first_run_has_its_words_beside_the_icon(show: Show) -> None:
    empty = show(snapshots.engine(), size=(1300, 700)).providers.empty
    assert empty.title.x() - empty.icon.geometry().right() <= 5 * style.unit()


def test_names_of_values_line_up_across_sections(show: Show) -> None:
    window = show(snapshots.six_states(), "keycloak")
    detail = window.providers.detail
    shown = [value for value in detail.findChildren(Value) if value.isVisible() and value is not detail.header.account]
    assert len({value.mapTo(window, QPoint(0, 0)).x() for value in shown}) == 1
