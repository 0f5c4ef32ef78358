"""Where the engine's thread and the window's meet: events arrive as Qt signals, commands go over and come back."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal

from tokenkeep.domain.errors import TokenKeepError

if TYPE_CHECKING:
    from tokenkeep.engine.engine import Engine
    from tokenkeep.engine.events import Subscription
    from tokenkeep.engine.thread import EngineThread

log = logging.getLogger(__name__)

T = TypeVar("T")

# Seconds between two snapshots: they come faster than frames, and a repaint of everything is not free.
COALESCE = 0.1
SNAPSHOT = "snapshot"
PASSED_ON = frozenset({"sign_in", "access_request", "notice", "show", "quit"})
WITHOUT_CHANGE = frozenset({"notice", "show", "quit"})  # nothing in a snapshot changes with these


class Bridge(QObject):
    """Lives in the window's thread; all of its signals are emitted there.

    `snapshot` carries an `EngineSnapshot`, `sign_in` a `SignInSnapshot`, `access_request` an `AccessRequest`,
    `access_settled` the id of a request that waits no longer, `notice` a `Notice`, `problem` the `TokenKeepError`
    of a command that came to nothing. `quit` also comes when the engine has ended by itself.
    """

    snapshot = Signal(object)
    sign_in = Signal(object)
    access_request = Signal(object)
    access_settled = Signal(str)
    notice = Signal(object)
    show = Signal()
    quit = Signal()
    problem = Signal(object)

    _arrived = Signal()
    _ended = Signal()

    def __init__(self, thread: EngineThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = thread
        self._events: deque[tuple[str, object]] = deque()
        self._told = False
        self._subscription: Subscription | None = None
        self._commands: set[asyncio.Task[None]] = set()
        self._last: object = None
        self._stopped = False
        self._arrived.connect(self._take_events, Qt.ConnectionType.QueuedConnection)
        self._ended.connect(self._engine_ended, Qt.ConnectionType.QueuedConnection)

    @property
    def engine(self) -> Engine:
        """The façade: its coroutines are made here and handed to `ask` or `do`; only `snapshot` is called directly."""
        return self._thread.engine

    # --- commands -----------------------------------------------------------------------------------------------

    def ask(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Run a coroutine of the engine over there; the future belongs to the window's loop and may be awaited.

        With an engine that has ended it is cancelled.
        """
        try:
            return asyncio.wrap_future(self._thread.submit(coroutine))
        except RuntimeError:  # its loop is closed
            coroutine.close()
            ended: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            ended.cancel()
            return ended

    def do(
        self,
        coroutine: Coroutine[Any, Any, T],
        done: Callable[[T], object] | None = None,
        failed: Callable[[TokenKeepError], object] | None = None,
    ) -> None:
        """Run a coroutine of the engine over there and return at once.

        :param done: called with its result.
        :param failed: called with its error in place of the signal `problem`.
        """
        task = asyncio.ensure_future(self._finish(self.ask(coroutine), done, failed or self.problem.emit))
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)

    async def _finish(
        self,
        answer: asyncio.Future[T],
        done: Callable[[T], object] | None,
        failed: Callable[[TokenKeepError], object],
    ) -> None:
        try:
            result = await answer
        except TokenKeepError as error:
            failed(error)
        except Exception:
            log.exception("a command of the window failed unexpectedly")
            failed(TokenKeepError("Something unexpected went wrong.", hint="The log has more."))
        else:
            if done is not None:
                done(result)

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call one of the engine's plain functions on its loop, soon; what it raises arrives as `problem`."""

        async def called() -> None:
            function(*args)

        self.do(called())

    # --- events -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to pass on events; the first is a snapshot."""
        self._thread.submit(self._listen()).add_done_callback(self._listened)

    def stop(self) -> None:
        """End it: no signal comes after this, and commands that are under way are given up."""
        self._stopped = True
        self._events.clear()
        for task in self._commands:
            task.cancel()
        if self._subscription is not None:
            with suppress(RuntimeError):  # its loop is closed
                self._thread.call(self._subscription.close)

    async def _listen(self) -> None:
        """Runs on the engine's loop."""
        loop = asyncio.get_running_loop()
        engine = self._thread.engine
        earliest, planned = 0.0, False

        def send_snapshot() -> None:
            nonlocal earliest, planned
            earliest, planned = loop.time() + COALESCE, False
            self._send(SNAPSHOT, engine.snapshot())

        self._subscription = engine.subscribe()
        async for event in self._subscription:
            if event.kind in PASSED_ON:
                self._send(event.kind, event.data)
            if event.kind not in WITHOUT_CHANGE and not planned:
                planned = True
                loop.call_later(max(0.0, earliest - loop.time()), send_snapshot)

    def _send(self, kind: str, data: object) -> None:
        """Leave something for the window's thread; one Qt signal for a burst keeps its queue short."""
        self._events.append((kind, data))
        if not self._told:
            self._told = True
            self._arrived.emit()

    def _listened(self, future: Future[None]) -> None:
        """The subscription ended, so the engine did; runs on the engine's thread."""
        if not future.cancelled() and (error := future.exception()) is not None:
            log.error("the window lost the engine", exc_info=error)
        with suppress(RuntimeError):  # the window was faster: this object is gone already
            self._ended.emit()

    def _engine_ended(self) -> None:
        if not self._stopped:
            self.quit.emit()

    def _take_events(self) -> None:
        self._told = False
        while self._events and not self._stopped:
            self._pass_on(*self._events.popleft())

    def _pass_on(self, kind: str, data: object) -> None:
        match kind:
            case "snapshot":
                if data != self._last:
                    self._last = data
                    self.snapshot.emit(data)
            case "sign_in":
                self.sign_in.emit(data)
            case "access_request" if isinstance(data, str):
                self.access_settled.emit(data)
            case "access_request":
                self.access_request.emit(data)
            case "notice":
                self.notice.emit(data)
            case "show":
                self.show.emit()
            case "quit":
                self.quit.emit()
