"""REV-4: tokens that come after a sign-out or a cancelled attempt are revoked and used by nobody."""

from __future__ import annotations

import asyncio

import pytest

from support.browser_callback import redirect, visit
from support.engine_bench import GIT, EngineBench
from support.fake_clock import until
from support.scripted_server import answer, json_answer
from support.token_server import REVOKE, Gate, TokenServer
from tokenkeep.domain.errors import SignInRequired
from tokenkeep.domain.session import SessionState

LATE = ["refresh-1-canary", "access-1-canary"]


async def exchanging(engine_of, server: TokenServer, gate: Gate) -> tuple[EngineBench, str]:
    """A sign-in whose code is at the token endpoint, the answer being on its way."""
    bench: EngineBench = await engine_of(server.discovered())
    server.instead = [gate.before(server.answer())]
    started = await bench.engine.sign_in("p")
    await visit(redirect(started))
    await until(gate.reached.is_set)
    return bench, started.id


@pytest.mark.parametrize("end", ["sign out", "cancel"])
async def test_REV_4_tokens_of_an_exchange_that_was_overtaken_are_revoked(engine_of, server, end: str) -> None:
    gate = Gate()
    bench, sign_in = await exchanging(engine_of, server, gate)
    if end == "sign out":
        await bench.engine.sign_out("p")
    else:
        await bench.engine.cancel_sign_in(sign_in)
    gate.open()
    await until(lambda: server.revoked == LATE)
    assert (bench.shown().state, bench.vault.session()) == (SessionState.SIGNED_OUT, None)
    with pytest.raises(SignInRequired):
        await bench.token()


async def test_REV_4_a_program_that_waits_for_the_exchange_hears_of_the_sign_out(engine_of, server) -> None:
    gate = Gate()
    bench, _ = await exchanging(engine_of, server, gate)
    call = asyncio.create_task(bench.token(application=GIT, interactive=True))
    await asyncio.sleep(0)
    await bench.engine.sign_out("p")
    gate.open()
    with pytest.raises(SignInRequired):
        await call
    await until(lambda: server.revoked == LATE)


async def test_REV_4_late_tokens_that_cannot_be_revoked_now_are_revoked_later(engine_of, server) -> None:
    gate = Gate()
    bench, _ = await exchanging(engine_of, server, gate)
    server.reply(REVOKE, answer(503))
    await bench.engine.sign_out("p")
    gate.open()
    await until(bench.vault.read_revocations)
    await until(lambda: not bench.busy)
    server.reply(REVOKE, json_answer({}))
    await bench.let(5)
    await until(lambda: server.revoked[-2:] == LATE)
