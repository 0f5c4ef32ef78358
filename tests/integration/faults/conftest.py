"""One demo provider for all rows, a person who stays logged in there, and an engine for each row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from support.demo_provider import Browser, DemoProvider
from support.fault_stage import TOKEN_LIFETIME, Stage

OpenStage = Callable[..., Awaitable[Stage]]


@pytest.fixture(scope="package")
def _person() -> Iterator[tuple[DemoProvider, Browser]]:
    # The interval is the provider's: its clock is the real one, on which the engine's polls follow each other at once.
    with DemoProvider(token_lifetime=TOKEN_LIFETIME, device_interval=0) as demo:
        yield demo, Browser(demo)


@pytest.fixture
def demo(_person: tuple[DemoProvider, Browser]) -> DemoProvider:
    """The provider of all rows."""
    return _person[0]


@pytest.fixture
async def open_stage(
    _person: tuple[DemoProvider, Browser], caplog: pytest.LogCaptureFixture
) -> AsyncIterator[OpenStage]:
    """Opens engines at the provider, which has no faults on; arguments change the entry."""
    demo, person = _person
    demo.clear_faults()
    demo.reset_log()
    caplog.set_level("DEBUG", logger="tokenkeep")
    stages: list[Stage] = []

    async def start(**entry: Any) -> Stage:
        stages.append(await Stage.open(demo, person, **entry))
        stages[-1].log = lambda: [record.getMessage() for record in caplog.records]
        return stages[-1]

    yield start
    demo.clear_faults()  # ends what hangs
    for stage in stages:
        await stage.close()


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    """One of them, as configured by hand in three lines."""
    return await open_stage()
