"""The event stream as server-sent events (HTML standard §9.2), with a comment now and then so that silence is death."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

from tokenkeep.api import views
from tokenkeep.domain.ports import Clock
from tokenkeep.engine.events import Event, Subscription

BEAT = 15.0  # seconds between comments


async def stream(subscription: Subscription, boot_id: str, clock: Clock) -> AsyncGenerator[bytes, None]:
    """The bytes of a subscription, until it ends; it is closed in any case."""
    arriving: asyncio.Task[Event | None] = asyncio.create_task(_next(subscription))
    beating = asyncio.create_task(clock.sleep(BEAT))
    try:
        while True:
            await asyncio.wait({arriving, beating}, return_when=asyncio.FIRST_COMPLETED)
            if arriving.done():
                event = arriving.result()
                if event is None:
                    return
                arriving = asyncio.create_task(_next(subscription))
                value = views.event(event.kind, event.data)
                if value is not None:
                    identity, data = f"{boot_id}:{event.number}", json.dumps(value)
                    yield f"id: {identity}\nevent: {event.kind}\ndata: {data}\n\n".encode()
            if beating.done():
                beating = asyncio.create_task(clock.sleep(BEAT))
                yield b": still here\n\n"
    finally:
        subscription.close()
        arriving.cancel()
        beating.cancel()


async def _next(subscription: Subscription) -> Event | None:
    try:
        return await anext(subscription)
    except StopAsyncIteration:
        return None
