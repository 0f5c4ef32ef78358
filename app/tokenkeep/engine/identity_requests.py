"""Who is signed in, for programs that a person lets know it: the id_token, and tokens taken apart for people."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict, replace
from typing import Any

from tokenkeep.domain.access import Application
from tokenkeep.domain.errors import InsufficientScope, SignInRequired, TimedOut, TokenKeepError
from tokenkeep.domain.identity import GrantedIdToken, SeenTokens
from tokenkeep.domain.provider import Flow
from tokenkeep.domain.tokens import TokenSet
from tokenkeep.engine.access_gate import AccessGate
from tokenkeep.engine.activity import Activity
from tokenkeep.engine.context import Context
from tokenkeep.engine.directory import Directory
from tokenkeep.engine.limits import Deed
from tokenkeep.engine.opening import VaultOpening
from tokenkeep.engine.sessions import Session
from tokenkeep.engine.token_requests import TokenRequests
from tokenkeep.oauth import inspection, jws
from tokenkeep.oauth.inspection import Inspection

log = logging.getLogger(__name__)

PURPOSE = "id_token"  # a yes to tokens is none to this


class IdentityRequests:
    """Used on the engine's loop only. Errors are `TokenKeepError`s with the codes of the socket API."""

    def __init__(
        self,
        context: Context,
        directory: Directory,
        gate: AccessGate,
        opening: VaultOpening,
        activity: Activity,
        tokens: TokenRequests,
    ) -> None:
        self._context = context
        self._directory = directory
        self._gate = gate
        self._opening = opening
        self._activity = activity
        self._tokens = tokens

    async def id_token(self, provider: str, application: Application, wait: float) -> GrantedIdToken:
        """As `Engine.id_token`."""
        session = self._directory.get(provider)
        try:
            async with asyncio.timeout(wait):
                granted = await self._id_token(session, application, wait)
        except TimeoutError:
            self._activity.record(PURPOSE, provider, TimedOut.code, application)
            raise TimedOut(f"No id_token of {session.provider.title} yet.", provider=provider) from None
        except TokenKeepError as error:
            self._activity.record(PURPOSE, provider, error.code, application)
            raise
        self._activity.record(PURPOSE, provider, "ok", application)
        return granted

    async def _id_token(self, session: Session, application: Application, wait: float) -> GrantedIdToken:
        await self._admit(session, application, wait)
        granted = _verified(session)
        if granted.expires_at is not None and granted.expires_at <= self._context.clock.wall() and session.refreshable:
            try:
                await self._tokens.refresh(session.id, application)
            except TokenKeepError as error:  # the caller sees from `expires_at` what it gets
                log.info("no newer id_token of %s: %s", session.id, error.code)
            granted = _verified(session)
        return granted

    async def seen(self, provider: str, application: Application, wait: float, *, introspect: bool) -> SeenTokens:
        """As `Engine.seen_tokens`."""
        session = self._directory.get(provider)
        try:
            async with asyncio.timeout(wait):
                await self._admit(session, application, wait)
                found = await self._seen(session, application, introspect=introspect)
        except TimeoutError:
            raise TimedOut(f"{session.provider.title} has not answered yet.", provider=provider) from None
        except TokenKeepError as error:
            self._activity.record("claims", provider, error.code, application)
            raise
        self._activity.record("claims", provider, "ok", application)
        return found

    async def _seen(self, session: Session, application: Application, *, introspect: bool) -> SeenTokens:
        tokens, provider, stored = _tokens(session), session.provider, session.stored
        wall = self._context.clock.wall()
        found = SeenTokens(provider.id, provider.title, provider.issuer, wall)
        if provider.flow is Flow.STATIC or stored is None:  # pasted: nobody is known who could be asked about it
            return replace(found, access_token=_members(inspection.apart(tokens.access_token)))
        await session.client.prepare()
        session.client.check_binding(stored.binding)
        client = session.client.known_as(stored.binding[2])
        if tokens.id_token is not None:
            found = replace(found, id_token=_members(await client.inspect(tokens.id_token, wall)))
        access = await client.inspect(tokens.access_token, wall)
        access = replace(access, odd=inspection.oddities(provider, stored.binding[2], tokens, access, wall))
        found = replace(found, access_token=_members(access))
        if introspect:
            self._context.limits.spend(Deed.REFRESH, application)
            said = await client.introspect(tokens.access_token)
            found = replace(found, introspection=asdict(said))
        return found

    async def _admit(self, session: Session, application: Application, wait: float) -> None:
        await self._opening.check()
        await self._gate.admit(
            application,
            session.provider,
            account="" if session.account is None else session.account.label,
            wait=wait,
            purpose=PURPOSE,
        )


def _members(seen: Inspection) -> dict[str, Any]:
    return asdict(seen)


def _tokens(session: Session) -> TokenSet:
    """What the session holds.

    :raises SignInRequired: nothing, or what belongs to another set-up (REF-9).
    """
    stored, provider = session.stored, session.provider
    if session.held is None or stored is None:
        raise SignInRequired(f"Not signed in to {provider.title}.", provider=provider.id)
    if not session.client.gave(stored.binding):
        raise SignInRequired(f"The setup of {provider.title} changed since the last sign-in.", provider=provider.id)
    return session.held.tokens


def _verified(session: Session) -> GrantedIdToken:
    """The id_token that was verified when it came: one that came unasked was not looked at, and is nobody's word.

    :raises InsufficientScope: there is none.
    """
    tokens, provider = _tokens(session), session.provider
    if tokens.id_token is None or "openid" not in {*provider.scopes, *tokens.scope}:
        raise InsufficientScope(
            f"The sign-in at {provider.title} brought no id_token.",
            hint="Add the scope `openid` to this provider and sign in again.",
            provider=provider.id,
        )
    claims = jws.claims_of(tokens.id_token.reveal())
    return GrantedIdToken(tokens.id_token, claims, inspection.number(claims, "exp"))
