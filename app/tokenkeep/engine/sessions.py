"""One session for each provider: how its sign-in begins and ends, and what every surface shows of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from tokenkeep.domain.errors import ClientRejected, GrantEnded, Misconfigured, SecretMissing, TokenKeepError
from tokenkeep.domain.machine import NOT_AN_ACCESS_TOKEN, asked_for
from tokenkeep.domain.origin import Origin
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.revocation import OwedRevocation
from tokenkeep.domain.session import SessionEvent, SessionSnapshot, SessionState
from tokenkeep.domain.tokens import Account, GrantedToken, Secret, StoredSession, TokenQuery, TokenSet
from tokenkeep.engine import client_choice
from tokenkeep.engine.client import ProviderClient
from tokenkeep.engine.context import Context
from tokenkeep.engine.credentials import key_source
from tokenkeep.engine.narrowing import Narrowing
from tokenkeep.engine.pace import Pace
from tokenkeep.engine.proofs import KEY_LOST, Proofs, is_lost
from tokenkeep.engine.refreshes import Refreshes
from tokenkeep.engine.serving import Serving
from tokenkeep.engine.standing import MACHINE, STATIC, Standing
from tokenkeep.oauth.signing_key import SigningKey

log = logging.getLogger(__name__)

SIGNED_OUT = "It was signed out here."


class Session(Standing):
    """The sign-in of one provider. Used on the engine's loop only.

    :param changed: called after every change that somebody may see or that moves the next due time.
    """

    def __init__(self, context: Context, provider: Provider, changed: Callable[[Session], None]) -> None:
        super().__init__(context, provider, lambda: changed(self))
        self._refreshes = Refreshes(self)
        self.narrowing = Narrowing(self, self._refreshes)
        self._serving = Serving(self, self._refreshes, self.narrowing)
        self.proofs = Proofs(self)

    # --- what is shown ----------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The provider's id."""
        return self.provider.id

    @property
    def unsaved(self) -> bool:
        """Whether the vault holds something older, because it could not be written."""
        return self.record.unsaved

    @property
    def refreshing(self) -> asyncio.Task[None] | None:
        """The refresh in flight."""
        return self._refreshes.in_flight

    @property
    def scope(self) -> tuple[str, ...]:
        """The granted scope, empty without tokens."""
        return () if self.held is None else self.held.tokens.scope

    def snapshot(self) -> SessionSnapshot:
        """How it stands now."""
        wall, boot = self.context.clock.wall(), self.context.clock.boot()
        tokens = None if self.held is None else self.held.tokens
        due = self.due()
        return SessionSnapshot(
            id=self.provider.id,
            name=self.provider.title,
            issuer=self.provider.issuer,
            flow=self.provider.flow,
            state=self.state,
            account="" if self.account is None else self.account.label,
            scope=self.scope,
            expires_at=None if tokens is None else tokens.expires_at,
            refresh_at=None if due is None or tokens is None else wall + due - boot,
            obtained_at=None if tokens is None else tokens.obtained_at,
            signed_in_at=None if self.stored is None else self.stored.signed_in_at,
            signed_in_by="" if self.stored is None else self.stored.method,
            token_usable=self.usable() and (tokens is None or tokens.token_type != NOT_AN_ACCESS_TOKEN),
            refreshable=self.refreshable,
            sealed=self.state is SessionState.SIGNED_OUT and not self.context.vault.attached,
            last_error=self.last_error,
            since=self.since,
            base_url=self.provider.base_url,
            resources=() if tokens is None else tokens.resource,
            device_available=self.client.device_available,
            end_session_available=self.client.end_session_available,
            waiting=tuple(self.waiting.items()),
            history=tuple(self.history),
            notice=self.context.revocations.notice(self.provider.id),
            client=client_choice.facts(
                self.context, self.provider, "" if self.stored is None else self.stored.binding[2]
            ),
            secret_kept=self.secret_kept,
            secret_wanted=self.secret_kept and isinstance(self.last_error, SecretMissing | ClientRejected),
            signs_assertions=key_source(self.provider) is not None,
        )

    @property
    def secret_kept(self) -> bool:
        """Whether the client secret is one that a person types in here."""
        source = self.provider.client_secret
        return source is not None and source.vault is True

    # --- serving and refreshing -------------------------------------------------------------------------------

    def token_now(self, query: TokenQuery) -> GrantedToken | None:
        """As `Serving.now`."""
        return self._serving.now(query)

    async def token(self, query: TokenQuery, asked_by: str) -> GrantedToken:
        """As `Serving.token`."""
        return await self._serving.token(query, asked_by)

    def end(self, reason: str, error: TokenKeepError | None = None) -> None:
        """As `Standing.end`; tokens beside the main one go with it."""
        self.narrowing.drop()
        super().end(reason, error)

    def due(self) -> float | None:
        """As `Refreshes.due`."""
        return self._refreshes.due()

    def when_due(self) -> None:
        """As `Refreshes.when_due`."""
        self._refreshes.when_due()

    def refresh_soon(self) -> asyncio.Task[None]:
        """As `Refreshes.soon`."""
        return self._refreshes.soon()

    def may_be_refreshed(self) -> bool:
        """As `Refreshes.allowed_by_click`."""
        return self._refreshes.allowed_by_click()

    def rejected(self, sha256: str) -> bool:
        """As `Refreshes.wanted_for`."""
        return self._refreshes.wanted_for(sha256)

    def wake(self, not_before: float) -> None:
        """As `Refreshes.wake`."""
        self._refreshes.wake(not_before)

    # --- beginnings and ends ----------------------------------------------------------------------------------

    def restore(self, stored: StoredSession) -> None:
        """Take over what the vault kept."""
        if stored.ended is None and is_lost(stored):
            log.warning("the key of the tokens of %s is lost", self.provider.id)
            if stored.method == MACHINE:
                self.restore_other(stored)
                return
            stored = replace(stored, ended=KEY_LOST)  # the tokens are still there to be revoked
        self.record.value = stored
        if self.stopped:
            return
        if stored.tokens is None or stored.ended is not None:
            self.last_error = GrantEnded(stored.ended or "", provider=self.provider.id)
            self.apply(SessionEvent.RESTORED_ENDED)
            return
        self.put(stored.tokens)
        self.apply(SessionEvent.RESTORED)

    def restore_other(self, stored: StoredSession) -> None:
        """What the vault kept was made with an entry that asked for something else: it is let go."""
        self.record.value = stored
        if not self.stopped:
            self._let_go()

    def reconfigure(self, provider: Provider) -> None:
        """Take over a changed entry; a session that failed gets another chance.

        A token that a machine got for another scope, audience or subject is let go; the next query gets one anew.
        """
        if self.stored is not None and self.stored.asked != asked_for(provider) and not self.stopped:
            self._let_go()
        self.provider = provider
        self.client = ProviderClient(self.context, provider)
        if provider.flow.machine:
            self.pace = Pace(self.context)
        self._mended()
        self.notify()

    def mend(self) -> None:
        """What the registration lacked is there now: a refresh that it had kept from succeeding is tried at once."""
        failed = self.settled is SessionState.FAILED
        self._mended()
        if failed and self.refreshable and self.refreshing is None:
            self.pace.reset()
            self._refreshes.soon()
        self.notify()

    def lacks(self, error: Misconfigured) -> None:
        """Something is missing without which no request of this client can succeed."""
        able = self.settled not in (SessionState.REFRESHING, SessionState.NEEDS_SIGN_IN)
        if able and self.lifecycle.allows(SessionEvent.REJECTED):
            self.last_error = error.bare()
            self.pace.give_up()
            self.apply(SessionEvent.REJECTED)

    def _mended(self) -> None:
        if self.lifecycle.allows(SessionEvent.MENDED):
            self.last_error = None
            self.apply(SessionEvent.MENDED if self.held is not None else SessionEvent.RESET)

    def signing_in(self) -> None:
        """A sign-in began."""
        self.apply(SessionEvent.SIGN_IN_STARTED)

    def sign_in_abandoned(self) -> None:
        """A sign-in came to nothing; what was before holds."""
        self.apply(SessionEvent.SIGN_IN_ABANDONED)

    async def signed_in(
        self,
        tokens: TokenSet,
        account: Account | None,
        method: str,
        binding: tuple[str, str, str],
        origin: Origin | None = None,
        key: SigningKey | None = None,
    ) -> None:
        """A sign-in succeeded: commit first, then let everybody see it.

        :param binding: where the tokens came from (REF-9); the entry may have changed meanwhile.
        :param origin: where they can be revoked; the client's own by default.
        :param key: what they are bound to; kept with them, in place of the old one (RFC 9449 §5).
        """
        stored = StoredSession(
            tokens=tokens,
            account=account,
            binding=binding,
            signed_in_at=self.context.clock.wall(),
            method=method,
            origin=origin or self.client.origin(),
            asked=asked_for(self.provider),
            dpop_key=None if key is None else key.sealed,
            dpop_jkt="" if key is None else key.kid,
        )
        self.generation += 1
        self.narrowing.drop()
        await self.record.commit(stored)
        self.proofs.bearer_only.clear()
        self.history.clear()
        self.hold(tokens)
        self.pace.reset()
        self.apply(SessionEvent.SIGNED_IN)

    async def paste(self, token: Secret, expires_at: float | None) -> None:
        """Keep a token that a person pasted, and serve it as it is.

        :param expires_at: wall clock in seconds since the epoch; None when it is not known.
        """
        wall = self.context.clock.wall()
        tokens = TokenSet(
            access_token=token,
            token_type="Bearer",
            obtained_at=wall,
            lifetime=None if expires_at is None else expires_at - wall,
            scope=tuple(self.provider.scopes),
            resource=tuple(self.provider.resource),
        )
        binding = (self.provider.issuer, "", self.provider.client_id)
        self.signing_in()
        await self.signed_in(tokens, None, STATIC, binding, Origin(self.provider))

    async def source_token(self, asked_by: str) -> tuple[TokenSet, Account | None]:
        """What this session has for another provider's token exchange; errors as `token`.

        :param asked_by: the title of that provider.
        """
        return await self._serving.source(asked_by), self.account

    def _let_go(self) -> None:
        """Forget the tokens; their provider and the vault are told behind it."""
        _, owed = self._forget(revoke=True)

        async def tell() -> None:
            await self.record.commit(None, owed)
            if owed is not None:
                await self.context.revocations.tell(owed)

        self.context.spawn(asyncio.create_task(tell()))

    async def sign_out(self, *, revoke: bool = True) -> tuple[TokenSet | None, OwedRevocation | None]:
        """Forget everything here, at once and durably.

        :returns: the tokens that there were, and what their provider is to be told, in the vault already; None when
            nothing is to be, or nobody knows where.
        """
        machine = self.provider.flow.machine
        left = self.stored or StoredSession(None, None, ("", "", ""), self.context.clock.wall())
        tokens, owed = self._forget(revoke=revoke)
        if not machine:
            await self.record.commit(None, owed)
            return tokens, owed
        # A machine needs nobody to get its next token, so that nobody wants one is what has to be remembered, from now
        # on: a query that comes while the vault is written must not undo the sign-out.
        stopped = StoredSession(
            None, None, left.binding, left.signed_in_at, MACHINE, ended=SIGNED_OUT, asked=asked_for(self.provider)
        )
        await self.record.commit(stopped, owed)
        self.notify()
        return tokens, owed

    def _forget(self, *, revoke: bool) -> tuple[TokenSet | None, OwedRevocation | None]:
        self.generation += 1
        narrowed = self.narrowing.drop()
        stored = self.stored
        tokens = None if stored is None else stored.tokens
        owed = None
        if revoke and stored is not None and tokens is not None:
            origin = self._origin(stored)
            if origin is not None and origin.revocation_endpoint is not None:
                owed = self.context.revocations.owe(origin, tokens, narrowed)
        self.held = self.last_error = self.record.value = None
        self.pace.reset()
        self.waiting.clear()
        self.history.clear()
        self.apply(SessionEvent.SIGNED_OUT)
        return tokens, owed

    def start(self) -> None:
        """A machine that was signed out is to get tokens again."""
        if self.stopped:
            self.record.value = None
            self.pace = Pace(self.context)
            self.notify()

    def _origin(self, stored: StoredSession) -> Origin | None:
        """Where the tokens can be revoked: as the server describes itself now, if it is still the same one."""
        if not self.client.is_bound(stored.binding):
            return stored.origin
        return self.client.known_as(stored.binding[2]).origin()

    async def save(self) -> None:
        """Write it to a vault that was opened just now."""
        await self.record.commit(self.stored)
