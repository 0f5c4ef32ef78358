"""A sign-in whose request is pushed: what the browser is given, how often, and which answer counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from support.browser_callback import begin, visit
from support.engine_bench import GIT, EngineBench, entry
from support.fake_clock import turn, until
from support.scripted_server import Connection, answer, json_answer
from support.token_server import TokenServer, oauth_error
from tokenkeep.domain.access import Application
from tokenkeep.domain.errors import ProviderError, ProviderUnreachable, TooManyRequests
from tokenkeep.domain.session import SignInSnapshot, SignInState

PAR = "/par"
OTHER = Application(executable="/usr/bin/other", pid=9)


class PushServer(TokenServer):
    """Takes pushed requests and remembers them by the name it gives."""

    def __enter__(self) -> PushServer:
        super().__enter__()
        self.pushed: list[dict[str, str]] = []
        self.reply(PAR, self._push)
        return self

    def _push(self, connection: Connection) -> None:
        self.pushed.append(dict(self.to(PAR)[-1].form))
        json_answer({"request_uri": f"urn:x:{len(self.pushed)}", "expires_in": 60}, 201)(connection)

    def entry(self, *, required: bool = True, **changes: Any) -> Any:
        made = entry(self, **changes)
        self.publish(
            pushed_authorization_request_endpoint=self.origin + PAR, require_pushed_authorization_requests=required
        )
        return made

    def response(self, number: int) -> str:
        """The redirect that answers the request of that number, counted from 1."""
        request = self.pushed[number - 1]
        return f"{request['redirect_uri']}?{urlencode({'code': f'code-{number}', 'state': request['state']})}"


@pytest.fixture
def server() -> Iterator[PushServer]:
    with PushServer() as running:
        yield running


def query(url: str | None) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url or "").query)


def named(number: int) -> list[tuple[str, str]]:
    return [("client_id", "client-1"), ("request_uri", f"urn:x:{number}")]


def now(bench: EngineBench, started: SignInSnapshot) -> SignInSnapshot:
    return bench.engine.sign_in_snapshot(started.id)


async def finished(bench: EngineBench, server: PushServer, started: SignInSnapshot, number: int) -> None:
    """The browser is back with the answer to that request, and its own verifier is shown."""
    await visit(server.response(number))
    assert (await bench.ended(started)).state is SignInState.DONE
    form = dict(server.token_requests[-1].form)
    assert form["code"] == f"code-{number}"
    assert bench.shown().state.value == "active"


async def test_PAR_2_nothing_of_the_request_is_in_the_browsers_arguments(engine_of, server: PushServer) -> None:
    bench = await engine_of(
        server.entry(resource=["https://a.example"], authorization_params={"login_hint": "ada@example.com"})
    )
    started = await begin(bench)
    await until(lambda: bench.browser.opened)
    (argument,) = bench.browser.opened
    assert argument == started.authorization_url
    assert query(argument) == named(1)
    request = server.pushed[0]
    for name in ("state", "code_challenge", "login_hint", "resource", "redirect_uri"):
        assert request[name]
        assert request[name] not in argument
    await finished(bench, server, started, 1)


async def test_PAR_2_browser_url_moves_the_page_and_not_the_push(engine_of, server: PushServer) -> None:
    bench = await engine_of(server.entry(browser_url="http://localhost:1/door"))
    started = await begin(bench, open_browser=False)
    assert (started.authorization_url or "").startswith("http://localhost:1/door/authorize?client_id=")
    assert len(server.to(PAR)) == 1


async def test_PAR_3_each_opening_is_a_request_of_its_own(engine_of, server: PushServer) -> None:
    bench = await engine_of(server.entry())
    started = await begin(bench)
    await until(lambda: bench.browser.opened)
    await bench.engine.reopen_browser(started.id)
    assert [query(url) for url in bench.browser.opened] == [named(1), named(2)]
    assert query(now(bench, started).authorization_url) == named(2)
    first, second = server.pushed
    for name in ("state", "code_challenge"):
        assert first[name] != second[name]
    assert first["redirect_uri"] == second["redirect_uri"]
    await finished(bench, server, started, 2)


async def test_PAR_3_with_openid_the_nonce_is_new_too(engine_of, server: PushServer) -> None:
    bench = await engine_of(server.entry(scopes=["openid"]))
    started = await begin(bench)
    await bench.engine.reopen_browser(started.id)
    assert len({request["nonce"] for request in server.pushed}) == 2


async def test_PAR_3_the_page_that_was_opened_first_may_be_the_one_that_is_finished(
    engine_of, server: PushServer
) -> None:
    bench = await engine_of(server.entry())
    started = await begin(bench)
    await bench.engine.reopen_browser(started.id)
    await finished(bench, server, started, 1)


async def test_PAR_3_RESP_1_an_answer_to_no_request_of_this_sign_in_is_ignored(engine_of, server: PushServer) -> None:
    bench = await engine_of(server.entry())
    started = await begin(bench)
    await bench.engine.reopen_browser(started.id)
    server.pushed.append(server.pushed[0] | {"state": "attackers"})
    assert (await visit(server.response(3))).status_code == 400
    assert now(bench, started).state is SignInState.WAITING_FOR_BROWSER


async def test_PAR_3_a_request_that_ran_out_is_pushed_again(engine_of, server: PushServer) -> None:
    bench = await engine_of(server.entry())
    started = await begin(bench, open_browser=False)
    await bench.clock.advance(59)
    await turn()
    assert len(server.pushed) == 1
    await bench.clock.advance(1)
    await until(lambda: query(now(bench, started).authorization_url) == named(2), "the next request")
    await finished(bench, server, started, 2)
    await bench.clock.advance(120)
    await turn()
    assert len(server.pushed) == 2, "nothing is pushed for a sign-in that is over"


async def test_PAR_3_a_server_that_keeps_requests_for_a_moment_is_not_flooded(engine_of, server: PushServer) -> None:
    bench = await engine_of(server.entry())
    server.reply(PAR, json_answer({"request_uri": "urn:x:1", "expires_in": 1}, 201))
    started = await begin(bench, open_browser=False)
    for _ in range(29):
        await bench.clock.advance(1)
    await turn()
    assert len(server.to(PAR)) == 1
    await bench.engine.cancel_sign_in(started.id)


async def test_PAR_3_a_push_that_fails_meanwhile_leaves_the_page_that_is_open(engine_of, server: PushServer) -> None:
    bench = await engine_of(server.entry())
    started = await begin(bench)
    server.reply(PAR, answer(503))
    await bench.clock.advance(60)
    await until(lambda: len(server.to(PAR)) == 2, "the second push")
    with pytest.raises(ProviderUnreachable):
        await bench.engine.reopen_browser(started.id)
    assert len(bench.browser.opened) == 1, "a used address is not opened again"
    await finished(bench, server, started, 1)


async def test_PAR_3_a_program_that_joins_gets_an_address_of_its_own(engine_of, server: PushServer) -> None:
    bench = await engine_of(server.entry())
    first = await begin(bench, open_browser=False, application=GIT)
    second = await begin(bench, application=OTHER)
    assert (first.id, query(first.authorization_url)) == (second.id, named(1))
    assert query(second.authorization_url) == named(2)
    await finished(bench, server, first, 1)


async def test_PAR_3_a_click_on_a_programs_sign_in_opens_a_new_one(engine_of, server: PushServer) -> None:
    bench = await engine_of(server.entry())
    await begin(bench, open_browser=False, application=GIT)
    await begin(bench)
    assert [query(url) for url in bench.browser.opened] == [named(2)]


async def test_PAR_3_a_program_cannot_have_requests_pushed_without_end(engine_of, server: PushServer) -> None:
    bench = await engine_of(server.entry())
    await begin(bench, open_browser=False)

    async def join_for_ever() -> None:
        while True:
            await begin(bench, application=GIT)

    with pytest.raises(TooManyRequests):
        await join_for_ever()
    assert len(server.pushed) < 20


async def test_PAR_1_a_server_that_demands_it_without_an_endpoint_gets_no_sign_in(
    engine_of, server: PushServer
) -> None:
    bench = await engine_of(server.entry())
    server.publish(require_pushed_authorization_requests=True)
    with pytest.raises(ProviderError, match="no endpoint"):
        await begin(bench)
    assert bench.browser.opened == []


async def test_PAR_1_a_refused_request_reaches_no_browser(engine_of, server: PushServer) -> None:
    bench = await engine_of(server.entry(required=False))
    server.reply(PAR, oauth_error("invalid_request"))
    with pytest.raises(ProviderError) as caught:
        await begin(bench)
    assert caught.value.error == "invalid_request"
    assert (bench.browser.opened, bench.shown().state.value) == ([], "signed_out")


async def test_PAR_1_where_it_is_only_offered_trouble_leads_to_a_plain_address(engine_of, server: PushServer) -> None:
    bench = await engine_of(server.entry(required=False))
    server.reply(PAR, answer(503))
    started = await begin(bench)
    assert dict(query(started.authorization_url))["response_type"] == "code"
    await bench.engine.reopen_browser(started.id)
    assert bench.browser.opened == [started.authorization_url] * 2
    assert len(server.to(PAR)) == 1, "a plain address may be opened again"
    await bench.engine.cancel_sign_in(started.id)
