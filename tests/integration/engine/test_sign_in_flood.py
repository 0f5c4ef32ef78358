"""Programs that begin and cancel sign-ins, or ask for refreshes, without end."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

import pytest

from support.engine_bench import EngineBench, entry
from support.token_server import TokenServer
from tokenkeep.domain.access import OWN_WINDOW, Application
from tokenkeep.domain.errors import ProviderError, TooManyRequests
from tokenkeep.engine.limits import Deed
from tokenkeep.engine.sign_ins import KEPT_MOST

FLOOD = Application(executable="/usr/bin/flood", pid=9)
OTHER = Application(executable="/usr/bin/other", pid=10)


async def refused(deed: Callable[[int], Awaitable[object]]) -> float:
    """Do it again and again until it is too often; how long to wait then."""

    async def again_and_again() -> None:
        for number in range(100):
            await deed(number)

    with pytest.raises(TooManyRequests) as raised:
        await again_and_again()
    assert raised.value.retry_after is not None
    return raised.value.retry_after


async def flood(bench: EngineBench, application: Application = FLOOD) -> float:
    """Begin and cancel until it is too often; how long to wait then."""

    async def begin_and_cancel(_: int) -> None:
        attempt = await bench.engine.sign_in("p", open_browser=False, application=application)
        await bench.engine.cancel_sign_in(attempt.id, application)

    return await refused(begin_and_cancel)


async def test_attempts_without_end_do_not_pile_up_in_the_snapshot(engine_of, server: TokenServer) -> None:
    bench = await engine_of(server.provider())
    for number in range(2 * KEPT_MOST):
        program = Application(executable=f"/usr/bin/flood-{number}", pid=9)
        attempt = await bench.engine.sign_in("p", open_browser=False, application=program)
        await bench.engine.cancel_sign_in(attempt.id)
    waiting = await bench.engine.sign_in("p", open_browser=False, application=FLOOD)
    shown = bench.engine.snapshot().sign_ins
    assert len(shown) <= KEPT_MOST + 1
    assert shown[-1].id == waiting.id
    assert bench.engine.sign_in_snapshot(attempt.id).id == attempt.id, "the latest can still be asked about"


async def test_a_program_begins_and_cancels_only_so_many_and_then_one_at_a_time(engine_of, server) -> None:
    bench = await engine_of(server.provider())
    wait = await flood(bench)
    assert 0 < wait <= Deed.SIGN_IN.refill
    assert len(bench.engine.snapshot().sign_ins) <= Deed.SIGN_IN.burst
    bench.clock.skip(wait)
    assert 0 < await flood(bench) <= Deed.SIGN_IN.refill, "one more, then it is over again"


async def test_one_programs_flood_takes_nothing_from_others_and_nothing_from_the_person(engine_of, server) -> None:
    bench = await engine_of(server.provider())
    await flood(bench)
    for application in (OTHER, OWN_WINDOW):
        attempt = await bench.engine.sign_in("p", open_browser=False, application=application)
        await bench.engine.cancel_sign_in(attempt.id, application)
    for _ in range(2 * Deed.SIGN_IN.burst):
        attempt = await bench.engine.sign_in("p", open_browser=False)
        await bench.engine.cancel_sign_in(attempt.id)


async def test_a_program_cannot_keep_ending_the_persons_attempts(engine_of, server) -> None:
    bench = await engine_of(server.provider())

    async def end_the_persons(_: int) -> None:
        attempt = await bench.engine.sign_in("p", open_browser=False)
        await bench.engine.cancel_sign_in(attempt.id, FLOOD)

    await refused(end_the_persons)
    assert bench.engine.snapshot().sign_ins[-1].state.pending


async def test_programs_without_an_identity_share_one_limit(engine_of, server) -> None:
    bench = await engine_of(server.provider())

    async def as_somebody_new(pid: int) -> None:
        nobody = Application(executable="/bin/sh", pid=pid)
        attempt = await bench.engine.sign_in("p", open_browser=False, application=nobody)
        await bench.engine.cancel_sign_in(attempt.id)

    await refused(as_somebody_new)


async def test_joining_a_sign_in_is_free(engine_of, server) -> None:
    bench = await engine_of(server.provider())
    ids = {(await bench.engine.sign_in("p", open_browser=False, application=FLOOD)).id for _ in range(50)}
    assert len(ids) == 1


async def test_interactive_token_queries_count_as_beginnings(engine_of, server) -> None:
    bench = await engine_of(server.provider(authorization_endpoint="", token_endpoint=""))

    async def ask(_: int) -> None:
        with contextlib.suppress(ProviderError):  # the server publishes nothing, so each attempt fails at once
            await bench.token(application=FLOOD, interactive=True)

    await refused(ask)


async def test_a_program_has_only_so_many_refreshes_begun(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)

    async def ask(_: int) -> None:
        await bench.let(6)
        await bench.engine.refresh("p", FLOOD)

    assert 0 < await refused(ask) <= Deed.REFRESH.refill
    assert len(server.token_requests) <= Deed.REFRESH.burst + 180 / Deed.REFRESH.refill
    before = len(server.token_requests)
    await bench.let(6)
    await bench.engine.refresh("p", OTHER)
    await bench.let(6)
    await bench.engine.refresh("p")
    assert len(server.token_requests) == before + 2


async def test_refused_tokens_count_as_asking_for_refreshes(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)

    async def reject(_: int) -> None:
        await bench.let(6)
        token = await bench.token(application=FLOOD)
        await bench.engine.token_rejected("p", token.access_token.sha256, FLOOD)

    await refused(reject)
