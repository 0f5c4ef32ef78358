"""Events of the engine's thread arrive in the window's; commands go over and come back; nothing blocks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from support.fake_ui_engine import EngineForWindows, browser_sign_in, session, snapshot
from support.ui_loop import Run, until
from tokenkeep.domain.access import AccessRequest, Application
from tokenkeep.domain.errors import Locked, TokenKeepError
from tokenkeep.domain.ports import Notice
from tokenkeep.ui.bridge import Bridge


@pytest.fixture
def bridge(ui_engine: EngineForWindows, qapp: QApplication) -> Iterator[Bridge]:
    made = Bridge(ui_engine.thread)
    yield made
    made.stop()


def collect(bridge: Bridge, *names: str) -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []
    for name in names:
        signal = getattr(bridge, name)
        if name in ("show", "quit"):
            signal.connect(lambda name=name: seen.append((name, None)))
        else:
            signal.connect(lambda value, name=name: seen.append((name, value)))
    return seen


def test_the_first_signal_is_a_snapshot(bridge: Bridge, ui_engine: EngineForWindows, run_ui: Run[None]) -> None:
    ui_engine.show(snapshot(session()))
    seen = collect(bridge, "snapshot", "sign_in", "notice")

    async def main() -> None:
        bridge.start()
        await until(lambda: seen, "the first signal")

    run_ui(main())
    assert seen == [("snapshot", snapshot(session()))]


def test_every_kind_of_event_has_its_signal_in_the_window_s_thread(
    bridge: Bridge, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    threads: set[str] = set()
    for name in ("show", "quit"):
        getattr(bridge, name).connect(lambda: threads.add(threading.current_thread().name))
    seen = collect(bridge, "sign_in", "access_request", "access_settled", "notice", "show", "quit")
    request, notice = AccessRequest("r1", Application("/bin/x"), "example"), Notice("info", "title", "body")

    async def main() -> None:
        bridge.start()
        for kind, data in (
            ("sign_in", browser_sign_in()),
            ("access_request", request),
            ("access_request", "r1"),
            ("notice", notice),
            ("show", None),
            ("quit", None),
        ):
            ui_engine.publish(kind, data)
        await until(lambda: len(seen) == 6, "six signals")

    run_ui(main())
    assert seen == [
        ("sign_in", browser_sign_in()),
        ("access_request", request),
        ("access_settled", "r1"),
        ("notice", notice),
        ("show", None),
        ("quit", None),
    ]
    assert threads == {threading.main_thread().name}


def test_a_burst_of_changes_becomes_few_snapshots_and_the_last_one_counts(
    bridge: Bridge, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    seen = collect(bridge, "snapshot")
    last = snapshot(session(account="the-last@example.org"))

    def burst() -> None:
        for number in range(500):
            ui_engine.engine.show_state(snapshot(session(account=f"{number}@example.org")))
        ui_engine.engine.show_state(last)

    async def main() -> None:
        bridge.start()
        ui_engine.do(burst)
        await until(lambda: seen and seen[-1][1] == last, "the last state")

    run_ui(main())
    assert len(seen) < 20


def test_a_command_runs_over_there_and_its_result_comes_back_here(
    bridge: Bridge, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    threads: list[str] = []

    async def main() -> None:
        bridge.do(bridge.engine.sign_out("example"), done=lambda _: threads.append(threading.current_thread().name))
        await until(lambda: threads, "the result")
        assert (await bridge.ask(bridge.engine.copy_token("example"))).reveal()

    run_ui(main())
    assert threads == [threading.main_thread().name]
    assert ui_engine.engine.threads == {"engine"}


def test_the_window_goes_on_while_a_command_takes_its_time(bridge: Bridge, run_ui: Run[None]) -> None:
    release = threading.Event()
    order: list[str] = []

    async def slow() -> None:
        await asyncio.to_thread(release.wait, 60)

    async def main() -> None:
        bridge.do(slow(), done=lambda _: order.append("command"))
        await until(lambda: order.append("window") or len(order) > 3, "turns of the window's loop")
        release.set()
        await until(lambda: "command" in order, "the command's end")

    run_ui(main())
    assert order[:3] == ["window"] * 3


def test_the_error_of_a_command_becomes_a_problem(
    bridge: Bridge, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    seen = collect(bridge, "problem")
    own: list[TokenKeepError] = []
    ui_engine.engine.fail["refresh"] = Locked("The keyring is locked.")

    async def main() -> None:
        bridge.do(bridge.engine.refresh("example"), failed=own.append)
        await until(lambda: own, "the error at its own handler")
        bridge.do(bridge.engine.refresh("example"))
        await until(lambda: seen, "the problem")

    run_ui(main())
    assert [value.detail for _, value in seen] == ["The keyring is locked."]


def test_a_bug_in_a_command_is_logged_and_told_without_its_words(
    bridge: Bridge, run_ui: Run[None], log_errors: list[Any]
) -> None:
    seen = collect(bridge, "problem")

    async def broken() -> None:
        raise KeyError("inner words")

    async def main() -> None:
        bridge.do(broken())
        await until(lambda: seen, "the problem")

    run_ui(main())
    assert "inner words" not in str(seen[0][1])
    assert log_errors


def test_an_engine_that_ends_by_itself_ends_the_window_too(
    bridge: Bridge, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    seen = collect(bridge, "quit")

    async def main() -> None:
        bridge.start()
        await bridge.ask(bridge.engine.copy_token("example"))
        ui_engine.do(ui_engine.engine.end)
        await until(lambda: seen, "quit")

    run_ui(main())


def test_after_stop_no_signal_comes_and_commands_to_an_ended_engine_do_nothing(
    bridge: Bridge, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    seen = collect(bridge, "snapshot", "notice", "quit", "problem")

    async def main() -> None:
        bridge.start()
        await until(lambda: seen, "the first snapshot")
        seen.clear()
        ui_engine.publish("notice", Notice("info", "title", "body"))
        bridge.stop()
        ui_engine.stop()
        answer = bridge.ask(bridge.engine.copy_token("example"))
        await asyncio.wait({answer})
        assert answer.cancelled()

    run_ui(main())
    QApplication.processEvents()
    assert seen == []
