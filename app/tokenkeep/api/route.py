"""What a route is, and what routes share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from tokenkeep.domain.ports import Clock
from tokenkeep.domain.tokens import TokenQuery
from tokenkeep.httpserver import Answer, Request, Response

if TYPE_CHECKING:
    from tokenkeep.engine.engine import Engine

WAIT_MOST = 300.0  # seconds a query may wait
JSON_HEADERS = ((b"Content-Type", b"application/json"), (b"Cache-Control", b"no-store"))
DEFAULT_QUERY = TokenQuery()

# Codes that several routes share.
UNKNOWN = ("unknown_provider", "misconfigured")
MANAGE_ERRORS = ("access_denied", "timed_out")

Run = Callable[["Context", Request, str], Answer | Awaitable[Answer]]
Result = TypeVar("Result")


class Context:
    """What the routes work with.

    :ivar finishing: changes that are under way; they go on when their caller goes away.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.contract: bytes = b""
        self.finishing: set[asyncio.Task[Any]] = set()

    async def finish(self, change: Coroutine[Any, Any, Result]) -> Result:
        """Wait for a change that must not stop halfway because its caller hung up."""
        task = asyncio.create_task(change)
        self.finishing.add(task)
        task.add_done_callback(self.finishing.discard)
        return await asyncio.shield(task)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter."""

    name: str
    schema: dict[str, Any]
    description: str


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    :param path: `{id}` stands for one segment, always the third.
    :param errors: codes besides those that any request can meet.
    :param manage: needs the right to change things.
    """

    method: str
    path: str
    run: Run
    summary: str
    answer: type[BaseModel] | None = None
    status: int = 200
    body: type[BaseModel] | None = None
    query: tuple[Parameter, ...] = ()
    errors: tuple[str, ...] = ()
    manage: bool = False
    media_type: str = field(default="application/json")


def ok(value: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(status, json.dumps(value).encode(), JSON_HEADERS)
