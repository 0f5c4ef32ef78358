"""Transient faults, rejected registrations and lost answers: what is tried again, when, and what is kept."""

from __future__ import annotations

import ssl
from dataclasses import replace

import pytest

from support.engine_bench import SessionBench
from support.scripted_server import Reply, ScriptedServer, answer, cut, json_answer, run_out_of_time
from support.token_server import TokenServer, oauth_error
from tokenkeep.domain.errors import (
    ClientRejected,
    InsufficientScope,
    ProviderUnreachable,
)
from tokenkeep.domain.session import SessionState

HOUR, DAY = 3600.0, 86_400.0


TRANSIENT = {
    "429": answer(429),
    "408": answer(408),
    "425": answer(425),
    "500 with a page": answer(500, "<p>sorry", {"Content-Type": "text/html"}),
    "503": answer(503),
    "captive portal": answer(200, "<html>Welcome", {"Content-Type": "text/html"}),
    "cut": cut(),
    "server_error": oauth_error("server_error"),
    "temporarily_unavailable": oauth_error("temporarily_unavailable", 503),
    "invalid_grant of a server in trouble": oauth_error("invalid_grant", 503),
    "an array": json_answer([1]),
    "duplicate keys": answer(200, '{"access_token":"a","access_token":"b","token_type":"Bearer"}'),
}


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT)
async def test_REF_5_a_transient_fault_ends_nothing(bench: SessionBench, fault: Reply) -> None:
    await bench.signed_in()
    bench.server.failing = fault
    await bench.let(HOUR - 600)
    assert bench.session.state is SessionState.OFFLINE
    assert (await bench.token(min_valid=0)).access_token.reveal() == "access-0-canary", "it is still good"
    assert bench.kept_refresh_token == "refresh-0-canary"
    due = bench.session.due()
    assert due is not None
    assert 1.0 <= due - bench.clock.boot() <= 2.0, "the first retry comes after one to two seconds"
    bench.server.failing = None
    await bench.let(2.0)
    assert (bench.session.state, bench.held) == (SessionState.ACTIVE, "access-1-canary")
    assert bench.shown.last_error is None


async def test_REF_5_a_refused_connection_is_transient(bench: SessionBench) -> None:
    with TokenServer() as gone:
        bench.server.publish(token_endpoint=f"{gone.origin}/token")
        await bench.signed_in()
    await bench.let(HOUR - 600)
    assert bench.session.state is SessionState.OFFLINE
    assert (await bench.token(min_valid=0)).access_token.reveal() == "access-0-canary"
    stored = bench.session.stored
    assert stored is not None
    assert not stored.answer_lost, "nothing was sent, so nothing can be lost"


@pytest.mark.parametrize("fault", ["no such name", "untrusted certificate", "time-out"])
async def test_REF_5_faults_of_the_way_to_the_server_are_transient(
    bench: SessionBench, untrusted: ssl.SSLContext, fault: str
) -> None:
    with ScriptedServer(tls=untrusted) as tls:
        endpoints = {
            "no such name": "https://no-such-host.invalid/token",
            "untrusted certificate": f"{tls.origin}/token",
            "time-out": f"{bench.server.origin}/token",
        }
        bench.server.publish(token_endpoint=endpoints[fault])
        await bench.signed_in()
        bench.server.instead = [run_out_of_time(bench.context.transport)]
        await bench.let(HOUR - 600)
        assert bench.session.state is SessionState.OFFLINE
        due = bench.session.due()
        assert due is not None
        assert 1.0 <= due - bench.clock.boot() <= 2.0
        assert (await bench.token(min_valid=0)).access_token.reveal() == "access-0-canary"
        assert bench.kept_refresh_token == "refresh-0-canary"
        assert tls.requests == []
        stored = bench.session.stored
        assert stored is not None
        assert stored.answer_lost is (fault == "time-out")


async def test_REF_5_retry_after_in_seconds(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.failing = answer(429, headers={"Retry-After": "77"})
    await bench.let(HOUR - 600)
    due = bench.session.due()
    assert due is not None
    assert due - bench.clock.boot() == pytest.approx(77, abs=1)
    assert (await bench.token(min_valid=0)).access_token.reveal() == "access-0-canary"


async def test_REF_7_a_refresh_leaves_scope_out_and_repeats_the_resources(bench: SessionBench) -> None:
    await bench.signed_in(resource=("https://api.example/a", "https://api.example/b"))
    await bench.let(HOUR - 600)
    [request] = bench.server.token_requests
    assert sorted(request.form) == [
        ("client_id", "client-1"),
        ("grant_type", "refresh_token"),
        ("refresh_token", "refresh-0-canary"),
        ("resource", "https://api.example/a"),
        ("resource", "https://api.example/b"),
    ]
    with pytest.raises(InsufficientScope):
        await bench.token(scope=("admin",))
    assert len(bench.server.token_requests) == 1, "a wider scope is never asked for by a refresh"
    assert bench.session.held is not None
    assert bench.session.held.tokens.resource == ("https://api.example/a", "https://api.example/b")


async def test_REF_5_retries_back_off_to_the_limit_and_end_with_the_fault(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.failing = answer(503)
    await bench.let(HOUR - 600)
    gaps, last = [], bench.clock.boot()
    while len(gaps) < 10:
        due = bench.session.due()
        assert due is not None
        await bench.let(due - bench.clock.boot())
        gaps.append(bench.clock.boot() - last)
        last = bench.clock.boot()
    assert gaps == pytest.approx([1.5, 3, 6, 12, 24, 48, 96, 192, 225, 225], abs=0.2), (
        "half to full, here three quarters"
    )
    await bench.let(HOUR)
    with pytest.raises(ProviderUnreachable) as raised:
        await bench.token()
    assert raised.value.retry_after is not None
    assert raised.value.retry_after >= 1
    assert bench.shown.state is SessionState.OFFLINE
    assert not bench.shown.token_usable
    bench.server.failing = None
    await bench.let(300)
    assert (await bench.token()).access_token.reveal() == "access-1-canary"


async def test_REF_5_retry_after_is_obeyed_by_everybody(bench: SessionBench) -> None:
    await bench.signed_in(lifetime=60.0)
    bench.server.failing = answer(429, headers={"Retry-After": "1200"})
    await bench.let(70)
    assert len(bench.server.token_requests) == 1
    with pytest.raises(ProviderUnreachable) as raised:
        await bench.token()
    assert raised.value.retry_after == pytest.approx(1200, abs=35)
    bench.session.wake(bench.clock.boot())
    assert not bench.session.may_be_refreshed()
    await bench.let(1100)
    assert len(bench.server.token_requests) == 1
    bench.server.failing = None
    await bench.let(100)
    assert bench.held == "access-1-canary"


async def test_REF_5_retry_after_as_a_date(bench: SessionBench) -> None:
    await bench.signed_in()
    dates = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Sun, 06 Nov 1994 08:59:37 GMT"}
    bench.server.failing = answer(503, headers=dates)
    await bench.let(HOUR - 600)
    due = bench.session.due()
    assert due is not None
    assert due - bench.clock.boot() == pytest.approx(600, abs=1)


async def test_a_network_that_comes_and_goes_does_not_put_the_retry_off(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.failing = answer(503)
    await bench.let(HOUR - 600)
    planned = bench.session.due()
    assert planned is not None
    for _ in range(20):
        await bench.let(0.1)
        bench.session.wake(bench.clock.boot() + 0.9)
    assert len(bench.server.token_requests) > 1, "it was tried again although the network flapped"


async def test_REF_8_a_lost_answer_is_tried_once_more_and_grace_keeps_the_sign_in(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.instead = [cut()]
    await bench.let(HOUR - 600)
    stored = bench.vault.session()
    assert stored is not None
    assert stored.answer_lost
    await bench.let(2)
    assert bench.server.sent("refresh_token") == ["refresh-0-canary"] * 2
    stored = bench.vault.session()
    assert stored is not None
    assert (bench.session.state, stored.answer_lost) == (SessionState.ACTIVE, False)


async def test_REF_8_without_grace_the_reason_is_the_lost_answer(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.instead = [cut(), oauth_error("invalid_grant")]
    await bench.let(HOUR - 590)
    assert bench.session.state is SessionState.NEEDS_SIGN_IN
    assert bench.shown.last_error is not None
    assert "lost" in bench.shown.last_error.detail
    assert len(bench.server.token_requests) == 2


async def test_REF_8_after_a_restart_the_kept_token_serves_to_its_end_and_then_the_old_one_is_tried(
    bench: SessionBench,
) -> None:
    await bench.signed_in()
    stored = bench.session.stored
    assert stored is not None
    bench.vault.mark_session("p", replace(stored, answer_lost=True))  # killed between the request and the commit
    again = await bench.restarted()
    await again.let(HOUR - 100)
    assert (await again.token(min_valid=300)).access_token.reveal() == "access-0-canary"
    assert len(bench.server.token_requests) == 0, "not before its end"
    await again.let(100)
    assert bench.server.sent("refresh_token") == ["refresh-0-canary"]
    assert again.held == "access-1-canary"
    await again.close()


async def test_REF_8_after_a_restart_invalid_grant_means_that_the_answer_was_lost(bench: SessionBench) -> None:
    await bench.signed_in()
    stored = bench.session.stored
    assert stored is not None
    bench.vault.mark_session("p", replace(stored, answer_lost=True))
    again = await bench.restarted()
    bench.server.failing = oauth_error("invalid_grant")
    await again.let(HOUR)
    assert again.shown.last_error is not None
    assert "lost" in again.shown.last_error.detail
    await again.close()


async def test_REF_8_the_mark_is_written_before_the_request_leaves(bench: SessionBench) -> None:
    await bench.signed_in()
    marks: list[int] = []
    bench.server.instead = [lambda connection: (marks.append(len(bench.vault.marks)), cut()(connection))[1]]
    await bench.let(HOUR - 600)
    assert marks == [1]
    assert bench.vault.marks[0].answer_lost


async def test_REF_8_a_request_that_was_answered_with_an_error_lost_nothing(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.instead = [oauth_error("invalid_client", 401)]
    await bench.let(HOUR - 600)
    stored = bench.vault.session()
    assert stored is not None
    assert not stored.answer_lost


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
async def test_CAUTH_4_a_rejected_client_keeps_the_tokens_and_recovers(bench: SessionBench, error: str) -> None:
    await bench.signed_in()
    bench.server.failing = oauth_error(error, 401)
    await bench.let(HOUR - 600)
    assert bench.session.state is SessionState.FAILED
    assert isinstance(bench.shown.last_error, ClientRejected)
    assert bench.kept_refresh_token == "refresh-0-canary"
    assert (await bench.token(min_valid=0)).access_token.reveal() == "access-0-canary"
    await bench.let(DAY)
    assert len(bench.server.token_requests) == 1, "nothing is tried by itself"
    with pytest.raises(ClientRejected):
        await bench.token()
    bench.server.failing = None
    await bench.let(61)
    assert (await bench.token()).access_token.reveal() == "access-1-canary"
    assert bench.server.sent("refresh_token")[-1] == "refresh-0-canary"
    assert bench.session.state is SessionState.ACTIVE


async def test_CAUTH_4_programs_that_ask_do_not_hammer_a_provider_that_rejects(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.failing = oauth_error("invalid_client", 401)
    await bench.let(2 * HOUR)
    before = len(bench.server.token_requests)
    for _ in range(20):
        with pytest.raises(ClientRejected):
            await bench.token()
        await bench.let(6)
    assert len(bench.server.token_requests) - before <= 2


async def test_CAUTH_4_a_sign_in_over_a_failed_session_starts_no_refresh_loop(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.failing = oauth_error("invalid_client", 401)
    await bench.let(2 * HOUR)
    assert len(bench.server.token_requests) == 1
    bench.session.signing_in()
    await bench.let(HOUR)
    assert len(bench.server.token_requests) == 1
    bench.session.sign_in_abandoned()
    assert bench.session.state is SessionState.FAILED


async def test_an_error_that_is_raised_again_and_again_does_not_grow(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.failing = oauth_error("invalid_client", 401)
    await bench.let(2 * HOUR)
    for _ in range(10):
        with pytest.raises(ClientRejected):
            await bench.token()
    kept = bench.session.last_error
    assert kept is not None
    assert (kept.__traceback__, kept.__cause__) == (None, None)
