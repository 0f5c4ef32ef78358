"""A client that an independent server registers, with management whose token changes each time (RFC 7591, RFC 7592)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from integration.faults.test_independent_provider import SCOPES, Person
from support.engine_bench import EngineBench
from support.fake_clock import FakeClock
from support.fault_stage import Outcome, Stage
from support.oidc_provider import StartOidcProvider
from tokenkeep.domain.provider import Provider

pytestmark = pytest.mark.peer


@pytest.fixture
async def open_peer(start_oidc_provider: StartOidcProvider) -> AsyncIterator[Callable[..., Awaitable[Stage]]]:
    """Opens an engine at a peer where clients register themselves; arguments change the entry."""
    stages: list[Stage] = []

    async def start(**entry: Any) -> Stage:
        person: Any = Person(start_oidc_provider(registration=True))
        values = {"id": "p", "name": "Peer", "issuer": person.issuer, "registration": "auto", "scopes": SCOPES}
        provider = Provider(**(values | {"local": True, "authorization_params": {"prompt": "consent"}} | entry))
        bench = await EngineBench(provider, clock=FakeClock(wall=time.time())).opened()
        stages.append(Stage(person, person, bench))
        return stages[-1]

    yield start
    for stage in stages:
        await stage.close()


def registered(stage: Stage) -> Any:
    (known,) = stage.bench.vault.read_registrations()
    return known


@pytest.mark.parametrize("method", ["auto", "client_secret_basic", "client_secret_post", "private_key_jwt"])
async def test_DCR_1_DCR_3_DCR_7_DCR_8_from_the_registration_to_its_end(open_peer, method: str) -> None:
    stage = await open_peer(client_auth=method)
    assert await stage.sign_in() == Outcome("done")
    first = registered(stage)
    assert first.method == ("none" if method == "auto" else method)
    assert first.managed
    stage.bench.clock.skip(6)
    await stage.bench.engine.refresh("p")
    entry = stage.bench.providers[0]
    assert isinstance(entry, Provider)
    stage.bench.write(entry.model_copy(update={"redirect_path": "/elsewhere"}))
    await stage.bench.engine.reload()
    assert await stage.sign_in() == Outcome("done")
    second = registered(stage)
    assert (second.client_id, second.access_token != first.access_token) == (first.client_id, True)
    assert second.redirect_uris != first.redirect_uris
    told = await stage.bench.engine.remove_provider("p")
    assert told.endswith("Peer has deleted its registration of TokenKeep.")
    person: Any = stage.person
    counts = person.peer.counts()
    asked = {name: counts.get(f"client_{name}" if name != "registration" else name, 0) for name in ("update", "delete")}
    assert (counts["registration"], asked) == (1, {"update": 1, "delete": 1})


async def test_DCR_6_a_sign_in_by_code_is_registered_too(open_peer) -> None:
    stage = await open_peer(flow="device_code")
    started = await stage.begin("device")
    stage.person.approve_device(started.user_code, allow=True)
    assert registered(stage).redirect_uris == ()
