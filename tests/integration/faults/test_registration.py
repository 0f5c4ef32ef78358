"""Clients that the server registers: the rows of `register`, `manage`, `secret_lifetime`, `cimd` and their like."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from typing import Any

import pytest
import requests

from integration.faults.conftest import OpenStage
from support.demo_provider import DemoProvider
from support.fake_clock import until
from support.fault_rows import Row, hold, refresh, sign_in
from support.fault_stage import Outcome, Stage
from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.oauth import client_metadata

NOTHING: dict[str, Any] = {"state": "signed_out", "serves": False, "keeps": "nothing", "mended": "sign_in"}
ONCE = {"/register": 1, "/token": 0, "/authorize": 0}
BY_HAND = "Or register a client at the provider by hand and write its ID into the configuration as `client_id`."
AGAIN = "Start the sign-in again."
IN_ITS_PLACE = (
    "Try it again. If it stays so, something else may be answering in its place (a network sign-in page, a proxy), "
    "or its address in the configuration is wrong."
)
SWITCH = "a fault switch is on"


def refused(value: str, says: str, step: str = BY_HAND, words: str = "", **changes: Any) -> Row:
    """Nothing was registered, and no browser was opened."""
    row = Row(
        f"register={value}",
        sign_in,
        ends="provider_error",
        title="The provider did not register TokenKeep",
        says=says,
        step=step,
        words=words,
        asked=ONCE,
        shows={"pages opened": 0, "client": None},
        **NOTHING,
    )
    return replace(row, **changes)


def closed(value: str) -> Row:
    return refused(
        value,
        "Demo registers TokenKeep only with an initial access token.",
        "Ask its administrator for one and give it: `tokenkeep edit p --initial-access-token -`.",
        title="The provider registers only clients that its administrator lets in",
    )


def later(value: str, says: str) -> Row:
    return refused(value, says, AGAIN, ends="provider_unreachable", title="The provider cannot be reached")


def nonsense(value: str, says: str) -> Row:
    return refused(value, says, IN_ITS_PLACE, title="The provider's answer makes no sense")


REFUSED = [
    refused("400", "Demo answered the registration with status 400."),
    closed("401"),
    closed("403"),
    later("429", "The provider was asked too often and wants a pause (status 429)."),
    later("500", "The provider does not work at the moment (status 500)."),
    later("503", "The provider does not work at the moment (status 503)."),
    later("html", "The provider does not work at the moment (status 500)."),
    refused(
        "invalid_client_metadata",
        "Demo does not accept what TokenKeep says of itself.",
        f"Check `client_auth` and `scopes` of this provider. {BY_HAND}",
        SWITCH,
    ),
]

MALFORMED = [
    nonsense("html200", "The provider answered with status 200 and a body that is not JSON."),
    nonsense("empty", "The provider answered with status 201 and a body that is not JSON."),
    nonsense("array", "The answer of Demo to the registration is no JSON object."),
    nonsense("no_client_id", "The answer of Demo to the registration has no client_id."),
    nonsense("number_client_id", "The answer of Demo to the registration has no client_id."),
    nonsense("empty_client_id", "The answer of Demo to the registration has no client_id."),
]

NO_SECRET = nonsense(
    "no_secret", "The answer of Demo to the registration has no client_secret, which client_secret_basic needs."
)
ODD_END = nonsense(
    "text_secret_expiry", "The answer of Demo to the registration has a client_secret_expires_at that is no time."
)

ADOPTED = [
    Row("register=200", sign_in, asked={"/register": 1, "/token": 1}),
    Row("register=stray_secret", sign_in, asked={"/register": 1, "/token": 1}, shows={"authenticated": "none"}),
    Row("register=secret", sign_in, asked={"/register": 1}, shows={"authenticated": "client_secret_post"}),
    Row("register=drop_refresh", sign_in, asked={"/register": 1}, keeps="nothing"),
]


class Registered(Stage):
    """A stage whose entry leaves the client to the server."""

    def seen(self, name: str) -> object:
        if name == "authenticated":
            return self.demo.log("/token")[-1].get("client_auth")
        return super().seen(name)


@pytest.fixture
async def open_registered(open_stage: OpenStage) -> Any:
    async def start(**entry: Any) -> Stage:
        stage = await open_stage(**({"client_id": "", "registration": "auto"} | entry))
        stage.__class__ = Registered
        return stage

    return start


@pytest.mark.parametrize("row", REFUSED, ids=str)
async def test_DCR_5_a_refused_registration_says_why_and_is_tried_once(open_registered, row: Row) -> None:
    await hold(row, await open_registered())


@pytest.mark.parametrize("row", MALFORMED, ids=str)
async def test_DCR_2_a_malformed_answer_leaves_nothing_behind(open_registered, row: Row) -> None:
    stage = await open_registered()
    await hold(replace(row, mended=""), stage)
    assert stage.bench.vault.read_registrations() == []
    await stage.mend_by_sign_in()


@pytest.mark.parametrize("row", [NO_SECRET, ODD_END], ids=str)
async def test_DCR_2_a_secret_comes_whole_or_not_at_all(open_registered, row: Row) -> None:
    stage = await open_registered(client_auth="client_secret_basic")
    await hold(replace(row, mended=""), stage)
    assert stage.bench.vault.read_registrations() == []


@pytest.mark.parametrize("row", ADOPTED, ids=str)
async def test_DCR_3_what_the_server_registered_is_what_holds(open_registered, row: Row) -> None:
    await hold(row, await open_registered())


# --- registrations that cannot work ---------------------------------------------------------------------------

ADDRESS = re.compile(r"http://([a-z0-9.]+):\d+/callback/[a-z0-9]{12}")


async def sign_in_anywhere(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A person signs in; ports and paths are left out of what is said."""
    outcome = await sign_in(stage, faults)
    return replace(outcome, says=ADDRESS.sub(r"http://\1:…", outcome.says))


UNUSED = [
    refused(
        "invalid_redirect_uri",
        "Demo does not accept the address that the browser is to come back to: http://127.0.0.1:….",
        f"Set `redirect_host` or `redirect_port` to what it accepts. {BY_HAND}",
        SWITCH,
        does=sign_in_anywhere,
        asked=ONCE | {"/register": 2},
    ),
    refused(
        "drop_redirect",
        "Demo registered TokenKeep with the redirect address none, in place of http://127.0.0.1:…. It was not used.",
        does=sign_in_anywhere,
    ),
    refused(
        "rewrite_redirect",
        "Demo registered TokenKeep with the redirect address http://127.0.0.1:…/moved, in place of "
        "http://127.0.0.1:…. It was not used.",
        does=sign_in_anywhere,
    ),
    refused("drop_code", "Demo registered TokenKeep without the grant authorization_code. It was not used."),
]


@pytest.mark.parametrize("row", UNUSED, ids=str)
async def test_DCR_3_DCR_5_a_client_that_cannot_work_is_shown_before_the_browser(open_registered, row: Row) -> None:
    await hold(row, await open_registered())


async def test_DCR_5_the_name_is_tried_where_the_literal_is_refused(open_registered, demo: DemoProvider) -> None:
    stage = await open_registered()
    demo.faults(register="invalid_redirect_uri*1")
    assert await stage.sign_in() == Outcome("done")
    first, second = (entry["metadata"]["redirect_uris"][0] for entry in demo.log("/register"))
    assert (first.startswith("http://127.0.0.1:"), second.startswith("http://localhost:")) == (True, True)
    assert stage.shown.client.redirect_uris == (second,)
    stage.bench.clock.skip(61)
    assert await stage.sign_in() == Outcome("done")
    assert demo.count("/register") == 2, "the name is remembered"


# --- secrets that end -----------------------------------------------------------------------------------------

LASTING = Row("secret_lifetime=600", sign_in, asked={"/register": 1})
UNKNOWN_END = Row("register=no_secret_expiry", sign_in, asked={"/register": 1})


async def confidential(open_registered: Any, lifetime: int = 600, **faults: str) -> Stage:
    """Signed in with a secret that ends after ten minutes."""
    stage: Stage = await open_registered(client_auth="client_secret_basic")
    stage.demo.faults(secret_lifetime=str(lifetime), **faults)
    await stage.signed_in()
    stage.demo.reset_log()
    return stage


def used(stage: Stage) -> Any:
    (known,) = stage.bench.vault.read_registrations()
    return known


async def test_DCR_2_a_secret_without_an_end_is_used_and_said(open_registered) -> None:
    stage = await open_registered(client_auth="client_secret_post")
    await hold(UNKNOWN_END, stage)
    assert used(stage).secret_expires_at is None
    assert any("until when the client secret is good" in line for line in stage.log())


async def test_DCR_4_the_end_of_a_secret_is_shown(open_registered) -> None:
    stage = await open_registered(client_auth="client_secret_post")
    await hold(LASTING, stage)
    assert stage.shown.client.expires_at == pytest.approx(stage.bench.clock.wall() + 600, abs=5)


async def renewed(stage: Stage, seconds: float) -> None:
    """Let so much time pass, and what the background began come to an end."""
    await stage.bench.clock.advance(seconds)
    await until(lambda: not stage.bench.engine._context.registrations.busy, "the end of the renewal")
    await stage.settled()


async def test_DCR_4_a_secret_is_renewed_before_its_end(open_registered) -> None:
    stage = await confidential(open_registered)
    before = used(stage)
    await renewed(stage, 395)
    assert stage.demo.log() == [], "a third of its life is early enough"
    await renewed(stage, 10)
    after = used(stage)
    assert [entry["method"] for entry in stage.demo.log()] == ["PUT"]
    assert (after.client_id, after.secret != before.secret) == (before.client_id, True)
    stage.demo.reset_log()
    await stage.bench.engine.refresh("p")
    assert stage.demo.log("/token")[-1]["client_auth"] == "client_secret_basic"


async def test_DCR_4_a_renewal_that_fails_is_tried_again(open_registered) -> None:
    stage = await confidential(open_registered, manage="503")
    before = used(stage)
    await renewed(stage, 405)
    assert used(stage).secret == before.secret
    stage.demo.faults(manage=None)
    await renewed(stage, 3)
    assert used(stage).secret != before.secret


async def refreshed(stage: Stage) -> Outcome:
    """A click on "Refresh now"."""
    try:
        await stage.bench.engine.refresh("p")
    except TokenKeepError as error:
        return Outcome.of(error)
    return Outcome("done")


@pytest.mark.parametrize("faults", [{"registration_uri": "absent"}, {"manage": "403"}, {"manage": "404"}], ids=str)
async def test_DCR_4_a_dead_secret_is_never_sent(open_registered, faults: dict[str, str]) -> None:
    stage = await confidential(open_registered, 60, **faults)
    client_id = used(stage).client_id
    stage.bench.clock.skip(62)
    outcome = await refreshed(stage)
    assert (outcome.ends, outcome.step) == ("sign_in_required", "Sign in again: TokenKeep then registers anew.")
    assert "The client secret that Demo gave TokenKeep has run out" in outcome.says
    assert (stage.demo.count("/token"), stage.shown.state.value) == (0, "needs_sign_in")
    stage.demo.clear_faults()
    assert await stage.sign_in() == Outcome("done")
    assert (used(stage).client_id == client_id) is ("manage" in faults), "mended where that is possible, else a new one"
    assert stage.shown.state.value == "active"


async def test_DCR_4_an_unreachable_server_ends_no_sign_in_over_its_secret(open_registered) -> None:
    stage = await confidential(open_registered, 60, manage="503")
    stage.bench.clock.skip(62)
    assert (await refreshed(stage)).ends == "provider_unreachable"
    assert (stage.demo.count("/token"), stage.shown.state.value, stage.kept) == (0, "offline", "old")
    stage.demo.clear_faults()
    await stage.bench.let(60)  # the clock jumped: background work waits a little as after a suspend
    assert (stage.shown.state.value, stage.kept) == ("active", "new")


# --- looking after it -----------------------------------------------------------------------------------------

ADDRESSES = [
    Row("registration_uri=absent", sign_in, asked={"/register": 1}),
    Row("registration_uri=other_host", sign_in, asked={"/register": 1, "trap.connection": 0}),
    Row("registration_uri=relative", sign_in, asked={"/register": 1}),
]
ROTATED = Row("registration_token=rotate", refresh)


@pytest.mark.parametrize("row", ADDRESSES, ids=str)
async def test_DCR_7_only_the_servers_own_management_address_is_used(open_registered, row: Row) -> None:
    stage = await open_registered(client_auth="client_secret_basic")
    await hold(row, stage)
    assert (used(stage).managed, stage.shown.client.managed) == (False, False)
    removed = await stage.bench.engine.remove_provider("p")
    assert removed.endswith("Demo does not let TokenKeep delete its registration there; it was removed here only.")
    assert stage.demo.count("trap.connection") == 0


async def test_DCR_7_a_new_registration_token_replaces_the_old_at_once(open_registered) -> None:
    stage = await confidential(open_registered, registration_token="rotate")
    tokens = [used(stage).access_token]
    for _ in range(2):
        await renewed(stage, 405)
        tokens.append(used(stage).access_token)
    assert len(set(tokens)) == 3
    shown = [entry["registration_token"] for entry in stage.demo.log() if entry["method"] == "PUT"]
    assert len(shown) == len(set(shown)) == 2, "none is used twice"
    assert all(entry["status"] == 200 for entry in stage.demo.log() if entry["method"] == "PUT")
    await hold(ROTATED, await open_registered())


async def test_DCR_7_an_update_sends_every_field_but_those_of_the_server(open_registered) -> None:
    stage = await confidential(open_registered)
    await renewed(stage, 405)
    (entry,) = [one for one in stage.demo.log() if one["method"] == "PUT"]
    known = used(stage)
    assert entry["metadata"].pop("client_id") == known.client_id
    assert entry["metadata"].pop("client_secret") == "…"
    assert entry["metadata"] == known.metadata, "nothing is left out, nothing of the server's is sent"
    assert not {"registration_access_token", "registration_client_uri", "client_secret_expires_at"} & set(
        entry["metadata"]
    )


REMOVED_HERE = "it was removed here only."
MANAGED = {
    "400": f"Demo refused to delete its registration of TokenKeep; {REMOVED_HERE}",
    "401": "Demo had no registration of TokenKeep any more.",
    "403": f"Demo refused to delete its registration of TokenKeep; {REMOVED_HERE}",
    "404": "Demo had no registration of TokenKeep any more.",
    "405": f"Demo does not let TokenKeep delete its registration there; {REMOVED_HERE}",
    "429": "Demo cannot be reached, so its registration of TokenKeep was removed here only.",
    "500": "Demo cannot be reached, so its registration of TokenKeep was removed here only.",
    "503": "Demo cannot be reached, so its registration of TokenKeep was removed here only.",
    "html": "Demo cannot be reached, so its registration of TokenKeep was removed here only.",
}


async def remove(stage: Stage, faults: dict[str, str]) -> Outcome:
    """A person removes the provider."""
    await stage.signed_in()
    stage.switch(faults)
    return Outcome("done", says=await stage.bench.engine.remove_provider("p"))


REMOVALS = [
    Row(f"manage={value}", remove, says=f"Demo has revoked the tokens. {says}") for value, says in MANAGED.items()
]


@pytest.mark.parametrize("row", REMOVALS, ids=str)
async def test_DCR_8_a_removed_provider_leaves_nothing_here_and_says_what_is_left_there(
    open_registered, row: Row
) -> None:
    stage = await open_registered()
    outcome = await row.does(stage, row.faults)
    assert outcome == Outcome("done", says=row.says)
    assert stage.bench.vault.read_registrations() == []
    assert stage.bench.engine.snapshot().session("p") is None
    (entry,) = [one for one in await stage.bench.engine.activity(50) if one["event"] == "remove"]
    left = REMOVED_HERE in row.says or "here only" in row.says
    assert entry["outcome"] == ("registration_left" if left else "ok")
    assert [notice.body for notice in stage.bench.of("notice") if "is removed" in notice.title] == (
        [MANAGED[row.covers[1]]] if left else []
    )


async def test_DCR_8_the_registration_is_gone_at_the_server(open_registered, demo: DemoProvider) -> None:
    stage = await open_registered()
    outcome = await remove(stage, {})
    assert outcome.says == "Demo has revoked the tokens. Demo has deleted its registration of TokenKeep."
    (deleted,) = [one for one in demo.log() if one["method"] == "DELETE" and one["path"].startswith("/register/")]
    assert deleted["status"] == 204


# --- documents that describe the client -----------------------------------------------------------------------

FIXTURE = "/client-metadata/native.json"


@pytest.fixture
async def open_documented(open_registered, demo: DemoProvider) -> Any:
    async def start(document: str = FIXTURE, **entry: Any) -> Stage:
        stage: Stage = await open_registered(**entry)
        stage.bench.write(*stage.bench.providers, app={"client_metadata_url": demo.origin + document})
        await stage.bench.engine.reload()
        return stage

    return start


NOT_ADVERTISED = [
    Row("cimd=absent", sign_in, asked={"/register": 1, "/token": 1}),
    Row("cimd=text", sign_in, asked={"/register": 1, "/token": 1}),
]


@pytest.mark.parametrize("row", NOT_ADVERTISED, ids=str)
async def test_CIMD_2_a_document_is_used_only_where_the_server_says_true(open_documented, row: Row) -> None:
    stage = await open_documented()
    await hold(row, stage)
    assert stage.shown.client.source == "registration"


async def test_CIMD_2_the_address_of_the_document_is_the_client_id(open_documented, demo: DemoProvider) -> None:
    stage = await open_documented()
    await stage.signed_in()
    assert (demo.count("/register"), stage.bench.vault.read_registrations()) == (0, [])
    client = stage.shown.client
    assert (client.client_id, client.source) == (demo.origin + FIXTURE, "metadata_document")
    assert demo.log("/token")[-1]["client_id"] == client.client_id
    assert await stage.renew_in_background() == Outcome("done")
    assert demo.log("/token")[-1]["client_id"] == client.client_id
    assert (await stage.sign_out()).says == "Demo has revoked the tokens."


REASONS = {
    "404": "it was answered with the status 404",
    "500": "it was answered with the status 500",
    "redirect": "it was answered with the status 302",
    "html": "it is not served as JSON",
    "broken": "the document is not JSON",
    "array": "the document is not a JSON object",
    "huge": "it is larger than 5120 bytes",
    "other_client_id": "the client_id in the document is not its URL",
    "no_client_id": "the client_id in the document is not its URL",
    "no_name": "client_name is missing",
    "no_redirect_uris": "redirect_uris is missing",
    "no_method": "token_endpoint_auth_method must be there and not use a shared secret",
    "secret": "the document has a client_secret",
    "secret_method": "token_endpoint_auth_method must be there and not use a shared secret",
}
DOCUMENTS = [
    Row(
        f"client_document={value}",
        sign_in,
        ends="provider_error",
        title="The provider does not accept this client registration",
        says="The provider does not know this client, or the client's secret is wrong.",
        step="Look at what lies at `client_metadata_url`: the provider must be able to read it there, and "
        "`tokenkeep config client-metadata` prints what it must say.",
        words=f"client metadata document: {reason}",
        asked={"/register": 0, "/token": 0},
        **NOTHING,
    )
    for value, reason in REASONS.items()
]


@pytest.mark.parametrize("row", DOCUMENTS, ids=str)
async def test_CIMD_1_a_document_that_the_server_refuses_is_named_in_its_words(open_documented, row: Row) -> None:
    await hold(row, await open_documented())


PORTS = Row("redirect_ports=exact", sign_in, asked={"/register": 1, "/token": 1})


async def test_CIMD_3_a_server_that_compares_ports_gets_the_registered_one(open_registered) -> None:
    stage = await open_registered()
    await hold(PORTS, stage)
    stage.demo.faults(redirect_ports="exact")
    for _ in range(2):  # the port of before is still taken by the connections of before
        assert await stage.sign_in() == Outcome("done")
    assert stage.demo.count("/register") == 1


def publish(demo: DemoProvider, name: str, ports: tuple[int, ...]) -> str:
    """Put our own document where the demo provider looks; its path."""
    path = f"/client-metadata/{name}.json"
    document = client_metadata.document(demo.origin + path, ports)
    assert client_metadata.faults(document, demo.origin + path) == []
    requests.put(demo.origin + path, json=document, timeout=60).raise_for_status()
    return path


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
async def test_CIMD_3_the_document_holds_for_every_port_of_every_loopback_host(
    open_documented, demo: DemoProvider, host: str
) -> None:
    stage = await open_documented(publish(demo, "ours", ()), redirect_host=host)
    assert await stage.sign_in() == Outcome("done")
    assert demo.count("/register") == 0


async def test_CIMD_3_fixed_ports_of_the_document_serve_where_ports_are_compared(
    open_documented, demo: DemoProvider
) -> None:
    port = free_port()
    stage = await open_documented(publish(demo, "fixed", (port,)), redirect_port=port)
    demo.faults(redirect_ports="exact")
    assert await stage.sign_in() == Outcome("done")
    assert demo.count("/register") == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


ROWS = [
    *REFUSED, *MALFORMED, NO_SECRET, ODD_END, *ADOPTED, *UNUSED, LASTING, UNKNOWN_END, *ADDRESSES, ROTATED, *REMOVALS,
    *NOT_ADVERTISED, *DOCUMENTS, PORTS,
]  # fmt: skip
