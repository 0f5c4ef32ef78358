"""LEAK-1 for the engine: whole flows at the lowest log level, with faults and bugs, and no secret in any record."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import pickle

import pytest

from support.browser_callback import redirect, sent, visit
from support.engine_bench import GIT, entry
from support.fake_clock import turn
from support.scripted_server import answer, cut, json_answer
from support.token_server import TokenServer, oauth_error
from tokenkeep.domain.provider import Flow, SecretSource
from tokenkeep.domain.tokens import Secret


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture):
    """The text of all records, tracebacks included, of every library."""
    caplog.set_level(1)
    formatter = logging.Formatter("%(levelname)s %(name)s %(message)s")
    # the HTTP libraries write requests at DEBUG; the application caps them (logs.configure), so they are no matter here
    capped = ("urllib3", "requests_oauthlib", "oauthlib", "asyncio")
    return lambda: "\n".join(
        formatter.format(record) for record in caplog.records if not record.name.startswith(capped)
    )


async def test_LEAK_1_no_secret_is_logged_or_told_whatever_happens(
    engine_of, server: TokenServer, everything_logged, log_errors, tmp_path
) -> None:
    (tmp_path / "secret").write_text("client-secret-canary")
    secret = SecretSource(file=str(tmp_path / "secret"))
    bench = await engine_of(entry(server, client_secret=secret), entry(server, "d", flow=Flow.DEVICE_CODE))
    asyncio.get_running_loop().set_debug(True)
    started = await bench.engine.sign_in("p", method="browser")
    canaries = {sent(started)["state"], "canary", "access-0", "refresh-0"}
    await visit(redirect(started, state="wrong"))
    await visit(redirect(started))
    await bench.ended(started)
    await bench.token()
    for fault in (answer(500, "body-canary"), cut(), oauth_error("invalid_client", 401), answer(200, "{canary")):
        server.instead = [fault]
        bench.clock.skip(3700)
        with contextlib.suppress(Exception):
            await bench.engine.refresh("p")
    with contextlib.suppress(Exception):
        await bench.engine.token_rejected("p", Secret("access-1-canary").sha256, GIT)

    async def broken(*_: object, **__: object) -> None:
        raise ValueError("a bug")

    bench.session().client.verify_refreshed = broken
    bench.clock.skip(3700)
    with contextlib.suppress(Exception):
        await bench.engine.refresh("p")
    failing = await bench.engine.sign_in("p", method="browser")
    canaries.add(sent(failing)["state"])
    server.instead = [oauth_error("invalid_grant")]
    await visit(redirect(failing))
    await bench.ended(failing)
    server.reply(
        "/device",
        json_answer(
            {
                "device_code": "device-code-canary",
                "user_code": "AB12",
                "verification_uri": "https://e.example",
                "expires_in": 60,
            }
        ),
    )
    device = await bench.engine.sign_in("d")
    server.instead = [oauth_error("made_up")]
    await bench.clock.advance(5)
    await bench.ended(device)
    await bench.engine.sign_out("p")
    await turn()
    text = everything_logged()
    assert "failed" in text, "something was logged at all"
    verifiers = {verifier for verifier in server.sent("code_verifier") if verifier}
    assert len(verifiers) == 3
    for canary in canaries | verifiers:
        assert canary not in text
    told = repr([event for event in bench.events if event.kind != "sign_in"]) + repr(await bench.engine.activity(100))
    for canary in canaries | verifiers:
        assert canary not in told
    signs = repr(bench.of("sign_in"))
    assert "canary" not in signs
    assert not any(verifier in signs for verifier in verifiers)
    assert len(log_errors) == 1
    asyncio.get_running_loop().set_debug(False)


async def test_LEAK_5_what_is_shown_can_hold_no_secret(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    shown = repr(bench.engine.snapshot()) + repr(bench.session().held) + repr(bench.session().stored)
    assert "access-0" not in shown
    assert "refresh-0" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(bench.session().held)
    with pytest.raises(TypeError):
        json.dumps({"token": bench.session().held.tokens.access_token})
