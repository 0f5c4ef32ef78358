"""A config.toml that changes while the engine runs: what is kept, what is told, what is tried again."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import replace

import pytest

from support.engine_bench import entry
from support.fake_clock import turn, until
from support.fake_vault import FakeStorage
from support.token_server import Gate, TokenServer, oauth_error
from tokenkeep.domain.errors import (
    Misconfigured,
)
from tokenkeep.domain.provider import BrokenProvider
from tokenkeep.domain.session import OverallState, SessionState

HOUR = 3600.0


async def test_a_changed_file_is_read_within_a_slice_and_at_once_when_told(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    bench.write(entry(server), entry(server, "q"))
    await bench.let(61)
    await until(lambda: bench.engine.snapshot().session("q"))
    bench.write(entry(server), entry(server, "q"), entry(server, "r"))
    await asyncio.to_thread(bench.file.call)
    await until(lambda: bench.engine.snapshot().session("r"))
    await until(lambda: len(bench.of("config")) == 2)


async def test_an_entry_that_is_broken_for_a_minute_keeps_its_sign_in(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server), entry(server, "q"))
    await bench.signed_in(server)
    bench.write(BrokenProvider(id="p", name="P", reason="line 3: what?", key="providers.p.x"), entry(server, "q"))
    await bench.engine.reload()
    shown = bench.shown()
    assert (shown.state, shown.last_error.code) == (SessionState.FAILED, "misconfigured")
    since = shown.since
    with pytest.raises(Misconfigured, match="line 3"):
        await bench.token()
    await bench.let(2 * HOUR)
    assert server.token_requests == [], "nothing is refreshed for an entry that is not there"
    assert bench.shown().since == since, "it is broken since then, not since now"
    bench.write(entry(server), entry(server, "q"))
    await bench.engine.reload()
    assert (await bench.token()).access_token.reveal() == "access-1-canary"
    assert server.sent("refresh_token") == ["refresh-0-p"]


async def test_a_refresh_in_flight_ends_in_the_session_that_comes_back(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    gate = Gate()
    server.instead = [gate.before(server.answer())]
    bench.clock.skip(HOUR)
    call = asyncio.create_task(bench.token())
    await until(gate.reached.is_set)
    parked = bench.session()
    bench.write()
    await bench.engine.reload()
    gate.open()
    with contextlib.suppress(Exception):
        await call
    await until(lambda: parked.refreshing is None)
    await bench.let(2 * HOUR)
    assert server.sent("refresh_token") == ["refresh-0-p"], "nothing more is done for it meanwhile"
    bench.write(entry(server))
    await bench.engine.reload()
    assert (await bench.token()).access_token.reveal() == "access-2-canary"
    assert server.sent("refresh_token") == ["refresh-0-p", "refresh-1-canary"], "the rotated one, never the old one"


async def test_an_entry_that_comes_back_later_finds_its_sign_in_in_the_vault(engine_of, server: TokenServer) -> None:
    storage = FakeStorage()
    first = await engine_of(entry(server), vaults=storage)
    await first.signed_in(server)
    await first.engine.stop()
    second = await engine_of(vaults=storage)
    second.write(entry(server))
    await second.engine.reload()
    assert (await second.token()).access_token.reveal() == "access-0-p"


async def test_a_renamed_entry_is_told_and_goes_on(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    bench.write(entry(server, name="Another"))
    await bench.engine.reload()
    assert (await bench.token()).access_token.reveal() == "access-0-p"
    await turn()
    assert bench.of("session")[-1].name == "Another"


async def test_CAUTH_4_a_corrected_entry_gives_a_failed_session_another_chance(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    server.failing = oauth_error("invalid_client", 401)
    await bench.let(HOUR)
    assert bench.shown().state is SessionState.FAILED
    assert bench.engine.snapshot().state is OverallState.NEEDS_YOU
    server.failing = None
    bench.write(entry(server, client_auth="none"))
    await bench.engine.reload()
    await bench.let(1)
    assert bench.shown().state is SessionState.ACTIVE
    assert server.sent("refresh_token")[-1] == "refresh-0-p"


async def test_two_reloads_at_a_time_end_with_the_newer_file(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    slow, go_on = threading.Event(), threading.Event()
    old = bench.configuration

    def read_slowly():
        slow.set()
        go_on.wait(30)
        return old

    readers = iter([read_slowly, lambda: bench.configuration])

    def read():
        return next(readers)()

    bench.engine._file._outside = replace(bench.engine._outside, read_configuration=read)
    first = asyncio.create_task(bench.engine.reload())
    await until(slow.is_set)
    bench.write(entry(server), entry(server, "new"))
    second = asyncio.create_task(bench.engine.reload())
    await turn()
    go_on.set()
    await asyncio.gather(first, second)
    assert bench.engine.snapshot().session("new") is not None
