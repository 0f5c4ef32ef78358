"""One session for each provider: the token it holds, one refresh in flight, and what every surface shows of it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from tokenkeep.domain import schedule
from tokenkeep.domain.errors import (
    ClientRejected,
    DpopRequired,
    GrantEnded,
    InsufficientScope,
    MalformedAnswer,
    ProviderError,
    ProviderUnreachable,
    ResourceNotAllowed,
    SignInRequired,
    TokenKeepError,
)
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.session import Lifecycle, SessionEvent, SessionSnapshot, SessionState
from tokenkeep.domain.tokens import Account, GrantedToken, HeldToken, StoredSession, TokenQuery, TokenSet
from tokenkeep.engine.client import ProviderClient
from tokenkeep.engine.context import Context
from tokenkeep.engine.record import Record

log = logging.getLogger(__name__)

ANSWER_LOST = (
    "The answer to the last refresh was lost on its way, and the provider had probably replaced the refresh token."
)
HISTORY = 8  # tokens the window's timeline shows
WAITING = 16  # programs that are remembered as having asked in vain
REJECTED_PAUSE = 60.0  # seconds before a program's query tries a rejected registration again (CAUTH-4)


class Session:
    """The sign-in of one provider. Used on the engine's loop only.

    :param changed: called after every change that somebody may see or that moves the next due time.
    """

    def __init__(self, context: Context, provider: Provider, changed: Callable[[Session], None]) -> None:
        self.context = context
        self.provider = provider
        self.client = ProviderClient(context, provider)
        self.lifecycle = Lifecycle()
        self.held: HeldToken | None = None
        self.last_error: TokenKeepError | None = None
        self._changed = changed
        self._record = Record(context, provider.id, lambda: changed(self))
        self._since = context.clock.wall()
        self._failures = 0
        self._retry_at: float | None = None  # boot clock; after a failure
        self._not_before = 0.0  # boot clock; what the server asked for by Retry-After
        self._tried_at = -schedule.MINIMUM_GAP  # boot clock; when the last refresh was begun
        self._generation = 0  # an answer to a request of an earlier generation comes too late
        self._refreshing: asyncio.Task[None] | None = None
        self._waiting: dict[str, float] = {}
        self._history: deque[float] = deque(maxlen=HISTORY)

    # --- what is shown ----------------------------------------------------------------------------------------

    @property
    def state(self) -> SessionState:
        """The state that everybody sees."""
        return self.lifecycle.state

    @property
    def settled(self) -> SessionState:
        """How it stands but for a sign-in that may be going on: what background work and errors go by."""
        return self.lifecycle.beneath or self.lifecycle.state

    @property
    def stored(self) -> StoredSession | None:
        """What is to be kept of this sign-in beyond the process."""
        return self._record.value

    @property
    def unsaved(self) -> bool:
        """Whether the vault holds something older, because it could not be written."""
        return self._record.unsaved

    @property
    def refreshing(self) -> asyncio.Task[None] | None:
        """The refresh in flight."""
        return self._refreshing

    @property
    def account(self) -> Account | None:
        """Whom this session belongs to, also while the provider wants a new sign-in."""
        return None if self.stored is None else self.stored.account

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
            token_usable=self._usable(wall, boot),
            refreshable=tokens is not None and tokens.refresh_token is not None,
            sealed=self.state is SessionState.SIGNED_OUT and not self.context.vault.attached,
            last_error=self.last_error,
            since=self._since,
            base_url=self.provider.base_url,
            resources=() if tokens is None else tokens.resource,
            device_available=self.client.device_available,
            waiting=tuple(self._waiting.items()),
            history=tuple(self._history),
        )

    def _usable(self, wall: float, boot: float) -> bool:
        if self.held is None:
            return False
        remaining = self.held.remaining(wall, boot)
        margin = schedule.skew(self.context.configuration.refresh.validity_skew, self.held.tokens.lifetime)
        return remaining is None or remaining > margin

    def _apply(self, event: SessionEvent) -> None:
        before = self.lifecycle.state
        self.lifecycle = self.lifecycle.after(event)
        if self.lifecycle.state is not before:
            self._since = self.context.clock.wall()
        self._changed(self)

    # --- token queries ----------------------------------------------------------------------------------------

    def token_now(self, query: TokenQuery) -> GrantedToken | None:
        """The token when it can be had from memory, without any I/O; None when `token` has to be awaited.

        :raises InsufficientScope: the sign-in does not cover the scope.
        :raises ResourceNotAllowed: it does not cover the resource or audience.
        :raises DpopRequired: the token is bound to a key.
        """
        held = self.held
        if held is None:
            return None
        tokens, clock = held.tokens, self.context.clock
        self._check_covered(query, tokens)
        remaining = held.remaining(clock.wall(), clock.boot())
        if remaining is not None:
            margin = schedule.skew(self.context.configuration.refresh.validity_skew, tokens.lifetime)
            if remaining <= margin:
                return None
            if remaining < schedule.min_valid(query.min_valid, tokens.lifetime) and self._may_refresh(clock.boot()):
                return None
        return self._grant(held, query, remaining)

    async def token(self, query: TokenQuery, asked_by: str) -> GrantedToken:
        """The token, after joining or starting a refresh when that is needed.

        :param asked_by: the program's name, remembered when it has to go away without a token.
        :raises SignInRequired: no valid token, and none to be had without a person.
        :raises ProviderUnreachable: no valid token, and the provider cannot be reached now.
        :raises ProviderError: no valid token, and the provider refuses for another reason.
        """
        granted = self.token_now(query)
        if granted is not None:
            return granted
        failure: TokenKeepError | None = None
        if self._refreshing is not None or (self.held is not None and self._may_refresh(self.context.clock.boot())):
            try:
                await asyncio.shield(self.refresh_soon())
            except TokenKeepError as error:
                failure = error
        held, clock = self.held, self.context.clock
        if held is not None and self._usable(clock.wall(), clock.boot()):
            self._check_covered(query, held.tokens)
            return self._grant(held, query, held.remaining(clock.wall(), clock.boot()))
        self._note_waiting(asked_by, clock.wall())
        raise failure or self._no_token()

    def _note_waiting(self, asked_by: str, wall: float) -> None:
        self._waiting.pop(asked_by, None)
        self._waiting[asked_by] = wall
        while len(self._waiting) > WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._changed(self)

    def _grant(self, held: HeldToken, query: TokenQuery, remaining: float | None) -> GrantedToken:
        tokens = held.tokens
        return GrantedToken(
            access_token=tokens.access_token,
            token_type=tokens.token_type,
            expires_at=tokens.expires_at,
            expires_in=None if remaining is None else max(0.0, remaining),
            min_valid_met=remaining is None or remaining >= query.min_valid,
            scope=tokens.scope,
            resource=tokens.resource,
            provider=self.provider.id,
            issuer=self.provider.issuer,
            account="" if self.account is None else self.account.label,
        )

    def _check_covered(self, query: TokenQuery, tokens: TokenSet) -> None:
        stored, provider = self.stored, self.provider
        if stored is not None and (stored.binding[0], stored.binding[2]) != (provider.issuer, provider.client_id):
            # Kept, in case the entry is changed back; but one server's token is never given out as another's (REF-9).
            raise SignInRequired(f"The setup of {provider.title} changed since the last sign-in.", provider=provider.id)
        missing = [scope for scope in query.scope if scope not in tokens.scope]
        if missing:
            raise InsufficientScope(f"{self.provider.title} granted no {' '.join(missing)}.", provider=self.provider.id)
        if query.resource and set(query.resource) != set(tokens.resource):
            raise ResourceNotAllowed(
                f"The sign-in at {self.provider.title} is not for that resource.", provider=self.provider.id
            )
        if query.audience and query.audience != self.provider.audience:
            raise ResourceNotAllowed(
                f"The sign-in at {self.provider.title} is not for that audience.", provider=self.provider.id
            )
        if tokens.token_type.lower() == "dpop":
            raise DpopRequired(provider=self.provider.id)

    @property
    def refreshable(self) -> bool:
        """Whether there is a refresh token."""
        return self.held is not None and self.held.tokens.refresh_token is not None

    def may_be_refreshed(self) -> bool:
        """Whether a click on "refresh" causes a request: not in a loop, and not against the server's wish."""
        boot = self.context.clock.boot()
        return self._refreshing is not None or (
            boot >= self._not_before and boot - self._tried_at >= schedule.MINIMUM_GAP
        )

    def _may_refresh(self, boot: float) -> bool:
        """Whether a caller may cause a refresh now: not without a refresh token, not in a loop, not against a wish."""
        held, stored = self.held, self.stored
        if held is None or stored is None or held.tokens.refresh_token is None:
            return False
        if self._refreshing is not None:
            return True
        if boot < self._not_before:
            return False
        if stored.answer_lost and self._usable(self.context.clock.wall(), boot):
            return False  # the kept token serves until its end: a second use of the refresh token may end the family
        pause = schedule.gap(held.tokens.lifetime or 0.0)
        if self._failures:
            pause = schedule.MINIMUM_GAP
        elif self.settled is SessionState.FAILED:
            pause = min(pause, REJECTED_PAUSE)
        return boot - self._tried_at >= pause

    def _no_token(self) -> TokenKeepError:
        name = self.provider.title
        if self.settled is SessionState.OFFLINE:
            wait = max(self._not_before, self._retry_at or 0.0) - self.context.clock.boot()
            return ProviderUnreachable(
                f"{name} cannot be reached and its token has run out.",
                provider=self.provider.id,
                retry_after=max(1.0, wait),
            )
        if self.settled is SessionState.FAILED and self.last_error is not None:
            return self.last_error.bare()
        if self.settled is SessionState.NEEDS_SIGN_IN:
            return SignInRequired(f"{name} ended this sign-in.", provider=self.provider.id)
        if self.refreshable:
            return ProviderError(f"{name} gave a token that had already run out.", provider=self.provider.id)
        return SignInRequired(f"Not signed in to {name}.", provider=self.provider.id)

    # --- refreshing -------------------------------------------------------------------------------------------

    def due(self) -> float | None:
        """When background work is due, by the boot clock; None when there is nothing to do.

        Both clocks are asked and the earlier one wins, so a jump of the wall clock costs at most one early refresh.
        """
        held, stored = self.held, self.stored
        if held is None or stored is None or self.settled in (SessionState.FAILED, SessionState.REFRESHING):
            return None
        if self._retry_at is not None:
            return self._retry_at
        lifetime = held.tokens.lifetime
        if lifetime is None:
            return None
        settings, clock = self.context.configuration.refresh, self.context.clock
        if held.tokens.refresh_token is None or stored.answer_lost:
            after = lifetime - schedule.skew(settings.validity_skew, lifetime)
        else:
            after = schedule.refresh_due(0.0, lifetime, settings.ahead)
        by_wall = clock.boot() + held.tokens.obtained_at + after - clock.wall()
        return min(held.obtained_boot + after, by_wall)

    def when_due(self) -> None:
        """Do what `due` announced. Never asks a person for anything."""
        if self.held is None:
            return
        if not self.refreshable:
            self._end_now("The token ran out, and this provider gave no refresh token.")
        else:
            self.refresh_soon(background=True)

    def refresh_soon(self, *, background: bool = False) -> asyncio.Task[None]:
        """The one refresh in flight, begun now when there is none. Await it under `asyncio.shield`.

        Its errors are those of `oauth.refresh`; the session's state is settled before they are raised.
        """
        if self._refreshing is None:
            self._apply(SessionEvent.REFRESH_STARTED)
            self._refreshing = asyncio.create_task(self._refresh(background=background))
            self._refreshing.add_done_callback(self._refresh_done)
            self.context.spawn(self._refreshing)
            self._changed(self)
        return self._refreshing

    def _refresh_done(self, task: asyncio.Task[None]) -> None:
        if self._refreshing is task:
            self._refreshing = None
        self._changed(self)

    async def _refresh(self, *, background: bool) -> None:
        generation = self._generation
        try:
            await self._refresh_once(background=background)
        except TokenKeepError:
            raise
        except Exception as bug:  # a bug of ours must not leave the session between two states
            log.exception("a refresh of %s failed unexpectedly", self.provider.id)
            failure = ProviderError(f"Refreshing the token of {self.provider.title} failed.", provider=self.provider.id)
            if generation == self._generation and self.settled is SessionState.REFRESHING:
                await self._refresh_failed(failure, lost=True, ended_by_loss=False)
            raise failure from bug

    async def _refresh_once(self, *, background: bool) -> None:
        # A changed entry gives the session a new client; what was begun with this one ends with it.
        generation, stored, client = self._generation, self.stored, self.client
        if stored is None or stored.tokens is None:
            raise SignInRequired(provider=self.provider.id)
        self._tried_at = self.context.clock.boot()
        lost_before = stored.answer_lost
        sent = False
        try:
            await client.prepare(background=background)
            self._check_current(generation)
            client.check_binding(stored.binding)
            await self._record.mark(replace(stored, answer_lost=True))
            self._check_current(generation)
            sent = True
            tokens = await client.refresh(stored.tokens, background=background)
        except TokenKeepError as error:
            if generation == self._generation:
                await self._refresh_failed(
                    error, lost=lost_before or (sent and _answer_lost(error)), ended_by_loss=lost_before
                )
            raise
        tokens, refusal = await self._verified(client, stored.tokens, tokens, background=background)
        if generation == self._generation and refusal is not None:
            # The refresh token is kept, not used and not lost (OIDC-10): a sign-out can still revoke it.
            self._end(refusal.detail, refusal)
            await self._record.commit(replace(stored, tokens=tokens, answer_lost=False, ended=refusal.detail))
            raise SignInRequired(refusal.detail, provider=self.provider.id)
        if generation == self._generation:
            await self._record.commit(replace(stored, tokens=tokens, answer_lost=False, ended=None))
        if generation != self._generation:
            if self.held is None:  # signed out; after a new sign-in the old grant just runs out
                await client.discard(tokens)
            self._check_current(generation)
        self._hold(tokens)
        self._apply(SessionEvent.REFRESHED)

    def _check_current(self, generation: int) -> None:
        """Stop what a sign-out or a new sign-in has overtaken before it writes or sends anything (REV-4)."""
        if generation != self._generation:
            raise SignInRequired(
                f"The sign-in at {self.provider.title} was ended meanwhile.", provider=self.provider.id
            )

    async def _verified(
        self, client: ProviderClient, before: TokenSet, after: TokenSet, *, background: bool
    ) -> tuple[TokenSet, ProviderError | None]:
        """The tokens to keep, and why they must not be used when their id_token is not this sign-in's."""
        try:
            await client.verify_refreshed(before, after, background=background)
        except (ProviderUnreachable, MalformedAnswer) as error:
            # The keys cannot be had now. The access token came over TLS from the token endpoint with the sign-in's
            # own refresh token; the id_token is dropped, and the next one is checked against the sign-in's again.
            log.info("the refreshed id_token of %s could not be checked: %s", self.provider.id, error.code)
            return replace(after, id_token=before.id_token), None
        except ProviderError as error:
            return after, error
        return after, None

    async def _refresh_failed(self, error: TokenKeepError, *, lost: bool, ended_by_loss: bool) -> None:
        """Settle the state: only `invalid_grant` and its kin end a sign-in (REF-4, REF-5, CAUTH-4)."""
        if isinstance(error, GrantEnded | SignInRequired):
            reason = ANSWER_LOST if ended_by_loss else error.detail
            self._end(reason, error)
            await self._record.commit(self.stored)
            return
        generation = self._generation
        if self.stored is not None and self.stored.answer_lost != lost:
            await self._record.mark(replace(self.stored, answer_lost=lost))
        if generation != self._generation:
            return
        self.last_error = error.bare()
        if isinstance(error, ProviderUnreachable | MalformedAnswer):
            self._failures += 1
            boot = self.context.clock.boot()
            wait = schedule.backoff(
                self._failures, self.context.configuration.refresh.retry_max, self.context.jitter(), error.retry_after
            )
            self._retry_at = boot + wait
            self._not_before = boot + error.retry_after if error.retry_after else 0.0
            self._apply(SessionEvent.UNREACHABLE)
        else:
            self._retry_at = None
            self._apply(SessionEvent.REJECTED)
        log.warning("refresh of %s failed: %s", self.provider.id, error.code)

    def _end_now(self, reason: str) -> None:
        """The sign-in is over without a request; the vault is told behind it."""
        self._end(reason)
        self.context.spawn(asyncio.create_task(self._record.commit(self.stored)))

    def _end(self, reason: str, error: TokenKeepError | None = None) -> None:
        """The sign-in is over: drop the tokens, keep whose they were."""
        description = error.description if isinstance(error, ProviderError) else None
        oauth_error = error.error if isinstance(error, ProviderError) else None
        self._generation += 1
        self.held = None
        self._retry_at = None
        self.last_error = GrantEnded(reason, error=oauth_error, description=description, provider=self.provider.id)
        if self.stored is not None:
            self._record.value = replace(self.stored, tokens=None, answer_lost=False, ended=reason)
        self._apply(SessionEvent.ENDED)

    def rejected(self, sha256: str) -> bool:
        """A resource refused that token; whether it is still ours and now to be replaced.

        A token that was obtained a moment ago is not replaced again: the fault is then not its age. Nor is a
        provider asked again that has just failed to answer, or wished to be left alone.
        """
        held = self.held
        if held is None or held.tokens.access_token.sha256 != sha256.lower():
            return False
        if self.context.clock.boot() - held.obtained_boot < schedule.MINIMUM_GAP:
            return False
        if held.tokens.refresh_token is None:
            self._end_now("The token was refused, and this provider gave no refresh token.")
            return False
        return self.may_be_refreshed()

    def wake(self, not_before: float) -> None:
        """The machine woke up or the network came back: try again soon, but not before that boot time."""
        if self._retry_at is not None:
            # Never later than planned: a network that comes and goes must not put the retry off for ever.
            self._retry_at = min(self._retry_at, max(not_before, self._not_before))
            self._changed(self)

    # --- beginnings and ends ----------------------------------------------------------------------------------

    def restore(self, stored: StoredSession) -> None:
        """Take over what the vault kept."""
        self._record.value = stored
        if stored.tokens is None or stored.ended is not None:
            self.last_error = GrantEnded(stored.ended or "", provider=self.provider.id)
            self._apply(SessionEvent.RESTORED_ENDED)
            return
        clock = self.context.clock
        age = max(0.0, clock.wall() - stored.tokens.obtained_at)
        self.held = HeldToken(stored.tokens, clock.boot() - age)
        self._history.append(stored.tokens.obtained_at)
        self._apply(SessionEvent.RESTORED)

    def reconfigure(self, provider: Provider) -> None:
        """Take over a changed entry; a session that failed gets another chance."""
        self.provider = provider
        self.client = ProviderClient(self.context, provider)
        if self.lifecycle.allows(SessionEvent.MENDED):
            self.last_error = None
            self._apply(SessionEvent.MENDED if self.held is not None else SessionEvent.RESET)
        self._changed(self)

    def signing_in(self) -> None:
        """A sign-in began."""
        self._apply(SessionEvent.SIGN_IN_STARTED)

    def sign_in_abandoned(self) -> None:
        """A sign-in came to nothing; what was before holds."""
        self._apply(SessionEvent.SIGN_IN_ABANDONED)

    async def signed_in(
        self, tokens: TokenSet, account: Account | None, method: str, binding: tuple[str, str, str]
    ) -> None:
        """A sign-in succeeded: commit first, then let everybody see it.

        :param binding: where the tokens came from (REF-9); the entry may have changed meanwhile.
        """
        stored = StoredSession(
            tokens=tokens,
            account=account,
            binding=binding,
            signed_in_at=self.context.clock.wall(),
            method=method,
        )
        self._generation += 1
        await self._record.commit(stored)
        self._history.clear()
        self._hold(tokens)
        self._apply(SessionEvent.SIGNED_IN)

    async def sign_out(self) -> TokenSet | None:
        """Forget everything here, at once and durably; the tokens are given back so that they can be revoked."""
        self._generation += 1
        tokens = None if self.stored is None else self.stored.tokens
        self.held = self.last_error = self._record.value = None
        self._retry_at = None
        self._not_before = 0.0
        self._failures = 0
        self._waiting.clear()
        self._history.clear()
        self._apply(SessionEvent.SIGNED_OUT)
        await self._record.commit(None)
        return tokens

    async def save(self) -> None:
        """Write it to a vault that was opened just now."""
        await self._record.commit(self.stored)

    def _hold(self, tokens: TokenSet) -> None:
        clock = self.context.clock
        age = max(0.0, clock.wall() - tokens.obtained_at)
        self.held = HeldToken(tokens, clock.boot() - age)
        self._failures = 0
        self._retry_at = None
        self._not_before = 0.0
        self.last_error = None
        self._waiting.clear()
        self._history.append(tokens.obtained_at)


def _answer_lost(error: TokenKeepError) -> bool:
    """Whether the server may have rotated the refresh token although we never saw the new one (REF-8)."""
    if isinstance(error, ProviderUnreachable):
        return error.maybe_sent
    return isinstance(error, MalformedAnswer) and not isinstance(error, ClientRejected)
