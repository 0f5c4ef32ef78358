"""The dialog while a browser is waited for: whom was asked what, the address, and the ways around a browser."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.ports import Clock
from tokenkeep.domain.session import SignInSnapshot
from tokenkeep.ui import dialog_texts as words
from tokenkeep.ui import style
from tokenkeep.ui.dialog_frame import Heading, facts, flush, provider_tile, row
from tokenkeep.ui.sign_in_results import SignInWindow
from tokenkeep.ui.translation import tr
from tokenkeep.ui.widgets.button import Button
from tokenkeep.ui.widgets.copy_button import CopyButton
from tokenkeep.ui.widgets.countdown import Countdown
from tokenkeep.ui.widgets.facts import Fact
from tokenkeep.ui.widgets.flow_layout import FlowLayout
from tokenkeep.ui.widgets.label import Label

WIDTH = 38.0  # em


class SignInDialog(SignInWindow):
    """Signing in with a browser. `pasted` carries the sign-in's id and the address that a person ended on."""

    pasted = Signal(str, str)

    def __init__(self, sign_in: SignInSnapshot, name: str, clock: Clock) -> None:
        super().__init__(sign_in, name, clock, WIDTH)
        self.heading = Heading(provider_tile(sign_in.provider, name), quiet=True)
        self.facts = facts()
        self.countdown = Countdown()
        self.address = AddressRow()
        self.paste = PasteRow()
        self.use_code = Button(tr("Use a code instead"), kind="link")
        self.to_paste = Button(tr("Paste the address you ended on…"), kind="link")
        self.links = QWidget()
        links = FlowLayout(self.links, spacing="l")
        links.addWidget(self.use_code)
        links.addWidget(self.to_paste)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.links.setSizePolicy(policy)
        for widget in (self.heading, self.facts, self.countdown, self.address, self.paste):
            self.waiting.body.addWidget(widget)
        self.waiting.body.addLayout(flush(self.links))
        self.waiting.body.addStretch(1)
        self.address.again.clicked.connect(lambda: self.reopen_wanted.emit(self.sign_in.id))
        self.use_code.clicked.connect(lambda: self.code_wanted.emit(self.sign_in.id))
        self.to_paste.clicked.connect(self._turn_round)
        self.paste.given.connect(lambda address: self.pasted.emit(self.sign_in.id, address))
        self.paste.hide()
        self.show_sign_in(sign_in)

    def show_waiting(self) -> None:
        """Show how the wait stands."""
        super().show_waiting()
        sign_in, page_known = self.sign_in, self.sign_in.authorization_url is not None
        self.heading.say(words.browser_heading(sign_in), words.browser_sentence(sign_in, self.name))
        shown = [Fact(tr("Account"), words.account_as_before(sign_in.account))] if sign_in.account else []
        self.facts.show_facts([*shown, Fact(tr("Asked by"), words.asked_by(sign_in.asked_by))])
        self.address.show_address(words.address_hint(sign_in), sign_in.authorization_url or "")
        self.address.again.set_words(tr("Try to open it") if sign_in.not_opened else tr("Open again"))
        pasting = not self.paste.isHidden()
        self.address.setVisible(page_known and not pasting)
        self.to_paste.setVisible(page_known)
        self.use_code.setVisible(sign_in.device_available)
        self.links.setVisible(page_known or sign_in.device_available)
        self.tick()
        self.fit()

    def tick(self) -> None:
        """Step the countdown."""
        super().tick()
        if self.outcome is not None:
            return
        seconds = self.seconds_left()
        counted = self.sign_in.expires_at is not None and self.sign_in.authorization_url is not None
        whole = (self.sign_in.expires_at or 0.0) - self.sign_in.started_at
        self.countdown.show_time(
            words.sign_in_goes_on(self.sign_in, self.name),
            words.left(seconds) if counted else "",
            seconds if counted else whole,
            whole,
        )

    def paste_failed(self, error: TokenKeepError) -> None:
        """The pasted address was not the one that is waited for."""
        self.paste.say(error.detail or error.title)
        self.fit()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self.heading.title.setFocus(Qt.FocusReason.OtherFocusReason)

    def _turn_round(self) -> None:
        """Between the address to open and the address that was ended on; both have the same place."""
        pasting = self.paste.isHidden()
        self.address.setVisible(not pasting)
        self.paste.setVisible(pasting)
        self.to_paste.set_words(tr("Show the sign-in address") if pasting else tr("Paste the address you ended on…"))
        self.fit()
        if pasting:
            self.paste.field.setFocus(Qt.FocusReason.OtherFocusReason)


class AddressRow(QWidget):
    """The sign-in page's address, to copy or to open once more."""

    def __init__(self) -> None:
        super().__init__()
        self.hint = Label(quiet=True)
        self.field = QLineEdit()
        self.field.setReadOnly(True)
        self.field.setFont(style.font("mono"))
        self.field.setAccessibleName(tr("Sign-in address"))
        self.copy = CopyButton(tr("Copy"), self.field.text)
        self.again = Button(tr("Open again"))
        _column(self, self.hint, row(self.field, self.copy, self.again, stretch=self.field))

    def show_address(self, hint: str, address: str) -> None:
        """Show an address from its beginning."""
        self.hint.setText(hint)
        if self.field.text() != address:
            self.field.setText(address)
            self.field.setCursorPosition(0)


class PasteRow(QWidget):
    """Where a person pastes the address of a page that did not load, such as one of another machine's browser."""

    given = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.hint = Label(tr("Your browser ended on a page that did not load? Paste its address:"))
        self.field = QLineEdit()
        self.field.setFont(style.font("mono"))
        self.field.setPlaceholderText("http://127.0.0.1…")
        self.field.setAccessibleName(tr("Address you ended on"))
        self.go_on = Button(tr("Continue"))
        self.go_on.setEnabled(False)
        self.answer = Label(kind="caption", quiet=True)
        self.answer.hide()
        _column(self, self.hint, row(self.field, self.go_on, stretch=self.field))
        layout = self.layout()
        if layout is not None:
            layout.addWidget(self.answer)
        self.field.textChanged.connect(self._changed)
        self.field.returnPressed.connect(self._give)
        self.go_on.clicked.connect(self._give)

    def say(self, answer: str) -> None:
        """Say what is wrong with the pasted address."""
        self.answer.setText(answer)
        self.answer.setVisible(bool(answer))

    def _changed(self) -> None:
        self.go_on.setEnabled(bool(self.field.text().strip()))
        self.say("")

    def _give(self) -> None:
        if address := self.field.text().strip():
            self.given.emit(address)


def _column(widget: QWidget, hint: Label, line: QHBoxLayout) -> None:
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(style.space("s"))
    layout.addWidget(hint)
    layout.addLayout(line)
