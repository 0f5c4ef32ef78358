"""Logging out at the provider too: the rows of `logout`, and the three modules of OpenID's conformance suite for it."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from integration.faults.conftest import OpenStage
from support.fake_clock import turn, until
from support.fault_rows import Row, hold
from support.fault_stage import Outcome, Stage
from support.logging_out import form_of, log_out, open_page, origin
from tokenkeep.domain.ports import Launch
from tokenkeep.domain.provider import Provider
from tokenkeep.engine import logout_listener
from tokenkeep.engine.browser_logouts import LOGOUT_LIMIT

GONE = {"state": "signed_out", "serves": False, "keeps": "nothing", "mended": "sign_in"}
ASKED = "Demo has revoked the tokens. The browser was asked to log out at Demo too."
CONFIRMED, UNCONFIRMED = "You are logged out", "You are signed out of TokenKeep"


async def begun(stage: Stage, **choice: Any) -> str:
    """A sign-out that also asks the browser; the address that the browser was started with."""
    before = len(stage.bench.browser.opened)
    outcome = await stage.bench.engine.sign_out("p", end_session=True, **choice)
    assert outcome.end_session == "opened", outcome.detail
    [url] = stage.bench.browser.opened[before:]
    return url


async def browse(stage: Stage, url: str, **decision: str) -> requests.Response:
    return await asyncio.to_thread(log_out, url, stage.person.http, **decision)


def heading(page: requests.Response) -> str:
    found = re.search(r"<h1[^>]*>([^<]*)</h1>", page.text)
    return f"status {page.status_code}" if found is None else found[1]


def logged_in(stage: Stage) -> bool:
    """Whether the browser is still logged in at the provider."""
    return 'id="password"' not in stage.person.get(stage.demo.authorization_request().url).text


async def recorded(stage: Stage) -> list[str]:
    """What is written of log-outs in the list of what happened."""
    return [one["outcome"] for one in await stage.bench.engine.activity(50) if one["event"] == "log_out"]


async def closed(url: str) -> None:
    """Wait until nobody listens there any more."""
    parts = urlsplit(url)
    assert parts.port is not None
    for _ in range(10_000):
        try:
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        except ConnectionRefusedError:
            return
        writer.close()
        await turn()
    raise AssertionError("the listener is still there")


async def leave(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A person signs out and logs out in the browser; ends with the page that the browser ends on."""
    await stage.signed_in()
    stage.switch(faults)
    outcome = await stage.bench.engine.sign_out("p", end_session=True)
    page = await browse(stage, stage.bench.browser.opened[-1], decision="log_out")
    await turn()
    return Outcome("done", says=outcome.detail, words=heading(page))


def left(value: str, page: str) -> Row:
    """Here it is over before the browser begins, whatever comes back."""
    return Row(f"logout={value}", leave, says=ASKED, words=page, asked={"/revoke": 2}, **GONE)  # type: ignore[arg-type]


ROWS = [
    left("wrong_state", UNCONFIRMED),
    left("no_state", UNCONFIRMED),
    left("empty_state", UNCONFIRMED),
    left("no_return", "Logged out"),  # a page of the provider's own
    left("500", "status 500"),
]


@pytest.fixture
async def returning(open_stage: OpenStage) -> Stage:
    """An entry whose client has a way back registered."""
    return await open_stage(post_logout_redirect=True)


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_OUT_2_whatever_comes_back_it_is_over_here(returning: Stage, row: Row) -> None:
    await hold(row, returning)


async def test_OUT_1_the_browser_posts_the_id_token_that_no_address_holds(returning: Stage) -> None:
    stage = returning
    await stage.signed_in()
    stored = stage.bench.vault.session()
    assert stored is not None
    assert stored.tokens is not None
    assert stored.tokens.id_token is not None
    id_token = stored.tokens.id_token.reveal()
    url = await begun(stage)
    assert stage.shown.state.value == "signed_out"
    assert "eyJ" not in url
    assert urlsplit(url).query == ""
    page = await asyncio.to_thread(open_page, url, stage.person.http)
    action, fields = form_of(page)
    assert action == f"{stage.demo.origin}/logout"
    assert fields.keys() == {"id_token_hint", "client_id", "post_logout_redirect_uri", "state"}
    assert fields["id_token_hint"] == id_token
    assert fields["client_id"] == stage.demo.client_id
    assert fields["post_logout_redirect_uri"] == origin(url) + stage.bench.session().provider.post_logout_path
    assert len(fields["state"]) >= 43
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert f"form-action 'self' https: {stage.demo.origin}" in policy
    assert "unsafe" not in policy


async def test_OUT_1_rp_init_logout_comes_back_with_the_state_and_the_session_there_is_over(returning: Stage) -> None:
    await returning.signed_in()
    url = await begun(returning)
    page = await browse(returning, url)
    assert heading(page) == CONFIRMED
    await closed(url)
    assert await recorded(returning) == ["ok"]
    assert not logged_in(returning)


@pytest.mark.parametrize("fault", ["wrong_state", "no_state", "empty_state"])
async def test_OUT_2_rp_init_logout_other_state_and_no_state(returning: Stage, fault: str) -> None:
    await returning.signed_in()
    returning.demo.faults(logout=fault)
    url = await begun(returning)
    assert returning.shown.state.value == "signed_out"
    assert heading(await browse(returning, url)) == UNCONFIRMED
    await closed(url)
    assert await recorded(returning) == ["unconfirmed"]


async def test_OUT_2_a_browser_that_never_comes_back_is_not_waited_for(returning: Stage) -> None:
    await returning.signed_in()
    returning.demo.faults(logout="no_return")
    url = await begun(returning)
    await browse(returning, url)
    assert await recorded(returning) == []
    await returning.bench.clock.advance(LOGOUT_LIMIT + 1)
    await closed(url)
    assert await recorded(returning) == ["unconfirmed"]


async def test_OUT_2_a_browser_that_never_even_comes_is_not_waited_for(stage: Stage) -> None:
    await stage.signed_in()
    url = await begun(stage)
    await stage.bench.clock.advance(LOGOUT_LIMIT + 1)
    await closed(url)


async def test_OUT_1_without_a_registered_way_back_none_is_named(stage: Stage) -> None:
    await stage.signed_in()
    url = await begun(stage)
    page = await asyncio.to_thread(open_page, url, stage.person.http)
    action, fields = form_of(page)
    assert fields.keys() == {"id_token_hint", "client_id"}
    answer = await asyncio.to_thread(stage.person.http.post, action, data=fields, timeout=60)
    assert heading(answer) == "Logged out"
    await closed(url)
    assert await recorded(stage) == ["sent"]


async def test_OUT_1_without_an_id_token_client_and_account_are_named(open_stage: OpenStage) -> None:
    stage = await open_stage(post_logout_redirect=True)
    await stage.signed_in()
    held = stage.bench.session().stored
    assert held is not None
    assert held.tokens is not None
    await stage.bench.session().record.commit(replace(held, tokens=replace(held.tokens, id_token=None)))
    url = await begun(stage)
    page = await asyncio.to_thread(open_page, url, stage.person.http)
    fields = form_of(page)[1]
    assert "id_token_hint" not in fields
    assert (fields["client_id"], fields["logout_hint"]) == (stage.demo.client_id, "ada")


async def test_OUT_1_the_provider_asks_where_no_id_token_speaks_for_the_person(open_stage: OpenStage) -> None:
    stage = await open_stage(post_logout_redirect=True)
    await stage.sign_in()
    await stage.bench.engine.sign_out("p")
    url = await begun(stage)  # a second time: nothing is left here to sign out of
    assert heading(await browse(stage, url, decision="log_out")) == CONFIRMED
    assert not logged_in(stage)


async def test_OUT_1_the_page_is_given_once_and_to_a_navigation_alone(stage: Stage) -> None:
    await stage.signed_in()
    url = await begun(stage)
    get = requests.get
    fetched = await asyncio.to_thread(get, url, headers={"Sec-Fetch-Mode": "no-cors"}, timeout=60)
    framed = await asyncio.to_thread(get, url, headers={"Sec-Fetch-Dest": "iframe"}, timeout=60)
    foreign = await asyncio.to_thread(get, url, headers={"Host": "evil.example"}, timeout=60)
    early = await asyncio.to_thread(get, url, headers={"Sec-Purpose": "prefetch"}, timeout=60)
    posted = await asyncio.to_thread(requests.post, url, timeout=60)
    guessed = await asyncio.to_thread(get, url + "x", timeout=60)
    with_query = await asyncio.to_thread(get, url + "?a=b", timeout=60)
    refused = [fetched, framed, foreign, early, posted, guessed, with_query]
    assert [one.status_code for one in refused] == [403, 403, 421, 503, 405, 404, 410]
    assert not any("eyJ" in one.text for one in refused)
    assert "eyJ" in (await asyncio.to_thread(open_page, url, requests.Session())).text


async def test_OUT_1_another_user_of_the_machine_gets_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.signed_in()
    monkeypatch.setattr(logout_listener, "owner", lambda *_: os.getuid() + 1)
    url = await begun(stage)
    with pytest.raises(requests.ConnectionError):
        await asyncio.to_thread(open_page, url, requests.Session())
    monkeypatch.setattr(logout_listener, "owner", lambda *_: None)  # nobody can tell
    assert "eyJ" in (await asyncio.to_thread(open_page, url, requests.Session())).text


async def test_OUT_1_a_second_look_at_the_page_finds_nothing(returning: Stage) -> None:
    await returning.signed_in()
    url = await begun(returning)
    assert "eyJ" in (await asyncio.to_thread(open_page, url, requests.Session())).text
    again = await asyncio.to_thread(open_page, url, requests.Session())
    assert (again.status_code, "eyJ" in again.text) == (410, False)


async def test_OUT_2_nobody_who_guesses_the_way_back_ends_the_wait(returning: Stage) -> None:
    await returning.signed_in()
    url = await begun(returning)
    back = origin(url) + returning.bench.session().provider.post_logout_path
    assert heading(await asyncio.to_thread(open_page, back, requests.Session())) == "This log-out is already over"
    assert heading(await browse(returning, url)) == CONFIRMED


async def test_OUT_1_the_local_sign_out_comes_first_and_waits_for_nobody(returning: Stage) -> None:
    stage = returning
    await stage.signed_in()
    states: list[str] = []
    opened = stage.bench.browser.open

    def open_(url: str, **how: Any) -> Launch:
        states.append(f"{stage.kept}, {stage.demo.count('/revoke')} revoked")
        return opened(url, **how)

    stage.demo.reset_log()
    stage.bench.browser.open = open_  # type: ignore[method-assign]
    await begun(stage)
    assert states == ["nothing, 2 revoked"]


async def test_OUT_1_a_browser_that_cannot_be_started_leaves_an_address_without_a_token(stage: Stage) -> None:
    await stage.signed_in()
    stage.bench.browser.launch = Launch(asked=False, problem="No browser was found.")
    outcome = await stage.bench.engine.sign_out("p", end_session=True)
    assert outcome.end_session == "failed"
    address = outcome.detail.rpartition(" ")[2]
    assert address.startswith(f"{stage.demo.origin}/logout?")
    assert parse_qs(urlsplit(address).query) == {"client_id": [stage.demo.client_id], "logout_hint": ["ada"]}
    await closed(stage.bench.browser.opened[-1])


async def test_OUT_1_it_is_neither_asked_for_nor_offered_by_itself(stage: Stage) -> None:
    await stage.signed_in()
    assert stage.shown.end_session_available
    before = len(stage.bench.browser.opened)
    outcome = await stage.bench.engine.sign_out("p")
    assert outcome.end_session == ""
    assert len(stage.bench.browser.opened) == before


async def test_OUT_1_a_server_without_the_endpoint_has_nothing_to_offer(stage: Stage) -> None:
    stage.demo.faults(metadata="no_end_session")
    await stage.signed_in()
    assert not stage.shown.end_session_available
    before = len(stage.bench.browser.opened)
    outcome = await stage.bench.engine.sign_out("p", end_session=True)
    assert outcome.end_session == "unsupported"
    assert outcome.detail.endswith("Demo has no way to log out in the browser.")
    assert len(stage.bench.browser.opened) == before


async def test_OUT_1_REF_9_an_id_token_never_goes_to_another_server(open_stage: OpenStage) -> None:
    stage = await open_stage()
    await stage.signed_in()
    entry = stage.bench.session().provider
    stage.bench.write(Provider(**(entry.model_dump() | {"client_id": "another"})))
    await stage.bench.engine.reload()
    before = len(stage.bench.browser.opened)
    outcome = await stage.bench.engine.sign_out("p", end_session=True)
    assert outcome.end_session == "failed"
    assert len(stage.bench.browser.opened) == before


async def test_LOOP_6_a_new_sign_in_gets_the_port_that_a_log_out_waits_on(open_stage: OpenStage, demo: Any) -> None:
    stage = await open_stage(post_logout_redirect=True)
    await stage.signed_in()
    url = await begun(stage)
    port = urlsplit(url).port
    entry = stage.bench.session().provider
    stage.bench.write(Provider(**(entry.model_dump() | {"redirect_port": port})))
    await stage.bench.engine.reload()
    await until(lambda: stage.bench.session().provider.redirect_port == port, "the changed entry")
    assert await stage.sign_in() == Outcome("done")
