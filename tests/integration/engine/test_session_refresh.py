"""A session's refreshes at a real server: when, how often, what is kept, and which answer ends what."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from support.engine_bench import SessionBench
from support.fake_clock import turn, until
from support.scripted_server import Reply, answer, cut, json_answer
from support.token_server import TokenServer, oauth_error
from tokenkeep.domain.errors import (
    ClientRejected,
    DpopRequired,
    GrantEnded,
    InsufficientScope,
    ProviderError,
    ProviderUnreachable,
    ResourceNotAllowed,
    SignInRequired,
)
from tokenkeep.domain.session import SessionState
from tokenkeep.domain.tokens import TokenQuery

HOUR, DAY = 3600.0, 86_400.0


# --- what is kept when ---------------------------------------------------------------------------------------------


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


# --- the end of a grant --------------------------------------------------------------------------------------------


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


# --- transient faults ----------------------------------------------------------------------------------------------

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
    await bench.signed_in()
    port = bench.server.port
    elsewhere = replace(bench.session.client.metadata, token_endpoint=f"http://127.0.0.1:{port + 1}/token")
    stored = bench.session.stored
    assert stored is not None
    with TokenServer() as gone:
        elsewhere = replace(elsewhere, token_endpoint=f"{gone.origin}/token")
        bench.session._record.value = replace(
            stored, binding=(stored.binding[0], gone.origin, stored.binding[2])
        )  # as if the sign-in had been there
    bench.session.client._metadata = elsewhere
    await bench.let(HOUR - 600)
    assert bench.session.state is SessionState.OFFLINE
    stored = bench.session.stored
    assert stored is not None
    assert not stored.answer_lost, "nothing was sent, so nothing can be lost"


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


# --- clocks --------------------------------------------------------------------------------------------------------


async def test_REF_6_the_wall_clock_set_back_never_prolongs_a_token(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.failing = answer(503)
    bench.clock.jump_wall(-HOUR)
    await bench.let(HOUR + 1)
    with pytest.raises(ProviderUnreachable):
        await bench.token()


async def test_REF_6_the_wall_clock_set_forward_causes_one_early_refresh(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.clock.jump_wall(HOUR)
    calls = [bench.ask() for _ in range(5)]
    await asyncio.gather(*calls)
    assert len(bench.server.token_requests) == 1
    await bench.let(HOUR - 700)
    assert len(bench.server.token_requests) == 1, "and then as ever"


@pytest.mark.parametrize(
    ("lifetime", "span", "refreshes"),
    [
        # A refresh comes a third of the lifetime ahead, at most ten minutes, and never within five seconds.
        (20.0, 400.0, 29),  # every 20 - 20/3 s
        (6.0, 60.0, 11),  # every five seconds
        (300.0, 6000.0, 29),  # every 200 s
        (3600.0, 6 * 3000.0, 5),  # every 3000 s; the sixth is due at the end
    ],
)
async def test_REF_6_no_lifetime_makes_a_busy_loop(bench: SessionBench, lifetime, span, refreshes) -> None:
    bench.server.lifetime = lifetime
    await bench.signed_in()
    await bench.let(span - 0.5)
    assert len(bench.server.token_requests) == pytest.approx(refreshes, abs=1)
    assert (await bench.token()).expires_in > 0
    assert bench.states.count("needs_sign_in") == 0


async def test_REF_6_a_lifetime_of_forty_days_is_one_refresh(bench: SessionBench) -> None:
    bench.server.lifetime = 40 * DAY
    await bench.signed_in()
    await bench.clock.suspend(40 * DAY - 1200)
    await bench.let(500)
    assert len(bench.server.token_requests) == 0
    await bench.let(700)
    assert len(bench.server.token_requests) == 1


async def test_REF_6_after_eight_hours_of_sleep_the_refresh_comes_soon_and_not_at_once(bench: SessionBench) -> None:
    await bench.signed_in()
    await bench.let(100)
    await bench.clock.suspend(8 * HOUR)
    await bench.settle()
    assert len(bench.server.token_requests) == 0, "the network comes up late"
    await bench.let(19)
    assert len(bench.server.token_requests) == 0
    await bench.let(1)
    assert (len(bench.server.token_requests), bench.held) == (1, "access-1-canary")


async def test_REF_6_who_asks_right_after_sleep_does_not_wait_for_that(bench: SessionBench) -> None:
    await bench.signed_in()
    await bench.clock.suspend(8 * HOUR)
    assert (await bench.token()).access_token.reveal() == "access-1-canary"
    await bench.let(60)
    assert len(bench.server.token_requests) == 1


async def test_TOK_6_an_unknown_lifetime_is_served_and_never_refreshed_by_time(bench: SessionBench) -> None:
    bench.server.lifetime = None
    await bench.signed_in()
    await bench.let(DAY)
    token = await bench.token(min_valid=300)
    assert (token.expires_at, token.expires_in, token.min_valid_met) == (None, None, True)
    assert len(bench.server.token_requests) == 0
    await bench.session.refresh_soon()
    assert bench.held == "access-1-canary"


async def test_TOK_6_the_lifetime_counts_from_when_the_request_was_sent(bench: SessionBench) -> None:
    await bench.signed_in(obtained_at=bench.clock.wall() - 20)
    assert (await bench.token()).expires_in == pytest.approx(HOUR - 20)


async def test_TOK_6_a_token_that_ran_out_before_it_came_is_an_error_and_no_loop(bench: SessionBench) -> None:
    bench.server.lifetime = 0.0
    await bench.signed_in(lifetime=HOUR)
    bench.clock.skip(HOUR)
    for _ in range(5):
        with pytest.raises(ProviderError, match="already run out"):
            await bench.token()
    assert len(bench.server.token_requests) == 1


# --- a lost answer -------------------------------------------------------------------------------------------------


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


# --- the registration ----------------------------------------------------------------------------------------------


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


# --- who asks for what ---------------------------------------------------------------------------------------------


async def test_TOK_7_a_narrower_grant_is_shown_and_enforced(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.instead = [bench.server.answer(scope="read")]
    await bench.let(HOUR - 600)
    assert bench.shown.scope == ("read",)
    assert (await bench.token(scope=("read",))).scope == ("read",)
    with pytest.raises(InsufficientScope, match="write"):
        await bench.token(scope=("read", "write"))


async def test_TOK_7_no_scope_in_the_answer_means_the_scope_asked_for(bench: SessionBench) -> None:
    await bench.signed_in()
    await bench.session.refresh_soon()
    assert bench.shown.scope == ("read", "write")


async def test_REF_7_wider_scopes_are_refused_without_a_request(bench: SessionBench) -> None:
    await bench.signed_in()
    with pytest.raises(InsufficientScope):
        await bench.token(scope=("admin",))
    await bench.session.refresh_soon()
    assert bench.server.sent("scope") == [""]


async def test_resources_and_audiences_that_the_sign_in_is_not_for_are_refused(bench: SessionBench) -> None:
    await bench.signed_in(resource=("https://api.example",))
    assert (await bench.token(resource=("https://api.example",))).resource == ("https://api.example",)
    with pytest.raises(ResourceNotAllowed):
        await bench.token(resource=("https://other.example",))
    with pytest.raises(ResourceNotAllowed):
        await bench.token(audience="other")


async def test_a_token_that_is_bound_to_a_key_is_not_handed_out_bare(bench: SessionBench) -> None:
    await bench.signed_in(token_type="DPoP")
    with pytest.raises(DpopRequired):
        await bench.token()


async def test_AGENT_7_min_valid_causes_one_refresh(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.clock.skip(HOUR - 200)
    token = await bench.token(min_valid=300)
    assert (token.access_token.reveal(), token.min_valid_met) == ("access-1-canary", True)
    await bench.token(min_valid=300)
    assert len(bench.server.token_requests) == 1


async def test_AGENT_7_a_lifetime_below_min_valid_gives_the_token_with_its_true_end(bench: SessionBench) -> None:
    bench.server.lifetime = 100.0
    await bench.signed_in()
    for _ in range(10):
        token = await bench.token(min_valid=300)
        assert token.expires_in <= 100
        assert not token.min_valid_met
    assert len(bench.server.token_requests) == 0, "more than half of its life is left"
    bench.clock.skip(51)
    for _ in range(10):
        await bench.token(min_valid=300)
    assert len(bench.server.token_requests) == 1


async def test_AGENT_7_offline_a_token_that_is_valid_for_less_is_still_given(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.failing = answer(503)
    bench.clock.skip(HOUR - 100)
    token = await bench.token(min_valid=300)
    assert (token.access_token.reveal(), token.min_valid_met) == ("access-0-canary", False)


async def test_AGENT_7_a_token_within_its_margin_is_not_given(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.failing = answer(503)
    bench.clock.skip(HOUR - 29)  # validity_skew is 30 s
    with pytest.raises(ProviderUnreachable):
        await bench.token(min_valid=0)


async def test_REF_3_thirty_callers_at_an_expired_token_cause_one_request(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.clock.skip(2 * HOUR)
    answers = await asyncio.gather(*(bench.ask() for _ in range(30)))
    assert {token.access_token.reveal() for token in answers} == {"access-1-canary"}
    assert len(bench.server.token_requests) == 1


async def test_REF_3_thirty_callers_share_a_failure_too(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.failing = oauth_error("invalid_grant")
    bench.clock.skip(2 * HOUR)
    answers = await asyncio.gather(*(bench.ask() for _ in range(30)), return_exceptions=True)
    assert {type(error) for error in answers} == {GrantEnded}
    assert len(bench.server.token_requests) == 1


async def test_a_caller_that_goes_away_does_not_end_the_refresh(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.vault.writable.clear()
    bench.vault.begun.clear()
    bench.clock.skip(2 * HOUR)
    call = bench.ask()
    await until(bench.vault.begun.is_set)
    call.cancel()
    bench.vault.writable.set()
    await bench.settle()
    assert bench.held == "access-1-canary"


async def test_programs_that_asked_in_vain_are_named_until_there_is_a_token(bench: SessionBench) -> None:
    with pytest.raises(SignInRequired):
        await bench.token()
    assert bench.shown.waiting == (("git", bench.clock.wall()),)
    for number in range(30):
        with pytest.raises(SignInRequired):
            await bench.session.token(TokenQuery(), f"process {number}")
    assert len(bench.shown.waiting) == 16, "the last ones"
    assert bench.shown.waiting[-1][0] == "process 29"
    await bench.signed_in()
    assert bench.shown.waiting == ()


async def test_programs_are_not_said_to_wait_any_more_when_a_provider_is_back(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.failing = answer(503)
    bench.clock.skip(2 * HOUR)
    with pytest.raises(ProviderUnreachable):
        await bench.token()
    assert [name for name, _ in bench.shown.waiting] == ["git"]
    bench.server.failing = None
    await bench.let(300)
    assert (bench.session.state, bench.shown.waiting) == (SessionState.ACTIVE, ())


# --- no refresh token ----------------------------------------------------------------------------------------------


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
