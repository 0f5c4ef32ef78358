"""Lifetimes, clock jumps and sleeping machines: when a session refreshes, and how often."""

from __future__ import annotations

import asyncio

import pytest

from support.engine_bench import SessionBench
from support.scripted_server import answer
from tokenkeep.domain.errors import ProviderError, ProviderUnreachable
from tokenkeep.domain.session import SessionState
from tokenkeep.domain.tokens import Secret

HOUR, DAY = 3600.0, 86_400.0


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


async def test_TOK_6_a_token_that_has_always_run_out_is_asked_for_less_and_less_often(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.lifetime = 0.0
    await bench.let(HOUR)
    assert bench.session.state is SessionState.FAILED
    assert bench.shown.last_error is not None
    assert "already run out" in bench.shown.last_error.detail
    assert bench.kept_refresh_token == f"refresh-{bench.server.number}-canary", "the rotation is not lost"
    before = len(bench.server.token_requests)
    for _ in range(60):
        await bench.let(60)
        with pytest.raises(ProviderError, match="already run out"):
            await bench.token()
        bench.session.rejected(Secret(str(bench.held)).sha256)
    assert len(bench.server.token_requests) - before <= HOUR / 150, "retry_max is five minutes, programs or none"
    bench.server.lifetime = HOUR
    await bench.let(300)
    assert (bench.session.state, bench.shown.last_error) == (SessionState.ACTIVE, None)
    assert (await bench.token()).min_valid_met


@pytest.mark.parametrize("lifetime", [0.5, 1.0, 4.0])
async def test_REF_6_a_token_too_short_to_be_kept_fresh_is_asked_for_when_it_is_needed(
    bench: SessionBench, lifetime: float
) -> None:
    bench.server.lifetime = lifetime
    await bench.signed_in()
    await bench.let(HOUR)
    assert len(bench.server.token_requests) <= HOUR / 300
    assert (await bench.token()).expires_in == pytest.approx(lifetime)
    assert bench.session.state is SessionState.ACTIVE


async def test_REF_6_a_lifetime_of_thirty_seconds_is_no_busy_loop(bench: SessionBench) -> None:
    bench.server.lifetime = 30.0
    await bench.signed_in()
    await bench.let(600)
    assert len(bench.server.token_requests) == pytest.approx(30, abs=1), "every twenty seconds"
