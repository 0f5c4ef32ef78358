"""Refresh tokens that are missing, cancelling, switching between browser and code, pasting an address."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
import requests

from support.browser_callback import DEVICE_CODES, begin, finish, redirect, sent, visit
from support.engine_bench import entry
from support.fake_clock import turn, until
from support.scripted_server import answer, json_answer
from support.token_server import Gate, TokenServer
from tokenkeep.domain.errors import Misconfigured, NotFound, ProviderUnreachable
from tokenkeep.domain.provider import Flow
from tokenkeep.domain.session import SessionState, SignInState


async def test_a_sign_in_without_a_refresh_token_is_refused_with_a_hint_and_revoked(
    engine_of, server: TokenServer
) -> None:
    server.rotates = False
    bench = await engine_of(entry(server))
    ended = await finish(bench, await begin(bench))
    assert ended.state is SignInState.FAILED
    assert "offline_access" in ended.error.detail
    assert server.revoked == ["access-1-canary"]
    assert bench.vault.session() is None


async def test_a_sign_in_without_a_refresh_token_may_be_wanted(engine_of, server: TokenServer) -> None:
    server.rotates = False
    bench = await engine_of(entry(server, refresh_token="optional"))
    await finish(bench, await begin(bench))
    assert (bench.shown().state, bench.shown().refreshable) == (SessionState.ACTIVE, False)
    await bench.let(3700)
    assert bench.shown().state is SessionState.NEEDS_SIGN_IN
    [notice] = bench.of("notice")
    assert notice.kind == "needs_you"
    assert notice.body.startswith("The token ran out, and this provider gave no refresh token.")


async def test_a_cancel_that_comes_during_the_commit_is_too_late(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    bench.vault.writable.clear()
    await visit(redirect(started))
    await until(bench.vault.begun.is_set)
    cancel = asyncio.create_task(bench.engine.cancel_sign_in(started.id))
    await turn()
    bench.vault.writable.set()
    assert (await cancel).state is SignInState.DONE
    assert bench.shown().state is SessionState.ACTIVE
    assert bench.vault.session() is not None


async def test_a_click_while_the_last_attempt_is_being_cancelled_begins_a_new_one(
    engine_of, server: TokenServer
) -> None:
    bench = await engine_of(entry(server))
    gate = Gate()
    server.instead = [gate.before(answer(503))]
    first = await begin(bench)
    address = urlsplit(sent(first)["redirect_uri"])
    await asyncio.to_thread(requests.get, redirect(first), allow_redirects=False, timeout=60)  # never sees the page
    await until(gate.reached.is_set)
    cancel = asyncio.create_task(bench.engine.cancel_sign_in(first.id))
    again = asyncio.create_task(bench.engine.cancel_sign_in(first.id))
    await turn()
    assert not cancel.done(), "the browser has a moment to fetch its last page"
    second = await begin(bench)
    assert second.id != first.id
    assert second.state is SignInState.WAITING_FOR_BROWSER
    assert (await cancel).state is (await again).state is SignInState.CANCELLED
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(address.hostname, address.port)
    gate.open()


async def test_switching_to_a_code_and_back(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    server.reply("/device", json_answer(DEVICE_CODES))
    browser = await begin(bench)
    code = await bench.engine.use_device(browser.id)
    assert (code.method, code.user_code) == ("device", "WDJB-MJHT")
    assert bench.engine.sign_in_snapshot(browser.id).state is SignInState.CANCELLED
    again = await bench.engine.use_browser(code.id)
    assert bench.engine.sign_in_snapshot(code.id).state is SignInState.CANCELLED
    assert again.method == "browser"
    await until(lambda: len(bench.browser.opened) == 2)
    await finish(bench, again)
    await bench.let(60)
    assert server.sent("device_code") == [""], "nothing polls any more"


async def test_switching_at_the_moment_of_success_keeps_the_success(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    await finish(bench, started)
    assert (await bench.engine.use_device(started.id)).state is SignInState.DONE
    assert bench.shown().state is SessionState.ACTIVE


async def test_a_pasted_address_completes_the_attempt_that_it_belongs_to(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server, "a"), entry(server, "b"))
    a, b = await begin(bench, "a"), await begin(bench, "b")
    for wrong in (
        "nonsense",
        "http://[broken",
        "https://elsewhere.example/callback?code=x",
        redirect(a, state="other"),
        redirect(a).replace("/callback/", "/other/"),
    ):
        with pytest.raises(NotFound):
            await bench.engine.sign_in_callback(wrong)
        with pytest.raises(NotFound):
            await bench.engine.sign_in_callback(wrong, a.id)
    with pytest.raises(NotFound):
        await bench.engine.sign_in_callback(redirect(a), b.id)
    assert server.token_requests == []
    await bench.engine.sign_in_callback(redirect(a, code="code-of-a"))
    await bench.engine.sign_in_callback(redirect(b, code="code-of-b"), b.id)
    assert [(await bench.ended(one)).state for one in (a, b)] == [SignInState.DONE] * 2
    with pytest.raises(NotFound):
        await bench.engine.sign_in_callback(redirect(a))


async def test_a_removed_entry_ends_its_sign_in(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server, "a"), entry(server, "b"))
    a = await begin(bench, "a")
    bench.write(entry(server, "b"))
    await bench.engine.reload()
    assert (await bench.ended(a)).state is SignInState.CANCELLED
    with pytest.raises(requests.ConnectionError):
        await visit(redirect(a))


async def test_a_sign_in_that_cannot_begin_says_why(engine_of, server: TokenServer) -> None:
    bench = await engine_of(
        entry(server, "machine", flow=Flow.CLIENT_CREDENTIALS),
        entry(server, "nobody", client_id=""),
        entry(server, "down"),
    )
    with pytest.raises(Misconfigured, match="client_credentials"):
        await begin(bench, "machine")
    with pytest.raises(Misconfigured, match="client ID"):
        await begin(bench, "nobody")
    server.reply("/.well-known/oauth-authorization-server", answer(503))
    with pytest.raises(ProviderUnreachable):
        await begin(bench, "down")
    assert {bench.shown(id_).state for id_ in ("nobody", "down")} == {SessionState.SIGNED_OUT}
    assert bench.shown("machine").state is SessionState.FAILED, "a program would get the same error"


async def test_a_bug_in_a_sign_in_ends_it_and_nothing_else(engine_of, server: TokenServer, log_errors) -> None:
    bench = await engine_of(entry(server))

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    bench.session().client.account = broken  # type: ignore[method-assign]
    ended = await finish(bench, await begin(bench))
    assert (ended.state, bench.shown().state) == (SignInState.FAILED, SessionState.SIGNED_OUT)
    assert len(log_errors) == 1
