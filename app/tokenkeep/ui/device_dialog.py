"""The dialog of a sign-in with a code: the code as it was sent, where it is typed, a QR code, how long it is good."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from tokenkeep.domain.ports import Clock
from tokenkeep.domain.session import SignInSnapshot, SignInState
from tokenkeep.ui import dialog_texts as words
from tokenkeep.ui import style
from tokenkeep.ui.dialog_frame import Heading, provider_tile, row
from tokenkeep.ui.sign_in_results import Role, SignInWindow
from tokenkeep.ui.translation import tr
from tokenkeep.ui.widgets.button import Button
from tokenkeep.ui.widgets.copy_button import CopyButton
from tokenkeep.ui.widgets.countdown import Countdown
from tokenkeep.ui.widgets.label import Label
from tokenkeep.ui.widgets.mark import Mark
from tokenkeep.ui.widgets.qr import QrCode
from tokenkeep.ui.widgets.value import Value

WIDTH = 42.0  # em
BESIDE = 36.0  # em; below this the QR code goes under the address


class DeviceDialog(SignInWindow):
    """Signing in with a user code (RFC 8628 §3.3)."""

    def __init__(self, sign_in: SignInSnapshot, name: str, clock: Clock, *, browser_possible: bool) -> None:
        """:param browser_possible: the provider can be signed in to with a browser as well."""
        super().__init__(sign_in, name, clock, WIDTH)
        self.heading = Heading(provider_tile(sign_in.provider, name), quiet=True)
        self.code = CodeBlock()
        self.countdown = Countdown()
        self.new_code = self.waiting.add_button(Button(tr("New code"), kind="primary"), Role.YesRole)
        self.browser = Button(tr("Use the browser here instead"), kind="link")
        self.browser.setVisible(browser_possible)
        self.waiting.at_foot_link(self.browser)
        self.warning = QWidget()
        warning = QHBoxLayout(self.warning)
        warning.setContentsMargins(0, 0, 0, 0)
        warning.setSpacing(style.space("s"))
        sign = Mark()
        sign.show_mark("needs", "window")
        warning.addWidget(sign)
        warning.addWidget(Label(tr("Go on only if you started this sign-in yourself.")), 1)
        self.waiting.body.addWidget(self.heading)
        self.waiting.body.addWidget(self.code)
        self.waiting.body.addWidget(self.countdown)
        self.waiting.body.addWidget(self.warning)
        self.waiting.body.addStretch(1)
        self.code.open_here.clicked.connect(lambda: self.reopen_wanted.emit(self.sign_in.id))
        self.browser.clicked.connect(lambda: self.browser_wanted.emit(self.sign_in.id))
        self.new_code.clicked.connect(self._ask_for_new_code)
        self.show_sign_in(sign_in)

    def show_sign_in(self, sign_in: SignInSnapshot) -> None:
        """As in any sign-in, but a code that ran out stays where it is, struck, with a new one a click away."""
        if sign_in.state is SignInState.EXPIRED and sign_in.user_code:
            self.sign_in = sign_in
            self.show_waiting()
        else:
            super().show_sign_in(sign_in)

    def show_waiting(self) -> None:
        """Show code, address and time."""
        super().show_waiting()
        sign_in = self.sign_in
        expired = sign_in.state is SignInState.EXPIRED
        if expired:
            self.heading.say(tr("This code has run out"), tr("Nobody confirmed it in time. Ask for a new one."))
        elif sign_in.user_code:
            text = tr("Open the address here or on your phone and type the code.")
            self.heading.say(tr("Enter this code on any device"), text)
        else:
            self.heading.say(tr("Sign in with a code"), tr("TokenKeep is asking {name} for a code.", name=self.name))
        self.code.setVisible(bool(sign_in.user_code))
        self.code.show_code(sign_in, usable=not expired)
        self.new_code.setVisible(expired)
        self.warning.setVisible(not expired)
        self.tick()
        self.fit()

    def tick(self) -> None:
        """Step the countdown."""
        super().tick()
        if self.outcome is not None:
            return
        sign_in, seconds = self.sign_in, self.seconds_left()
        if sign_in.state is SignInState.EXPIRED:
            self.countdown.show_time(tr("No longer waiting."), words.code_good_for(0), 0, 1)
            return
        counted = sign_in.expires_at is not None and bool(sign_in.user_code)
        whole = max(1.0, (sign_in.expires_at or 0.0) - sign_in.started_at)
        self.countdown.show_time(
            words.sign_in_goes_on(sign_in, self.name),
            words.code_good_for(seconds) if counted and sign_in.state is SignInState.WAITING_FOR_CODE else "",
            seconds if counted else whole,
            whole,
        )

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self.heading.title.setFocus(Qt.FocusReason.OtherFocusReason)

    def _ask_for_new_code(self) -> None:
        self.again.emit(self.sign_in.provider, "device")
        self.leave()


class CodeBlock(QWidget):
    """Code and address at one side, the QR code at the other, or below where it is narrow."""

    def __init__(self) -> None:
        super().__init__()
        self.code = Label(kind="code", wrap=False)
        self.code.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.code.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.copy_code = CopyButton(tr("Copy code"), self.code.text, kind="icon")
        self.address = Value("strong", name=tr("Address"))
        self.copy_address = CopyButton(tr("Copy"), self.address.toPlainText)
        self.open_here = Button(tr("Open here"), icon="out")
        self.qr = QrCode()
        self.caption = Label(kind="caption", quiet=True)
        words_column = QVBoxLayout()
        words_column.setSpacing(style.space("xs"))
        words_column.addWidget(Label(tr("Code"), quiet=True))
        words_column.addLayout(row(self.code, self.copy_code))
        words_column.addSpacing(style.space("m"))
        words_column.addWidget(Label(tr("Address"), quiet=True))
        words_column.addWidget(self.address)
        words_column.addSpacing(style.space("xs"))
        words_column.addLayout(row(self.copy_address, self.open_here))
        words_column.addStretch(1)
        picture = QVBoxLayout()
        picture.setSpacing(style.space("s"))
        picture.addWidget(self.qr, 0, Qt.AlignmentFlag.AlignLeading)
        picture.addWidget(self.caption)
        picture.addStretch(1)
        self._both = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._both.setContentsMargins(0, 0, 0, 0)
        self._both.setSpacing(style.space("xl"))
        self._both.addLayout(words_column, 1)
        self._both.addLayout(picture)

    def show_code(self, sign_in: SignInSnapshot, *, usable: bool) -> None:
        """Show the code exactly as it was sent (DEV-7).

        :param usable: False strikes it out in the secondary colour.
        """
        self.code.setText(sign_in.user_code or "")
        font = style.font("code")
        font.setStrikeOut(not usable)
        self.code.setFont(font)
        role = QPalette.ColorRole.WindowText if usable else QPalette.ColorRole.PlaceholderText
        self.code.setForegroundRole(role)
        self.address.show_text(sign_in.verification_uri or "")
        for button in (self.copy_code, self.copy_address, self.open_here):
            button.setVisible(usable)
        self._show_picture(sign_in, usable=usable)

    def _show_picture(self, sign_in: SignInSnapshot, *, usable: bool) -> None:
        complete = sign_in.verification_uri_complete
        self.qr.show_text((complete or sign_in.verification_uri or "") if usable else "")
        self.qr.setVisible(usable)
        filled = tr("Scanned, the code is filled in already. Compare it.")
        plain = tr("Scanned, the address opens. Type the code there.")
        self.caption.setText(filled if complete else plain)
        self.caption.setVisible(usable)
        self.caption.setFixedWidth(self.qr.sizeHint().width())
        self.qr.setAccessibleName(tr("QR code of the address"))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        beside = self.window().width() >= style.em(BESIDE)
        self._both.setDirection(QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom)
