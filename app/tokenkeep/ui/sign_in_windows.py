"""Which sign-in dialogs are open: one for each attempt, of the kind that its method needs."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QPoint, Signal

from tokenkeep.domain.errors import NotFound, TokenKeepError
from tokenkeep.domain.ports import Clock
from tokenkeep.domain.provider import Flow
from tokenkeep.domain.session import SessionSnapshot, SignInSnapshot, SignInState
from tokenkeep.ui.bridge import Bridge
from tokenkeep.ui.device_dialog import DeviceDialog
from tokenkeep.ui.sign_in_dialog import SignInDialog
from tokenkeep.ui.sign_in_results import SignInWindow


class SignInWindows(QObject):
    """Opens, updates and closes the dialogs, and hands to the engine what people choose in them.

    :param session: finds a provider's session by id, None for an unknown one.
    """

    details_wanted = Signal(str)

    def __init__(
        self,
        bridge: Bridge,
        clock: Clock,
        session: Callable[[str], SessionSnapshot | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._clock = clock
        self._session = session
        self._open: dict[str, SignInWindow] = {}  # by sign-in
        self._left: set[str] = set()  # closed by the person; later events do not bring them back
        self._clicked: set[str] = set()  # providers whose next dialog may take the keyboard
        self._places: dict[str, QPoint] = {}  # where a provider's last dialog stood

    @property
    def windows(self) -> tuple[SignInWindow, ...]:
        """The dialogs that are open."""
        return tuple(self._open.values())

    def start(self, provider: str, method: str = "auto") -> None:
        """Sign in at the person's click; a pending attempt is shown instead of doubled."""
        if self.show(provider):
            return
        self._clicked.add(provider)
        self._bridge.do(
            self._bridge.engine.sign_in(provider, method=method),
            done=self.take,
            failed=lambda error: self._could_not_start(provider, method, error),
        )

    def show(self, provider: str) -> bool:
        """Raise a provider's dialog at the person's click; whether there is one that still waits."""
        for window in self._open.values():
            if window.sign_in.provider == provider and window.sign_in.state.pending:
                window.open_up(activate=True)
                return True
        return False

    def take(self, sign_in: SignInSnapshot) -> None:
        """Show how an attempt stands now."""
        window = self._open.get(sign_in.id)
        if window is not None and sign_in.state.pending and not isinstance(window, _kind(sign_in)):
            window.leave()  # the browser could not be started and the provider offers a code
            window = None
            self._left.discard(sign_in.id)
        if window is not None:
            window.show_sign_in(sign_in)
        elif sign_in.state.pending and sign_in.id not in self._left:
            self._open_window(sign_in)

    def close(self) -> None:
        """Take all dialogs away; their sign-ins end with the engine."""
        for window in list(self._open.values()):
            window.leave()

    def _could_not_start(self, provider: str, method: str, error: TokenKeepError) -> None:
        """Say so where the dialog would have been; a dialog that is open already shows it itself."""
        if any(window.sign_in.provider == provider for window in self._open.values()):
            self._clicked.discard(provider)
            return
        self._open_window(
            SignInSnapshot("", provider, method, SignInState.FAILED, started_at=self._clock.wall(), error=error)
        )

    def _open_window(self, sign_in: SignInSnapshot) -> None:
        session = self._session(sign_in.provider)
        name = sign_in.provider if session is None else session.name
        window: SignInWindow
        if _kind(sign_in) is DeviceDialog:
            by_browser = session is not None and session.flow == Flow.AUTHORIZATION_CODE
            window = DeviceDialog(sign_in, name, self._clock, browser_possible=by_browser)
        else:
            window = SignInDialog(sign_in, name, self._clock)
            window.pasted.connect(lambda id_, url: self._paste(window, id_, url))
        self._connect(window)
        self._open[sign_in.id] = window
        place = self._places.get(sign_in.provider)
        if place is not None:
            window.move(place)
        window.open_up(activate=sign_in.provider in self._clicked)
        self._clicked.discard(sign_in.provider)

    def _connect(self, window: SignInWindow) -> None:
        engine, do = self._bridge.engine, self._bridge.do
        window.cancel_wanted.connect(lambda id_: do(engine.cancel_sign_in(id_), failed=self._unless_gone))
        window.reopen_wanted.connect(lambda id_: do(engine.reopen_browser(id_)))
        window.code_wanted.connect(lambda id_: self._switch(window, id_, "device"))
        window.browser_wanted.connect(lambda id_: self._switch(window, id_, "browser"))
        window.account_kept.connect(lambda id_: do(engine.settle_account(id_, accept=False), failed=self._unless_gone))
        window.account_switched.connect(lambda id_: do(engine.settle_account(id_, accept=True)))
        window.again.connect(self._again)
        window.details_wanted.connect(self.details_wanted)
        window.gone.connect(lambda id_: self._forget(window, id_))

    def _again(self, provider: str, method: str) -> None:
        for window in [window for window in self._open.values() if window.sign_in.provider == provider]:
            window.leave()
        self.start(provider, method)

    def _switch(self, window: SignInWindow, sign_in: str, method: str) -> None:
        provider, engine = window.sign_in.provider, self._bridge.engine
        self._clicked.add(provider)
        change = engine.use_device(sign_in) if method == "device" else engine.use_browser(sign_in)
        self._bridge.do(change, done=self.take, failed=lambda error: self._could_not_start(provider, method, error))

    def _paste(self, window: SignInDialog, sign_in: str, url: str) -> None:
        self._bridge.do(self._bridge.engine.sign_in_callback(url, sign_in), failed=window.paste_failed)

    def _unless_gone(self, error: TokenKeepError) -> None:
        """An attempt that ended by itself while the person chose: nothing is lost by that."""
        if not isinstance(error, NotFound):
            self._bridge.problem.emit(error)

    def _forget(self, window: SignInWindow, sign_in: str) -> None:
        if self._open.get(sign_in) is window:
            del self._open[sign_in]
        self._left.add(sign_in)
        self._places[window.sign_in.provider] = window.pos()
        window.deleteLater()


def _kind(sign_in: SignInSnapshot) -> type[SignInWindow]:
    return DeviceDialog if sign_in.method == "device" else SignInDialog
