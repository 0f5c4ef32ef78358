"""A scripted server on loopback and a transport with a wall clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.oauth_values import NOW, key, public
from support.scripted_server import Connection, ScriptedServer, json_answer
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


@pytest.fixture
def keys(server: ScriptedServer) -> dict[str, Any]:
    """The key set that the server publishes; change it before the first use."""
    published = {"keys": [public(key("RSA"))]}

    def publish(connection: Connection) -> None:
        json_answer(published)(connection)

    server.reply("/jwks", publish)
    return published
