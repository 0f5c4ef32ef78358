"""A program that begins and cancels sign-ins without end."""

from __future__ import annotations

from support.token_server import TokenServer
from tokenkeep.domain.access import Application
from tokenkeep.engine.sign_ins import KEPT_MOST

PROGRAM = Application(executable="/usr/bin/flood", pid=9)


async def test_attempts_without_end_do_not_pile_up_in_the_snapshot(engine_of, server: TokenServer) -> None:
    bench = await engine_of(server.provider())
    for _ in range(2 * KEPT_MOST):
        attempt = await bench.engine.sign_in("p", open_browser=False, application=PROGRAM)
        await bench.engine.cancel_sign_in(attempt.id)
    waiting = await bench.engine.sign_in("p", open_browser=False, application=PROGRAM)
    shown = bench.engine.snapshot().sign_ins
    assert len(shown) <= KEPT_MOST + 1
    assert shown[-1].id == waiting.id
    assert bench.engine.sign_in_snapshot(attempt.id).id == attempt.id, "the latest can still be asked about"
