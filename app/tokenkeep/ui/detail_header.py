"""The head of a provider's page: tile, name, account, and what can be done right now."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QMenu, QSizePolicy, QVBoxLayout, QWidget

from tokenkeep.domain.session import SessionSnapshot, SessionState
from tokenkeep.ui import machine_texts, style, times
from tokenkeep.ui.translation import tr
from tokenkeep.ui.widgets.button import Button
from tokenkeep.ui.widgets.flow_layout import FlowLayout
from tokenkeep.ui.widgets.label import Label
from tokenkeep.ui.widgets.tile import Tile
from tokenkeep.ui.widgets.value import Value

_LEAST_NAME = 10  # em; with less room for the name the buttons go below it


class DetailHeader(QWidget):
    """A button that cannot work now is absent, not grey, unless it comes back within seconds."""

    copy_requested = Signal()
    refresh_requested = Signal()
    sign_out_requested = Signal()
    sign_in_requested = Signal()
    diagnose_requested = Signal()
    secret_requested = Signal()
    public_key_requested = Signal()
    back_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._copied_of = ""
        self._copied_until = 0.0
        self.back_button = Button(tr("Back to the list"), icon="back", kind="icon")
        self.back_button.hide()
        self.tile = Tile()
        self.title = Label(kind="title")
        self.account = Value(name=tr("Account"), quiet=True)
        self.copy_button = Button(tr("Copy token"), icon="copy")
        self.refresh_button = Button(tr("Refresh now"), icon="refresh")
        self.more_button = Button(tr("More"), icon="more", kind="icon")
        self.menu = QMenu(self)
        self.sign_in_action = QAction(tr("Sign in again…"), self)
        self.sign_out_action = QAction(tr("Sign out…"), self)
        self.diagnose_action = QAction(tr("Diagnose…"), self)
        self.secret_action = QAction(tr("Change the client secret…"), self)
        self.public_key_action = QAction(tr("Copy the public key"), self)
        self.menu.addAction(self.sign_in_action)
        self.menu.addAction(self.diagnose_action)
        self.menu.addAction(self.secret_action)
        self.menu.addAction(self.public_key_action)
        self.menu.addAction(self.sign_out_action)
        self._build()
        self.copy_button.clicked.connect(self.copy_requested)
        self.refresh_button.clicked.connect(self.refresh_requested)
        self.more_button.clicked.connect(self.open_menu)
        self.sign_in_action.triggered.connect(self.sign_in_requested)
        self.sign_out_action.triggered.connect(self.sign_out_requested)
        self.diagnose_action.triggered.connect(self.diagnose_requested)
        self.secret_action.triggered.connect(self.secret_requested)
        self.public_key_action.triggered.connect(self.public_key_requested)
        self.back_button.clicked.connect(self.back_requested)

    def _build(self) -> None:
        self._names = QVBoxLayout()
        self._names.setSpacing(0)
        self._names.addStretch(1)
        self._names.addWidget(self.title)
        self._names.addWidget(self.account)
        self._names.addStretch(1)
        self._identity = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._identity.addWidget(self.back_button, 0, Qt.AlignmentFlag.AlignVCenter)
        self._identity.addWidget(self.tile, 0, Qt.AlignmentFlag.AlignVCenter)
        self._identity.addLayout(self._names, 1)
        self.button_row = QWidget()
        flow = FlowLayout(self.button_row)
        for button in (self.copy_button, self.refresh_button, self.more_button):
            flow.addWidget(button)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.button_row.setSizePolicy(policy)
        self._all = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._all.setContentsMargins(0, 0, 0, 0)
        self._all.addLayout(self._identity, 1)
        self._all.addWidget(self.button_row, 0, Qt.AlignmentFlag.AlignVCenter)
        self._space()

    def show_session(self, session: SessionSnapshot, now: float) -> None:
        """Show whose page it is and what can be done at the wall-clock time `now`."""
        self.tile.show_provider(session.id, session.name)
        self.title.setText(session.name)
        self.account.show_text(session.account)
        self.account.setVisible(bool(session.account))
        refreshing = session.state is SessionState.REFRESHING
        self.copy_button.setVisible(session.token_usable)
        self.refresh_button.setVisible(refreshing or (session.state is SessionState.ACTIVE and session.refreshable))
        self.refresh_button.setEnabled(not refreshing)  # it comes back within seconds
        self.diagnose_action.setVisible(bool(session.issuer))
        known = session.signed_in_at is not None and session.state is not SessionState.SIGNED_OUT
        again = machine_texts.sign_in_action(session)
        self.sign_in_action.setText(again)
        self.sign_in_action.setVisible(bool(again) and known and session.state is not SessionState.SIGNING_IN)
        self.sign_out_action.setVisible(known)
        self.secret_action.setVisible(session.secret_kept)
        self.public_key_action.setVisible(session.signs_assertions)
        self.more_button.setVisible(known or session.secret_kept or session.signs_assertions)
        self._show_copied(session, now)
        self._arrange()

    def token_copied(self, provider: str, until: float) -> None:
        """From now until the wall-clock time `until` the button says that the token was copied."""
        self._copied_of, self._copied_until = provider, until

    def open_menu(self) -> None:
        """Open what stands behind More, below its button."""
        if not self.more_button.isHidden():
            self.menu.popup(self.more_button.mapToGlobal(self.more_button.rect().bottomLeft()))

    def focus_more(self) -> None:
        """Give the keyboard back to where a question came from."""
        (self.more_button if self.more_button.isVisible() else self.account).setFocus()

    def _show_copied(self, session: SessionSnapshot, now: float) -> None:
        left = self._copied_until - now
        copied = self._copied_of == session.id and left > 0
        self.copy_button.set_icon("check" if copied else "copy")
        words = tr("Copied, cleared in {time}", time=times.duration(left)) if copied else tr("Copy token")
        self.copy_button.set_words(words)
        self.copy_button.setAccessibleName(tr("Token copied") if copied else words)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._arrange()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationFontChange:
            self._space()

    def _arrange(self) -> None:
        beside = style.BIG_TILE * style.unit() + style.em(_LEAST_NAME) + self.button_row.sizeHint().width()
        room = self.width() >= beside + 2 * style.space("l")
        direction = QBoxLayout.Direction.LeftToRight if room else QBoxLayout.Direction.TopToBottom
        if self._all.direction() != direction:
            self._all.setDirection(direction)

    def _space(self) -> None:
        self._identity.setSpacing(style.space("l"))
        self._all.setSpacing(style.space("m"))
