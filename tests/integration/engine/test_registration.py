"""Clients that servers register for us: once, kept where they belong, changed with the entry, gone with it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import requests

from support.demo_provider import Browser, DemoProvider
from support.engine_bench import GIT, EngineBench
from support.fake_clock import turn, until
from support.fault_stage import Outcome, Stage
from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.registration import Registration
from tokenkeep.domain.tokens import Secret

OpenRegistered = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def open_registered(demo_provider: DemoProvider) -> AsyncIterator[OpenRegistered]:
    """Opens engines whose entry leaves the client to the server."""
    stages: list[Stage] = []

    async def start(demo: DemoProvider = demo_provider, **entry: Any) -> Stage:
        values = {"client_id": "", "registration": "auto"} | entry
        stages.append(await Stage.open(demo, Browser(demo), **values))
        return stages[-1]

    yield start
    demo_provider.clear_faults()
    for stage in stages:
        await stage.close()


@pytest.fixture
async def stage(open_registered: OpenRegistered) -> Stage:
    return await open_registered()


def used(stage: Stage) -> Registration:
    (known,) = stage.bench.vault.read_registrations()
    return known


async def change(stage: Stage, **changes: Any) -> None:
    """Edit the entry in config.toml."""
    (entry,) = stage.bench.providers
    assert isinstance(entry, Provider)
    stage.bench.write(entry.model_copy(update=changes))
    await stage.bench.engine.reload()
    await turn()


async def test_DCR_1_everything_whose_default_would_be_wrong_is_said(stage: Stage) -> None:
    assert await stage.sign_in() == Outcome("done")
    (entry,) = stage.demo.log("/register")
    sent = entry["metadata"]
    (redirect_uri,) = sent.pop("redirect_uris")
    assert redirect_uri.startswith("http://127.0.0.1:")
    assert redirect_uri.endswith(stage.bench.session().provider.callback_path)
    assert sent.pop("software_id")
    assert sent.pop("software_version")
    assert sent == {
        "client_name": "TokenKeep",
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "openid profile email offline_access notes:read",
    }


async def test_DCR_6_one_registration_serves_all_sign_ins(stage: Stage, demo_provider: DemoProvider) -> None:
    first = await asyncio.gather(*(stage.begin() for _ in range(3)))
    assert len({started.id for started in first}) == 1
    assert demo_provider.count("/register") == 1
    await stage.back(await stage.decided(first[0]))
    assert (await stage.bench.ended(first[0])).state == "done"
    for _ in range(8):
        assert await stage.sign_in() == Outcome("done")
    assert await stage.sign_in_by_code() == Outcome("done")
    assert demo_provider.log("/register")[1:] == []


async def test_DCR_6_three_at_once_wait_for_the_same_registration(stage: Stage, demo_provider: DemoProvider) -> None:
    client = stage.bench.session().client
    await client.prepare()
    views = await asyncio.gather(*(client.identified(("http://127.0.0.1:5/callback/x",)) for _ in range(3)))
    assert len({view.provider.client_id for view in views}) == 1
    assert demo_provider.count("/register") == 1


async def test_DCR_6_a_cancelled_sign_in_does_not_lose_its_registration(
    stage: Stage, demo_provider: DemoProvider
) -> None:
    demo_provider.faults(network="drip:5@/register")
    begun = asyncio.create_task(stage.begin())
    await until(lambda: demo_provider.count("/register") == 1, "the registration to be asked for")
    (pending,) = stage.bench.engine.snapshot().sign_ins
    await stage.bench.engine.cancel_sign_in(pending.id)
    await begun
    demo_provider.clear_faults()
    assert await stage.sign_in() == Outcome("done")
    assert demo_provider.count("/register") == 1


async def test_DCR_6_the_next_run_uses_it_and_a_new_installation_has_another(
    stage: Stage, open_registered: OpenRegistered, demo_provider: DemoProvider
) -> None:
    await stage.signed_in()
    first = used(stage)
    again = EngineBench(*stage.bench.providers, clock=stage.bench.clock, vaults=stage.bench.storage)
    await again.opened()
    try:
        assert again.shown().client == stage.shown.client
        assert (await again.engine.refresh("p")).state.value == "active"
        assert demo_provider.log("/token")[-1]["client_id"] == first.client_id
    finally:
        await again.close()
    other = await open_registered()
    await other.signed_in()
    assert used(other).client_id != first.client_id


async def test_DCR_6_a_run_that_is_killed_before_the_commit_registers_once_more(
    stage: Stage, demo_provider: DemoProvider, caplog: pytest.LogCaptureFixture
) -> None:
    vault = stage.bench.vault
    await stage.signed_in()
    lost = used(stage)
    # What the vault holds from before the request left until the answer is committed.
    vault.write_registration(Registration(lost.issuer, lost.provider, "", lost.registered_at))
    again = EngineBench(*stage.bench.providers, clock=stage.bench.clock, vaults=stage.bench.storage)
    await again.opened()
    try:
        assert again.shown().client is None
        assert vault.read_registrations() == [], "it is noted once"
        assert any("the server may have kept a client" in record.getMessage() for record in caplog.records)
        for number in (2, 2):
            started = await again.engine.sign_in("p")
            assert demo_provider.count("/register") == number
            await again.engine.cancel_sign_in(started.id)
    finally:
        await again.close()


async def test_DCR_6_before_the_request_leaves_the_vault_knows_of_it(stage: Stage, demo_provider: DemoProvider) -> None:
    demo_provider.faults(network="drip:5@/register")
    begun = asyncio.create_task(stage.begin())
    await until(lambda: demo_provider.count("/register") == 1, "the registration to be asked for")
    assert [(one.client_id, one.provider) for one in stage.bench.vault.read_registrations()] == [("", "p")]
    demo_provider.clear_faults()
    await begun
    assert used(stage).client_id


async def test_DCR_6_a_registration_that_cannot_be_saved_is_used_and_saved_later(stage: Stage) -> None:
    vault = stage.bench.vault
    client = stage.bench.session().client
    await client.prepare()
    write, failing = vault.write_registration, [True]

    def fail_once(one: Registration) -> None:
        vault.failing = bool(one.client_id and failing) and failing.pop()
        try:
            write(one)
        finally:
            vault.failing = False

    vault.write_registration = fail_once  # type: ignore[method-assign,assignment]
    uris = ("http://127.0.0.1:5/callback/x",)
    first = await client.identified(uris)
    assert [one.client_id for one in vault.read_registrations()] == [""]
    second = await client.identified(uris)
    assert [one.client_id for one in vault.read_registrations()] == [first.provider.client_id]
    assert second.provider.client_id == first.provider.client_id
    assert stage.demo.count("/register") == 1


@pytest.mark.parametrize(
    "changes", [{"redirect_host": "localhost"}, {"redirect_path": "/elsewhere"}, {"scopes": ["openid"]}], ids=str
)
async def test_DCR_6_a_changed_entry_changes_the_registration(stage: Stage, changes: dict[str, Any]) -> None:
    await stage.signed_in()
    before = used(stage)
    await change(stage, **({"refresh_token": "optional"} | changes))
    assert await stage.sign_in() == Outcome("done")
    after = used(stage)
    assert (after.client_id, stage.demo.count("/register")) == (before.client_id, 1)
    assert after.metadata != before.metadata
    if "redirect_path" in changes:
        assert all(uri.endswith("/elsewhere") for uri in after.redirect_uris)
    if "redirect_host" in changes:
        assert all(uri.startswith("http://localhost:") for uri in after.redirect_uris)


async def test_DCR_6_without_management_a_changed_address_needs_a_new_client(
    stage: Stage, demo_provider: DemoProvider
) -> None:
    demo_provider.faults(registration_uri="absent")
    await stage.signed_in()
    before = used(stage)
    await change(stage, redirect_host="localhost")
    assert await stage.sign_in() == Outcome("done")
    assert used(stage).client_id != before.client_id
    stage.bench.clock.skip(6)
    await stage.bench.engine.refresh("p")


async def test_DCR_6_fixed_ports_are_registered_all(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = [one.getsockname()[1], two.getsockname()[1]]
    await change(stage, redirect_port=ports)
    stage.demo.faults(redirect_ports="exact")
    for _ in range(2):
        assert await stage.sign_in() == Outcome("done")
    assert [int(uri.split(":")[2].split("/")[0]) for uri in used(stage).redirect_uris] == ports
    assert stage.demo.count("/register") == 1


async def delete_at_the_server(stage: Stage) -> None:
    known = used(stage)
    assert known.access_token is not None
    answer = await asyncio.to_thread(
        requests.delete,
        known.management_uri,
        headers={"Authorization": f"Bearer {known.access_token.reveal()}"},
        timeout=60,
    )
    assert answer.status_code == 204


async def test_CAUTH_4_DCR_6_a_client_that_was_deleted_is_registered_again_at_the_next_sign_in(stage: Stage) -> None:
    await stage.signed_in()
    before = used(stage)
    await delete_at_the_server(stage)
    stage.run_out()
    outcome = await stage.ask()
    assert outcome.title == "The provider does not accept this client registration"
    assert outcome.step == (
        "Sign in again: TokenKeep then registers anew. Until then the sign-in that was there before is kept."
    )
    assert (stage.shown.state.value, stage.kept) == ("failed", "old")
    stage.bench.clock.skip(-3575)
    assert await stage.sign_in() == Outcome("done")
    assert used(stage).client_id != before.client_id
    assert stage.shown.state.value == "active"


async def test_CAUTH_4_credentials_that_the_server_changed_are_asked_for(
    open_registered: OpenRegistered, demo_provider: DemoProvider
) -> None:
    stage = await open_registered(client_auth="client_secret_post")
    await stage.signed_in()
    known = used(stage)
    registrations = stage.bench.engine._context.registrations
    await registrations._adopt(replace(known, secret=Secret("not-the-secret-any-more")), known)
    stage.bench.clock.skip(6)
    await stage.bench.engine.refresh("p")
    assert used(stage).secret == known.secret
    assert demo_provider.count("/token.refresh_token") == 2, "refused once, then with what the server told"


async def test_MCP_5_credentials_are_used_at_the_issuer_that_gave_them_and_nowhere_else(
    stage: Stage, start_demo: Callable[..., DemoProvider]
) -> None:
    await stage.signed_in()
    old = used(stage)
    other = start_demo()
    await change(stage, issuer=other.issuer)
    with pytest.raises(TokenKeepError) as caught:
        await stage.bench.token()
    assert caught.value.code == "sign_in_required"
    mine, stage.demo, stage.person = stage.demo, other, Browser(other)
    mine.reset_log()
    await stage.bench.engine.sign_out("p")
    assert await stage.sign_in() == Outcome("done")
    kept = {one.issuer: one.client_id for one in stage.bench.vault.read_registrations()}
    assert kept == {mine.issuer: old.client_id, other.issuer: kept[other.issuer]}
    assert kept[other.issuer] != old.client_id
    assert old.client_id not in str(other.log())
    await change(stage, issuer=mine.issuer)
    stage.demo, stage.person = mine, Browser(mine)
    await stage.bench.engine.sign_out("p")
    assert await stage.sign_in() == Outcome("done")
    assert mine.count("/register") == 0, "the old one serves again"
    await stage.bench.engine.remove_provider("p")
    assert stage.bench.vault.read_registrations() == []
    assert [gone(mine, old.client_id), gone(other, kept[other.issuer])] == [True, True]


def gone(demo: DemoProvider, client_id: str) -> bool:
    """Whether the client was deleted there."""
    return any(entry["method"] == "DELETE" for entry in demo.log(f"/register/{client_id}"))


async def test_DCR_5_an_initial_access_token_opens_the_registration(
    open_registered: OpenRegistered, start_demo: Callable[..., DemoProvider]
) -> None:
    demo = start_demo(registration_token=True)
    stage = await open_registered(demo)
    assert (await stage.sign_in()).says == "Demo registers TokenKeep only with an initial access token."
    engine = stage.bench.engine
    await engine.set_initial_access_token("p", Secret("wrong-initial-canary"))
    assert (await stage.sign_in()).says == "Demo does not accept the initial access token."
    await engine.set_initial_access_token("p", Secret(demo.description["initial_access_token"]))
    assert await stage.sign_in() == Outcome("done")
    assert "wrong-initial-canary" not in str(stage.bench.events)


async def test_DCR_8_a_removed_provider_is_gone_from_everywhere(stage: Stage) -> None:
    await stage.signed_in()
    client_id = used(stage).client_id
    vault = stage.bench.vault
    vault.write_secret("p/client_secret", Secret("typed-in"))
    await stage.bench.engine.remove_provider("p", GIT)
    assert stage.bench.engine.snapshot().sessions == ()
    assert (vault.read_registrations(), vault.session(), vault.secret_names()) == ([], None, ())
    answer = stage.demo.token_request(grant_type="refresh_token", refresh_token="x", client_id=client_id)
    assert answer.json()["error"] == "invalid_client"


async def test_REV_1_tokens_of_a_registered_client_with_a_key_are_revoked(open_registered: OpenRegistered) -> None:
    stage = await open_registered(client_auth="private_key_jwt")
    await stage.signed_in()
    outcome = await stage.bench.engine.sign_out("p")
    assert (used(stage).method, outcome.revoked) == ("private_key_jwt", True)


async def test_DCR_8_a_registration_that_is_under_way_is_removed_too(stage: Stage, demo_provider: DemoProvider) -> None:
    demo_provider.faults(network="drip:5@/register")
    begun = asyncio.create_task(stage.begin())
    await until(lambda: demo_provider.count("/register") == 1, "the registration to be asked for")
    await stage.bench.engine.remove_provider("p", GIT)
    await begun
    assert (demo_provider.count("/register"), stage.bench.vault.read_registrations()) == (1, [])
    assert stage.bench.engine._context.registrations._known == {}


async def test_LEAK_1_nothing_that_is_shown_or_told_holds_a_registered_secret(
    open_registered: OpenRegistered, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="tokenkeep")
    stage = await open_registered(client_auth="client_secret_basic")
    stage.demo.faults(registration_token="rotate", secret_lifetime="600")
    await stage.signed_in()
    secrets = [used(stage).secret, used(stage).access_token]
    await stage.bench.clock.advance(405)
    await until(lambda: not stage.bench.engine._context.registrations.busy, "the end of the renewal")
    secrets += [used(stage).secret, used(stage).access_token]
    await stage.bench.engine.remove_provider("p")
    told = "\n".join(
        [repr(stage.bench.events), repr(stage.bench.engine.snapshot()), str(await stage.bench.engine.activity(50))]
        + [record.getMessage() for record in caplog.records]
    )
    assert len({secret.reveal() for secret in secrets if secret}) == 4
    for secret in secrets:
        assert secret is not None
        assert secret.reveal() not in told
