"""What programs ask of a session: may they, is there a token, else a refresh or a sign-in; all of it noted."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tokenkeep.domain.access import Application, Carried, Decision
from tokenkeep.domain.errors import InsufficientScope, Locked, SignInRequired, TimedOut, TokenKeepError
from tokenkeep.domain.session import SessionSnapshot
from tokenkeep.domain.tokens import GrantedHeaders, GrantedToken, Refusal, Secret, TokenQuery
from tokenkeep.engine.access_gate import AccessGate
from tokenkeep.engine.activity import Activity
from tokenkeep.engine.context import Context
from tokenkeep.engine.directory import Directory
from tokenkeep.engine.limits import Deed
from tokenkeep.engine.opening import KEYRING_WAITS, VaultOpening
from tokenkeep.engine.reporter import Reporter
from tokenkeep.engine.sessions import Session
from tokenkeep.engine.sign_ins import SignIns


class TokenRequests:
    """Used on the engine's loop only. Errors are `TokenKeepError`s with the codes of the socket API."""

    def __init__(
        self,
        context: Context,
        directory: Directory,
        gate: AccessGate,
        opening: VaultOpening,
        sign_ins: SignIns,
        activity: Activity,
        reporter: Reporter,
    ) -> None:
        self._context = context
        self._directory = directory
        self._gate = gate
        self._opening = opening
        self._sign_ins = sign_ins
        self._activity = activity
        self._reporter = reporter

    def now(self, provider: str, query: TokenQuery, application: Application) -> GrantedToken | None:
        """As `Engine.token_now`."""
        session = self._directory.get(provider)
        if not self._context.vault.attached:
            return None
        within = self._allowed(session, query, application)
        if within is None:
            return None
        granted = session.token_now(within)
        if granted is not None and not self._may_have(session, granted, within, application):
            return None
        if granted is not None:
            self._activity.record("token", provider, "ok", application)
        return granted

    async def token(self, provider: str, query: TokenQuery, application: Application) -> GrantedToken:
        """As `Engine.token`."""
        session = self._directory.get(provider)
        try:
            async with asyncio.timeout(query.wait):
                with self._reporter.somebody_waits():
                    await self._opening.check()
                    query = await self._admit(session, query, application)
                    granted = await self._token_or_sign_in(session, query, application)
                    if not self._may_have(session, granted, query, application):
                        raise InsufficientScope(
                            f"{application.name} may have less than {session.provider.title} gives.",
                            hint="Allow all of it in the window, or by an [[access.rule]] in config.toml.",
                            provider=provider,
                        )
        except TimeoutError:
            error: TokenKeepError = TimedOut(f"No token for {session.provider.title} yet.", provider=provider)
            if not self._opening.settled:
                error = Locked(KEYRING_WAITS)
            self._activity.record("token", provider, error.code, application)
            raise error from None
        except TokenKeepError as error:
            self._activity.record("token", provider, error.code, application)
            raise
        self._activity.record("token", provider, "ok", application)
        return granted

    async def headers(
        self, provider: str, method: str, url: str, query: TokenQuery, application: Application, nonce: str
    ) -> GrantedHeaders:
        """As `Engine.headers`."""
        query = replace(query, proven=True)
        granted = self.now(provider, query, application) or await self.token(provider, query, application)
        return self._directory.get(provider).proofs.headers(granted, method, url, nonce)

    async def proof(
        self, provider: str, method: str, url: str, application: Application, *, nonce: str, ath: str | None
    ) -> Secret:
        """As `Engine.proof`."""
        query = TokenQuery(min_valid=0.0, proven=True)  # the token that the program has been given should still be ours
        granted = self.now(provider, query, application) or await self.token(provider, query, application)
        return self._directory.get(provider).proofs.proof(granted, method, url, nonce=nonce, ath=ath)

    async def _token_or_sign_in(self, session: Session, query: TokenQuery, application: Application) -> GrantedToken:
        try:
            return await self._asked(session, query, application)
        except SignInRequired as error:
            if not query.interactive or not session.provider.flow.interactive:
                pending = self._sign_ins.pending(session.provider.id)
                error.sign_in = None if pending is None else pending.id
                raise
        sign_in = await self._sign_ins.start(session, "auto", open_browser=True, application=application)
        while sign_in.snapshot.state.pending:
            await sign_in.wait(sign_in.snapshot.state, query.wait)
        if sign_in.snapshot.error is not None:
            raise sign_in.snapshot.error.bare()
        return await self._asked(session, query, application)

    async def _asked(self, session: Session, query: TokenQuery, application: Application) -> GrantedToken:
        wish = session.narrowing.wish(query)
        if wish is not None and session.narrowing.would_ask(wish, query):
            self._context.limits.spend(Deed.REFRESH, application)
        return await session.token(query, application.name)

    async def rejected(self, provider: str, refusal: Refusal, application: Application, wait: float) -> GrantedToken:
        """As `Engine.token_rejected`."""
        session = self._directory.get(provider)
        try:
            async with asyncio.timeout(wait):
                await self._opening.check()
                wish = session.narrowing.known_by(refusal.sha256)
                if wish is not None:
                    asked = TokenQuery(scope=wish.scope, resource=wish.resource, audience=wish.audience, wait=wait)
                    await self._admit(session, asked, application)
                    if not self._learns(session, refusal, application):
                        session.narrowing.refused(wish)
                    return await self.token(provider, asked, application)
                await self._admit(session, TokenQuery(wait=wait), application)
                with self._reporter.somebody_waits():
                    if not self._mends(session, refusal, application) and session.rejected(refusal.sha256):
                        await self._refresh(session, application)
        except TimeoutError:
            raise TimedOut(f"No new token for {session.provider.title} yet.", provider=provider) from None
        except TokenKeepError as error:
            self._activity.record("token", provider, error.code, application)
            raise
        return await self.token(provider, TokenQuery(wait=wait), application)

    def _mends(self, session: Session, refusal: Refusal, application: Application) -> bool:
        """Whether the next request can succeed with the same token, in another way (RFC 9449 §7.2, §9)."""
        if session.held is None or session.held.tokens.access_token.sha256 != refusal.sha256:
            return False
        return self._learns(session, refusal, application)

    def _learns(self, session: Session, refusal: Refusal, application: Application) -> bool:
        """Whether a refusal was about how the token was shown, and not about the token."""
        learned = session.proofs.heed(refusal.www_authenticate, refusal.url, refusal.dpop_nonce)
        if learned == "bearer_only":
            self._activity.record("bearer_only", session.provider.id, "ok", application)
        return bool(learned)

    async def refresh(self, provider: str, application: Application) -> SessionSnapshot:
        """As `Engine.refresh`."""
        await self._opening.check()
        session = self._directory.get(provider)
        if not session.refreshable:
            raise SignInRequired(f"There is nothing to refresh at {session.provider.title}.", provider=provider)
        if session.may_be_refreshed():
            with self._reporter.somebody_waits():
                try:
                    await self._refresh(session, application)
                except TokenKeepError as error:
                    self._activity.record("refresh", provider, error.code, application)
                    raise
            self._activity.record("refresh", provider, "ok", application)
        return session.snapshot()

    async def _refresh(self, session: Session, application: Application) -> None:
        """Join the refresh in flight, or begin one on behalf of a program.

        :raises TooManyRequests: it has had too many begun.
        """
        if session.refreshing is None:
            self._context.limits.spend(Deed.REFRESH, application)
        await asyncio.shield(session.refresh_soon())

    async def _admit(self, session: Session, query: TokenQuery, application: Application) -> TokenQuery:
        """Return when the program may; the query, narrowed to what it may have.

        :raises AccessDenied, TimedOut: as `AccessGate.admit`.
        """
        within = self._allowed(session, query, application)
        if within is not None:
            return within
        carried = _carried(session, query)
        await self._gate.admit(
            application,
            session.provider,
            account="" if session.account is None else session.account.label,
            carried=carried,
            wait=query.wait,
        )
        return replace(query, most=carried)

    def _allowed(self, session: Session, query: TokenQuery, application: Application) -> TokenQuery | None:
        """The query, as far as it is allowed without asking anybody; None when it is not."""
        carried = _carried(session, query)
        if self._gate.decision(application, session.provider.id, carried) is Decision.ALLOW:
            return replace(query, most=carried)
        if query.scope or query.resource or not session.refreshable:
            return None  # it says what it needs, or there is nothing to narrow with
        part = self._gate.allowed_part(application, session.provider.id, carried)
        return None if part is None else replace(query, scope=part.scope, resource=part.resource, most=part)

    def _may_have(self, session: Session, granted: GrantedToken, query: TokenQuery, application: Application) -> bool:
        """Whether the token carries no more than was admitted, or all of it is allowed too: servers may give more."""
        most = query.most
        more_scope = bool(most.scope) and not set(granted.scope) <= set(most.scope)
        more_resource = bool(most.resource) and set(granted.resource) != set(most.resource)
        if not more_scope and not more_resource:
            return True
        carried = Carried(granted.scope, granted.resource, session.provider.audiences)
        return self._gate.decision(application, session.provider.id, carried) is Decision.ALLOW


def _carried(session: Session, query: TokenQuery) -> Carried:
    """What a token that a program would get is good for: naming less counts where the server makes it less."""
    provider = session.provider
    try:
        wish = session.narrowing.wish(query)
    except TokenKeepError:  # said when it is asked for
        wish = None
    if wish is not None:
        audience = (wish.audience,) if wish.audience else provider.audiences
        return Carried(wish.scope, wish.resource, audience)
    if session.held is None:
        return Carried(tuple(provider.scopes), tuple(provider.resource), provider.audiences)
    return Carried(session.scope, session.held.tokens.resource, provider.audiences)
