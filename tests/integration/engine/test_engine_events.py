"""What is told: events in order, the overall state, notices, the activity list."""

from __future__ import annotations

import asyncio
import contextlib
import itertools

from support.engine_bench import EngineBench, entry
from support.fake_clock import turn, until
from support.fake_vault import FakeStorage
from support.token_server import Gate, TokenServer, oauth_error
from tokenkeep.domain.access import Application
from tokenkeep.domain.errors import (
    SignInRequired,
)
from tokenkeep.domain.session import OverallState, SessionState, SignInState
from tokenkeep.engine.notices import AGAIN, GATHER
from tokenkeep.engine.reporter import WAITED_FOR

HOUR = 3600.0


async def test_events_are_numbered_in_order_and_begin_with_a_snapshot(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    await bench.engine.refresh("p")
    await turn()
    assert bench.events[0].kind == "snapshot"
    numbers = [event.number for event in bench.events]
    assert all(later == earlier + 1 for earlier, later in itertools.pairwise(numbers))
    states = [data.state for data in bench.of("session")]
    assert [state for state, _ in itertools.groupby(states)] == [
        SessionState.SIGNED_OUT,
        SessionState.SIGNING_IN,
        SessionState.ACTIVE,
        SessionState.REFRESHING,
        SessionState.ACTIVE,
    ]
    last = bench.engine.subscribe(f"{bench.engine.boot_id}:{numbers[-3]}")
    assert [(await anext(last)).number for _ in range(2)] == numbers[-2:]
    last.close()


async def test_a_status_event_is_not_lost_when_somebody_looks_first(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    server.failing = oauth_error("invalid_grant")
    before = len(bench.of("status"))
    session = bench.session()
    session.refresh_soon()
    while session.state is not SessionState.NEEDS_SIGN_IN:
        await asyncio.sleep(0)
    assert bench.engine.snapshot().state is OverallState.NEEDS_YOU, "who looks at once sees it"
    await turn()
    assert [data.state for data in bench.of("status")[before:]] == [OverallState.NEEDS_YOU]


async def test_a_snapshot_is_never_older_than_what_was_told(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await bench.engine.sign_in("p", method="browser", open_browser=False)
    assert bench.engine.snapshot().sign_ins[0].authorization_url == started.authorization_url
    await bench.engine.cancel_sign_in(started.id)
    assert bench.engine.snapshot().sign_ins[0].state is SignInState.CANCELLED
    assert bench.engine.snapshot().session("p").state is SessionState.SIGNED_OUT


async def test_other_threads_may_look_at_any_time(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    seen = await asyncio.to_thread(bench.engine.snapshot)
    assert seen.session("p").state is SessionState.ACTIVE
    assert seen.boot_id == bench.engine.boot_id


async def test_working_is_shown_only_when_somebody_waits_for_long(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    gate = Gate()
    server.instead = [gate.before(server.answer())]
    bench.clock.skip(HOUR)
    call = asyncio.create_task(bench.token())
    await turn()
    assert bench.engine.snapshot().state is OverallState.OK
    await asyncio.wait_for(_until_state(bench, OverallState.WORKING), 30 * WAITED_FOR)
    gate.open()
    await call
    await turn()
    assert bench.engine.snapshot().state is OverallState.OK


async def _until_state(bench: EngineBench, state: OverallState) -> None:
    await until(lambda: any(data.state is state for data in bench.of("status")))


async def test_REF_4_the_end_of_a_sign_in_is_told_once(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    server.failing = oauth_error("invalid_grant")
    await bench.let(HOUR)
    for _ in range(5):
        with contextlib.suppress(SignInRequired):
            await bench.token()
    await bench.let(24 * HOUR)
    notices = bench.of("notice")
    assert [notice.kind for notice in notices] == ["needs_you"]
    assert notices[0].provider == "p"
    assert len(server.token_requests) == 1


async def test_several_ends_within_two_seconds_are_one_notice(engine_of, server: TokenServer) -> None:
    bench = await engine_of(*(entry(server, id_) for id_ in "abc"))
    for id_ in "abc":
        await bench.signed_in(server, id_)
    server.failing = oauth_error("invalid_grant")
    for id_ in "abc":
        with contextlib.suppress(Exception):
            await bench.engine.refresh(id_)
    await bench.let(GATHER)
    [notice] = bench.of("notice")
    assert "3 providers" in notice.title
    assert notice.provider is None


async def test_the_same_provider_is_mentioned_again_only_after_a_quarter_of_an_hour(
    engine_of, server: TokenServer
) -> None:
    bench = await engine_of(entry(server))

    async def end() -> None:
        await bench.signed_in(server)
        server.failing = oauth_error("invalid_grant")
        with contextlib.suppress(Exception):
            await bench.engine.refresh("p")
        server.failing = None
        await bench.let(GATHER + 6)

    await end()
    await end()
    assert len(bench.of("notice")) == 1
    await bench.let(AGAIN)
    await end()
    assert len(bench.of("notice")) == 2


async def test_a_need_that_is_over_before_it_was_told_is_not_told(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    server.failing = oauth_error("invalid_grant")
    with contextlib.suppress(Exception):
        await bench.engine.refresh("p")
    await turn()
    await bench.signed_in(server)
    await bench.let(60)
    assert bench.of("notice") == []


async def test_what_ended_in_an_earlier_run_is_no_news(engine_of, server: TokenServer) -> None:
    storage = FakeStorage()
    first = await engine_of(entry(server), vaults=storage)
    await first.signed_in(server)
    server.failing = oauth_error("invalid_grant")
    with contextlib.suppress(Exception):
        await first.engine.refresh("p")
    await first.engine.stop()
    second = await engine_of(entry(server), vaults=storage)
    await second.let(60)
    assert second.shown().state is SessionState.NEEDS_SIGN_IN
    assert second.of("notice") == []


async def test_notifications_may_be_switched_off(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server), app={"notifications": "none"})
    await bench.signed_in(server)
    server.failing = oauth_error("invalid_grant")
    await bench.let(2 * HOUR)
    assert bench.of("notice") == []


async def test_a_failed_registration_is_told_with_its_reason(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    server.failing = oauth_error("invalid_client", 401)
    await bench.let(HOUR)
    [notice] = bench.of("notice")
    assert "cannot work" in notice.title
    assert notice.actions == (("show", "Show details"),)


async def test_a_notice_names_the_programs_that_wait(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    server.failing = oauth_error("invalid_grant")
    bench.clock.skip(2 * HOUR)
    calls = [bench.token(), bench.token(application=Application(executable="/usr/bin/curl", pid=1))]
    await asyncio.gather(*calls, return_exceptions=True)
    await bench.let(GATHER)
    assert "git, curl are waiting" in bench.of("notice")[0].body


async def test_the_activity_list_names_who_got_what_and_holds_no_token(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    for _ in range(20):
        await bench.token()
    bench.clock.skip(2)
    await bench.token(application=Application(executable="/usr/bin/curl", pid=1))
    with contextlib.suppress(Exception):
        await bench.token(scope=("admin",))
    await bench.engine.sign_out("p")
    entries = await bench.engine.activity(10)
    assert [(one["event"], one["outcome"], one["program"]) for one in entries] == [
        ("sign_out", "ok", ""),
        ("token", "insufficient_scope", "git"),
        ("token", "ok", "curl"),
        ("token", "ok", "git"),
    ]
    assert "access-0" not in str(entries)
    assert "refresh-0" not in str(entries)


async def test_the_activity_list_is_written_behind(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    await bench.token()
    assert bench.vault.activity == []
    await bench.let(5)
    await until(lambda: bench.vault.activity)
