"""AUTHZ-7: another account than before comes back."""

from __future__ import annotations

import pytest

from support.browser_callback import begin, finish, names_people, redirect, visit
from support.engine_bench import EngineBench, entry
from support.fake_clock import until
from support.scripted_server import answer
from support.token_server import TokenServer
from tokenkeep.domain.errors import NotFound
from tokenkeep.domain.session import SessionState, SignInSnapshot, SignInState
from tokenkeep.engine.signin import BROWSER_LIMIT, UNKNOWN_ACCOUNT


async def another_comes_back(bench: EngineBench, server: TokenServer) -> SignInSnapshot:
    names_people(server)
    await finish(bench, await begin(bench))
    names_people(server, "subject-2", "grace")
    started = await begin(bench)
    assert started.account == "ada"
    await visit(redirect(started))
    return started


async def question(bench: EngineBench, started: SignInSnapshot) -> str:
    await until(lambda: bench.engine.sign_in_snapshot(started.id).other_account)
    now = bench.engine.sign_in_snapshot(started.id)
    assert now.state.pending
    assert now.other_account is not None
    return now.other_account


async def test_AUTHZ_7_another_account_is_asked_about_and_taken_if_wanted(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await another_comes_back(bench, server)
    assert await question(bench, started) == "grace"
    assert (await bench.token()).account == "ada", "until then nothing has changed"
    ended = await bench.engine.settle_account(started.id, accept=True)
    assert (ended.state, ended.account, ended.other_account) == (SignInState.DONE, "grace", None)
    assert (await bench.token()).account == "grace"
    with pytest.raises(NotFound):
        await bench.engine.settle_account(started.id, accept=True)


async def test_AUTHZ_7_a_refused_account_is_revoked_and_the_old_one_untouched(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await another_comes_back(bench, server)
    await question(bench, started)
    ended = await bench.engine.settle_account(started.id, accept=False)
    assert (ended.state, ended.error.code) == (SignInState.FAILED, "access_denied")
    assert server.revoked == ["refresh-2-canary", "access-2-canary"]
    assert (await bench.token()).access_token.reveal() == "access-1-canary"
    assert bench.vault.session().account.subject == "subject-1"


async def test_AUTHZ_7_no_answer_is_no_and_so_is_a_cancel(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await another_comes_back(bench, server)
    await question(bench, started)
    await bench.let(BROWSER_LIMIT)
    assert (await bench.ended(started)).state is SignInState.FAILED
    again = await begin(bench)
    await visit(redirect(again))
    await question(bench, again)
    await bench.engine.cancel_sign_in(again.id)
    await until(lambda: server.revoked[2:] == ["refresh-3-canary", "access-3-canary"])
    assert (await bench.token()).account == "ada"


async def test_AUTHZ_7_headless_the_answer_is_no(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server), present=False)
    started = await another_comes_back(bench, server)
    assert (await bench.ended(started)).error.code == "access_denied"
    assert (await bench.token()).account == "ada"


async def test_AUTHZ_7_an_account_that_is_not_named_is_no_silent_swap(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    names_people(server)
    await finish(bench, await begin(bench))
    server.reply("/userinfo", answer(500))
    started = await begin(bench)
    await visit(redirect(started))
    assert await question(bench, started) == UNKNOWN_ACCOUNT
    await bench.engine.settle_account(started.id, accept=True)
    assert bench.shown().state is SessionState.ACTIVE


async def test_the_same_account_is_not_asked_about_and_after_a_sign_out_any_is_welcome(
    engine_of, server: TokenServer
) -> None:
    bench = await engine_of(entry(server))
    names_people(server)
    await finish(bench, await begin(bench))
    assert (await finish(bench, await begin(bench))).state is SignInState.DONE
    await bench.engine.sign_out("p")
    names_people(server, "subject-2", "grace")
    assert (await finish(bench, await begin(bench))).account == "grace"
