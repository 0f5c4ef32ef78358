"""A provider's page: who is signed in, how it stands, what the sign-in may do, where it belongs."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt, Signal, SignalInstance
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.session import SessionSnapshot, SessionState, SignInSnapshot
from tokenkeep.ui import machine_texts, style, texts
from tokenkeep.ui.announcer import Announcer
from tokenkeep.ui.detail_header import DetailHeader
from tokenkeep.ui.state_band import StateBand
from tokenkeep.ui.translation import tr
from tokenkeep.ui.widgets.band import Band
from tokenkeep.ui.widgets.button import Button
from tokenkeep.ui.widgets.facts import Fact, Facts
from tokenkeep.ui.widgets.flow_layout import FlowLayout
from tokenkeep.ui.widgets.label import Label
from tokenkeep.ui.widgets.line import Line
from tokenkeep.ui.widgets.scroll_page import ScrollPage

_WRONG = frozenset({SessionState.NEEDS_SIGN_IN, SessionState.OFFLINE, SessionState.FAILED, SessionState.SIGNED_OUT})


class ProviderDetail(ScrollPage):
    """Everything is derived from the snapshot; the requests carry the provider's id.

    :param wall: wall clock in seconds.
    """

    sign_in_requested = Signal(str, str)
    show_sign_in_requested = Signal(str)
    cancel_sign_in_requested = Signal(str)
    sign_out_requested = Signal(str)
    log_out_requested = Signal(str)
    refresh_requested = Signal(str)
    copy_requested = Signal(str)
    diagnose_requested = Signal(str)
    secret_requested = Signal(str)
    public_key_requested = Signal(str)
    open_folder_requested = Signal()
    back_requested = Signal()

    def __init__(self, wall: Callable[[], float], parent: QWidget | None = None) -> None:
        self._column = QVBoxLayout()
        super().__init__(self._column, parent=parent)
        self._wall = wall
        self._session: SessionSnapshot | None = None
        self._sign_in: SignInSnapshot | None = None
        self.setAccessibleName(tr("Details"))
        self._announcer = Announcer(self)
        self.header = DetailHeader()
        self.confirm = Band()
        self.confirm_button = Button(tr("Sign out"))
        self.keep_button = Button(tr("Stay signed in"))
        self.everywhere_button = Button(tr("Also log out in the browser"))
        self.confirm.add_button(self.confirm_button)
        self.confirm.add_button(self.everywhere_button)
        self.confirm.add_button(self.keep_button)
        self.confirm.hide()
        self.state = StateBand()
        self.trouble = Facts()
        self.details_button = Button(tr("Copy details"), kind="link")
        self.diagnose_button = Button(tr("Diagnose"), kind="link")
        self.may_title = Label(tr("What this sign-in may do"), "strong")
        self.may = Facts(names_quiet=False)
        self.about = Facts()
        self._lines = (Line(), Line())
        self._build()
        self._connect()

    def _build(self) -> None:
        self._may_do = QWidget()
        self._may = QVBoxLayout(self._may_do)
        self._may.setContentsMargins(0, 0, 0, 0)
        self._may.addWidget(self.may_title)
        self._may.addWidget(self.may)
        self._troubles = QWidget()
        self._trouble = QVBoxLayout(self._troubles)
        self._trouble.setContentsMargins(0, 0, 0, 0)
        self._trouble.addWidget(self.trouble)
        self._links = QWidget()
        links = FlowLayout(self._links, spacing="l")
        for link in (self.details_button, self.diagnose_button):
            links.addWidget(link)
        self._trouble.addWidget(self._links)
        for part in (self.header, self.confirm, self.state):
            self._column.addWidget(part)
        self._column.addWidget(self._troubles)
        self._column.addWidget(self._lines[0])
        self._column.addWidget(self._may_do)
        self._column.addWidget(self._lines[1])
        self._column.addWidget(self.about)
        self._column.addStretch(1)
        self._space()

    def _connect(self) -> None:
        self.header.copy_requested.connect(lambda: self._ask(self.copy_requested))
        self.header.refresh_requested.connect(lambda: self._ask(self.refresh_requested))
        self.header.diagnose_requested.connect(lambda: self._ask(self.diagnose_requested))
        self.header.secret_requested.connect(lambda: self._ask(self.secret_requested))
        self.header.public_key_requested.connect(lambda: self._ask(self.public_key_requested))
        self.header.sign_out_requested.connect(self.ask_sign_out)
        self.header.sign_in_requested.connect(lambda: self._sign_in_by("auto"))
        self.header.back_requested.connect(self.back_requested)
        self.confirm_button.clicked.connect(lambda: self._sign_out(self.sign_out_requested))
        self.everywhere_button.clicked.connect(lambda: self._sign_out(self.log_out_requested))
        self.keep_button.clicked.connect(self.take_back)
        self.state.sign_in.connect(self._sign_in_by)
        self.state.show_sign_in.connect(lambda: self._ask(self.show_sign_in_requested))
        self.state.cancel_sign_in.connect(self._cancel_sign_in)
        self.state.try_again.connect(lambda: self._ask(self.refresh_requested))
        self.state.give_secret.connect(lambda: self._ask(self.secret_requested))
        self.state.open_folder.connect(self.open_folder_requested)
        self.details_button.clicked.connect(self._copy_details)
        self.diagnose_button.clicked.connect(lambda: self._ask(self.diagnose_requested))

    # --- showing ---------------------------------------------------------------------------------------------------

    @property
    def session(self) -> SessionSnapshot | None:
        """The session that is shown."""
        return self._session

    def show_session(self, session: SessionSnapshot, sign_in: SignInSnapshot | None) -> None:
        """Show a provider; another one than before begins at the top."""
        another = self._session is None or self._session.id != session.id
        news = not another and self._session is not None and self._session.state is not session.state
        self._session, self._sign_in = session, sign_in
        if another:
            self.verticalScrollBar().setValue(0)
            self.confirm.hide()
            self._announcer.forget()
            self.details_button.set_words(tr("Copy details"))
        if session.state is SessionState.SIGNED_OUT:
            self.confirm.hide()
        self.tick()
        self._show_facts(session)
        if self.isVisible():
            self.settle()
            if news:
                words = texts.state_words(session, self._wall(), sign_in)
                self._announcer.say(tr("{name}: {state}", name=session.name, state=words))

    def tick(self) -> None:
        """Show what changes with time alone."""
        if self._session is None:
            return
        now = self._wall()
        self.header.show_session(self._session, now)
        self.state.show_session(self._session, self._sign_in, now)
        troubles = self._trouble_facts(self._session, now)
        self.trouble.show_facts(troubles)
        self._links.setVisible(self._has_details(self._session))
        server = bool(self._session.issuer) and not isinstance(self._session.last_error, Misconfigured)
        self.diagnose_button.setVisible(server)  # what is wrong in our own configuration is no server's fault
        self._troubles.setVisible(bool(troubles) or self._has_details(self._session))

    def token_copied(self, provider: str, until: float) -> None:
        """Say that a provider's token lies on the clipboard until the wall-clock time `until`."""
        self.header.token_copied(provider, until)
        self.tick()

    def _show_facts(self, session: SessionSnapshot) -> None:
        scopes = texts.scope_words(session.scope)
        self.may.show_facts([Fact(words, names, mono=True) for words, names in scopes])
        self.may_title.setText(machine_texts.may_title(session))
        self._may_do.setVisible(bool(scopes))
        about = (
            (tr("Provider"), session.issuer),
            (tr("Used for"), texts.used_for(session)),
            (self._signed_in_name(session), texts.signed_in_at(session)),
            *texts.client_facts(session),
        )
        self.about.show_facts([Fact(name, value) for name, value in about if value])
        troubled = not self._troubles.isHidden()
        self._lines[0].setVisible(troubled and bool(scopes))
        self._lines[1].setVisible((troubled or bool(scopes)) and any(value for _, value in about))

    def _signed_in_name(self, session: SessionSnapshot) -> str:
        if name := machine_texts.since_name(session):
            return name
        return tr("Last signed in") if session.state in _WRONG else tr("Signed in")

    def _trouble_facts(self, session: SessionSnapshot, now: float) -> list[Fact]:
        if session.state not in _WRONG:
            return []
        facts = (
            (tr("Waiting for it"), texts.waiting_programs(session, now)),
            (tr("What the server said"), texts.server_words(session.last_error)),
            (tr("What happened"), texts.what_happened(session)),
        )
        return [Fact(name, value) for name, value in facts if value]

    def _has_details(self, session: SessionSnapshot) -> bool:
        return session.state in _WRONG and session.last_error is not None

    # --- acting ----------------------------------------------------------------------------------------------------

    def ask_sign_out(self) -> None:
        """Ask inside the page whether to sign out; the question goes when another provider is shown."""
        if self._session is None:
            return
        name = self._session.name
        self.confirm.say("plain", "signed_out", tr("Sign out of {name}?", name=name), tr("Programs get no token."))
        self.everywhere_button.setVisible(self._session.end_session_available)
        self.confirm.show_buttons()
        self.confirm.show()
        self.verticalScrollBar().setValue(0)
        self.keep_button.setFocus(Qt.FocusReason.OtherFocusReason)

    def take_back(self) -> bool:
        """Take the question whether to sign out back; False when it is not asked."""
        if self.confirm.isHidden():
            return False
        self.confirm.hide()
        self.header.focus_more()
        return True

    def primary(self) -> None:
        """What double click and Enter on a row do: the page's filled button, if there is one."""
        if self._session is None:
            return
        if not self.state.sign_in_button.isHidden():
            self._sign_in_by("auto")
        elif self._session.state is SessionState.SIGNING_IN:
            self._ask(self.show_sign_in_requested)

    def _ask(self, request: SignalInstance) -> None:
        if self._session is not None:
            request.emit(self._session.id)

    def _sign_in_by(self, method: str) -> None:
        if self._session is not None:
            self.sign_in_requested.emit(self._session.id, method)

    def _cancel_sign_in(self) -> None:
        if self._sign_in is not None:
            self.cancel_sign_in_requested.emit(self._sign_in.id)

    def _sign_out(self, request: SignalInstance) -> None:
        self.confirm.hide()
        self._ask(request)
        self.header.focus_more()

    def _copy_details(self) -> None:
        if self._session is not None:
            QGuiApplication.clipboard().setText(texts.problem_details(self._session, self._wall()))
            self.details_button.set_words(tr("Details copied"))

    # --- size ------------------------------------------------------------------------------------------------------

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationFontChange:
            self._space()

    def _space(self) -> None:
        edge, high = style.space("xl"), style.space("l") + style.space("xs")
        self._column.setContentsMargins(edge, high, edge, high)
        self._column.setSpacing(style.space("l"))
        self._may.setSpacing(style.space("s"))
        self._trouble.setSpacing(style.space("xs"))
        self.set_column_width(style.em(style.DETAIL_WIDTH))
