"""Who asks a session for what: scopes, resources, validity, and many callers at a time."""

from __future__ import annotations

import asyncio

import pytest

from support.engine_bench import SessionBench
from support.fake_clock import until
from support.scripted_server import answer
from support.token_server import oauth_error
from tokenkeep.domain.errors import (
    DpopRequired,
    GrantEnded,
    InsufficientScope,
    ProviderUnreachable,
    ResourceNotAllowed,
    SignInRequired,
)
from tokenkeep.domain.session import SessionState
from tokenkeep.domain.tokens import TokenQuery

HOUR = 3600.0


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
