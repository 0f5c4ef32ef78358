"""A provider of a few lines, a session on it, and whole engines."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support import certificates
from support.engine_bench import EngineBench, SessionBench
from support.openid_server import OpenIdServer
from support.token_server import TokenServer

OpenEngine = Callable[..., Awaitable[EngineBench]]


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer() as running:
        yield running


@pytest.fixture
async def bench(server: TokenServer) -> AsyncIterator[SessionBench]:
    """One session that is signed out."""
    opened = await SessionBench.open(server)
    yield opened
    await opened.close()


@pytest.fixture
async def engine_of() -> AsyncIterator[OpenEngine]:
    """Starts engines: `await engine_of(provider, …, vaults=…)`; `opened=False` does not wait for the vault."""
    benches: list[EngineBench] = []

    async def start(*arguments: Any, opened: bool = True, **options: Any) -> EngineBench:
        bench = EngineBench(*arguments, **options)
        benches.append(bench)
        return await (bench.opened() if opened else bench.start())

    yield start
    for bench in benches:
        await bench.close()


@pytest.fixture
def op() -> Iterator[OpenIdServer]:
    with OpenIdServer() as running:
        yield running


@pytest.fixture
async def openid(engine_of: OpenEngine, op: OpenIdServer) -> EngineBench:
    """An engine with one entry, `p`, at that provider; their clocks agree."""
    bench = await engine_of(op.entry())
    op.wall = bench.clock.wall
    return bench


@pytest.fixture
def untrusted(tmp_path: Path) -> ssl.SSLContext:
    """For a server whose certificate nobody trusts."""
    return certificates.untrusted(tmp_path)
