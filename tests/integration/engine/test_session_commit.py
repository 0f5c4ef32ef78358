"""What a session keeps when, and what ends it for good, at a real server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.engine_bench import SessionBench
from support.fake_clock import turn, until
from support.scripted_server import Connection
from support.token_server import oauth_error
from tokenkeep.domain.errors import GrantEnded, SignInRequired
from tokenkeep.domain.session import SessionState
from tokenkeep.domain.tokens import Secret

HOUR, DAY = 3600.0, 86_400.0


async def test_REF_1_a_caller_is_answered_only_after_the_commit(bench: SessionBench) -> None:
    await bench.signed_in()
    await bench.clock.advance(0)
    bench.vault.writable.clear()
    bench.vault.begun.clear()
    bench.clock.skip(HOUR)
    call = bench.ask()
    await until(bench.vault.begun.is_set)
    await turn()
    assert not call.done(), "the new token is not out before it is durable"
    assert bench.held == "access-0-canary"
    bench.vault.writable.set()
    assert (await call).access_token.reveal() == "access-1-canary"
    assert bench.kept_refresh_token == "refresh-1-canary"


async def test_REF_1_what_cannot_be_written_is_served_and_written_later(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.vault.failing = True
    bench.clock.skip(HOUR)
    assert (await bench.token()).access_token.reveal() == "access-1-canary"
    assert bench.session.unsaved
    assert bench.kept_refresh_token == "refresh-0-canary"
    await bench.let(30)
    assert bench.session.unsaved, "the disk is still full"
    bench.vault.failing = False
    await bench.clock.advance(60)
    await until(lambda: not bench.session.unsaved)
    assert bench.kept_refresh_token == "refresh-1-canary"
    assert len(bench.server.token_requests) == 1


async def test_REF_1_a_newer_pair_is_what_is_written_in_the_end(bench: SessionBench) -> None:
    await bench.signed_in(lifetime=60.0)
    bench.server.lifetime = 60.0
    bench.vault.failing = True
    for _ in range(2):
        bench.clock.skip(61)
        await bench.token()
    bench.vault.failing = False
    await bench.clock.advance(60)
    await until(lambda: not bench.session.unsaved)
    assert bench.kept_refresh_token == bench.session.held.tokens.refresh_token.reveal()  # type: ignore[union-attr]


async def test_a_sign_out_that_cannot_be_written_holds_and_is_written_later(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.vault.failing = True
    tokens = await bench.session.sign_out()
    assert tokens is not None, "they are there to be revoked"
    assert (bench.session.state, bench.session.unsaved) == (SessionState.SIGNED_OUT, True)
    bench.vault.failing = False
    await bench.clock.advance(60)
    await until(lambda: not bench.session.unsaved)
    assert bench.vault.session() is None


@pytest.mark.parametrize("value", [None, ""])
async def test_REF_2_an_answer_without_a_refresh_token_keeps_the_old_one(bench: SessionBench, value) -> None:
    await bench.signed_in()
    bench.server.instead = [bench.server.answer(refresh_token=value)]
    await bench.let(HOUR - 500)
    assert bench.held == "access-1-canary"
    assert bench.kept_refresh_token == "refresh-0-canary"
    await bench.let(HOUR)
    assert bench.server.sent("refresh_token") == ["refresh-0-canary", "refresh-0-canary"]


async def test_REF_4_invalid_grant_is_final(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.failing = oauth_error("invalid_grant")
    await bench.let(HOUR)
    assert bench.session.state is SessionState.NEEDS_SIGN_IN
    assert len(bench.server.token_requests) == 1
    for _ in range(3):
        with pytest.raises(SignInRequired):
            await bench.token()
    await bench.let(DAY)
    assert len(bench.server.token_requests) == 1
    stored = bench.vault.session()
    assert stored is not None
    assert (stored.tokens, stored.account is not None, bool(stored.ended)) == (None, True, True)
    assert bench.states.count("needs_sign_in") == 1


async def test_REF_4_a_newer_refresh_token_in_the_vault_is_used_instead(bench: SessionBench) -> None:
    await bench.signed_in()
    stored = bench.session.stored
    assert stored is not None
    newer = bench.first_tokens(refresh_token=Secret("newer-canary"), obtained_at=bench.clock.wall() + 1)
    bench.vault.write_session("p", replace(stored, tokens=newer))
    await bench.let(HOUR - 590)
    assert bench.server.sent("refresh_token") == ["newer-canary"], "the store is read again before anything is sent"
    assert (bench.session.state, bench.held) == (SessionState.ACTIVE, "access-1-canary")
    assert bench.kept_refresh_token == "refresh-1-canary"


async def test_REF_4_one_that_comes_into_the_vault_while_ours_is_refused_is_used(bench: SessionBench) -> None:
    await bench.signed_in()
    stored = bench.session.stored
    assert stored is not None
    newer = bench.first_tokens(refresh_token=Secret("newer-canary"), obtained_at=bench.clock.wall() + 1)

    def refuse(connection: Connection) -> None:
        bench.vault.write_session("p", replace(stored, tokens=newer))
        oauth_error("invalid_grant")(connection)

    bench.server.instead = [refuse]
    await bench.let(HOUR - 590)
    assert bench.server.sent("refresh_token") == ["refresh-0-canary", "newer-canary"]
    assert (bench.session.state, bench.held) == (SessionState.ACTIVE, "access-1-canary")


async def test_REF_4_a_newer_one_that_is_refused_too_ends_it(bench: SessionBench) -> None:
    await bench.signed_in()
    stored = bench.session.stored
    assert stored is not None
    newer = bench.first_tokens(refresh_token=Secret("newer-canary"), obtained_at=bench.clock.wall() + 1)
    bench.vault.write_session("p", replace(stored, tokens=newer))
    bench.server.failing = oauth_error("invalid_grant")
    await bench.let(DAY)
    assert bench.server.sent("refresh_token") == ["newer-canary"]
    assert bench.session.state is SessionState.NEEDS_SIGN_IN


async def test_REF_4_an_older_one_that_could_not_be_replaced_is_not_tried(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.vault.failing = True
    bench.clock.skip(HOUR)
    await bench.token()
    bench.server.failing = oauth_error("invalid_grant")
    bench.clock.skip(HOUR)
    with pytest.raises(GrantEnded):
        await bench.token()
    await bench.let(HOUR)
    assert bench.server.sent("refresh_token") == ["refresh-0-canary", "refresh-1-canary"]


async def test_REF_4_the_end_is_known_after_a_restart(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.failing = oauth_error("invalid_grant")
    await bench.let(HOUR)
    again = await bench.restarted()
    assert again.session.state is SessionState.NEEDS_SIGN_IN
    assert again.shown.last_error is not None
    assert again.shown.account == "ada"
    await again.let(DAY)
    assert len(bench.server.token_requests) == 1
    await again.close()


async def test_without_a_refresh_token_the_session_ends_with_its_token_for_good(bench: SessionBench) -> None:
    await bench.signed_in(refresh_token=None)
    assert not bench.shown.refreshable
    await bench.let(HOUR - 100)
    assert (await bench.token()).access_token.reveal() == "access-0-canary"
    await bench.let(100)
    assert bench.session.state is SessionState.NEEDS_SIGN_IN
    await until(lambda: (kept := bench.vault.session()) is not None and kept.ended is not None, "the end in the vault")
    assert len(bench.server.token_requests) == 0


async def test_without_a_refresh_token_a_refused_token_ends_the_session(bench: SessionBench) -> None:
    await bench.signed_in(refresh_token=None)
    await bench.let(10)
    held = bench.session.held
    assert held is not None
    assert not bench.session.rejected(held.tokens.access_token.sha256)
    assert bench.session.state is SessionState.NEEDS_SIGN_IN
