"""What is shown: the snapshot of everything, and an event for each change, told once a turn of the loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

import tokenkeep
from tokenkeep.domain.access import AccessRequest
from tokenkeep.domain.session import (
    EngineSnapshot,
    SessionSnapshot,
    SessionState,
    SignInSnapshot,
    StorageState,
    overall,
)
from tokenkeep.engine.context import Context
from tokenkeep.engine.directory import Directory
from tokenkeep.engine.sessions import Session

WAITED_FOR = 1.0  # seconds somebody waits before the tray says "working"

Rest = Callable[[], tuple[tuple[SignInSnapshot, ...], tuple[AccessRequest, ...], bool, StorageState, str]]


class Reporter:
    """Used on the engine's loop only, but for `snapshot`.

    :param rest: sign-ins, questions, whether it is locked, where the key is kept, and what there is to say of that.
    :param session_told: called with every snapshot of a session that was published.
    :param status_told: called with every snapshot whose overall state, storage or lock was.
    """

    def __init__(
        self,
        context: Context,
        directory: Directory,
        boot_id: str,
        rest: Rest,
        session_told: Callable[[SessionSnapshot], None],
        status_told: Callable[[EngineSnapshot], None],
    ) -> None:
        self._context = context
        self._directory = directory
        self._boot_id = boot_id
        self._rest = rest
        self._session_told = session_told
        self._status_told = status_told
        self._started_at = context.clock.wall()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting_long = 0
        self._changed: dict[str, Session] = {}
        self._telling = False
        self._told: dict[str, SessionSnapshot] = {}
        self._made: dict[str, SessionSnapshot] = {}  # of sessions that have not changed since
        self._snapshot: EngineSnapshot | None = None  # None when something changed since it was made
        self._last = self._build()
        self._told_status = _status(self._last)

    def start(self) -> None:
        """Tell from now on, on the running loop."""
        self._loop = asyncio.get_running_loop()

    def snapshot(self) -> EngineSnapshot:
        """Everything there is to show. On other threads than the engine's it may be a few milliseconds old."""
        try:
            on_loop = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            on_loop = False
        if on_loop and self._snapshot is None:
            self._snapshot = self._last = self._build()
        return self._last

    def _build(self) -> EngineSnapshot:
        sessions = tuple(self._session(id_) for id_ in self._directory.shown())
        left = {session.id: session for session in self._directory.left_behind()}
        set_up = [session for session in sessions if session.id not in left]
        sign_ins, requests, locked, storage, notice = self._rest()
        unsaved = any(session.unsaved for session in self._directory)
        return EngineSnapshot(
            state=overall(set_up, locked=locked, waited_for=self._waiting_long > 0),
            storage=StorageState.DEGRADED if unsaved else storage,
            version=tokenkeep.__version__,
            boot_id=self._boot_id,
            started_at=self._started_at,
            sessions=sessions,
            sign_ins=sign_ins,
            access_requests=requests,
            problems=self._context.configuration.problems,
            storage_notice=notice,
            locked=locked,
            notices=(*self._context.revocations.notices(), *map(self._left_behind, left)),
        )

    def _session(self, provider: str) -> SessionSnapshot:
        """Made anew only after a change: with a thousand sessions each change would cost a thousand snapshots.

        An unreachable provider's token runs out without a change, and the overall state depends on that.
        """
        snapshot = self._made.get(provider)
        if snapshot is None or snapshot.state is SessionState.OFFLINE:
            snapshot = self._made[provider] = self._directory.snapshot(provider)
        return snapshot

    def _left_behind(self, provider: str) -> str:
        error = self._session(provider).last_error
        return "" if error is None else f"{error.detail} {error.hint}"

    def session_changed(self, session: Session) -> None:
        """A session has something new to show."""
        self._made.pop(session.provider.id, None)
        self._changed[session.provider.id] = session
        self.changed()

    def forget(self, provider: str) -> None:
        """A provider was removed."""
        self._told.pop(provider, None)

    def look_again(self) -> None:
        """Make every snapshot anew: the clock or the configuration was changed."""
        self._made.clear()
        self.changed()

    def changed(self) -> None:
        """Something else has."""
        self._snapshot = None
        if not self._telling and self._loop is not None:
            self._telling = True
            self._loop.call_soon(self.tell)

    def tell(self) -> None:
        """Publish what changed since the last turn of the loop, each session once."""
        self._telling = False
        changed, self._changed = self._changed, {}
        for id_, session in changed.items():
            if self._directory.find(id_) is not session:
                continue
            snapshot = self._session(id_)
            if snapshot != self._told.get(id_):
                self._told[id_] = snapshot
                self._context.bus.publish("session", snapshot)
                self._session_told(snapshot)
        self._snapshot = self._last = self._build()
        status = _status(self._last)
        if status != self._told_status:
            self._told_status = status
            self._context.bus.publish("status", self._last)
            self._status_told(self._last)

    @contextlib.contextmanager
    def somebody_waits(self) -> Iterator[None]:
        """Shown as "working" once it lasts longer than a second."""
        counted = False

        def count() -> None:
            nonlocal counted
            counted = True
            self._waiting_long += 1
            self.changed()

        timer = asyncio.get_running_loop().call_later(WAITED_FOR, count)
        try:
            yield
        finally:
            timer.cancel()
            if counted:
                self._waiting_long -= 1
                self.changed()


def _status(snapshot: EngineSnapshot) -> tuple[object, ...]:
    """What a `status` event is about."""
    return snapshot.state, snapshot.storage, snapshot.locked, snapshot.storage_notice, snapshot.notices
