"""What comes back to the redirect URI: which answer ends an attempt, which is nobody's, and what is left behind."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from support.browser_callback import begin, finish, names_people, redirect, sent, visit
from support.engine_bench import entry
from support.fake_clock import until
from support.scripted_server import answer, cut, json_answer
from support.token_server import Gate, TokenServer, oauth_error
from tokenkeep import assets
from tokenkeep.domain.errors import Misconfigured, NotFound, ProviderError, ProviderUnreachable
from tokenkeep.domain.session import SessionState, SignInState
from tokenkeep.domain.tokens import Secret
from tokenkeep.engine.signin import BROWSER_LIMIT


@pytest.mark.parametrize("state", [None, "", "wrong", "UPPER"])
async def test_RESP_1_an_answer_without_our_state_is_not_ours(engine_of, server: TokenServer, state) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    if state == "UPPER":
        state = sent(started)["state"].swapcase()
    assert (await visit(redirect(started, state=state))).status_code == 400
    assert server.token_requests == []
    assert (await finish(bench, started)).state is SignInState.DONE


async def test_RESP_2_LOOP_9_a_code_is_redeemed_once_whatever_the_browser_repeats(
    engine_of, server: TokenServer
) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    gate = Gate()
    server.instead = [gate.before(server.answer())]
    url = redirect(started)
    pages = await asyncio.gather(*(visit(url) for _ in range(5)))
    assert {page.status_code for page in pages} == {200}
    assert (await visit(url)).status_code == 200, "a static page"
    with pytest.raises(NotFound):
        await bench.engine.sign_in_callback(url, started.id)
    gate.open()
    await bench.ended(started)
    with pytest.raises(requests.ConnectionError):
        await visit(url)
    assert len(server.token_requests) == 1


async def test_RESP_2_a_completed_callback_that_comes_again_is_not_redeemed(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server, redirect_port=0))
    started = await begin(bench)
    await finish(bench, started)
    with pytest.raises(requests.ConnectionError):
        await visit(redirect(started))
    with pytest.raises(NotFound):
        await bench.engine.sign_in_callback(redirect(started))
    with pytest.raises(NotFound):
        await bench.engine.sign_in_callback(redirect(started), started.id)
    again = await begin(bench)
    stale = redirect(again, state=sent(started)["state"])
    assert (await visit(stale)).status_code == 400, "the state of an attempt that is over"
    assert len(server.token_requests) == 1
    await bench.engine.cancel_sign_in(again.id)


async def test_RESP_2_LOOP_6_after_the_deadline_there_is_nobody_to_answer(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    assert started.expires_at == bench.clock.wall() + 300.0, "five minutes"
    await bench.let(BROWSER_LIMIT - 1)
    assert bench.engine.sign_in_snapshot(started.id).state.pending
    await bench.let(1)
    ended = await bench.ended(started)
    assert ended.state is SignInState.EXPIRED
    assert ended.error.code == "timed_out"
    with pytest.raises(requests.ConnectionError):
        await visit(redirect(started))
    with pytest.raises(NotFound):
        await bench.engine.sign_in_callback(redirect(started), started.id)
    assert server.token_requests == []
    assert bench.shown().state is SessionState.SIGNED_OUT
    assert alive({sent(started)["state"]}) == 0, "the state is forgotten"


def alive(values: set[str]) -> int:
    """How many of these secrets somebody still holds."""
    gc.collect()
    return sum(type(found) is Secret and found.reveal() in values for found in gc.get_objects())


async def test_RESP_6_nothing_of_an_error_is_believed_before_state_and_issuer(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    said = {"code": None, "error": "access_denied", "error_description": "DESCRIPTION-CANARY"}
    page = await visit(redirect(started, **said, state="bad"))
    assert (page.status_code, "CANARY" in page.text) == (400, False)
    assert bench.engine.sign_in_snapshot(started.id).state.pending
    ended = await finish(bench, started, **said, iss="https://evil.example")
    assert (ended.state, ended.error.code) == (SignInState.FAILED, "provider_error")
    assert "CANARY" not in str(ended.error)
    again = await begin(bench)
    ended = await finish(bench, again, **said, iss=server.origin)
    assert ended.error.code == "access_denied"
    assert "DESCRIPTION-CANARY" in ended.error.detail
    assert server.token_requests == []


async def test_RESP_9_an_answer_on_another_attempts_path_is_nobodys(engine_of, server: TokenServer) -> None:
    with TokenServer() as honest:
        bench = await engine_of(entry(server, "a"), honest.discovered(id="b"))
        a, b = await begin(bench, "a"), await begin(bench, "b")
        path_of_a = urlsplit(sent(a)["redirect_uri"]).path
        stray = urlsplit(redirect(a))._replace(netloc=urlsplit(sent(b)["redirect_uri"]).netloc)
        assert path_of_a != urlsplit(sent(b)["redirect_uri"]).path
        assert (await visit(stray.geturl())).status_code == 404
        assert bench.engine.sign_in_snapshot(a.id).state.pending
        assert bench.engine.sign_in_snapshot(b.id).state.pending
        assert honest.token_requests == server.token_requests == []


async def test_RESP_9_attempts_on_one_shared_path_may_not_overlap(engine_of, server: TokenServer) -> None:
    with TokenServer() as other:
        bench = await engine_of(entry(server, "a", redirect_path="/cb"), other.discovered(id="b", redirect_path="/cb"))
        a = await begin(bench, "a")
        with pytest.raises(Misconfigured, match="same redirect path"):
            await begin(bench, "b")
        assert bench.shown("b").state is SessionState.SIGNED_OUT
        await finish(bench, a)
        assert (await finish(bench, await begin(bench, "b"))).state is SignInState.DONE


async def test_RESP_10_the_code_goes_to_the_token_endpoint_that_the_attempt_began_with(
    engine_of, server: TokenServer
) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    with TokenServer() as evil:
        server.publish(token_endpoint=f"{evil.origin}/token")
        await bench.session().client.prepare(fresh=True)
        bench.write(entry(server, name="changed meanwhile"))
        server.publish(token_endpoint=f"{evil.origin}/token")
        await bench.engine.reload()
        await finish(bench, started)
        assert evil.token_requests == []
    assert server.sent("code") == ["code-canary"]
    assert bench.session().stored.binding[1] == server.origin, "REF-9: where the tokens came from"


async def test_LOOP_2_of_fixed_ports_the_first_free_one_is_taken(engine_of, server: TokenServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy, socket.create_server(("127.0.0.1", 0)) as holder:
        taken, free = busy.getsockname()[1], holder.getsockname()[1]
        holder.close()
        bench = await engine_of(entry(server, redirect_port=[taken, free]), entry(server, "q", redirect_port=taken))
        started = await begin(bench)
        assert urlsplit(sent(started)["redirect_uri"]).port == free
        with pytest.raises(Misconfigured, match="taken"):
            await begin(bench, "q")
        await until(lambda: bench.browser.opened)
        assert bench.browser.opened == [started.authorization_url], "no browser for an attempt that cannot end"
        assert bench.shown("q").state is SessionState.SIGNED_OUT


async def test_LOOP_6_cancel_frees_the_port_even_under_an_open_connection(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    parts = urlsplit(sent(started)["redirect_uri"])
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"GET /elsewhere HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    assert b"404" in await reader.readline()
    assert (await bench.engine.cancel_sign_in(started.id)).state is SignInState.CANCELLED
    async with asyncio.timeout(20):
        await reader.read()
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(parts.hostname, parts.port)
    assert bench.shown().state is SessionState.SIGNED_OUT


async def test_LOOP_6_fifty_attempts_leave_nothing_behind(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))

    async def attempt(number: int) -> None:
        started = await begin(bench)
        if number % 4 == 0:
            await bench.engine.cancel_sign_in(started.id)
        elif number % 4 == 1:
            await finish(bench, started)
        elif number % 4 == 2:
            await finish(bench, started, code=None, error="server_error")
        else:
            await bench.let(BROWSER_LIMIT)
            assert (await bench.ended(started)).state is SignInState.EXPIRED

    def count() -> tuple[int, int, int]:
        gc.collect()
        # The pools' threads stay, and there are the more of them the busier the machine was; their number is bounded.
        threads = [one for one in threading.enumerate() if not one.name.startswith(POOLS)]
        return len(list(Path("/proc/self/fd").iterdir())), len(threads), len(asyncio.all_tasks())

    for number in range(8):
        await attempt(number)
    await until(lambda: not connections_being_served(server), "the server's threads to end")
    before = count()
    for number in range(50):
        await attempt(number)
    await until(lambda: all(now <= then for now, then in zip(count(), before, strict=True)), "the old counts")


POOLS = ("asyncio_", "net-", "vault-", "keyring-")


def connections_being_served(server: TokenServer) -> int:
    return sum(thread.is_alive() for thread in server._threads[1:])


async def test_LOOP_13_a_forged_answer_yields_no_account(engine_of, server: TokenServer) -> None:
    names_people(server)
    bench = await engine_of(entry(server))
    names_people(server)
    await finish(bench, await begin(bench))
    before = bench.session().held.tokens.access_token
    started = await begin(bench)
    assert (await visit(redirect(started, state="forged"))).status_code == 400
    server.instead = [oauth_error("invalid_grant")]  # the state was seen, but the code belongs to another challenge
    ended = await finish(bench, started, code="stolen-code")
    assert ended.state is SignInState.FAILED
    assert (bench.shown().state, bench.session().held.tokens.access_token) == (SessionState.ACTIVE, before)


@pytest.mark.parametrize(
    "fault",
    [None, oauth_error("invalid_grant"), answer(500, "<h1>error"), answer(200, "{}")],
    ids=["success", "invalid_grant", "500", "malformed"],
)
async def test_LOOP_11_the_last_page_claims_nothing_before_the_tokens_are_there(
    engine_of, server: TokenServer, fault
) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    gate = Gate()
    server.instead = [gate.before(fault or server.answer())]
    page = await visit(redirect(started, iss=server.origin, scope="read"))
    assert page.url == f"{sent(started)['redirect_uri']}/done", "no code, no state, no query at all"
    assert page.content == assets.path("callback/done.html").read_bytes()
    assert bench.engine.sign_in_snapshot(started.id).state.pending, "it was delivered while nothing was decided"
    gate.open()
    ended = await bench.ended(started)
    assert (ended.state is SignInState.DONE) is (fault is None)


@pytest.mark.parametrize(
    "said",
    [
        {"error": "access_denied", "error_description": "<script>alert(1)</script>", "code": None},
        {"error": "x\r\nSet-Cookie: a=b", "error_uri": "https://evil.example/", "code": None},
        {"next": "https://evil.example/", "redirect_uri": "https://evil.example/"},
        {"id_token": "front.channel.token"},
    ],
)
async def test_LOOP_12_whatever_comes_back_the_page_is_the_template(engine_of, server: TokenServer, said) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    page = await visit(redirect(started, **said))
    assert page.content == assets.path("callback/done.html").read_bytes()
    (hop,) = page.history
    assert hop.headers["Location"] == f"{urlsplit(sent(started)['redirect_uri']).path}/done"
    assert hop.content == b""
    assert "Set-Cookie" not in {*hop.headers, *page.headers}
    await bench.ended(started)


@pytest.mark.parametrize(
    "fault", [cut(), answer(500), answer(503), oauth_error("server_error", 500)], ids=["cut", "500", "503", "error"]
)
async def test_TOK_9_a_code_that_may_have_arrived_is_not_sent_again(engine_of, server: TokenServer, fault) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    server.failing = fault
    ended = await finish(bench, started)
    assert ended.state is SignInState.FAILED
    assert isinstance(ended.error, ProviderUnreachable | ProviderError)
    assert "again" in ended.error.hint
    await bench.let(600)
    assert len(server.token_requests) == 1


@pytest.mark.parametrize("where", ["authorization", "token"])
async def test_PKCE_2_after_an_error_about_the_method_nothing_weaker_is_tried(
    engine_of, server: TokenServer, where: str
) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    said = {"error": "invalid_request", "error_description": "code_challenge_method S256 is not supported"}
    if where == "authorization":
        ended = await finish(bench, started, code=None, **said)
    else:
        server.instead = [json_answer(said, 400)]
        ended = await finish(bench, started)
    assert (ended.state, ended.error.error) == (SignInState.FAILED, "invalid_request")
    await bench.let(600)
    assert bench.browser.opened == [started.authorization_url], "no second attempt by itself"
    assert len(server.token_requests) == (where == "token")
    again = await begin(bench)
    assert sent(again)["code_challenge_method"] == "S256", "nor a weaker one by hand"


async def test_PKCE_3_an_mcp_server_that_lists_no_method_is_refused_before_the_browser(
    engine_of, server: TokenServer
) -> None:
    bench = await engine_of(entry(server, profile="mcp"))
    server.publish(code_challenge_methods_supported=None)
    with pytest.raises(ProviderError, match="code_challenge_methods_supported"):
        await begin(bench)
    assert bench.browser.opened == []
