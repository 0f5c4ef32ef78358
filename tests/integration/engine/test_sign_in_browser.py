"""Signing in with a browser: real listener, real requests, a provider that answers as each test says."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from support.browser_callback import redirect, sent, visit
from support.engine_bench import GIT, EngineBench, entry
from support.fake_clock import turn, until
from support.fake_context import FakeBrowser
from support.scripted_server import answer, cut, json_answer
from support.token_server import Gate, TokenServer, oauth_error
from tokenkeep.domain.access import Application
from tokenkeep.domain.errors import Misconfigured, NotFound, ProviderError, ProviderUnreachable
from tokenkeep.domain.ports import Launch
from tokenkeep.domain.provider import Flow
from tokenkeep.domain.session import SessionState, SignInSnapshot, SignInState
from tokenkeep.domain.tokens import Secret
from tokenkeep.engine.sign_ins import BROWSER_PAUSE, KEPT
from tokenkeep.engine.signin import BROWSER_LIMIT, UNKNOWN_ACCOUNT

OTHER = Application(executable="/usr/bin/other", pid=9)


async def begin(bench: EngineBench, provider: str = "p", **options) -> SignInSnapshot:
    return await bench.engine.sign_in(provider, **({"method": "browser"} | options))


async def finish(bench: EngineBench, sign_in: SignInSnapshot, **changes: str | None) -> SignInSnapshot:
    await visit(redirect(sign_in, **changes))
    return await bench.ended(sign_in)


def names_people(server: TokenServer, sub: str = "subject-1", name: str = "ada") -> None:
    server.publish(userinfo_endpoint=f"{server.origin}/userinfo")
    server.reply("/userinfo", json_answer({"sub": sub, "preferred_username": name}))


async def test_a_sign_in_from_the_click_to_the_token(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    names_people(server)
    started = await begin(bench)
    assert started.state is SignInState.WAITING_FOR_BROWSER
    assert bench.shown().state is SessionState.SIGNING_IN
    await until(lambda: bench.browser.opened)
    assert bench.browser.opened == [started.authorization_url]
    page = await visit(redirect(started))
    assert page.status_code == 200
    assert "code-canary" not in page.url + page.text
    done = await bench.ended(started)
    assert (done.state, done.account, done.error, done.authorization_url) == (SignInState.DONE, "ada", None, None)
    token = await bench.token()
    assert (token.access_token.reveal(), token.account) == ("access-1-canary", "ada")
    kept = bench.vault.session()
    assert kept.tokens.refresh_token.reveal() == "refresh-1-canary"
    states = [data.state for data in bench.of("sign_in") if data.id == started.id]
    assert [state for state, before in zip(states, [None, *states], strict=False) if state != before] == [
        SignInState.WAITING_FOR_BROWSER,
        SignInState.EXCHANGING,
        SignInState.DONE,
    ]
    form = dict(server.token_requests[0].form)
    assert (form["code"], form["redirect_uri"]) == ("code-canary", sent(started)["redirect_uri"])


async def test_REF_1_nobody_gets_the_first_token_before_its_commit(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    bench.vault.writable.clear()
    await visit(redirect(started))
    await until(bench.vault.begun.is_set)
    await turn()
    assert bench.session().held is None
    assert bench.engine.sign_in_snapshot(started.id).state is SignInState.EXCHANGING
    bench.vault.writable.set()
    assert (await bench.ended(started)).state is SignInState.DONE


# --- one attempt, one set of secrets -------------------------------------------------------------------------------


async def test_AUTHZ_4_after_an_error_everything_is_new(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    first = await begin(bench)
    ended = await finish(bench, first, code=None, error="server_error")
    assert ended.state is SignInState.FAILED
    second = await begin(bench)
    assert second.id != first.id
    assert sent(second)["state"] != sent(first)["state"]
    assert sent(second)["code_challenge"] != sent(first)["code_challenge"]
    await finish(bench, second)
    assert bench.shown().state is SessionState.ACTIVE


def secrets_alive(values: set[str]) -> list[str]:
    gc.collect()
    return [found.reveal() for found in gc.get_objects() if type(found) is Secret and found.reveal() in values]


async def test_PKCE_4_each_attempt_has_its_own_verifier_and_nothing_is_left_of_it(
    engine_of, server: TokenServer
) -> None:
    bench = await engine_of(entry(server, "a"), entry(server, "b"), entry(server, "c"), entry(server, "d"))
    first, second = await begin(bench, "a"), await begin(bench, "b")
    assert sent(first)["redirect_uri"] != sent(second)["redirect_uri"], "LOOP-2: two ports at a time"
    await finish(bench, second, code="code-of-b")
    await finish(bench, first, code="code-of-a")
    failing = await begin(bench, "c")
    server.instead = [oauth_error("invalid_grant")]
    assert (await finish(bench, failing, code="code-of-c")).state is SignInState.FAILED
    cancelled = await begin(bench, "d")
    gate = Gate()
    server.instead = [gate.before(answer(503))]
    await visit(redirect(cancelled, code="code-of-d"))
    await until(gate.reached.is_set)
    await bench.engine.cancel_sign_in(cancelled.id)
    gate.open()
    late = await begin(bench, "c")
    await bench.clock.advance(BROWSER_LIMIT)
    assert (await bench.ended(late)).state is SignInState.EXPIRED
    assert server.sent("code") == ["code-of-b", "code-of-a", "code-of-c", "code-of-d"]
    verifiers = set(server.sent("code_verifier"))
    assert len(verifiers) == 4
    for started, verifier in zip((second, first, failing, cancelled), server.sent("code_verifier"), strict=True):
        assert s256(verifier) == sent(started)["code_challenge"]
    await until(lambda: not secrets_alive(verifiers), "the end of the last verifier")
    assert secrets_alive(set(server.sent("code"))) == []


def s256(verifier: str) -> str:
    import base64
    import hashlib

    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


# --- the browser ---------------------------------------------------------------------------------------------------


class SynchronousBrowser(FakeBrowser):
    """Is back with the answer before `open` returns."""

    def open(self, url: str, *, command: str = "", local: bool = False) -> Launch:
        snapshot = SignInSnapshot("x", "p", "browser", SignInState.WAITING_FOR_BROWSER, authorization_url=url)
        assert requests.get(redirect(snapshot), timeout=60, allow_redirects=False).status_code == 303
        return super().open(url, command=command, local=local)


@pytest.mark.parametrize("asked", [True, False])
async def test_AUTHZ_6_a_browser_may_be_back_before_it_was_started(engine_of, server: TokenServer, asked) -> None:
    bench = await engine_of(entry(server))
    bench.engine._context.browser = SynchronousBrowser(Launch(asked=asked))
    started = await begin(bench, method="auto")
    ended = await bench.ended(started)
    assert (ended.state, ended.method) == (SignInState.DONE, "browser")
    assert bench.shown().state is SessionState.ACTIVE


class RaisingBrowser(FakeBrowser):
    def open(self, url: str, *, command: str = "", local: bool = False) -> Launch:
        super().open(url, command=command, local=local)
        raise OSError("no handler for https")


@pytest.mark.parametrize("browser", [FakeBrowser(Launch(asked=False, problem="none there")), RaisingBrowser()])
async def test_AUTHZ_6_a_failing_browser_leaves_an_address_to_copy(engine_of, server: TokenServer, browser) -> None:
    bench = await engine_of(entry(server))
    bench.engine._context.browser = browser
    started = await begin(bench)
    await until(lambda: bench.engine.sign_in_snapshot(started.id).not_opened)
    now = bench.engine.sign_in_snapshot(started.id)
    assert (now.state, now.opened_with) == (SignInState.WAITING_FOR_BROWSER, "")
    assert now.authorization_url == started.authorization_url
    assert (await finish(bench, started)).state is SignInState.DONE


async def test_AUTHZ_6_without_a_browser_auto_goes_on_with_a_code_where_there_is_one(
    engine_of, server: TokenServer
) -> None:
    bench = await engine_of(entry(server))
    bench.browser.launch = Launch(asked=False)
    server.reply("/device", json_answer(DEVICE_CODES))
    started = await begin(bench, method="auto")
    await until(lambda: bench.engine.sign_in_snapshot(started.id).user_code)
    now = bench.engine.sign_in_snapshot(started.id)
    assert (now.method, now.user_code, now.authorization_url) == ("device", "WDJB-MJHT", None)
    with pytest.raises(requests.ConnectionError):
        await visit(redirect(started))
    await bench.engine.cancel_sign_in(started.id)


async def test_AUTHZ_6_without_a_browser_and_without_codes_the_address_stays(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    server.publish(device_authorization_endpoint=None)
    bench.browser.launch = Launch(asked=False)
    started = await begin(bench, method="auto")
    await until(lambda: bench.engine.sign_in_snapshot(started.id).not_opened)
    assert (await finish(bench, started)).state is SignInState.DONE


async def test_the_browser_command_of_the_entry_goes_before_the_general_one(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server, browser="firefox -P work"), app={"browser": "chromium"})
    await begin(bench)
    await until(lambda: bench.browser.commands)
    assert bench.browser.commands == ["firefox -P work"]


async def test_programs_open_a_page_once_a_minute_and_a_person_always(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))

    async def start(application: Application) -> SignInSnapshot:
        return await begin(bench, application=application)

    async def opened(times: int) -> None:
        await until(lambda: len(bench.browser.opened) >= times)
        assert len(bench.browser.opened) == times

    first = await start(GIT)
    assert first.asked_by == "git"
    await opened(1)
    await bench.engine.cancel_sign_in(first.id)
    second = await start(OTHER)
    assert len(bench.browser.opened) == 1
    joined = await begin(bench)
    assert joined.id == second.id
    assert len(bench.browser.opened) == 2, "a click opens the page of an attempt that was begun quietly"
    await begin(bench)
    assert len(bench.browser.opened) == 2, "the dialog has a button for once more"
    await bench.engine.reopen_browser(second.id)
    assert len(bench.browser.opened) == 3
    await bench.engine.cancel_sign_in(second.id)
    third = await begin(bench)
    await opened(4)
    await bench.engine.cancel_sign_in(third.id)
    await bench.clock.advance(BROWSER_PAUSE)
    await start(GIT)
    await opened(5)


async def test_a_pending_sign_in_is_joined(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    first = await begin(bench, open_browser=False, application=GIT)
    assert bench.browser.opened == []
    calls = await asyncio.gather(*(begin(bench, application=OTHER, method="auto") for _ in range(5)))
    assert {call.id for call in calls} == {first.id}


async def test_an_ended_sign_in_can_be_asked_about_for_a_while(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    await finish(bench, started)
    assert (await bench.engine.wait_sign_in(started.id, 30)).state is SignInState.DONE
    assert (await bench.engine.cancel_sign_in(started.id)).state is SignInState.DONE
    await bench.let(KEPT + 61)
    assert bench.engine._sign_ins.snapshots == ()
    with pytest.raises(NotFound):
        bench.engine.sign_in_snapshot(started.id)


# --- the answer ----------------------------------------------------------------------------------------------------


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
    gate.open()
    await bench.ended(started)
    with pytest.raises(requests.ConnectionError):
        await visit(url)
    assert len(server.token_requests) == 1


async def test_RESP_2_LOOP_6_after_the_deadline_there_is_nobody_to_answer(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    assert started.expires_at == bench.clock.wall() + BROWSER_LIMIT
    await bench.let(BROWSER_LIMIT - 1)
    assert bench.engine.sign_in_snapshot(started.id).state.pending
    await bench.let(1)
    ended = await bench.ended(started)
    assert ended.state is SignInState.EXPIRED
    assert ended.error.code == "timed_out"
    with pytest.raises(requests.ConnectionError):
        await visit(redirect(started))
    assert server.token_requests == []
    assert bench.shown().state is SessionState.SIGNED_OUT


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
        if number % 3 == 0:
            await bench.engine.cancel_sign_in(started.id)
        elif number % 3 == 1:
            await finish(bench, started)
        else:
            await finish(bench, started, code=None, error="server_error")

    def count() -> tuple[int, int, int]:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), len(asyncio.all_tasks())

    for number in range(6):
        await attempt(number)
    await turn()
    before = count()
    for number in range(50):
        await attempt(number)
    await until(lambda: all(now <= then + 3 for now, then in zip(count(), before, strict=True)), "the old counts")


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


# --- whom it belongs to --------------------------------------------------------------------------------------------


async def another_comes_back(bench: EngineBench, server: TokenServer) -> SignInSnapshot:
    names_people(server)
    await finish(bench, await begin(bench))
    names_people(server, "subject-2", "grace")
    started = await begin(bench)
    assert started.account == "ada"
    await visit(redirect(started))
    return started


async def question(bench: EngineBench, started: SignInSnapshot) -> str:
    await until(lambda: bench.engine.sign_in_snapshot(started.id).other_account)
    now = bench.engine.sign_in_snapshot(started.id)
    assert now.state.pending
    assert now.other_account is not None
    return now.other_account


async def test_AUTHZ_7_another_account_is_asked_about_and_taken_if_wanted(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await another_comes_back(bench, server)
    assert await question(bench, started) == "grace"
    assert (await bench.token()).account == "ada", "until then nothing has changed"
    ended = await bench.engine.settle_account(started.id, accept=True)
    assert (ended.state, ended.account, ended.other_account) == (SignInState.DONE, "grace", None)
    assert (await bench.token()).account == "grace"
    with pytest.raises(NotFound):
        await bench.engine.settle_account(started.id, accept=True)


async def test_AUTHZ_7_a_refused_account_is_revoked_and_the_old_one_untouched(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await another_comes_back(bench, server)
    await question(bench, started)
    ended = await bench.engine.settle_account(started.id, accept=False)
    assert (ended.state, ended.error.code) == (SignInState.FAILED, "access_denied")
    assert server.revoked == ["refresh-2-canary", "access-2-canary"]
    assert (await bench.token()).access_token.reveal() == "access-1-canary"
    assert bench.vault.session().account.subject == "subject-1"


async def test_AUTHZ_7_no_answer_is_no_and_so_is_a_cancel(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await another_comes_back(bench, server)
    await question(bench, started)
    await bench.let(BROWSER_LIMIT)
    assert (await bench.ended(started)).state is SignInState.FAILED
    again = await begin(bench)
    await visit(redirect(again))
    await question(bench, again)
    await bench.engine.cancel_sign_in(again.id)
    await until(lambda: server.revoked[2:] == ["refresh-3-canary", "access-3-canary"])
    assert (await bench.token()).account == "ada"


async def test_AUTHZ_7_headless_the_answer_is_no(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server), present=False)
    started = await another_comes_back(bench, server)
    assert (await bench.ended(started)).error.code == "access_denied"
    assert (await bench.token()).account == "ada"


async def test_AUTHZ_7_an_account_that_is_not_named_is_no_silent_swap(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    names_people(server)
    await finish(bench, await begin(bench))
    server.reply("/userinfo", answer(500))
    started = await begin(bench)
    await visit(redirect(started))
    assert await question(bench, started) == UNKNOWN_ACCOUNT
    await bench.engine.settle_account(started.id, accept=True)
    assert bench.shown().state is SessionState.ACTIVE


async def test_the_same_account_is_not_asked_about_and_after_a_sign_out_any_is_welcome(
    engine_of, server: TokenServer
) -> None:
    bench = await engine_of(entry(server))
    names_people(server)
    await finish(bench, await begin(bench))
    assert (await finish(bench, await begin(bench))).state is SignInState.DONE
    await bench.engine.sign_out("p")
    names_people(server, "subject-2", "grace")
    assert (await finish(bench, await begin(bench))).account == "grace"


# --- refresh token, cancel, switching, pasting ---------------------------------------------------------------------


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
    assert [notice.kind for notice in bench.of("notice")] == ["needs_you"]


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
    with pytest.raises(Misconfigured, match="flow"):
        await begin(bench, "machine")
    with pytest.raises(Misconfigured, match="client ID"):
        await begin(bench, "nobody")
    server.reply("/.well-known/oauth-authorization-server", answer(503))
    with pytest.raises(ProviderUnreachable):
        await begin(bench, "down")
    assert {bench.shown(id_).state for id_ in ("machine", "nobody", "down")} == {SessionState.SIGNED_OUT}


async def test_a_bug_in_a_sign_in_ends_it_and_nothing_else(engine_of, server: TokenServer, log_errors) -> None:
    bench = await engine_of(entry(server))

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    bench.session().client.account = broken  # type: ignore[method-assign]
    ended = await finish(bench, await begin(bench))
    assert (ended.state, bench.shown().state) == (SignInState.FAILED, SessionState.SIGNED_OUT)
    assert len(log_errors) == 1


DEVICE_CODES = {
    "device_code": "device-code-canary",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://example.com/device",
    "expires_in": 600,
    "interval": 5,
}
