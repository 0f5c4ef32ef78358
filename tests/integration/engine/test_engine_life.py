"""Power, network and the end: what hastens work, what holds it back, and what quitting waits for."""

from __future__ import annotations

import asyncio
import time

import pytest

from support.browser_callback import redirect, visit
from support.engine_bench import EngineBench, entry
from support.fake_clock import turn, until
from support.fake_vault import FakeStorage
from support.scripted_server import answer, hang
from support.token_server import Gate, TokenServer
from tokenkeep.domain.errors import (
    ProviderUnreachable,
)
from tokenkeep.domain.session import OverallState, SessionState, StorageState
from tokenkeep.domain.tokens import Secret

HOUR = 3600.0


async def test_the_network_coming_back_is_a_reason_to_try_at_once(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    server.failing = answer(503)
    await bench.let(2 * HOUR)
    assert bench.engine.snapshot().state is OverallState.OFFLINE
    server.failing = None
    await asyncio.to_thread(bench.network.call)
    await asyncio.sleep(0)
    await bench.let(1.0)
    assert bench.shown().state is SessionState.ACTIVE


async def test_REF_6_the_desktops_wake_up_holds_background_work_back(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    await bench.let(HOUR - 605)
    await asyncio.to_thread(bench.power.call)
    await bench.let(19)
    assert server.token_requests == []
    await bench.let(2)
    assert len(server.token_requests) == 1


async def test_REF_6_a_wall_clock_set_forward_is_noticed_within_a_slice(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    bench.clock.jump_wall(HOUR)
    await bench.let(61)
    assert len(server.token_requests) == 1
    await bench.let(HOUR - 700)
    assert len(server.token_requests) == 1


async def test_show_and_quit_are_events(engine_of) -> None:
    bench = await engine_of()
    bench.engine.show()
    bench.engine.quit()
    await turn()
    assert [event.kind for event in bench.events][-2:] == ["show", "quit"]


async def test_quitting_waits_for_no_frozen_provider_and_no_open_keyring_dialog(server: TokenServer) -> None:
    storage = FakeStorage()
    bench = await EngineBench(entry(server), entry(server, "q"), vaults=storage).opened()
    await bench.signed_in(server)
    server.failing = hang()
    bench.clock.skip(HOUR)
    call = asyncio.create_task(bench.token())
    await until(lambda: server.token_requests)
    started = await bench.engine.sign_in("q", method="browser")
    await visit(redirect(started))
    storage.keyring_answers.clear()
    opening = asyncio.create_task(bench.engine.choose_storage("keyring"))
    await until(lambda: ("keyring", None) in storage.asked)
    begun = time.monotonic()
    await bench.engine.stop()
    took = time.monotonic() - begun
    print(f"stopped in {took:.2f} s")
    with pytest.raises((ProviderUnreachable, asyncio.CancelledError)):
        await call
    opening.cancel()
    await until(lambda: not bench.transport._calls, "the end of the calls at the frozen provider")
    with pytest.raises(ProviderUnreachable, match="ending"):
        bench.transport.begin()
    assert bench.vault.closed
    assert bench.power.closed
    assert bench.network.closed
    assert bench.file.closed
    storage.keyring_answers.set()
    await bench.close()


async def test_quitting_lets_a_refresh_that_is_about_to_end_do_so(server: TokenServer) -> None:
    storage = FakeStorage()
    bench = await EngineBench(entry(server), vaults=storage).opened()
    await bench.signed_in(server)
    gate = Gate()
    server.instead = [gate.before(server.answer())]
    refresh = asyncio.create_task(bench.engine.refresh("p"))
    await until(gate.reached.is_set)
    stopping = asyncio.create_task(bench.engine.stop())
    await turn()
    gate.open()
    await asyncio.gather(refresh, stopping)
    kept = storage.vaults[StorageState.MEMORY].session()
    assert kept is not None
    assert kept.tokens is not None
    assert kept.tokens.refresh_token == Secret("refresh-1-canary"), "a rotated token must not be thrown away"
    await bench.close()


async def test_quitting_tries_once_more_to_write_what_could_not_be_written(server: TokenServer) -> None:
    storage = FakeStorage()
    vault = storage.vaults[StorageState.MEMORY]
    bench = await EngineBench(entry(server), vaults=storage).opened()
    await bench.signed_in(server)
    vault.failing = True
    await bench.engine.refresh("p")
    assert bench.engine.snapshot().storage is StorageState.DEGRADED
    vault.failing = False
    await bench.engine.stop()
    kept = vault.session()
    assert kept is not None
    assert kept.tokens is not None
    assert kept.tokens.refresh_token == Secret("refresh-1-canary")
    await bench.close()


async def test_after_a_stop_nothing_of_the_engine_runs_any_more(server: TokenServer) -> None:
    before = asyncio.all_tasks()
    bench = await EngineBench(entry(server)).opened()
    await bench.signed_in(server)
    await bench.engine.sign_in("p", method="browser")
    await bench.token()
    await bench.close()
    await turn()
    assert asyncio.all_tasks() - before == set()
