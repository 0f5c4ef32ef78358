"""Who asked for what, when, with what outcome: kept in memory at once, written behind, never a token among it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from tokenkeep.domain.access import Application, printable
from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.engine.context import Context

log = logging.getLogger(__name__)

WRITE_BEHIND = 5.0  # seconds; what a crash may lose of the list
RECENT = 500


class Activity:
    """The list of what happened. Used on the engine's loop only."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._recent: deque[dict[str, Any]] = deque(maxlen=RECENT)
        self._unwritten: list[dict[str, Any]] = []
        self._writer: asyncio.Task[None] | None = None

    def record(self, event: str, provider: str, outcome: str, application: Application | None = None) -> None:
        """Note one event.

        :param event: `token`, `refresh`, `sign_in`, `sign_out` or `access`.
        :param outcome: `ok`, or the error's code.
        """
        entry = {
            "at": self._context.clock.wall(),
            "event": event,
            "provider": provider,
            "outcome": outcome,
            "program": "" if application is None or application.own else application.name,
            "path": "" if application is None else printable(application.script or application.executable),
        }
        last = self._recent[-1] if self._recent else None
        if last is not None and _same(last, entry) and entry["at"] - last["at"] < 1.0:
            return  # a program that asks a thousand times a second is one line
        self._recent.append(entry)
        self._unwritten.append(entry)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_later())
            self._context.spawn(self._writer)

    async def _write_later(self) -> None:
        await self._context.clock.sleep(WRITE_BEHIND)
        self._writer = None
        await self.flush()

    async def flush(self) -> None:
        """Write what is not written yet."""
        if not self._context.vault.attached:
            return  # it is written once the vault is open
        entries, self._unwritten = self._unwritten, []
        if not entries:
            return
        try:
            await self._context.vault.append_activity(entries)
        except TokenKeepError as error:
            log.warning("the activity list could not be written: %s", error.code)

    async def read(self, limit: int) -> list[dict[str, Any]]:
        """The newest entries first."""
        await self.flush()
        return await self._context.vault.read_activity(limit)


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[key] == other[key] for key in ("event", "provider", "outcome", "path"))
