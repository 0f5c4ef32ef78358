"""The refreshes of one session: when the next is due, one in flight at a time, and what each outcome means."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from tokenkeep.domain import schedule
from tokenkeep.domain.errors import (
    ClientRejected,
    GrantEnded,
    MalformedAnswer,
    ProviderError,
    ProviderUnreachable,
    SignInRequired,
    TokenKeepError,
)
from tokenkeep.domain.provider import Flow
from tokenkeep.domain.session import SessionEvent, SessionState
from tokenkeep.domain.tokens import StoredSession, TokenSet, Wish
from tokenkeep.engine.acquisitions import acquire, acquire_narrowed, failed, ran_out
from tokenkeep.engine.client import ProviderClient
from tokenkeep.engine.proofs import is_too_weak, key_of
from tokenkeep.engine.standing import Standing
from tokenkeep.oauth.signing_key import SigningKey

log = logging.getLogger(__name__)

ANSWER_LOST = (
    "The answer to the last refresh was lost on its way, and the provider had probably replaced the refresh token."
)


# For a session that cannot be renewed: by the provider, or because its token was pasted.
_RAN_OUT = {False: "The token ran out, and this provider gave no refresh token.", True: "The pasted token has run out."}
_REFUSED = {
    False: "The token was refused, and this provider gave no refresh token.",
    True: "The pasted token was refused.",
}


class Refreshes:
    """Used on the engine's loop only."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._context = standing.context
        self.in_flight: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()  # whoever has it may send the refresh token (REF-3)

    # --- when -------------------------------------------------------------------------------------------------

    def due(self) -> float | None:
        """When background work is due, by the boot clock; None when there is nothing to do.

        Both clocks are asked and the earlier one wins, so a jump of the wall clock costs at most one early refresh.
        """
        standing = self._standing
        held, stored = standing.held, standing.stored
        if standing.settled is SessionState.REFRESHING:
            return None
        if held is None or stored is None:
            return standing.pace.retry_at if standing.provider.flow.machine else None
        if standing.pace.retry_at is not None:
            return standing.pace.retry_at
        lifetime = held.tokens.lifetime
        if lifetime is None or standing.settled is SessionState.FAILED:
            return None
        settings, clock = self._context.configuration.refresh, self._context.clock
        if not standing.refreshable or stored.answer_lost:
            after = lifetime - schedule.skew(settings.validity_skew, lifetime)
        else:
            after = schedule.refresh_due(0.0, lifetime, settings.ahead)
            if lifetime < schedule.MINIMUM_GAP:  # it cannot be kept fresh; who needs it asks
                after = max(after, settings.retry_max)
        by_wall = clock.boot() + held.tokens.obtained_at + after - clock.wall()
        return min(held.obtained_boot + after, by_wall)

    def when_due(self) -> None:
        """Do what `due` announced. Never asks a person for anything."""
        if self._standing.held is None and not self._standing.provider.flow.machine:
            return
        if not self._standing.refreshable:
            self._standing.end_now(_RAN_OUT[self._standing.provider.flow is Flow.STATIC])
        else:
            self.soon(background=True)

    def wake(self, not_before: float) -> None:
        """The machine woke up or the network came back: try again soon, but not before that boot time."""
        if self._standing.pace.wake(not_before):
            self._standing.notify()

    def allowed_by_click(self) -> bool:
        """Whether a click on "refresh" causes or joins a request."""
        return self.in_flight is not None or self._standing.pace.allows_click()

    def allowed_by_query(self) -> bool:
        """Whether a caller may cause or join one: not without a refresh token, in a loop, or against a wish."""
        standing = self._standing
        held, stored = standing.held, standing.stored
        if standing.provider.flow.machine:
            return self._allowed_machine()
        if held is None or stored is None or held.tokens.refresh_token is None:
            return False
        if self.in_flight is not None:
            return True
        if self.spares_the_token():
            return False  # the kept token serves until its end
        return standing.pace.allows_query(held.tokens.lifetime, rejected=standing.settled is SessionState.FAILED)

    def _allowed_machine(self) -> bool:
        standing = self._standing
        if standing.stopped:
            return False
        if self.in_flight is not None:
            return True
        lifetime = None if standing.held is None else standing.held.tokens.lifetime
        rejected = standing.settled is SessionState.FAILED
        if standing.held is not None and lifetime is None and not rejected and standing.pace.allows_each():
            return True
        return standing.pace.allows_query(lifetime, rejected=rejected)

    def wanted_for(self, sha256: str) -> bool:
        """A resource refused that token; whether it is still ours and now to be replaced.

        A token that was obtained a moment ago is not replaced again: the fault is then not its age. Nor is a
        provider asked again that has just failed to answer, or wished to be left alone.
        """
        held = self._standing.held
        if held is None or held.tokens.access_token.sha256 != sha256.lower():
            return False
        static = self._standing.provider.flow is Flow.STATIC
        if not static and self._context.clock.boot() - held.obtained_boot < schedule.MINIMUM_GAP:
            return False
        if not self._standing.refreshable:
            self._standing.end_now(_REFUSED[static])
            return False
        return self.allowed_by_click()

    # --- one refresh ------------------------------------------------------------------------------------------

    def soon(self, *, background: bool = False) -> asyncio.Task[None]:
        """The one refresh in flight, begun now when there is none. Await it under `asyncio.shield`.

        Its errors are those of `oauth.refresh`; the session's state is settled before they are raised.
        """
        if self.in_flight is None:
            self._standing.apply(SessionEvent.REFRESH_STARTED)
            self.in_flight = asyncio.create_task(self._refresh(background=background))
            self.in_flight.add_done_callback(self._done)
            self._context.spawn(self.in_flight)
            self._standing.notify()
        return self.in_flight

    def _done(self, task: asyncio.Task[None]) -> None:
        if self.in_flight is task:
            self.in_flight = None
        self._standing.notify()

    async def _refresh(self, *, background: bool) -> None:
        standing, generation = self._standing, self._standing.generation
        try:
            if standing.provider.flow.machine:
                await acquire(standing, background=background)
            else:
                async with self._turn:
                    await self._once(background=background)
        except TokenKeepError:
            raise
        except Exception as bug:  # a bug of ours must not leave the session between two states
            log.exception("a refresh of %s failed unexpectedly", standing.provider.id)
            failure = ProviderError(
                f"Refreshing the token of {standing.provider.title} failed.", provider=standing.provider.id
            )
            if generation == standing.generation and standing.settled is SessionState.REFRESHING:
                if standing.provider.flow.machine:
                    failed(standing, failure)
                else:
                    await self._failed(failure, lost=True, ended_by_loss=False)
            raise failure from bug

    async def narrowed(self, wish: Wish) -> TokenSet:
        """Tokens for less than the sign-in, of a request of their own; the main token is served on.

        A refresh token that was rotated is committed before this returns (REF-1). Whatever is raised, the sign-in goes
        on, but for an id_token of somebody else (OIDC-10).

        :raises TokenKeepError: as `oauth.refresh` and `machine.acquire`.
        """
        async with self._turn:
            if self._standing.provider.flow.machine:
                if self._standing.stored is None and self._standing.provider.dpop != "off":
                    await asyncio.shield(self.soon())  # tokens beside the main one are bound to its key
                return await acquire_narrowed(self._standing, wish)
            if self.spares_the_token():
                raise self.lost()
            return await self._use(background=False, wish=wish)

    def spares_the_token(self) -> bool:
        """Whether a second use of the refresh token is to wait, because it may end the family (REF-8)."""
        stored = self._standing.stored
        return stored is not None and stored.answer_lost and self._standing.usable()

    def lost(self) -> ProviderUnreachable:
        """Why no token is asked for meanwhile."""
        standing = self._standing
        clock = standing.context.clock
        left = None if standing.held is None else standing.held.remaining(clock.wall(), clock.boot())
        return ProviderUnreachable(
            f"The answer of {standing.provider.title} to the last request was lost. It is asked again when the token "
            "that there is has run out.",
            provider=standing.provider.id,
            retry_after=left,
        )

    async def _once(self, *, background: bool) -> None:
        standing = self._standing
        standing.hold(await self._use(background=background))
        if not standing.usable():
            raise ran_out(standing)
        standing.pace.reset()
        standing.apply(SessionEvent.REFRESHED)

    async def _use(self, *, background: bool, wish: Wish | None = None) -> TokenSet:
        """One use of the refresh token; what came of it is committed.

        :param wish: for a token beside the main one; None for the main one.
        """
        # A changed entry gives the session a new client; what was begun with this one ends with it.
        standing = self._standing
        generation, stored, client = standing.generation, standing.stored, standing.client
        if stored is None or stored.tokens is None:
            raise SignInRequired(provider=standing.provider.id)
        before = stored.tokens
        if wish is None:
            standing.pace.begin()
        lost_before = stored.answer_lost
        sent = False
        try:
            await client.prepare(background=background)
            standing.check_current(generation)
            client = client.known_as(stored.binding[2])
            client.check_binding(stored.binding)
            if await self._took_newer(stored, generation):
                stored = standing.stored or stored
            standing.check_current(generation)
            key = self._key(stored)
            before = stored.tokens or before
            await standing.record.mark(replace(stored, answer_lost=True))
            standing.check_current(generation)
            sent = True
            tokens = await client.refresh(before, stored.binding, background=background, key=key, wish=wish)
        except TokenKeepError as error:
            if isinstance(error, GrantEnded) and await self._took_newer(stored, generation):
                return await self._use(background=background, wish=wish)
            if generation == standing.generation:
                lost = lost_before or (sent and _answer_lost(error))
                await (self._note_loss(lost) if wish else self._failed(error, lost=lost, ended_by_loss=lost_before))
            raise
        tokens, refusal = await self._verified(client, before, tokens, background=background)
        kept = tokens
        if wish is not None:
            kept = replace(before, refresh_token=tokens.refresh_token, id_token=tokens.id_token)
        await self._keep(client, stored, kept, tokens, refusal, generation)
        if wish is not None and standing.held is not None:
            standing.held = replace(standing.held, tokens=kept)
        return tokens

    async def _keep(
        self,
        client: ProviderClient,
        stored: StoredSession,
        kept: TokenSet,
        tokens: TokenSet,
        refusal: ProviderError | None,
        generation: int,
    ) -> None:
        """Commit what came before anybody gets any of it (REF-1).

        :param kept: what the session goes on with; `tokens` are those of the answer.
        :raises SignInRequired: the id_token is not this sign-in's, or the sign-in was ended meanwhile.
        """
        standing = self._standing
        if generation == standing.generation and refusal is not None:
            # The refresh token is kept, not used and not lost (OIDC-10): a sign-out can still revoke it.
            standing.end(refusal.detail, refusal)
            await standing.record.commit(replace(stored, tokens=kept, answer_lost=False, ended=refusal.detail))
            raise SignInRequired(refusal.detail, provider=standing.provider.id)
        if generation == standing.generation:
            stored = replace(stored, tokens=kept, answer_lost=False, ended=None, origin=client.origin())
            await standing.record.commit(stored)
        if generation != standing.generation:
            if standing.held is None:  # signed out; after a new sign-in the old grant just runs out
                await client.discard(tokens)
            standing.check_current(generation)

    def _key(self, stored: StoredSession) -> SigningKey | None:
        """What the refresh token is bound to (RFC 9449 §5).

        :raises SignInRequired: the key is lost, or the entry wants bound tokens by now and these are bearer tokens.
        """
        provider = self._standing.provider
        if is_too_weak(provider, stored):
            raise SignInRequired(f"{provider.title} is to give tokens bound to a key by now.", provider=provider.id)
        return key_of(provider, stored)

    async def _took_newer(self, stored: StoredSession, generation: int) -> bool:
        """Whether the vault holds a newer refresh token than ours (REF-3, REF-4); it is the one to use then."""
        standing = self._standing
        try:
            kept = await self._context.vault.read_session(standing.provider.id)
        except TokenKeepError:
            return False
        if generation != standing.generation or standing.record.unsaved or kept is None or kept.ended is not None:
            return False
        ours, theirs = stored.tokens, kept.tokens
        if ours is None or theirs is None or theirs.refresh_token in (None, ours.refresh_token):
            return False
        if kept.binding != stored.binding or theirs.obtained_at <= ours.obtained_at:
            return False
        log.info("the vault holds a newer refresh token of %s", standing.provider.id)
        standing.record.value = kept
        standing.put(theirs)
        return True

    async def _verified(
        self, client: ProviderClient, before: TokenSet, after: TokenSet, *, background: bool
    ) -> tuple[TokenSet, ProviderError | None]:
        """The tokens to keep, and why they must not be used when their id_token is not this sign-in's."""
        try:
            await client.verify_refreshed(before, after, background=background)
        except (ProviderUnreachable, MalformedAnswer) as error:
            # The keys cannot be had now. The access token came over TLS from the token endpoint with the sign-in's
            # own refresh token; the id_token is dropped, and the next one is checked against the sign-in's again.
            log.info("the refreshed id_token of %s could not be checked: %s", client.provider.id, error.code)
            return replace(after, id_token=before.id_token), None
        except ProviderError as error:
            return after, error
        return after, None

    async def _failed(self, error: TokenKeepError, *, lost: bool, ended_by_loss: bool) -> None:
        """Settle the state: only `invalid_grant` and its kin end a sign-in (REF-4, REF-5, CAUTH-4)."""
        standing = self._standing
        if isinstance(error, GrantEnded | SignInRequired):
            standing.end(ANSWER_LOST if ended_by_loss else error.detail, error)
            await standing.record.commit(standing.stored)
            return
        generation = standing.generation
        await self._note_loss(lost)
        if generation != standing.generation:
            return
        standing.last_error = error.bare()
        if isinstance(error, ProviderUnreachable | MalformedAnswer):
            standing.pace.fail(error.retry_after)
            standing.apply(SessionEvent.UNREACHABLE)
        else:
            standing.pace.give_up()
            standing.apply(SessionEvent.REJECTED)
        log.warning("refresh of %s failed: %s", standing.provider.id, error.code)

    async def _note_loss(self, lost: bool) -> None:
        standing = self._standing
        if standing.stored is not None and standing.stored.answer_lost != lost:
            await standing.record.mark(replace(standing.stored, answer_lost=lost))


def _answer_lost(error: TokenKeepError) -> bool:
    """Whether the server may have rotated the refresh token although we never saw the new one (REF-8)."""
    if isinstance(error, ProviderUnreachable):
        return error.maybe_sent
    return isinstance(error, MalformedAnswer) and not isinstance(error, ClientRejected)
