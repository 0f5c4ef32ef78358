"""Events of the engine: numbered, kept for a while so that a reader can resume, never waiting for a slow reader."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tokenkeep.domain.session import EngineSnapshot

KEPT = 512  # events a reader may be behind and still resume without a new snapshot
QUEUED = 1024  # events a reader may leave unread before it gets a snapshot instead
DIGITS = 18  # of an event's number; Python refuses to read thousands of them


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    :param kind: `snapshot`, `session`, `sign_in`, `access_request`, `config`, `status`, `notice`, `show` or `quit`.
    :param data: the immutable value that the kind names.
    """

    number: int
    kind: str
    data: Any


class EventBus:
    """Gives every event a number and to every subscription its own queue. Used on the engine's loop only."""

    def __init__(self, boot_id: str, snapshot: Callable[[], EngineSnapshot]) -> None:
        self.boot_id = boot_id
        self._snapshot = snapshot
        self._number = 0
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._subscriptions: set[Subscription] = set()

    def publish(self, kind: str, data: object) -> None:
        """Give an event to everybody."""
        self._number += 1
        event = Event(self._number, kind, data)
        self._kept.append(event)
        for subscription in self._subscriptions:
            subscription.offer(event)

    def snapshot_event(self) -> Event:
        """A full snapshot, numbered like the last event that it contains."""
        return Event(self._number, "snapshot", self._snapshot())

    def subscribe(self, after: str | None = None) -> Subscription:
        """A new reader, beginning with a snapshot.

        :param after: `boot_id:number` of the last event read before; of another run, or too old, it means nothing.
        """
        subscription = Subscription(self)
        for event in self._missed(after):
            subscription.offer(event)
        self._subscriptions.add(subscription)
        return subscription

    def _missed(self, after: str | None) -> list[Event]:
        boot_id, _, number = (after or "").rpartition(":")
        if boot_id == self.boot_id and number.isascii() and number.isdigit() and len(number) <= DIGITS:
            last = int(number)
            oldest = self._kept[0].number if self._kept else self._number + 1
            if oldest - 1 <= last <= self._number:
                return [event for event in self._kept if event.number > last]
        return [self.snapshot_event()]

    def drop(self, subscription: Subscription) -> None:
        """Forget a reader."""
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End every subscription."""
        for subscription in list(self._subscriptions):
            subscription.close()


class Subscription:
    """An asynchronous iterator of events; a reader that falls behind gets a snapshot in place of what it missed."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._queue: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._closed = False

    def offer(self, event: Event) -> None:
        """Add an event; called by the bus."""
        if len(self._queue) >= QUEUED:
            self._queue.clear()
            event = self._bus.snapshot_event()
        self._queue.append(event)
        self._arrived.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event:
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._queue.popleft()

    def close(self) -> None:
        """End the iteration once what is queued was read."""
        self._closed = True
        self._bus.drop(self)
        self._arrived.set()
