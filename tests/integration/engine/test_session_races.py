"""What overtakes a refresh: a sign-out, a new sign-in, a changed entry; and tokens that a resource refused."""

from __future__ import annotations

import asyncio

import pytest

from support.engine_bench import ADA, SessionBench
from support.fake_clock import turn, until
from support.scripted_server import answer, json_answer
from support.token_server import Gate, TokenServer, oauth_error
from tokenkeep.domain.errors import GrantEnded, ProviderUnreachable, SignInRequired
from tokenkeep.domain.session import SessionState
from tokenkeep.domain.tokens import Secret, StoredSession
from tokenkeep.engine.client import ProviderClient

HOUR, DAY = 3600.0, 86_400.0


async def held_refresh(bench: SessionBench, gate: Gate) -> asyncio.Task:
    """A caller whose refresh was answered by the server, the answer being on its way."""
    bench.server.instead = [gate.before(bench.server.answer())]
    bench.clock.skip(2 * HOUR)
    call = bench.ask()
    await until(gate.reached.is_set)
    return call


async def test_REV_4_a_sign_out_wins_over_a_refresh_in_flight(bench: SessionBench) -> None:
    await bench.signed_in()
    gate = Gate()
    call = await held_refresh(bench, gate)
    await bench.session.sign_out()
    gate.open()
    with pytest.raises(SignInRequired):
        await call
    await bench.settle()
    assert bench.session.state is SessionState.SIGNED_OUT
    assert (bench.held, bench.session.stored, bench.vault.session()) == (None, None, None)
    assert bench.server.revoked == ["refresh-1-canary", "access-1-canary"], "the late tokens"


async def test_REV_4_a_sign_out_while_metadata_are_fetched_stores_and_sends_nothing(bench: SessionBench) -> None:
    await bench.signed_in()
    gate = Gate()
    bench.session.client = ProviderClient(bench.context, bench.session.provider)  # as after a restart
    path = "/.well-known/oauth-authorization-server"
    good = bench.server._replies[path][0]
    bench.server.reply(path, gate.before(good))
    bench.clock.skip(2 * HOUR)
    call = bench.ask()
    await until(gate.reached.is_set)
    await bench.session.sign_out()
    gate.open()
    with pytest.raises(SignInRequired):
        await call
    await bench.settle()
    assert (bench.session.stored, bench.vault.session()) == (None, None)
    assert bench.server.token_requests == []


async def test_REV_4_a_sign_out_just_before_the_request_leaves_stores_and_sends_nothing(
    bench: SessionBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.signed_in()
    mark = bench.context.vault.mark_session

    async def marked(provider: str, value: StoredSession) -> None:
        await mark(provider, value)
        await bench.session.sign_out(revoke=False)

    monkeypatch.setattr(bench.context.vault, "mark_session", marked)
    bench.clock.skip(2 * HOUR)
    with pytest.raises(SignInRequired):
        await bench.token()
    await bench.settle()
    assert (bench.session.stored, bench.vault.session()) == (None, None)
    assert bench.server.token_requests == []


async def test_REV_4_a_sign_out_during_the_commit_stays(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.vault.writable.clear()
    bench.vault.begun.clear()
    bench.clock.skip(2 * HOUR)
    call = bench.ask()
    await until(bench.vault.begun.is_set)
    out = asyncio.create_task(bench.session.sign_out())
    await turn()
    bench.vault.writable.set()
    await out
    with pytest.raises(SignInRequired):
        await call
    assert (bench.session.stored, bench.vault.session()) == (None, None)
    assert bench.server.revoked == ["refresh-1-canary", "access-1-canary"]


async def test_a_failure_that_comes_after_a_sign_out_changes_nothing(bench: SessionBench) -> None:
    await bench.signed_in()
    gate = Gate()
    bench.server.instead = [gate.before(oauth_error("invalid_grant"))]
    bench.clock.skip(2 * HOUR)
    call = bench.ask()
    await until(gate.reached.is_set)
    await bench.session.sign_out()
    gate.open()
    with pytest.raises((GrantEnded, SignInRequired)):
        await call
    assert (bench.session.state, bench.shown.last_error) == (SessionState.SIGNED_OUT, None)
    assert bench.vault.session() is None


async def test_a_new_sign_in_wins_over_a_refresh_in_flight_and_its_grant_is_not_revoked(bench: SessionBench) -> None:
    await bench.signed_in()
    gate = Gate()
    call = await held_refresh(bench, gate)
    bench.session.signing_in()
    new = bench.first_tokens(access_token=Secret("new-access-canary"), refresh_token=Secret("new-refresh-canary"))
    await bench.session.signed_in(new, ADA, "browser", bench.session.client.binding())
    gate.open()
    assert (await call).access_token.reveal() == "new-access-canary"
    await bench.settle()
    assert bench.kept_refresh_token == "new-refresh-canary"
    assert bench.server.revoked == []
    assert bench.session.state is SessionState.ACTIVE
    await bench.let(HOUR)
    assert bench.server.sent("refresh_token")[-1] == "new-refresh-canary"


async def test_a_refresh_that_fails_under_a_sign_in_is_settled_beneath_it(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.session.signing_in()
    bench.server.failing = oauth_error("invalid_grant")
    await bench.let(2 * HOUR)
    assert bench.session.state is SessionState.SIGNING_IN
    assert len(bench.server.token_requests) == 1
    with pytest.raises(SignInRequired, match="ended"):
        await bench.token()
    bench.session.sign_in_abandoned()
    assert bench.session.state is SessionState.NEEDS_SIGN_IN


async def test_an_unreachable_provider_is_called_that_during_a_sign_in_too(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.failing = answer(503)
    await bench.let(2 * HOUR)
    bench.session.signing_in()
    with pytest.raises(ProviderUnreachable):
        await bench.token()


async def test_a_changed_entry_during_a_refresh_does_not_break_it(bench: SessionBench) -> None:
    await bench.signed_in()
    gate = Gate()
    call = await held_refresh(bench, gate)
    bench.session.reconfigure(bench.server.discovered(name="Another name"))
    gate.open()
    assert (await call).access_token.reveal() == "access-1-canary"
    assert bench.shown.name == "Another name"
    await bench.let(HOUR)
    assert bench.held == "access-2-canary"


async def test_a_bug_in_a_refresh_leaves_no_state_that_cannot_be_left(bench: SessionBench, log_errors) -> None:
    await bench.signed_in()
    real = bench.session.client.verify_refreshed

    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    bench.session.client.verify_refreshed = broken  # type: ignore[method-assign]
    bench.clock.skip(2 * HOUR)
    with pytest.raises(Exception, match="failed"):
        await bench.token()
    await turn()
    assert bench.session.state is SessionState.FAILED
    assert bench.kept_refresh_token == "refresh-0-canary"
    bench.session.client.verify_refreshed = real  # type: ignore[method-assign]
    await bench.let(61)
    assert (await bench.token()).access_token.reveal() == "access-2-canary"
    assert len(log_errors) == 1


# --- REF-9 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changed", ["issuer", "client_id", "token_endpoint"])
async def test_REF_9_a_refresh_token_goes_nowhere_else(bench: SessionBench, changed: str) -> None:
    await bench.signed_in()
    with TokenServer() as other:
        entry = {
            "issuer": other.discovered,
            "client_id": lambda: bench.server.discovered(client_id="client-2"),
            "token_endpoint": lambda: bench.server.discovered(token_endpoint=f"{other.origin}/token"),
        }[changed]()
        bench.session.reconfigure(entry)
        await bench.let(2 * HOUR)
        assert bench.session.state is SessionState.NEEDS_SIGN_IN
        assert other.token_requests == []
    assert bench.server.token_requests == []
    with pytest.raises(SignInRequired):
        await bench.token()


@pytest.mark.parametrize("changed", ["issuer", "client_id"])
async def test_REF_9_a_token_is_not_given_out_as_another_servers(bench: SessionBench, changed: str) -> None:
    await bench.signed_in()
    entry = bench.session.provider
    values = {"issuer": "https://other.example", "client_id": "client-2"}
    bench.session.reconfigure(entry.model_copy(update={changed: values[changed]}))
    with pytest.raises(SignInRequired, match="changed since the last sign-in"):
        await bench.token()
    bench.session.reconfigure(entry)
    assert (await bench.token()).access_token.reveal() == "access-0-canary", "changed back, nothing is lost"


async def test_REF_9_a_harmless_change_keeps_the_sign_in(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.session.reconfigure(bench.server.discovered(name="New name", scopes=["read"]))
    await bench.let(HOUR)
    assert bench.held == "access-1-canary"


async def test_META_7_old_metadata_serve_while_the_server_cannot_give_new_ones(bench: SessionBench) -> None:
    await bench.signed_in(lifetime=2 * DAY)
    bench.server.reply("/.well-known/oauth-authorization-server", answer(503))
    bench.server.lifetime = None
    await bench.let(2 * DAY)
    assert bench.held == "access-1-canary"


# --- a token that a resource refused -------------------------------------------------------------------------------


async def reject(bench: SessionBench, token: str = "access-0-canary") -> bool:
    """As the engine does; whether a refresh was begun or joined."""
    if bench.session.rejected(Secret(token).sha256):
        await asyncio.shield(bench.session.refresh_soon())
        return True
    return False


async def test_a_refused_token_of_ours_is_replaced_once_for_all_who_say_so(bench: SessionBench) -> None:
    await bench.signed_in()
    await bench.let(10)
    assert await asyncio.gather(*(reject(bench) for _ in range(30))) == [True] * 30
    assert (bench.held, len(bench.server.token_requests)) == ("access-1-canary", 1)
    assert not await reject(bench), "somebody who is late holds an old token"
    assert not await reject(bench, "access-1-canary"), "a fresh one is not at fault for its age"
    assert not await reject(bench, "made up")
    assert len(bench.server.token_requests) == 1
    await bench.let(6)
    assert await reject(bench, "access-1-canary")


async def test_the_hash_of_a_refused_token_may_be_written_in_capitals(bench: SessionBench) -> None:
    await bench.signed_in()
    await bench.let(10)
    assert bench.session.rejected(Secret("access-0-canary").sha256.upper())


async def test_a_program_that_rejects_in_a_loop_does_not_hammer_a_provider_that_fails(bench: SessionBench) -> None:
    await bench.signed_in()
    await bench.let(10)
    bench.server.failing = answer(503, headers={"Retry-After": "600"})
    with pytest.raises(ProviderUnreachable):
        await reject(bench)
    for _ in range(50):
        assert not await reject(bench)
        await bench.let(1)
    assert len(bench.server.token_requests) == 1
    assert bench.session.state is SessionState.OFFLINE


async def test_metadata_of_another_issuer_are_a_failure_and_not_the_end(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.session.client = ProviderClient(bench.context, bench.session.provider)
    bench.server.publish(issuer="https://evil.example")
    await bench.let(HOUR)
    assert bench.session.state is SessionState.FAILED
    assert bench.kept_refresh_token == "refresh-0-canary"
    assert bench.server.token_requests == []
    bench.server.publish()
    bench.session.reconfigure(bench.server.discovered(name="mended"))
    await bench.let(1)
    assert (bench.session.state, bench.held) == (SessionState.ACTIVE, "access-1-canary")


async def test_a_type_of_token_that_nobody_knows_is_never_used(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.instead = [json_answer({"access_token": "strange-canary", "token_type": "mac"})]
    await bench.let(HOUR - 600)
    assert bench.held == "access-0-canary"
    assert bench.kept_refresh_token == "refresh-0-canary"
