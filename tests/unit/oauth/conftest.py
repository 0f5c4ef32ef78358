"""A scripted server on loopback and a transport with a wall clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.oauth_values import NOW
from support.scripted_server import ScriptedServer
from tokenkeep.oauth.transport import Transport


class Wall:
    """A wall clock that stands still."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def transport(wall: Wall) -> Iterator[Transport]:
    # The limit is a guard: whatever needs it to pass has a transport of its own.
    made = Transport(timeout=30.0, wall=wall)
    yield made
    made.close()
