"""The façade: access, events, notices, reloads, quitting; the outside world is fake, the providers are real servers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from dataclasses import replace

import pytest

from support.browser_callback import redirect, visit
from support.engine_bench import GIT, EngineBench, entry
from support.fake_clock import turn, until
from support.fake_vault import FakeStorage
from support.scripted_server import answer, hang
from support.token_server import Gate, TokenServer, oauth_error
from tokenkeep.domain.access import OWN_WINDOW, Application, Decision, Holding
from tokenkeep.domain.errors import (
    AccessDenied,
    InsufficientScope,
    Misconfigured,
    NotFound,
    ProviderUnreachable,
    SignInRequired,
    TimedOut,
    UnknownProvider,
)
from tokenkeep.domain.provider import BrokenProvider
from tokenkeep.domain.session import OverallState, SessionState, SignInState, StorageState
from tokenkeep.domain.tokens import Secret, TokenQuery
from tokenkeep.engine.notices import AGAIN, GATHER
from tokenkeep.engine.reporter import WAITED_FOR

HOUR = 3600.0


# --- tokens --------------------------------------------------------------------------------------------------------


async def test_a_token_from_memory_needs_no_io(engine_of, server: TokenServer, monkeypatch) -> None:
    bench: EngineBench = await engine_of(entry(server))
    await bench.signed_in(server)
    context = bench.engine._context

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a cached token went through a pool")

    for pool in (context.net, context.keyring, context.vault):
        for name in ("run", "run_background", "_run"):
            if hasattr(pool, name):
                monkeypatch.setattr(pool, name, forbidden)
    tasks = len(asyncio.all_tasks())
    granted = bench.engine.token_now("p", TokenQuery(), GIT)
    assert granted is not None
    assert granted.access_token.reveal() == "access-0-p"
    assert len(asyncio.all_tasks()) - tasks <= 1, "at most the activity list's write, later"


async def test_token_now_leaves_to_token_what_needs_time_and_says_what_is_certain(
    engine_of, server: TokenServer
) -> None:
    bench = await engine_of(entry(server))
    assert bench.engine.token_now("p", TokenQuery(), GIT) is None, "nothing there"
    with pytest.raises(UnknownProvider):
        bench.engine.token_now("nobody", TokenQuery(), GIT)
    await bench.signed_in(server)
    with pytest.raises(InsufficientScope):
        bench.engine.token_now("p", TokenQuery(scope=("admin",)), GIT)
    bench.clock.skip(HOUR)
    assert bench.engine.token_now("p", TokenQuery(), GIT) is None, "run out"
    assert (await bench.token()).access_token.reveal() == "access-1-canary"
    bench.write(entry(server), access={"default": "deny"})
    await bench.engine.reload()
    assert bench.engine.token_now("p", TokenQuery(), GIT) is None
    assert bench.engine.token_now("p", TokenQuery(), OWN_WINDOW) is not None


async def test_an_unknown_provider_is_answered_with_near_names(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server, "github"))
    with pytest.raises(UnknownProvider) as near:
        await bench.token("githbu")
    assert "github" in near.value.hint
    with pytest.raises(UnknownProvider) as far:
        await bench.token("zzz")
    assert "github" in far.value.hint
    empty = await engine_of()
    with pytest.raises(UnknownProvider) as none:
        await empty.token("x")
    assert "No provider" in none.value.hint


async def test_a_caller_may_wait_shorter_than_the_refresh_which_goes_on(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    gate = Gate()
    server.instead = [gate.before(server.answer())]
    bench.clock.skip(HOUR)
    with pytest.raises(TimedOut):
        await bench.token(wait=0.05)
    gate.open()
    await until(lambda: not bench.busy)
    assert (await bench.token()).access_token.reveal() == "access-1-canary"
    assert len(server.token_requests) == 1


async def test_AGENT_8_a_question_is_asked_and_its_answer_heeded(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server), access={"default": "ask"})
    await bench.signed_in(server)
    call = asyncio.create_task(bench.token())
    await until(lambda: bench.engine.snapshot().access_requests)
    [request] = bench.engine.snapshot().access_requests
    assert (request.application, request.provider, request.account) == (GIT, "p", "ada")
    assert request.scope == ("read", "write")
    assert [notice.kind for notice in bench.of("notice")] == ["access"]
    bench.engine.answer_access(request.id, Decision.ALLOW, Holding.ALWAYS)
    assert (await call).access_token.reveal() == "access-0-p"
    assert bench.engine.snapshot().access_requests == ()
    assert bench.of("access_request") == [request, request.id]
    assert bench.engine.token_now("p", TokenQuery(), GIT) is not None, "from now on without a question"
    await until(lambda: bench.vault.grants)
    assert [grant.name for grant in bench.engine.grants()] == ["git"]
    with pytest.raises(NotFound):
        bench.engine.answer_access(request.id, Decision.DENY, Holding.ONCE)


async def test_AGENT_8_silence_is_no_and_a_shorter_wait_is_no_answer(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server), access={"default": "ask"})
    await bench.signed_in(server)
    with pytest.raises(TimedOut):
        await bench.token(wait=0.05)
    call = asyncio.create_task(bench.token())
    await turn()
    assert len(bench.engine.snapshot().access_requests) == 1, "the same question"
    await bench.let(60)
    with pytest.raises(AccessDenied, match="Nobody answered"):
        await call
    assert bench.engine.snapshot().access_requests == (), "and it is gone for every reader"


async def test_manage_is_our_windows_and_needs_a_yes_of_others(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server), access={"default": "allow", "manage": "ask"})
    await bench.engine.require_manage(OWN_WINDOW)
    call = asyncio.create_task(bench.engine.require_manage(GIT))
    await until(lambda: bench.engine.snapshot().access_requests)
    [request] = bench.engine.snapshot().access_requests
    assert request.purpose == "manage"
    bench.engine.answer_access(request.id, Decision.DENY, Holding.ONCE)
    with pytest.raises(AccessDenied):
        await call
    headless = await engine_of(entry(server), present=False, access={"manage": "ask"})
    with pytest.raises(AccessDenied):
        await headless.engine.require_manage(GIT)


async def test_an_interactive_query_signs_in_and_then_gives_the_token(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    with pytest.raises(SignInRequired) as refused:
        await bench.token()
    assert refused.value.sign_in is None
    call = asyncio.create_task(bench.token(interactive=True))
    await until(lambda: bench.browser.opened)
    [sign_in] = bench.engine.snapshot().sign_ins
    with pytest.raises(SignInRequired) as pending:
        await bench.token()
    assert pending.value.sign_in == sign_in.id
    await visit(redirect(sign_in))
    assert (await call).access_token.reveal() == "access-1-canary"


async def test_an_interactive_query_hears_why_the_sign_in_failed(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    call = asyncio.create_task(bench.token(interactive=True))
    await until(lambda: bench.browser.opened)
    [sign_in] = bench.engine.snapshot().sign_ins
    await visit(redirect(sign_in, code=None, error="access_denied"))
    with pytest.raises(AccessDenied):
        await call
    assert bench.browser.opened[1:] == []


async def test_no_query_opens_anything_by_itself(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    server.failing = oauth_error("invalid_grant")
    await bench.let(2 * HOUR)
    with pytest.raises(SignInRequired):
        await bench.token()
    assert bench.browser.opened == []
    assert bench.engine.snapshot().sign_ins == ()


async def test_a_refused_token_is_replaced_for_everybody_by_one_request(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    await bench.let(10)
    sha = Secret("access-0-p").sha256
    calls = [bench.engine.token_rejected("p", sha, GIT) for _ in range(30)]
    tokens = await asyncio.gather(*calls)
    assert {token.access_token.reveal() for token in tokens} == {"access-1-canary"}
    assert (await bench.engine.token_rejected("p", "0" * 64, GIT)).access_token.reveal() == "access-1-canary"
    assert (await bench.engine.token_rejected("p", sha, GIT)).access_token.reveal() == "access-1-canary"
    assert len(server.token_requests) == 1


async def test_a_refused_token_whose_refresh_fails_says_so(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    await bench.let(10)
    server.failing = answer(503)
    sha = Secret("access-0-p").sha256
    with pytest.raises(ProviderUnreachable):
        await bench.engine.token_rejected("p", sha, GIT)
    gate = Gate()
    server.failing = gate.before(answer(503))
    await bench.clock.advance(6)
    with pytest.raises((TimedOut, ProviderUnreachable)):
        await bench.engine.token_rejected("p", sha, GIT, wait=0.05)
    gate.open()
    outcomes = [item["outcome"] for item in await bench.engine.activity(10)]
    assert "provider_unreachable" in outcomes


async def test_refresh_at_a_click(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    with pytest.raises(SignInRequired):
        await bench.engine.refresh("p")
    await bench.signed_in(server)
    shown = await bench.engine.refresh("p")
    assert shown.obtained_at == bench.clock.wall()
    await bench.engine.refresh("p")
    assert len(server.token_requests) == 1, "that was a moment ago"
    await bench.let(6)
    server.failing = answer(503)
    with pytest.raises(ProviderUnreachable):
        await bench.engine.refresh("p", GIT)
    assert (await bench.engine.copy_token("p")).reveal() == "access-1-canary"


# --- signing out ---------------------------------------------------------------------------------------------------


async def test_REV_1_a_sign_out_revokes_the_refresh_token_first(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    outcome = await bench.engine.sign_out("p")
    assert outcome.revoked is True
    assert server.revoked == ["refresh-0-p", "access-0-p"]
    assert bench.vault.session() is None
    assert (await bench.engine.sign_out("p")).detail.startswith("There were no tokens")


@pytest.mark.parametrize("fault", [answer(503), answer(500), oauth_error("invalid_client", 401)])
async def test_REV_2_a_sign_out_that_is_not_confirmed_says_so_and_holds_here(engine_of, server, fault) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    server.reply("/revoke", fault)
    outcome = await bench.engine.sign_out("p")
    assert outcome.revoked is False
    assert "did not confirm" in outcome.detail
    assert (bench.shown().state, bench.vault.session()) == (SessionState.SIGNED_OUT, None)


async def test_REV_3_a_server_that_cannot_revoke(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    server.publish(revocation_endpoint=None)
    await bench.signed_in(server)
    assert (await bench.engine.sign_out("p")).revoked == "unsupported"


async def test_a_sign_out_without_revocation_sends_nothing(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    outcome = await bench.engine.sign_out("p", revoke=False)
    assert (outcome.revoked, server.revoked) == (False, [])


async def test_a_sign_out_ends_a_pending_sign_in_too(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await bench.engine.sign_in("p", method="browser")
    await bench.engine.sign_out("p")
    assert bench.engine.sign_in_snapshot(started.id).state is SignInState.CANCELLED
    assert bench.shown().state is SessionState.SIGNED_OUT


async def test_REV_4_a_program_that_waited_for_a_token_hears_of_the_sign_out(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    gate = Gate()
    server.instead = [gate.before(server.answer())]
    bench.clock.skip(HOUR)
    call = asyncio.create_task(bench.token())
    await until(gate.reached.is_set)
    await bench.engine.sign_out("p")
    gate.open()
    with pytest.raises(SignInRequired):
        await call
    await until(lambda: server.revoked[2:] == ["refresh-1-canary", "access-1-canary"])


# --- the configuration ---------------------------------------------------------------------------------------------


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
    bench.write(entry(server))
    await bench.engine.reload()
    assert (await bench.token()).access_token.reveal() == "access-1-canary"
    await bench.let(HOUR)
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

    bench.engine._outside = replace(bench.engine._outside, read_configuration=read)
    first = asyncio.create_task(bench.engine.reload())
    await until(slow.is_set)
    bench.write(entry(server), entry(server, "new"))
    second = asyncio.create_task(bench.engine.reload())
    await turn()
    go_on.set()
    await asyncio.gather(first, second)
    assert bench.engine.snapshot().session("new") is not None


# --- what is told --------------------------------------------------------------------------------------------------


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


# --- power, network, quitting --------------------------------------------------------------------------------------


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
