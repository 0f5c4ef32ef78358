"""When a person is told that something needs them: on the change, once, several at a time as one."""

from __future__ import annotations

import asyncio

from tokenkeep.domain.access import AccessRequest
from tokenkeep.domain.errors import GrantEnded
from tokenkeep.domain.ports import Notice
from tokenkeep.domain.provider import Flow
from tokenkeep.domain.revocation import OwedRevocation
from tokenkeep.domain.session import SessionSnapshot, SessionState, StorageState
from tokenkeep.engine.context import Context
from tokenkeep.engine.revocations import never_confirmed
from tokenkeep.engine.sessions import Session

GATHER = 2.0  # seconds in which several needs become one notice
AGAIN = 900.0  # seconds before the same provider may be mentioned again

NEEDS_YOU = (SessionState.NEEDS_SIGN_IN, SessionState.FAILED)


class Notices:
    """Watches the sessions' changes and publishes `notice` events. Used on the engine's loop only."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._needing: dict[str, SessionSnapshot] = {}
        self._told_at: dict[str, float] = {}  # boot clock
        self._known: dict[str, SessionState] = {}
        self._gathering: asyncio.Task[None] | None = None
        self._storage: StorageState | None = None

    def session_changed(self, session: SessionSnapshot, *, news: bool = True) -> None:
        """Take note of a session's state; only a change into "needs you" is news.

        :param news: False while the state of an earlier run is being restored.
        """
        if session.state is SessionState.REFRESHING:
            return  # what comes of it decides; a fault that a try did not mend is no news
        before = self._known.get(session.id)
        self._known[session.id] = session.state
        if session.id in self._needing:
            self._needing[session.id] = session  # programs that wait for it are noted a moment after the change
        if session.state not in NEEDS_YOU:
            if session.state is not SessionState.SIGNING_IN:
                self._needing.pop(session.id, None)
            return
        signing_in = before is SessionState.SIGNING_IN  # the person is there and sees the dialog
        if not news or before in NEEDS_YOU or signing_in or self._context.configuration.app.notifications == "none":
            return
        told_at = self._told_at.get(session.id)
        if told_at is not None and self._context.clock.boot() - told_at < AGAIN:
            return
        self._needing[session.id] = session
        if self._gathering is None:
            self._gathering = asyncio.create_task(self._gather())
            self._context.spawn(self._gathering)

    def forget(self, provider: str) -> None:
        """A provider was removed."""
        self._known.pop(provider, None)
        self._needing.pop(provider, None)

    async def _gather(self) -> None:
        await self._context.clock.sleep(GATHER)
        self._gathering = None
        needing, self._needing = list(self._needing.values()), {}
        for session in needing:
            self._told_at[session.id] = self._context.clock.boot()
        if len(needing) == 1:
            self._context.bus.publish("notice", one_needs_you(needing[0]))
        elif needing:
            self._context.bus.publish("notice", several_need_you(needing))

    def storage_changed(self, storage: StorageState) -> None:
        """Take note of where tokens are kept; only a change into "could not be written" is news (REF-1)."""
        before, self._storage = self._storage, storage
        if storage is not StorageState.DEGRADED or before is storage:
            return
        if self._context.configuration.app.notifications == "none":
            return
        self._context.bus.publish(
            "notice",
            Notice(
                kind="storage",
                title="A sign-in could not be saved",
                body="TokenKeep keeps it in memory and tries again. Quitting before that would lose it.",
                actions=(("show", "Show details"),),
            ),
        )

    def left_behind(self, session: Session) -> None:
        """An entry is gone from config.toml and its sign-in is still there."""
        if self._context.configuration.app.notifications != "none":
            self._context.bus.publish(
                "notice",
                Notice(
                    kind="needs_you",
                    title=f"{session.id} is no longer in config.toml",
                    body="It is still signed in. Put its entry back, or sign out; after a week TokenKeep does.",
                    provider=session.id,
                    actions=(("show", "Show details"),),
                ),
            )

    def revocation_given_up(self, owed: OwedRevocation) -> None:
        """A provider never confirmed a sign-out, and is not asked any more (REV-2)."""
        if self._context.configuration.app.notifications != "none":
            self._context.bus.publish(
                "notice",
                Notice(
                    kind="needs_you",
                    title=f"{owed.name} never confirmed a sign-out",
                    body=never_confirmed(owed),
                    provider=owed.provider,
                    actions=(("show", "Show details"),),
                ),
            )

    def registration_left(self, provider: str, name: str, told: str) -> None:
        """A provider was removed, and its server still has a client of ours (DCR-8)."""
        if self._context.configuration.app.notifications != "none":
            self._context.bus.publish(
                "notice",
                Notice(kind="info", title=f"{name} is removed, its registration is not", body=told, provider=provider),
            )

    def access_asked(self, request: AccessRequest) -> None:
        """A program waits for an answer."""
        what = {
            "manage": "wants to change TokenKeep",
            "id_token": f"wants to know who you are at {request.provider_name}",
        }.get(request.purpose, f"wants a token for {request.provider_name}")
        self._context.bus.publish(
            "notice",
            Notice(
                kind="access",
                title=f"{request.application.name} asks for access",
                body=f"It {what}. Without an answer it is denied in 60 s.",
                provider=None if request.provider == "*" else request.provider,
                actions=(("show_request", "Show request"),),
            ),
        )


def one_needs_you(session: SessionSnapshot) -> Notice:
    """The notice for a single provider."""
    if session.state is SessionState.FAILED:
        detail = session.last_error.detail if session.last_error is not None else ""
        return Notice(
            kind="needs_you",
            title=f"{session.name} cannot work as it is set up",
            body=detail,
            provider=session.id,
            actions=(("show", "Show details"),),
        )
    waiting = [name for name, _ in session.waiting if name]
    body = session.last_error.detail if session.last_error is not None else ""
    body = body or GrantEnded.title + "."
    if waiting:
        verb = "is" if len(waiting) == 1 else "are"
        body += f" {', '.join(waiting[:3])} {verb} waiting for a token."
    pasted = session.flow == Flow.STATIC.value
    return Notice(
        kind="needs_you",
        title=f"{session.name} needs a new token" if pasted else f"Sign in to {session.name} again",
        body=body,
        provider=session.id,
        actions=(("sign_in", "Paste a token" if pasted else "Sign in"), ("later", "Later")),
    )


def several_need_you(sessions: list[SessionSnapshot]) -> Notice:
    """The notice for several providers at once."""
    names = [session.name for session in sessions]
    listed = ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) <= 4 else f"{', '.join(names[:3])} and others"
    return Notice(
        kind="needs_you",
        title=f"{len(names)} providers need you",
        body=f"{listed} ended their sign-ins. The others carry on.",
        actions=(("show", "Show them"),),
    )
