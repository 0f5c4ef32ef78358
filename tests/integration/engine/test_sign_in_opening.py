"""Which browser is asked for which page, how often, and what happens when it cannot be started."""

from __future__ import annotations

import asyncio

import pytest
import requests

from support.browser_callback import DEVICE_CODES, begin, finish, redirect, visit
from support.engine_bench import GIT, entry
from support.fake_clock import until
from support.fake_context import FakeBrowser
from support.scripted_server import json_answer
from support.token_server import TokenServer
from tokenkeep.domain.access import Application
from tokenkeep.domain.errors import NotFound
from tokenkeep.domain.ports import Launch
from tokenkeep.domain.session import SessionState, SignInSnapshot, SignInState
from tokenkeep.engine.sign_ins import BROWSER_PAUSE, KEPT

OTHER = Application(executable="/usr/bin/other", pid=9)


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


class MarkedBrowser(FakeBrowser):
    """Keeps whether plain http on loopback may be opened."""

    def open(self, url: str, *, command: str = "", local: bool = False) -> Launch:
        self.local = local
        return super().open(url, command=command, local=local)


@pytest.mark.parametrize("local", [True, False])
async def test_AUTHZ_5_the_browser_is_told_whether_the_entry_is_marked_local(
    engine_of, server: TokenServer, local
) -> None:
    there = "https://auth.example.com"
    bench = await engine_of(
        server.provider(
            issuer=there, local=local, authorization_endpoint=f"{there}/authorize", token_endpoint=f"{there}/token"
        )
    )
    browser = bench.engine._context.browser = MarkedBrowser()
    started = await begin(bench)
    await until(lambda: browser.opened)
    assert (browser.opened, browser.local) == ([started.authorization_url], local)


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
