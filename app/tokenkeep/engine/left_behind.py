"""Sign-ins whose entries are gone from `config.toml`: kept while somebody may be editing, then signed out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from tokenkeep.domain.tokens import StoredSession
from tokenkeep.engine.context import Context
from tokenkeep.engine.directory import Directory
from tokenkeep.engine.sessions import Session

log = logging.getLogger(__name__)

EDITING = 60.0  # seconds without an entry before a person is told
KEPT = 7 * 86_400.0  # seconds without an entry before it is signed out by itself


class LeftBehind:
    """Used on the engine's loop only.

    :param tell: called once with a session that has been without an entry for a minute.
    :param sign_out: called with one whose time is over.
    """

    def __init__(
        self,
        context: Context,
        directory: Directory,
        tell: Callable[[Session], None],
        sign_out: Callable[[Session], None],
    ) -> None:
        self._context = context
        self._directory = directory
        self._tell = tell
        self._sign_out = sign_out
        self._told: set[str] = set()

    async def look(self) -> None:
        """Note whose entry is gone or back, and do what its time has come for; called once in a while.

        A file that cannot be read says nothing about its entries.
        """
        if not self._context.vault.attached or any(not one.key for one in self._context.configuration.problems):
            return
        left = self._directory.left_behind()
        self._told &= {session.id for session in left}
        for session in self._directory:
            if session.stored is not None and session.stored.left_at is not None:
                await session.record.mark(replace(session.stored, left_at=None))
        for session in left:
            if session.stored is not None:
                await self._look_at(session, session.stored)

    async def _look_at(self, session: Session, stored: StoredSession) -> None:
        wall = self._context.clock.wall()
        if stored.left_at is None or stored.left_at > wall:
            await session.record.mark(replace(stored, left_at=wall))
            return
        if wall - stored.left_at >= KEPT:
            log.info("%s has been without an entry for a week: signing out", session.id)
            self._sign_out(session)
        elif wall - stored.left_at >= EDITING and session.id not in self._told:
            self._told.add(session.id)
            self._tell(session)
