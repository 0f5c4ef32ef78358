"""Checks through the engine: what they are given, how many at a time, and the states that do not keep them away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from support.demo_provider import DemoProvider
from support.engine_bench import EngineBench
from support.fake_clock import until
from support.scripted_server import ScriptedServer, answer, hang
from tokenkeep.domain.errors import BadRequest, Misconfigured, TooManyRequests, UnknownProvider
from tokenkeep.domain.provider import BrokenProvider, Provider
from tokenkeep.engine.checking import AT_A_TIME

OpenEngine = Callable[..., Awaitable[EngineBench]]


def demo(provider: DemoProvider, **changes: Any) -> Provider:
    return Provider(id="demo", name="Demo", issuer=provider.issuer, client_id="tokenkeep-demo", local=True, **changes)


async def test_a_provider_an_issuer_and_a_resource_are_checked(
    engine_of: OpenEngine, demo_provider: DemoProvider
) -> None:
    engine = (await engine_of(demo(demo_provider))).engine
    of_provider = await engine.check(provider="demo")
    assert (of_provider.name, of_provider.subject) == ("Demo", demo_provider.issuer)
    of_resource = await engine.check(url=demo_provider.whoami)
    assert of_resource.issuer == demo_provider.issuer
    ids = {rule.id for rule in (await engine.check(issuer=demo_provider.issuer)).rules}
    assert {rule.id for rule in of_provider.rules} >= ids
    assert {rule.id for rule in of_resource.rules} >= ids | {"resource.equal", "resource.challenge"}


async def test_exactly_one_thing_is_checked(engine_of: OpenEngine) -> None:
    engine = (await engine_of()).engine
    for wrong in ({}, {"issuer": "https://a.example", "url": "https://b.example"}):
        with pytest.raises(BadRequest, match="exactly one"):
            await engine.check(**wrong)
    with pytest.raises(UnknownProvider):
        await engine.check(provider="nobody")


async def test_a_broken_entry_says_its_own_fault(engine_of: OpenEngine) -> None:
    broken = BrokenProvider(id="work", reason="The issuer must begin with https://.", key="providers.work.issuer")
    engine = (await engine_of(broken)).engine
    with pytest.raises(Misconfigured, match="must begin with https"):
        await engine.check(provider="work")


async def test_a_few_checks_run_at_a_time_and_their_ends_make_room(engine_of: OpenEngine) -> None:
    with ScriptedServer() as server:
        server.reply("/.well-known/oauth-authorization-server", hang())
        bench = await engine_of()
        running = [asyncio.create_task(bench.engine.check(issuer=server.origin)) for _ in range(AT_A_TIME)]
        await until(lambda: len(server.requests) == AT_A_TIME, "the requests")
        with pytest.raises(TooManyRequests):
            await bench.engine.check(issuer=server.origin)
        bench.transport.cancel()
        reports = await asyncio.gather(*running)
        assert not any(report.reachable for report in reports)
        server.reply("/.well-known/oauth-authorization-server", answer(404))
        assert (await bench.engine.check(issuer=server.origin)).reachable
