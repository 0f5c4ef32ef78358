"""Events: numbered, resumable, and never waiting for a slow reader."""

import asyncio

from tokenkeep.domain.session import EngineSnapshot, OverallState, StorageState
from tokenkeep.engine.events import KEPT, QUEUED, EventBus

SNAPSHOT = EngineSnapshot(OverallState.OK, StorageState.MEMORY, "0", "run", 0.0)


def bus() -> EventBus:
    return EventBus("run", lambda: SNAPSHOT)


async def test_the_first_event_is_a_snapshot_and_the_rest_follow_in_order() -> None:
    events = bus()
    events.publish("session", "before")
    reader = events.subscribe()
    events.publish("session", 1)
    events.publish("sign_in", 2)
    read = [await anext(reader) for _ in range(3)]
    assert [(event.number, event.kind, event.data) for event in read] == [
        (1, "snapshot", SNAPSHOT),
        (2, "session", 1),
        (3, "sign_in", 2),
    ]


async def test_a_reader_resumes_behind_the_last_event_that_it_read() -> None:
    events = bus()
    for number in range(5):
        events.publish("session", number)
    reader = events.subscribe(after="run:3")
    assert [(await anext(reader)).number for _ in range(2)] == [4, 5]


async def test_another_run_a_number_from_the_future_or_nonsense_begins_again_with_a_snapshot() -> None:
    events = bus()
    events.publish("session", 0)
    for after in ("other:1", "run:99", "run:" + "9" * 5000, "run:-1", "run:x", "", ":", "run:"):
        assert (await anext(events.subscribe(after=after))).kind == "snapshot"


async def test_what_is_no_longer_kept_cannot_be_resumed() -> None:
    events = bus()
    for number in range(KEPT + 10):
        events.publish("session", number)
    assert (await anext(events.subscribe(after="run:5"))).kind == "snapshot"
    assert (await anext(events.subscribe(after="run:10"))).number == 11


async def test_a_reader_that_falls_behind_gets_a_snapshot_in_place_of_what_it_missed() -> None:
    events = bus()
    reader = events.subscribe()
    for number in range(QUEUED + 5):
        events.publish("session", number)
    kinds = [(await anext(reader)).kind for _ in range(3)]
    assert kinds[0] == "snapshot"
    assert kinds[1:] == ["session", "session"]


async def test_closing_ends_the_iteration_after_what_is_queued() -> None:
    events = bus()
    reader = events.subscribe()
    waiting = asyncio.ensure_future(_all(reader))
    events.publish("session", 1)
    await asyncio.sleep(0)
    events.close()
    assert [event.kind for event in await waiting] == ["snapshot", "session"]


async def _all(reader) -> list:
    return [event async for event in reader]
