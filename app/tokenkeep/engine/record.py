"""What the vault is to hold of one session: true in memory at once, durable as soon as the disk lets it (REF-1)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from tokenkeep.domain import schedule
from tokenkeep.domain.errors import TokenKeepError
from tokenkeep.domain.revocation import OwedRevocation
from tokenkeep.domain.tokens import StoredSession
from tokenkeep.engine.context import Context

log = logging.getLogger(__name__)

RETRY_MAX = 60.0  # seconds between two tries to write what could not be written


class Record:
    """The record of one provider's session. Used on the engine's loop only.

    The vault runs its calls in the order they were asked for, so what was asked last is what holds.

    :param changed: called when `unsaved` changed by itself.
    """

    def __init__(self, context: Context, provider: str, changed: Callable[[], None]) -> None:
        self.value: StoredSession | None = None
        self.unsaved = False  # the vault holds something older
        self._context = context
        self._provider = provider
        self._changed = changed
        self._retrying: asyncio.Task[None] | None = None

    async def mark(self, value: StoredSession) -> None:
        """Note something before a request leaves; failing to is no reason not to send it."""
        self.value = value
        try:
            await self._context.vault.mark_session(self._provider, value)
        except TokenKeepError as error:
            log.warning("the vault could not be written before a refresh: %s", error.code)

    async def commit(self, value: StoredSession | None, owed: OwedRevocation | None = None) -> None:
        """Make it durable, None by removing what there is.

        What cannot be written now is kept in memory and written as soon as that works again.

        :param owed: what the provider still has to be told about the tokens that were there: they are removed, and it
            is written along with that.
        """
        self.value = value
        if await self._write(owed):
            return
        log.warning("the session of %s could not be saved; it is kept in memory", self._provider)
        if self._retrying is None:
            self._retrying = asyncio.create_task(self._retry())
            self._context.spawn(self._retrying)

    async def _write(self, owed: OwedRevocation | None = None) -> bool:
        value = self.value
        try:
            if value is None or owed is not None:
                await self._context.vault.delete_session(self._provider, owed)
            if value is not None and value is self.value:
                await self._context.vault.write_session(self._provider, value)
        except TokenKeepError:
            self.unsaved = True
            return False
        if value is self.value:  # else a later write is on its way and has the say
            self.unsaved = False
        return True

    async def _retry(self) -> None:
        tries = 0
        try:
            while self.unsaved:
                tries += 1
                await self._context.clock.sleep(schedule.backoff(tries, RETRY_MAX, self._context.jitter()))
                if self.unsaved:
                    await self._write()
        finally:
            self._retrying = None
        self._changed()
