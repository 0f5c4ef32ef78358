"""Qt objects in cyclic garbage die in the window's thread, whoever allocates."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject

from tokenkeep.ui.collector import Collector

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    made.start()
    yield made
    made.stop()


def cycle(died_in: list[str]) -> None:
    """Garbage with a Qt object in it, and a note of the thread that takes it away."""
    one = QObject()
    one.me = one  # type: ignore[attr-defined]
    weakref.finalize(one, lambda: died_in.append(threading.current_thread().name))


def test_another_thread_s_allocations_collect_nothing(collector: Collector) -> None:
    died_in: list[str] = []
    cycle(died_in)
    kept: list[list[int]] = []
    thread = threading.Thread(target=lambda: kept.extend([number] for number in range(200_000)))
    thread.start()
    thread.join()
    assert died_in == []
    while not died_in:  # generation by generation, as the interpreter's thresholds say
        kept.extend([number] for number in range(1000))
        collector.look()
    assert died_in == [threading.main_thread().name]


def test_nothing_due_collects_nothing(collector: Collector) -> None:
    gc.collect()
    before = gc.get_stats()[0]["collections"]
    collector.look()
    assert gc.get_stats()[0]["collections"] == before


def test_the_automatic_collection_is_given_back() -> None:
    made = Collector()
    made.start()
    assert not gc.isenabled()
    made.stop()
    assert gc.isenabled()
