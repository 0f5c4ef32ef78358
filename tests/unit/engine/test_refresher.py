"""The scheduler: due times, slices, suspended machines, changes, and bugs in the work of one session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from support.fake_clock import FakeClock, turn
from tokenkeep.engine.refresher import SLICE, Refresher


class Work:
    """Stands for a session: due at a time, and notes when it was told so."""

    def __init__(self, clock: FakeClock, id_: str = "p", due: float | None = None) -> None:
        self.clock = clock
        self.id = id_
        self.at = due
        self.done_at: list[float] = []
        self.next: float | None = None

    def due(self) -> float | None:
        return self.at

    def when_due(self) -> None:
        self.done_at.append(self.clock.boot())
        self.at = self.next


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock(boot=0.0)
        self.slices: list[float] = []
        self.refresher = Refresher(self.clock, lambda: 0.5, lambda: self.slices.append(self.clock.boot()))

    def plan(self, *works: Work) -> None:
        for work in works:
            self.refresher.plan(work)

    def work(self, id_: str = "p", due: float | None = None) -> Work:
        return Work(self.clock, id_, due)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    task = asyncio.create_task(made.refresher.run())
    await turn()
    yield made
    task.cancel()


async def test_work_is_done_in_the_order_of_its_due_times_and_not_before(bench: Bench) -> None:
    late, early = bench.work("late", 50.0), bench.work("early", 20.0)
    bench.plan(late, early)
    await bench.clock.advance(19.9)
    assert (early.done_at, late.done_at) == ([], [])
    await bench.clock.advance(100)
    assert (early.done_at, late.done_at) == ([20.0], [50.0])


async def test_nothing_due_wakes_nobody_more_often_than_the_slice(bench: Bench) -> None:
    await bench.clock.advance(600)
    assert len(bench.slices) == 600 / SLICE
    far = bench.work(due=bench.clock.boot() + 86_400.0)
    bench.plan(far)
    await turn()
    assert max(bench.clock.pending) <= SLICE, "no wait is longer"
    before = len(bench.slices)
    await bench.clock.advance(600)
    assert len(bench.slices) - before <= 11


async def test_an_earlier_due_time_is_heeded_at_once_and_a_later_one_too(bench: Bench) -> None:
    work = bench.work(due=50.0)
    bench.plan(work)
    await bench.clock.advance(5)
    work.at = 10.0
    bench.plan(work)
    await bench.clock.advance(10)
    assert work.done_at == [10.0]
    other = bench.work("q", 30.0)
    bench.plan(other)
    other.at = 45.0
    bench.plan(other)
    await bench.clock.advance(100)
    assert other.done_at == [45.0], "once, at the time that holds"


async def test_what_is_not_due_any_more_or_was_removed_is_not_done(bench: Bench) -> None:
    ended, removed = bench.work("ended", 10.0), bench.work("removed", 10.0)
    bench.plan(ended, removed)
    ended.at = None
    bench.plan(ended)
    bench.refresher.forget(removed)
    await bench.clock.advance(100)
    assert (ended.done_at, removed.done_at) == ([], [])


async def test_the_same_time_read_a_moment_later_is_no_change(bench: Bench) -> None:
    work = bench.work(due=50.0)
    bench.plan(work)
    await turn()
    before = len(bench.slices)
    for number in range(100):
        work.at = 50.0 + number * 1e-6
        bench.plan(work)
        await turn(3)
    assert len(bench.slices) == before, "nobody was woken up"
    assert len(bench.refresher._heap) == 1
    await bench.clock.advance(51)
    assert work.done_at == [50.0]


async def test_REF_6_work_after_a_sleep_is_held_back_by_ten_to_thirty_seconds(bench: Bench) -> None:
    work = bench.work(due=100.0)
    bench.plan(work)
    await bench.clock.suspend(28_800)
    await bench.clock.advance(19.9)
    assert work.done_at == []
    await bench.clock.advance(0.2)
    assert work.done_at == [pytest.approx(28_820)]


async def test_REF_6_a_sleep_is_noticed_also_when_something_else_woke_the_scheduler_first(bench: Bench) -> None:
    work = bench.work(due=100.0)
    bench.clock.skip(28_800)
    bench.plan(work)
    await turn()
    assert work.done_at == []
    await bench.clock.advance(21)
    assert len(work.done_at) == 1


async def test_REF_6_the_desktops_word_that_the_machine_woke_up_holds_work_back(bench: Bench) -> None:
    work = bench.work(due=10.0)
    bench.plan(work)
    await bench.clock.advance(5)
    bench.refresher.woke()
    await bench.clock.advance(19)
    assert work.done_at == []
    await bench.clock.advance(2)
    assert work.done_at == [25.0]


async def test_a_late_timer_is_no_sleep(bench: Bench) -> None:
    work = bench.work(due=10.0)
    bench.plan(work)
    await turn()
    bench.clock.skip(20)
    await bench.clock.advance(0)
    assert work.done_at == [20.0]


async def test_work_that_is_due_again_at_once_does_not_starve_the_rest(bench: Bench) -> None:
    work, other = bench.work(due=10.0), bench.work("q", 11.0)
    work.next = None
    bench.plan(work, other)
    await bench.clock.advance(12)
    assert (work.done_at, other.done_at) == ([10.0], [11.0])


async def test_a_bug_in_one_sessions_work_does_not_stop_the_others(bench: Bench, log_errors) -> None:
    broken, good = bench.work("broken", 10.0), bench.work("good", 20.0)

    def fail() -> None:
        raise ZeroDivisionError

    broken.when_due = fail  # type: ignore[method-assign]
    bench.plan(broken, good)
    await bench.clock.advance(30)
    assert good.done_at == [20.0]
    assert len(log_errors) == 1
