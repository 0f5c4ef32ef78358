"""A sign-out that the provider does not confirm: what is said, when it is asked again, and how that ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.engine_bench import GIT, EngineBench, entry
from support.fake_clock import turn, until
from support.fake_vault import FakeStorage
from support.scripted_server import Reply, ScriptedServer, answer, cut, json_answer, run_out_of_time
from support.token_server import REVOKE, TokenServer, oauth_error
from tokenkeep.domain.errors import SignInRequired
from tokenkeep.domain.session import SessionState
from tokenkeep.domain.tokens import Secret

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
BOTH = ["refresh-0-p", "access-0-p"]

NOT_CONFIRMED = {
    "503": answer(503),
    "500": answer(500, "<p>sorry", {"Content-Type": "text/html"}),
    "429": answer(429),
    "cut": cut(),
    "temporarily_unavailable": oauth_error("temporarily_unavailable", 503),
    "no HTTP": lambda connection: connection.send(b"\x15\x03\x01\x00\x02\x02\x28"),
}


async def signed_out(bench: EngineBench, server: TokenServer, fault: Reply) -> str:
    """Sign in, then out while the provider has that fault; what the sign-out said."""
    await bench.signed_in(server)
    server.reply(REVOKE, fault)
    outcome = await bench.engine.sign_out("p", application=GIT)
    assert outcome.revoked is False
    assert (bench.shown().state, bench.vault.session()) == (SessionState.SIGNED_OUT, None), "here at once"
    return outcome.detail


async def asked_again(bench: EngineBench, server: TokenServer, seconds: float) -> int:
    """How many requests come to the revocation endpoint within that time."""
    before = len(server.revoked)
    await bench.let(seconds)
    await until(lambda: not bench.busy)
    return len(server.revoked) - before


@pytest.mark.parametrize("fault", NOT_CONFIRMED.values(), ids=NOT_CONFIRMED)
async def test_REV_2_what_is_not_confirmed_is_said_and_tried_again(
    engine_of, server: TokenServer, fault: Reply
) -> None:
    bench = await engine_of(entry(server))
    detail = await signed_out(bench, server, fault)
    assert "not confirmed" in detail
    assert "not confirmed" in bench.shown().notice
    assert any("not confirmed" in text for text in bench.engine.snapshot().notices)
    server.reply(REVOKE, json_answer({}))
    assert await asked_again(bench, server, 3.0) == 2
    assert server.revoked[-2:] == BOTH
    assert (bench.shown().notice, bench.engine.snapshot().notices) == ("", ())
    assert bench.vault.read_revocations() == []
    assert await asked_again(bench, server, HOUR) == 0, "it is done"


async def test_REV_2_a_time_out_and_a_refused_connection_are_not_a_confirmation(engine_of) -> None:
    with TokenServer() as server:
        bench = await engine_of(entry(server))
        detail = await signed_out(bench, server, run_out_of_time(bench.transport))
        assert "not confirmed" in detail
    assert await asked_again(bench, server, HOUR) == 0, "nobody is there"
    assert "not confirmed" in bench.shown().notice


async def test_REV_2_a_certificate_that_is_not_trusted_is_not_a_confirmation(
    engine_of, server: TokenServer, untrusted
) -> None:
    with ScriptedServer(tls=untrusted) as other:
        bench = await engine_of(entry(server))
        await bench.signed_in(server)
        session = bench.session()
        assert session.stored is not None
        assert session.stored.origin is not None
        endpoint = f"{other.origin}/revoke"
        session.client._metadata = replace(session.client.metadata, revocation_endpoint=endpoint)
        outcome = await bench.engine.sign_out("p")
        assert (outcome.revoked, other.requests) == (False, [])
        assert "not confirmed" in outcome.detail
        assert bench.vault.read_revocations()[0].origin.revocation_endpoint == endpoint


async def test_REV_2_retry_after_is_obeyed(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await signed_out(bench, server, answer(503, headers={"Retry-After": "120"}))
    assert await asked_again(bench, server, 119.0) == 0
    bench.network.call()
    bench.power.call()
    assert await asked_again(bench, server, 0.9) == 0, "whatever wakes up"
    assert await asked_again(bench, server, 40.0) == 1


async def test_REV_2_the_tries_become_fewer(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await signed_out(bench, server, answer(500))
    assert 3 <= await asked_again(bench, server, MINUTE) <= 6
    await asked_again(bench, server, 3 * HOUR)
    assert 5 <= await asked_again(bench, server, 5 * HOUR) <= 10, "between every half hour and every hour"


async def test_REV_2_it_is_sealed_with_the_session_gone_before_the_provider_is_asked(
    engine_of, server: TokenServer
) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    seen: list[tuple[object, list[str]]] = []

    def look(connection) -> None:
        [owed] = bench.vault.read_revocations()
        seen.append((bench.vault.session(), [token.reveal() for token, _ in owed.tokens]))
        json_answer({})(connection)

    server.reply(REVOKE, look)
    await bench.engine.sign_out("p")
    assert seen[0] == (None, BOTH)
    assert bench.vault.read_revocations() == []


async def test_REV_2_a_restart_goes_on_with_it(engine_of, server: TokenServer) -> None:
    vaults = FakeStorage()
    first = await engine_of(entry(server), vaults=vaults)
    await signed_out(first, server, answer(503, headers={"Retry-After": "120"}))
    await first.engine.stop()
    again = await engine_of(entry(server), vaults=vaults, clock=first.clock)
    assert "not confirmed" in again.shown().notice, "reported at the next start"
    assert again.shown().state is SessionState.SIGNED_OUT
    assert await asked_again(again, server, 119.0) == 0, "the server's wish outlives the run"
    server.reply(REVOKE, json_answer({}))
    assert await asked_again(again, server, 40.0) == 2
    assert server.revoked[-2:] == BOTH
    assert again.engine.snapshot().notices == ()
    assert vaults.vaults[again.engine.snapshot().storage].read_revocations() == []


async def test_REV_2_a_restart_without_the_entry_goes_on_with_it(engine_of, server: TokenServer) -> None:
    vaults = FakeStorage()
    first = await engine_of(entry(server), vaults=vaults)
    await signed_out(first, server, answer(503))
    await first.engine.stop()
    again = await engine_of(vaults=vaults, clock=first.clock)
    assert any("not confirmed by P" in text for text in again.engine.snapshot().notices)
    server.reply(REVOKE, json_answer({}))
    await again.let(10.0)
    await until(lambda: server.revoked[-2:] == BOTH)


async def test_REV_2_only_what_is_left_is_asked_again(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    server.reply(REVOKE, json_answer({}), answer(503))
    outcome = await bench.engine.sign_out("p")
    assert "not confirmed" in outcome.detail
    server.reply(REVOKE, json_answer({}))
    await asked_again(bench, server, 5.0)
    assert server.revoked == ["refresh-0-p", "access-0-p", "access-0-p"]


@pytest.mark.parametrize(
    "refusal", [oauth_error("invalid_client", 401), oauth_error("invalid_request"), answer(404), answer(403)]
)
async def test_REV_2_a_definite_refusal_ends_it(engine_of, server: TokenServer, refusal: Reply) -> None:
    bench = await engine_of(entry(server))
    detail = await signed_out(bench, server, refusal)
    assert "removed here only" in detail
    assert await asked_again(bench, server, HOUR) == 0
    assert (bench.vault.read_revocations(), bench.shown().notice) == ([], "")


async def test_REV_2_a_refusal_of_a_later_try_ends_it_too(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await signed_out(bench, server, answer(503))
    server.reply(REVOKE, oauth_error("invalid_client", 401))
    assert await asked_again(bench, server, HOUR) == 1
    assert bench.vault.read_revocations() == []


async def test_REV_2_after_seven_days_it_is_given_up_and_said_what_stays_alive(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await signed_out(bench, server, answer(503, headers={"Retry-After": "86400"}))
    await bench.clock.suspend(7 * DAY - HOUR)
    await bench.let(MINUTE)
    assert [notice.kind for notice in bench.of("notice")] == []
    await bench.let(2 * HOUR)
    await until(lambda: bench.of("notice"))
    [notice] = bench.of("notice")
    assert (notice.kind, notice.provider) == ("needs_you", "p")
    for words in ("P has not confirmed", "may work there until it ends", "applications of your account", server.origin):
        assert words in notice.body
    assert bench.vault.read_revocations() == []
    assert "asks no more" in bench.shown().notice
    assert await asked_again(bench, server, HOUR) == 0


async def test_REV_2_a_full_disk_does_not_lose_it_in_this_run(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    vault = bench.vault
    vault.failing = True
    server.reply(REVOKE, answer(503))
    await bench.engine.sign_out("p")
    assert vault.read_revocations() == []
    vault.failing = False
    await asked_again(bench, server, 5.0)
    assert [owed.provider for owed in vault.read_revocations()] == ["p"], "written along with the next try"
    server.reply(REVOKE, json_answer({}))
    await asked_again(bench, server, MINUTE)
    assert server.revoked[-2:] == BOTH


async def test_REV_2_a_new_sign_in_does_not_keep_the_old_tokens_alive(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await signed_out(bench, server, answer(503))
    await bench.signed_in(server, access_token=Secret("new-access"), refresh_token=Secret("new-refresh"))
    server.reply(REVOKE, json_answer({}))
    await asked_again(bench, server, 5.0)
    assert server.revoked[-2:] == BOTH
    assert (await bench.token()).access_token.reveal() == "new-access"


async def test_REV_2_late_tokens_are_asked_about_again_too(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    session = bench.session()
    server.reply(REVOKE, answer(503))
    held = session.held
    assert held is not None
    await session.client.discard(held.tokens)
    server.reply(REVOKE, json_answer({}))
    assert await asked_again(bench, server, 5.0) == 2


@pytest.mark.parametrize("reply", [json_answer({"error": "unsupported_token_type"}, 400), None])
async def test_REV_3_a_server_that_cannot_revoke_means_removed_here_only(
    engine_of, server: TokenServer, reply: Reply | None
) -> None:
    bench = await engine_of(entry(server))
    if reply is None:
        server.publish(revocation_endpoint=None)
    else:
        server.reply(REVOKE, reply)
    await bench.signed_in(server)
    outcome = await bench.engine.sign_out("p")
    assert outcome.revoked == "unsupported"
    assert "removed here only" in outcome.detail
    assert "has revoked" not in outcome.detail
    assert (bench.vault.session(), bench.vault.read_revocations()) == (None, [])
    with pytest.raises(SignInRequired):
        await bench.token()
    await turn()
    assert bench.shown().notice == ""
