"""The window of a sign-in and what it turns into: signed in, another account, refused, time is up."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QApplication, QDialogButtonBox

from tokenkeep.domain.ports import Clock
from tokenkeep.domain.session import SignInSnapshot, SignInState
from tokenkeep.ui import dialog_texts as words
from tokenkeep.ui.dialog_frame import DialogFrame, Heading, Page, provider_tile
from tokenkeep.ui.translation import tr
from tokenkeep.ui.widgets.button import Button
from tokenkeep.ui.widgets.copy_button import CopyButton
from tokenkeep.ui.widgets.label import Label
from tokenkeep.ui.widgets.value import Value

CLOSES_AFTER = 10  # ticks of a second that a success stays when nobody looks at it

Role = QDialogButtonBox.ButtonRole


class SignInWindow(DialogFrame):
    """The part of both sign-in dialogs that knows the end of an attempt; what people choose leaves as signals.

    Each signal carries the id of the sign-in; `again` instead the provider's id and a method, `details_wanted` the
    provider's id.
    """

    cancel_wanted = Signal(str)
    reopen_wanted = Signal(str)
    code_wanted = Signal(str)
    browser_wanted = Signal(str)
    account_kept = Signal(str)
    account_switched = Signal(str)
    again = Signal(str, str)
    details_wanted = Signal(str)
    gone = Signal(str)

    def __init__(self, sign_in: SignInSnapshot, name: str, clock: Clock, width: float) -> None:
        super().__init__(width, clock)
        self.waiting = Page(ruled=True)
        self.sign_in = sign_in
        self.name = name
        self._result: ResultPage | None = None
        self._closes_in = CLOSES_AFTER
        self._hovered = False
        self.setWindowTitle(words.sign_in_title(name))
        cancel = self.waiting.add_button(Button(tr("Cancel sign-in")), Role.RejectRole)
        cancel.clicked.connect(self.reject)
        self.add_page(self.waiting)

    def show_sign_in(self, sign_in: SignInSnapshot) -> None:
        """Take over how the attempt stands now."""
        before, self.sign_in = self.sign_in, sign_in
        result = words.result_of(sign_in, self.name)
        if sign_in.state is SignInState.CANCELLED or self._was_settled(before):
            self.leave()
        elif result is None:
            self.show_waiting()
        elif self._result is None or result != self._result.result:
            self._show_result(result)

    def show_waiting(self) -> None:
        """Show what is waited for; each dialog has its own page for that."""
        if self._result is not None:
            self._result = None
            self.turn_to(self.waiting)

    def leave(self) -> None:
        """Close without asking for anything."""
        self.hide()
        self.gone.emit(self.sign_in.id)

    def reject(self) -> None:
        """Escape, the close button and "Cancel sign-in": the quiet way out of whatever is shown."""
        if self._result is not None and self._result.result.kind == "other_account":
            self.account_kept.emit(self.sign_in.id)
        elif self.sign_in.state.pending:
            self.cancel_wanted.emit(self.sign_in.id)
        self.leave()

    @property
    def outcome(self) -> words.Result | None:
        """The result that is shown; None while something is waited for."""
        return None if self._result is None else self._result.result

    def seconds_left(self) -> float:
        """Until the attempt is given up; 0 when it is not known."""
        return 0.0 if self.sign_in.expires_at is None else max(0.0, self.sign_in.expires_at - self._clock.wall())

    def tick(self) -> None:
        """Count the end of a success that nobody looks at."""
        result = self._result
        if result is None or result.result.kind != "done":
            return
        if self._hovered or self.isActiveWindow():
            self._closes_in = CLOSES_AFTER
            result.note.setText("")
            return
        if self._closes_in <= 0:
            self.leave()
            return
        result.note.setText(words.closes_in(self._closes_in))
        self._closes_in -= 1

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802
        self._hovered = True
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        self._hovered = False
        super().leaveEvent(event)

    def _was_settled(self, before: SignInSnapshot) -> bool:
        """The person kept the old account, here or elsewhere: that is no failure to tell of."""
        return before.other_account is not None and self.sign_in.state is SignInState.FAILED

    def _show_result(self, result: words.Result) -> None:
        page = ResultPage(self, result)
        self.add_page(page)
        self._result = page
        self.turn_to(page)
        self.tick()
        page.heading.title.setFocus(Qt.FocusReason.OtherFocusReason)
        if result.kind != "done" and self.isVisible():
            QApplication.alert(self)


class ResultPage(Page):
    """One result with the buttons that belong to it."""

    def __init__(self, window: SignInWindow, result: words.Result) -> None:
        super().__init__(ruled=False)
        self.result = result
        self._window = window
        self.heading = Heading(
            provider_tile(window.sign_in.provider, window.name), mark=True, quiet=result.kind == "done"
        )
        self.heading.say(result.heading, result.text, result.mark)
        self.body.addWidget(self.heading)
        if result.server:
            server = Value("caption", name=tr("Server’s own words"), quiet=True)
            server.show_text(words.servers_own_words(result.server))
            self.body.addWidget(server)
        self.body.addStretch(1)
        self.note = Label(kind="caption", quiet=True)
        self.at_foot(self.note)
        getattr(self, f"_add_{result.kind}")()

    def _add_done(self) -> None:
        provider = self._window.sign_in.provider
        self._button(tr("Show details"), Role.ActionRole, lambda: self._window.details_wanted.emit(provider))
        done = self._button(tr("Done"), Role.AcceptRole, primary=True)
        done.setDefault(True)

    def _add_other_account(self) -> None:
        window, sign_in = self._window, self._window.sign_in.id
        switch = self.add_button(Button(tr("Switch account")), Role.YesRole)
        switch.clicked.connect(lambda: window.account_switched.emit(sign_in))
        keep = self.add_button(Button(tr("Keep as it was")), Role.NoRole)
        keep.clicked.connect(window.reject)

    def _add_failed(self) -> None:
        self._button(tr("Close"), Role.RejectRole)
        details = self.result.details
        self.add_button(CopyButton(tr("Copy details"), lambda: details), Role.ActionRole)
        self._add_again(tr("Try again"), self._window.sign_in.method, primary=True)

    def _add_expired(self) -> None:
        self._button(tr("Close"), Role.RejectRole)
        if self._window.sign_in.device_available and self._window.sign_in.method == "browser":
            self._add_again(tr("Use a code instead"), "device")
        self._add_again(tr("Try again"), self._window.sign_in.method, primary=True)

    def _add_again(self, text: str, method: str, *, primary: bool = False) -> None:
        window = self._window
        role = Role.YesRole if primary else Role.ActionRole
        self._button(text, role, lambda: window.again.emit(window.sign_in.provider, method), primary=primary)

    def _button(
        self, text: str, role: Role, pressed: Callable[[], object] | None = None, *, primary: bool = False
    ) -> Button:
        """A button that does something, if at all, and then closes the window."""
        button = self.add_button(Button(text, kind="primary" if primary else ""), role)
        if pressed is not None:
            button.clicked.connect(pressed)
        button.clicked.connect(self._window.leave)
        return button
