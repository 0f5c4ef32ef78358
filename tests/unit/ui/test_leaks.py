"""No token is drawn, named or announced anywhere in the window, and no text of a server is taken for markup."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QTextEdit, QWidget

from support import snapshots
from tokenkeep.domain.errors import GrantEnded
from tokenkeep.domain.tokens import Secret
from tokenkeep.ui.clipboard import SensitiveClipboard
from tokenkeep.ui.main_window import MainWindow

Show = Callable[..., MainWindow]
CANARY = "canary-7f3a-access-token"
MARKUP = '<img src="http://probe/"><b>bold</b> &amp;'


def strings(window: MainWindow) -> Iterator[str]:
    """Everything a window says by any way: texts, tooltips, names, descriptions, titles, rows."""
    for widget in (window, *window.findChildren(QWidget)):
        yield from (widget.toolTip(), widget.accessibleName(), widget.accessibleDescription(), widget.windowTitle())
        yield from (widget.statusTip(), widget.whatsThis(), widget.objectName())
        if isinstance(widget, (QLabel, QLineEdit, QAbstractButton)):
            yield widget.text()
        if isinstance(widget, QTextEdit):
            yield widget.toPlainText()
    model = window.providers.list.model
    for row in range(model.rowCount()):
        for role in Qt.ItemDataRole:
            value = model.index(row).data(role)
            yield "" if value is None else str(value)


def test_LEAK_3_a_copied_token_is_said_nowhere_in_the_window(show: Show, qapp: QApplication) -> None:
    window = show(snapshots.six_states(), "example-ai")
    clipboard = SensitiveClipboard(qapp.clipboard())
    clipboard.put(Secret(CANARY))
    window.token_copied("example-ai")
    assert not [text for text in strings(window) if CANARY in text]
    clipboard.clear()


def test_LEAK_3_server_and_user_strings_are_literal(show: Show) -> None:
    session = snapshots.needs_sign_in(
        name=MARKUP,
        account=MARKUP,
        issuer=MARKUP,
        scope=(MARKUP,),
        resources=(MARKUP,),
        waiting=((MARKUP, snapshots.NOW),),
        last_error=GrantEnded(MARKUP, error=MARKUP, description=MARKUP),
    )
    notices = {"storage_notice": MARKUP, "locked": True}
    window = show(snapshots.engine(session, snapshots.signed_out(), **notices), session.id)
    shown = list(strings(window))
    assert sum(MARKUP in text for text in shown) >= 7
    for label in window.findChildren(QLabel):
        assert label.textFormat() == Qt.TextFormat.PlainText
    for value in window.findChildren(QTextEdit):
        assert "<img" not in value.document().toHtml()
        assert not value.acceptRichText()
    for widget in window.findChildren(QWidget):
        assert MARKUP not in widget.toolTip()  # tooltips guess at markup


def test_LEAK_3_no_account_in_title_or_tooltips(show: Show) -> None:
    window = show(snapshots.six_states(), "example-ai")
    for widget in (window, *window.findChildren(QWidget)):
        assert "northwind" not in widget.toolTip() + widget.windowTitle()
