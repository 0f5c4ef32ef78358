"""The band at the top of a provider's page: its state, what that means, and the one step that leads on."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.session import SessionSnapshot, SessionState, SignInSnapshot
from tokenkeep.ui import icons, machine_texts, texts, times
from tokenkeep.ui.translation import tr
from tokenkeep.ui.widgets.band import Band, BandKind
from tokenkeep.ui.widgets.button import Button
from tokenkeep.ui.widgets.timeline import Timeline, course

_KINDS: dict[SessionState, BandKind] = {SessionState.NEEDS_SIGN_IN: "needs", SessionState.FAILED: "failed"}


class StateBand(Band):
    """`sign_in` carries `auto` or `device`."""

    sign_in = Signal(str)
    show_sign_in = Signal()
    cancel_sign_in = Signal()
    try_again = Signal()
    open_folder = Signal()
    give_secret = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.timeline = Timeline()
        self.body.addWidget(self.timeline)
        self.sign_in_button = Button(tr("Sign in"), kind="primary")
        self.code_button = Button(tr("Use a code instead"))
        self.show_button = Button(tr("Show the sign-in"))
        self.cancel_button = Button(tr("Cancel sign-in"))
        self.again_button = Button(tr("Try again now"))
        self.secret_button = Button(tr("Type the client secret"), kind="primary")
        self.folder_button = Button(tr("Open the folder of config.toml"))
        for button in (
            self.sign_in_button,
            self.code_button,
            self.show_button,
            self.cancel_button,
            self.secret_button,
            self.again_button,
            self.folder_button,
        ):
            self.add_button(button)
        self.sign_in_button.clicked.connect(lambda: self.sign_in.emit("auto"))
        self.code_button.clicked.connect(lambda: self.sign_in.emit("device"))
        self.show_button.clicked.connect(self.show_sign_in)
        self.cancel_button.clicked.connect(self.cancel_sign_in)
        self.again_button.clicked.connect(self.try_again)
        self.secret_button.clicked.connect(self.give_secret)
        self.folder_button.clicked.connect(self.open_folder)

    def show_session(self, session: SessionSnapshot, sign_in: SignInSnapshot | None, now: float) -> None:
        """Show where a session stands at the wall-clock time `now`."""
        state = session.state
        self.say(
            _KINDS.get(state, "plain"),
            icons.mark_of(session),
            texts.state_title(session, sign_in),
            texts.state_sentence(session, now),
            self._aside(session, sign_in, now),
        )
        self.timeline.show_course(course(session, now) if state in _WITH_TIMELINE else None)
        wanting = state in (SessionState.NEEDS_SIGN_IN, SessionState.SIGNED_OUT) and not session.sealed
        waiting = state is SessionState.SIGNING_IN
        broken_file = isinstance(session.last_error, Misconfigured)
        self.sign_in_button.set_words(machine_texts.sign_in_button(session))
        self.sign_in_button.setVisible(wanting)
        self.code_button.setVisible(wanting and session.device_available)
        self.show_button.setVisible(waiting)
        self.cancel_button.setVisible(waiting)
        self.again_button.setVisible(
            state is SessionState.OFFLINE
            or (
                state is SessionState.FAILED
                and session.refreshable
                and (not broken_file or machine_texts.is_machine(session))
            )
        )
        self.secret_button.setVisible(state is SessionState.FAILED and session.secret_wanted)
        self.folder_button.setVisible(state is SessionState.FAILED)
        self.show_buttons()

    def _aside(self, session: SessionSnapshot, sign_in: SignInSnapshot | None, now: float) -> str:
        if session.state is SessionState.SIGNING_IN:
            if sign_in is None or sign_in.expires_at is None:
                return ""
            return tr("{time} left", time=times.duration(sign_in.expires_at - now))
        if session.state in (SessionState.NEEDS_SIGN_IN, SessionState.FAILED):
            return texts.since(session, now)
        return texts.time_left(session, now)


_WITH_TIMELINE = frozenset({SessionState.ACTIVE, SessionState.REFRESHING, SessionState.OFFLINE})
