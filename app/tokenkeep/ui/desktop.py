"""Which window answers to what: engine events go to tray and windows, what people choose goes to the engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication

from tokenkeep.domain.access import AccessRequest, Decision, Holding
from tokenkeep.domain.check import CheckReport
from tokenkeep.domain.configuration import AppSettings
from tokenkeep.domain.errors import NotFound, TokenKeepError
from tokenkeep.domain.ports import Clock
from tokenkeep.domain.session import EngineSnapshot, SessionSnapshot, StorageState
from tokenkeep.domain.tokens import Secret
from tokenkeep.ui import machine_texts
from tokenkeep.ui.access_prompt import AccessPrompt
from tokenkeep.ui.bridge import Bridge
from tokenkeep.ui.check_dialog import CheckDialog
from tokenkeep.ui.clipboard import SensitiveClipboard
from tokenkeep.ui.dialog_frame import DialogFrame
from tokenkeep.ui.main_window import MainWindow
from tokenkeep.ui.message_dialogs import (
    MessageDialog,
    QuitQuestion,
    closed_without_tray,
    problem_dialog,
    quit_with_unsaved,
)
from tokenkeep.ui.notifications import DesktopNotifier, Notifications
from tokenkeep.ui.secret_dialog import SecretDialog, Wording, client_secret, pasted_token
from tokenkeep.ui.sign_in_windows import SignInWindows
from tokenkeep.ui.translation import tr
from tokenkeep.ui.tray import Tray

if TYPE_CHECKING:
    from tokenkeep.engine.sign_outs import SignOut
    from tokenkeep.engine.thread import EngineThread


class Desktop(QObject):
    """Owns tray and windows. `ended` says that somebody wants the application to end."""

    ended = Signal()

    def __init__(
        self,
        thread: EngineThread,
        clock: Clock,
        settings: AppSettings,
        *,
        config_file: Path,
        state_file: Path | None,
        notifier: DesktopNotifier | None,
        remember: float,
        tray: bool,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._config_file = config_file
        self._start_hidden = settings.start_hidden
        self._latest: EngineSnapshot | None = None
        self._asking: dict[str, AccessRequest] = {}
        self._messages: list[DialogFrame] = []
        self.bridge = Bridge(thread, self)
        self.clipboard = SensitiveClipboard(QGuiApplication.clipboard(), self)
        self.window = MainWindow(
            clock.wall, config_file, state_file=state_file, reduced_motion=settings.reduced_motion == "on"
        )
        self.window.installEventFilter(self)
        self.sign_ins = SignInWindows(self.bridge, clock, self._session, self)
        self.prompt = AccessPrompt(clock, remember=remember)
        self.tray = Tray(clock, parent=self) if tray else None
        self.notifications = Notifications(notifier, self._balloon, self)
        self._connect_engine()
        self._connect_window()
        self._connect_tray()

    def start(self) -> None:
        """Begin: tray, events, and the window where it is wanted at once."""
        self.bridge.start()
        if self.tray is not None:
            self.tray.start()
        if self.tray is None or not self._start_hidden:
            self.show_window()

    def remove(self) -> None:
        """Take everything away, the tray before the QApplication goes."""
        self.bridge.stop()
        self.clipboard.clear()
        self.window.removeEventFilter(self)
        for dialog in (*self._messages, self.prompt, self.window):
            dialog.hide()
            dialog.deleteLater()
        self.sign_ins.close()
        if self.tray is not None:
            self.tray.remove()

    def reload(self) -> None:
        """Read the configuration again."""
        self.bridge.do(self.bridge.engine.reload())

    def theme_changed(self) -> None:
        """The desktop's colours changed."""
        if self.tray is not None:
            self.tray.theme_changed()

    def show_window(self) -> None:
        """Raise the window at somebody's wish."""
        window = self.window
        window.showNormal() if window.isMinimized() else window.show()
        window.raise_()
        window.activateWindow()

    # --- from the engine ------------------------------------------------------------------------------------------

    def _connect_engine(self) -> None:
        bridge = self.bridge
        bridge.snapshot.connect(self._take_snapshot)
        bridge.sign_in.connect(self.sign_ins.take)
        bridge.access_request.connect(self._ask)
        bridge.access_settled.connect(self._settled)
        bridge.notice.connect(self.notifications.show)
        bridge.show.connect(self.show_window)
        bridge.quit.connect(self.ended)
        bridge.problem.connect(self._show_problem)
        self.prompt.answered.connect(self._answer)
        self.notifications.chosen.connect(self._from_notification)

    def _take_snapshot(self, snapshot: EngineSnapshot) -> None:
        first, self._latest = self._latest is None, snapshot
        self.window.apply(snapshot)
        if self.tray is not None:
            self.tray.show_snapshot(snapshot)
        if first:  # what began before we listened; everything later comes as an event
            for sign_in in snapshot.sign_ins:
                self.sign_ins.take(sign_in)
            for request in snapshot.access_requests:
                self._ask(request)

    def _session(self, provider: str) -> SessionSnapshot | None:
        return None if self._latest is None else self._latest.session(provider)

    def _ask(self, request: AccessRequest) -> None:
        self._asking[request.id] = request
        self.prompt.show_requests(tuple(self._asking.values()))
        if not self.prompt.isVisible() and self.prompt.request is not None:
            self.prompt.open_up(activate=False)

    def _settled(self, request: str) -> None:
        self._asking.pop(request, None)
        self.prompt.show_requests(tuple(self._asking.values()))

    def _answer(self, request: str, decision: Decision, holding: Holding) -> None:
        self._asking.pop(request, None)
        self.bridge.call(self.bridge.engine.answer_access, request, decision, holding)

    def _from_notification(self, action: str, provider: str) -> None:
        match action:
            case "sign_in" if provider:
                self._sign_in(provider)
            case "show_request":
                if self.prompt.request is not None:
                    self.prompt.open_up(activate=True)
            case "show":
                self._details(provider)

    # --- from the person ------------------------------------------------------------------------------------------

    def _connect_window(self) -> None:
        window, bridge = self.window, self.bridge
        window.sign_in_requested.connect(self._sign_in)
        window.show_sign_in_requested.connect(self.sign_ins.show)
        window.cancel_sign_in_requested.connect(lambda id_: bridge.do(bridge.engine.cancel_sign_in(id_)))
        window.sign_out_requested.connect(self._sign_out)
        window.log_out_requested.connect(partial(self._sign_out, end_session=True))
        window.refresh_requested.connect(self._refresh)
        window.copy_requested.connect(self._copy)
        window.diagnose_requested.connect(self._diagnose)
        window.secret_requested.connect(self._ask_secret)
        window.public_key_requested.connect(self._copy_public_key)
        window.storage_chosen.connect(self._choose_storage)
        window.open_folder_requested.connect(self._open_folder)
        window.reload_requested.connect(self.reload)
        window.quit_requested.connect(self._quit)
        self.sign_ins.details_wanted.connect(self._details)

    def _connect_tray(self) -> None:
        if self.tray is None:
            return
        self.tray.open_wanted.connect(self.show_window)
        self.tray.message_clicked.connect(self.show_window)
        self.tray.absent.connect(self.show_window)
        self.tray.chosen.connect(self._from_menu)

    def _from_menu(self, deed: str, provider: str) -> None:
        match deed:
            case "sign_in":
                self._sign_in(provider)
            case "show_sign_in":
                if not self.sign_ins.show(provider):
                    self._details(provider)
            case "copy":
                self._copy(provider)
            case "refresh":
                self._refresh(provider)
            case "details":
                self._details(provider)
            case "sign_out":
                self.show_window()
                self.window.ask_sign_out(provider)
            case "quit":
                self._quit()
            case _:
                self.show_window()

    def _details(self, provider: str) -> None:
        self.show_window()
        if provider:
            self.window.show_provider(provider)

    def _copy(self, provider: str) -> None:
        def copied(token: Secret) -> None:
            self.clipboard.put(token)
            self.window.token_copied(provider)

        self.bridge.do(self.bridge.engine.copy_token(provider), done=copied)

    def _refresh(self, provider: str) -> None:
        self.bridge.do(self.bridge.engine.refresh(provider))

    def _diagnose(self, provider: str) -> None:
        session = self._session(provider)
        dialog = CheckDialog(self._clock, provider, provider if session is None else session.name)

        def found(report: CheckReport) -> None:
            if dialog in self._messages:  # not closed meanwhile
                dialog.show_report(report)

        def failed(error: TokenKeepError) -> None:
            if dialog in self._messages:
                dialog.show_problem(error)

        self._open_message(dialog)
        self.bridge.do(self.bridge.engine.check(provider=provider), done=found, failed=failed)

    def _sign_out(self, provider: str, *, end_session: bool = False) -> None:
        session = self._session(provider)
        had_token = session is not None and session.obtained_at is not None

        def signed_out(outcome: SignOut) -> None:
            if (had_token and outcome.revoked is not True) or outcome.end_session in ("unsupported", "failed"):
                self._open_message(MessageDialog(self._clock, tr("Signed out here"), outcome.detail, mark="signed_out"))

        self.bridge.do(self.bridge.engine.sign_out(provider, end_session=end_session), done=signed_out)

    def _sign_in(self, provider: str, method: str = "auto") -> None:
        """Whatever brings a token: a sign-in, a paste, or just asking for one."""
        session = self._session(provider)
        if session is not None and machine_texts.is_pasted(session):
            self._type_in(provider, pasted_token, self.bridge.engine.paste_token)
        elif session is not None and machine_texts.is_machine(session):  # a failure stands on the page
            self.bridge.do(self.bridge.engine.sign_in(provider), failed=lambda _: self._details(provider))
        else:
            self.sign_ins.start(provider, method)

    def _ask_secret(self, provider: str) -> None:
        self._type_in(provider, client_secret, self.bridge.engine.set_client_secret)

    def _type_in(
        self,
        provider: str,
        wording: Callable[[str], Wording],
        keep: Callable[[str, Secret], Coroutine[Any, Any, SessionSnapshot]],
    ) -> None:
        session = self._session(provider)
        dialog = SecretDialog(self._clock, provider, provider if session is None else session.name, wording)

        def kept(_: SessionSnapshot) -> None:
            if dialog in self._messages:  # not closed meanwhile
                dialog.saved()

        def failed(error: TokenKeepError) -> None:
            if dialog in self._messages:
                dialog.refused(error)
            else:
                self._show_problem(error)

        def give(secret: Secret) -> None:
            self.bridge.do(keep(provider, secret), done=kept, failed=failed)

        dialog.given.connect(give)
        self._open_message(dialog)

    def _copy_public_key(self, provider: str) -> None:
        def copied(keys: tuple[dict[str, Any], ...]) -> None:
            QGuiApplication.clipboard().setText(json.dumps({"keys": list(keys)}, indent=2))
            text = tr("Paste it where this client is registered. The private key stays sealed here.")
            self._open_message(MessageDialog(self._clock, tr("The public key was copied"), text, mark="ok"))

        self.bridge.do(self.bridge.engine.public_keys(provider), done=copied)

    def _choose_storage(self, kind: str, passphrase: Secret | None) -> None:
        self.bridge.do(self.bridge.engine.choose_storage(kind, passphrase))

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._config_file.parent)))

    # --- windows of our own ---------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Without a tray nothing would lead back to a window that was closed: ask first, without stopping anything."""
        if event.type() == QEvent.Type.Close and self.window.isVisible() and not self._reachable:
            event.ignore()
            self._ask_about_quitting()
            return True
        return super().eventFilter(watched, event)

    @property
    def _reachable(self) -> bool:
        return self.tray is not None and self.tray.present

    def _ask_about_quitting(self) -> None:
        question = closed_without_tray(self._clock)
        question.hide_wanted.connect(self.window.hide)
        self._ask_whether_to_quit(question)

    def _quit(self) -> None:
        """At the person's wish; asked about first while a sign-in lies in memory only."""
        if self._latest is None or self._latest.storage is not StorageState.DEGRADED:
            self.ended.emit()
        else:
            self._ask_whether_to_quit(quit_with_unsaved(self._clock))

    def _ask_whether_to_quit(self, question: QuitQuestion) -> None:
        if any(isinstance(message, QuitQuestion) for message in self._messages):
            question.deleteLater()
            return
        question.quit_wanted.connect(self.ended)
        self._open_message(question)

    def _show_problem(self, error: TokenKeepError) -> None:
        if not isinstance(error, NotFound):  # it ended by itself meanwhile
            self._open_message(problem_dialog(self._clock, error))

    def _open_message(self, dialog: DialogFrame) -> None:
        self._messages.append(dialog)
        dialog.finished.connect(lambda: self._forget(dialog))
        dialog.open_up(activate=True)

    def _forget(self, dialog: DialogFrame) -> None:
        if dialog in self._messages:
            self._messages.remove(dialog)
            dialog.deleteLater()

    def _balloon(self, title: str, body: str) -> bool:
        return self.tray is not None and self.tray.balloon(title, body)
