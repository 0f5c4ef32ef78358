"""The tray's menu: built anew when it is about to be shown, and whenever what it says has changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from tokenkeep.domain.ports import Clock
from tokenkeep.domain.provider import Flow
from tokenkeep.domain.session import EngineSnapshot, SessionSnapshot, SessionState
from tokenkeep.ui import icons, menu_texts, style, texts
from tokenkeep.ui.translation import tr

MOST = 8  # providers; the window has them all

Deed = Literal["open", "sign_in", "show_sign_in", "copy", "refresh", "details", "sign_out", "quit"]
_INTERACTIVE = frozenset({Flow.AUTHORIZATION_CODE, Flow.DEVICE_CODE, Flow.STATIC})  # a token is pasted by hand
_AT_HAND = (SessionState.ACTIVE, SessionState.REFRESHING, SessionState.OFFLINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu; one without text is a separator.

    :param mark: the state mark before it, empty for none.
    :param deed: what a click does, for `provider` where there is one.
    """

    text: str = ""
    mark: str = ""
    deed: Deed = "open"
    provider: str = ""
    head: bool = False
    below: tuple[Entry, ...] = field(default=())


SEPARATOR = Entry()


def entries(snapshot: EngineSnapshot, now: float) -> tuple[Entry, ...]:
    """The whole menu as values.

    :param now: wall clock in seconds.
    """
    needy_first = sorted(snapshot.sessions, key=lambda one: (not texts.needs_person(one), one.name.casefold()))
    lines = [_provider(session, now) for session in needy_first[:MOST]]
    if len(needy_first) > MOST:
        lines.append(Entry(tr("More in TokenKeep…")))
    head = Entry(texts.overall_words(snapshot), icons.mark_of(snapshot.state), head=True)
    return (
        head,
        SEPARATOR,
        *lines,
        *([SEPARATOR] if lines else []),
        Entry(tr("Open TokenKeep")),
        SEPARATOR,
        Entry(tr("Quit TokenKeep"), deed="quit"),
    )


def _provider(session: SessionSnapshot, now: float) -> Entry:
    """A needy provider acts on click, a healthy one has a menu of its own."""
    below = _deeds(session) if session.state in _AT_HAND else ()
    return Entry(
        menu_texts.provider_line(session, now), icons.mark_of(session), _deed(session), session.id, below=below
    )


def _deed(session: SessionSnapshot) -> Deed:
    if session.state is SessionState.SIGNING_IN:
        return "show_sign_in"
    by_person = session.flow in _INTERACTIVE and not session.sealed
    return "sign_in" if by_person and session.state is not SessionState.FAILED else "details"


def _deeds(session: SessionSnapshot) -> tuple[Entry, ...]:
    deeds = [Entry(tr("Copy token"), deed="copy", provider=session.id)] if session.token_usable else []
    if session.refreshable:
        deeds.append(Entry(tr("Refresh now"), deed="refresh", provider=session.id))
    return (
        *deeds,
        Entry(tr("Show details"), deed="details", provider=session.id),
        SEPARATOR,
        Entry(tr("Sign out…"), deed="sign_out", provider=session.id),
    )


class TrayMenu(QMenu):
    """`chosen` carries the deed and the provider's id, empty where it is about none."""

    chosen = Signal(str, str)

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._snapshot: EngineSnapshot | None = None
        self._shown: tuple[Entry, ...] = ()
        self._below: list[QMenu] = []  # clearing deletes actions, not the menus that hang on them
        self.aboutToShow.connect(self._rebuild)

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Take over a snapshot; an open menu stays as it is, for nothing may move under the pointer.

        A panel that draws the menu itself reads it when it likes: it has to be right before it is about to be shown.
        """
        self._snapshot = snapshot
        if not self.isVisible():
            self._rebuild()

    def repaint_marks(self) -> None:
        """The theme changed, so the marks have other colours."""
        self._shown = ()
        self._rebuild()

    def _rebuild(self) -> None:
        if self._snapshot is None:
            return
        wanted = entries(self._snapshot, self._clock.wall())
        if wanted == self._shown:
            return
        self._shown = wanted
        before, self._below = self._below, []
        self.clear()
        for old in before:
            old.deleteLater()
        for entry in wanted:
            self._add(self, entry)

    def _add(self, menu: QMenu, entry: Entry) -> None:
        if not entry.text:
            menu.addSeparator()
            return
        text = entry.text.replace("&", "&&")
        if entry.below:
            below = QMenu(text, menu)
            below.setIcon(icons.mark_icon(entry.mark))
            for line in entry.below:
                self._add(below, line)
            menu.addMenu(below)
            self._below.append(below)
            return
        action = QAction(text, menu)
        if entry.mark:
            action.setIcon(icons.mark_icon(entry.mark))
            action.setIconVisibleInMenu(True)
        if entry.head:
            action.setFont(style.font("strong"))
        action.triggered.connect(lambda: self.chosen.emit(entry.deed, entry.provider))
        menu.addAction(action)
