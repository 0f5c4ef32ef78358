"""Token queries through the façade: from memory, by a refresh, by a question, by a sign-in; and signing out."""

from __future__ import annotations

import asyncio

import pytest

from support.browser_callback import redirect, visit
from support.engine_bench import GIT, EngineBench, entry
from support.fake_clock import turn, until
from support.scripted_server import answer
from support.token_server import Gate, TokenServer, oauth_error
from tokenkeep.domain.access import OWN_WINDOW, Decision, Holding
from tokenkeep.domain.errors import (
    AccessDenied,
    InsufficientScope,
    NotFound,
    ProviderUnreachable,
    SignInRequired,
    TimedOut,
    UnknownProvider,
)
from tokenkeep.domain.session import SessionState, SignInState
from tokenkeep.domain.tokens import Secret, TokenQuery

HOUR = 3600.0


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


async def test_REV_1_a_sign_out_revokes_the_refresh_token_first(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    outcome = await bench.engine.sign_out("p")
    assert outcome.revoked is True
    assert server.revoked == ["refresh-0-p", "access-0-p"]
    assert bench.vault.session() is None
    assert (await bench.engine.sign_out("p")).detail.startswith("There were no tokens")


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
