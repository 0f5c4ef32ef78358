"""Signing in where no person takes part: a machine's token fetched now, a token that a person pastes."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from tokenkeep.domain.access import Application
from tokenkeep.domain.errors import BadRequest, Misconfigured, SignInRequired
from tokenkeep.domain.machine import sources
from tokenkeep.domain.provider import Flow
from tokenkeep.domain.session import SessionSnapshot, SessionState, SignInSnapshot, SignInState
from tokenkeep.domain.tokens import Account, Secret, TokenSet
from tokenkeep.engine.context import Context
from tokenkeep.engine.directory import Directory
from tokenkeep.engine.limits import Deed
from tokenkeep.engine.sessions import Session
from tokenkeep.engine.standing import MACHINE

KEPT_MOST = 32  # ended ones that can still be asked about
_TOKEN = re.compile(r"[!-~]+")


class MachineSignIns:
    """Used on the engine's loop only.

    :param manage: waits for the right to change things; raises when there is none.
    """

    def __init__(
        self, context: Context, directory: Directory, manage: Callable[[Application], Awaitable[None]]
    ) -> None:
        self._context = context
        self._directory = directory
        self._manage = manage
        self._active: set[str] = set()
        self._done: OrderedDict[str, SignInSnapshot] = OrderedDict()
        context.token_of = self.token_of

    async def begin(self, session: Session, application: Application) -> SignInSnapshot:
        """Fetch a token now; what comes back is done already, there is nothing for a person to see.

        :raises AccessDenied: somebody signed it out, and this program may not change that.
        :raises TooManyRequests: the program has begun too many.
        :raises TokenKeepError: there is no token to be had.
        """
        provider = session.provider
        if provider.flow is Flow.STATIC:
            raise SignInRequired(
                f"{provider.title} takes a token that is pasted once; there is nothing to sign in to.",
                hint=f"Paste it in the window, or give it to `tokenkeep edit {provider.id} --token -`.",
                provider=provider.id,
            )
        started_at = self._context.clock.wall()
        if session.stopped:
            await self._manage(application)
            session.start()
        self._context.limits.spend(Deed.SIGN_IN, application)
        await asyncio.shield(session.refresh_soon())
        done = SignInSnapshot(
            id=uuid.uuid4().hex,
            provider=provider.id,
            method=MACHINE,
            state=SignInState.DONE,
            started_at=started_at,
            asked_by="" if application.own else application.name,
            account="" if session.account is None else session.account.label,
        )
        self._done[done.id] = done
        if len(self._done) > KEPT_MOST:
            self._done.popitem(last=False)
        return done

    def find(self, sign_in: str) -> SignInSnapshot | None:
        """One that is done."""
        return self._done.get(sign_in)

    async def paste(self, provider: str, token: Secret, expires_at: float | None) -> None:
        """Keep a pasted token, in place of one that there was.

        :param expires_at: wall clock in seconds since the epoch; None when it is not known.
        :raises Misconfigured: the entry is not one for a pasted token.
        :raises BadRequest: it is no token, or has run out already.
        """
        session = self._directory.get(provider)
        if session.provider.flow is not Flow.STATIC:
            raise Misconfigured(
                f"{session.provider.title} gets its tokens from the provider; none is pasted.",
                hint='Only an entry with `flow = "static"` takes a token.',
                key=f"providers.{provider}.flow",
                provider=provider,
            )
        if not _TOKEN.fullmatch(token.reveal()):
            raise BadRequest("That is no token.", hint="A token is one word of visible ASCII characters.")
        if expires_at is not None and expires_at <= self._context.clock.wall():
            raise BadRequest("That token has run out already.", hint="Get a new one at the provider.")
        await session.paste(token, expires_at)

    def told(self, snapshot: SessionSnapshot) -> None:
        """A session changed: those whose exchange had failed for want of its sign-in go on when it is there."""
        if snapshot.state is SessionState.REFRESHING:
            return
        if snapshot.state is not SessionState.ACTIVE:
            self._active.discard(snapshot.id)
        elif snapshot.id not in self._active:
            self._active.add(snapshot.id)
            for session in list(self._directory):
                waits = any(source.id == snapshot.id for _, source in sources(session.provider))
                if waits and isinstance(session.last_error, SignInRequired):
                    session.mend()

    async def token_of(self, provider: str, asked_by: str) -> tuple[TokenSet, Account | None]:
        """What another provider's session has for a token exchange: as `Session.source_token`.

        :raises UnknownProvider, Misconfigured: there is no such entry, or it cannot work.
        """
        return await self._directory.get(provider).source_token(asked_by)
