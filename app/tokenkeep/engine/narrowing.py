"""Tokens that are good for less than the sign-in: asked for at the server, kept beside the main one (RES-2)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from tokenkeep.domain import schedule
from tokenkeep.domain.errors import (
    GrantEnded,
    InsufficientScope,
    InvalidTarget,
    MalformedAnswer,
    ProviderError,
    ProviderUnreachable,
    ResourceNotAllowed,
    TokenKeepError,
)
from tokenkeep.domain.resource import as_known
from tokenkeep.domain.tokens import HeldToken, TokenQuery, TokenSet, Wish
from tokenkeep.engine.pace import Pace
from tokenkeep.engine.refreshes import Refreshes
from tokenkeep.engine.standing import Standing

log = logging.getLogger(__name__)

MOST = 32  # tokens kept for one session; the one that was asked for longest ago is forgotten first


@dataclass(slots=True)
class _Kept:
    """:param error: why there is none, or no newer one."""

    pace: Pace
    held: HeldToken | None = None
    error: TokenKeepError | None = None
    asking: asyncio.Task[None] | None = None


class Narrowing:
    """In memory only; gone with the sign-in. Used on the engine's loop only.

    A token is kept for each set of resources, set of scopes and audience, and handed out for nothing else.
    """

    def __init__(self, standing: Standing, refreshes: Refreshes) -> None:
        self._standing = standing
        self._refreshes = refreshes
        self._all: dict[Wish, _Kept] = {}

    # --- what is meant ----------------------------------------------------------------------------------------

    def wish(self, query: TokenQuery) -> Wish | None:
        """What a query wants that is not the main token; None when that serves it, or when nothing narrower can be had.

        :raises ResourceNotAllowed: the sign-in is not for that resource or audience.
        """
        if not (query.scope or query.resource or query.audience):
            return None
        provider = self._standing.provider
        if self._standing.held is None and not provider.flow.machine:
            return None
        scope, resource = self._covered()
        audience = query.audience
        if audience and audience not in provider.audiences and (provider.audiences or not provider.flow.machine):
            raise ResourceNotAllowed(f"The sign-in at {provider.title} is not for that audience.", provider=provider.id)
        wanted_resource = as_known(query.resource, resource) if query.resource else resource
        # A sign-in for no resource is for none in particular. The server is not asked whether it is for this one all
        # the same: some use up the refresh token before they refuse, and a program's wish must not end a sign-in.
        if not set(wanted_resource) <= set(resource) and (resource or not provider.flow.machine):
            raise ResourceNotAllowed(
                f"The sign-in at {provider.title} is not for that resource.",
                hint="Add it to `resource` of this provider in the configuration, and sign in again.",
                provider=provider.id,
            )
        if set(query.scope) <= set(scope) or not provider.flow.machine:
            wanted_scope = tuple(one for one in scope if one in query.scope) if query.scope else scope
        else:
            wanted_scope = () if scope else query.scope
        other_audience = "" if len(provider.audiences) < 2 and audience in provider.audiences else audience
        if set(wanted_resource) == set(resource) and set(wanted_scope) == set(scope) and not other_audience:
            return None
        if not set(query.scope) <= set(wanted_scope):
            return None  # more than the sign-in covers: said where the main token is looked at
        if not self._standing.refreshable:
            if set(wanted_resource) != set(resource):
                raise ResourceNotAllowed(
                    f"{provider.title} gave no refresh token, so there is no token for that resource alone.",
                    provider=provider.id,
                )
            return None
        return Wish(wanted_scope, wanted_resource, other_audience)

    def _covered(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Scope and resources of the main token; of a machine's entry, which may ask for them at any time."""
        held, provider = self._standing.held, self._standing.provider
        if held is None or provider.flow.machine:
            return tuple(provider.scopes), tuple(provider.resource)
        return held.tokens.scope, held.tokens.resource

    # --- serving ----------------------------------------------------------------------------------------------

    def now(self, wish: Wish, query: TokenQuery) -> HeldToken | None:
        """The token if it is here and valid for long enough, or for now where no newer one may be asked for."""
        kept = self._all.get(wish)
        if kept is None or kept.held is None or not self._valid(kept.held):
            return None
        remaining = self._remaining(kept.held)
        lifetime = kept.held.tokens.lifetime
        enough = remaining is None or remaining >= schedule.min_valid(query.min_valid, lifetime)
        return kept.held if enough or not self._may_ask(kept) else None

    async def get(self, wish: Wish, query: TokenQuery) -> HeldToken:
        """The token; one request at a time for each wish, and behind whatever else uses the refresh token (REF-3).

        :raises ResourceNotAllowed, InsufficientScope: the server gives none for that.
        :raises TokenKeepError: there is none now; the sign-in goes on.
        """
        held = self.now(wish, query)
        if held is not None:
            return held
        kept = self._place(wish)
        if kept.asking is None and self._may_ask(kept):
            kept.asking = asyncio.create_task(self._ask(wish, kept))
            self._standing.context.spawn(kept.asking)
        if kept.asking is not None:
            await asyncio.shield(kept.asking)
        if kept.held is not None and self._valid(kept.held):
            return kept.held
        raise kept.error.bare() if kept.error is not None else self._asked_just_now(kept)

    def would_ask(self, wish: Wish, query: TokenQuery) -> bool:
        """Whether that query causes a request of its own."""
        kept = self._all.get(wish)
        return kept is None or (kept.asking is None and self.now(wish, query) is None and self._may_ask(kept))

    def known_by(self, sha256: str) -> Wish | None:
        """Which of these tokens has that digest."""
        for wish, kept in self._all.items():
            if kept.held is not None and kept.held.tokens.access_token.sha256 == sha256.lower():
                return wish
        return None

    def refused(self, wish: Wish) -> None:
        """A resource refused that token: it is not handed out again, unless it was obtained a moment ago."""
        kept = self._all.get(wish)
        if kept is None or kept.held is None:
            return
        if self._standing.context.clock.boot() - kept.held.obtained_boot >= schedule.MINIMUM_GAP:
            kept.held = None
            kept.pace = Pace(self._standing.context)

    def drop(self) -> tuple[TokenSet, ...]:
        """Forget all; what there was."""
        gone = tuple(kept.held.tokens for kept in self._all.values() if kept.held is not None)
        self._all.clear()
        return gone

    def _place(self, wish: Wish) -> _Kept:
        kept = self._all.pop(wish, None) or _Kept(Pace(self._standing.context))
        self._all[wish] = kept  # last in line
        idle = [one for one, other in self._all.items() if other.asking is None and one != wish]
        for one in idle[: max(0, len(self._all) - MOST)]:
            del self._all[one]
        return kept

    def _remaining(self, held: HeldToken) -> float | None:
        clock = self._standing.context.clock
        return held.remaining(clock.wall(), clock.boot())

    def _valid(self, held: HeldToken) -> bool:
        remaining = self._remaining(held)
        wished = self._standing.context.configuration.refresh.validity_skew
        return remaining is None or remaining > schedule.skew(wished, held.tokens.lifetime)

    def _may_ask(self, kept: _Kept) -> bool:
        lifetime = None if kept.held is None else kept.held.tokens.lifetime
        return kept.pace.allows_query(lifetime, rejected=isinstance(kept.error, ProviderError))

    def _asked_just_now(self, kept: _Kept) -> ProviderUnreachable:
        provider = self._standing.provider
        return ProviderUnreachable(
            f"{provider.title} was asked for that a moment ago, and the token has run out already.",
            provider=provider.id,
            retry_after=kept.pace.wait(),
        )

    # --- asking -----------------------------------------------------------------------------------------------

    async def _ask(self, wish: Wish, kept: _Kept) -> None:
        """One request; what comes of it is in `kept`."""
        provider = self._standing.provider
        kept.pace.begin()
        try:
            tokens = await self._refreshes.narrowed(wish)
        except GrantEnded:
            # A program's wish alone ends no sign-in: the main token's own refresh shows whether it has ended.
            await self._prove(kept)
        except TokenKeepError as error:
            kept.error = self._meant(error)
            if isinstance(error, ProviderUnreachable | MalformedAnswer):
                kept.pace.fail(error.retry_after)
            log.warning("no narrower token of %s: %s", provider.id, kept.error.code)
        except Exception as bug:  # a bug of ours is not the caller's to read
            log.exception("a narrower token of %s failed unexpectedly", provider.id)
            kept.error = ProviderError(f"Asking {provider.title} for a narrower token failed.", provider=provider.id)
            raise kept.error.bare() from bug
        else:
            kept.held = HeldToken(tokens, self._obtained(tokens))
            kept.error = None
            kept.pace.reset()
            if not self._valid(kept.held):
                kept.error = ProviderError(
                    f"{provider.title} gave a token that had already run out.", provider=provider.id
                )
                kept.pace.fail_for_all()
        finally:
            kept.asking = None
            self._standing.notify()

    async def _prove(self, kept: _Kept) -> None:
        provider = self._standing.provider
        kept.error = ResourceNotAllowed(
            f"{provider.title} gives no token of this sign-in for that alone.", provider=provider.id
        )
        try:
            await asyncio.shield(self._refreshes.soon())
        except TokenKeepError as error:
            kept.error = error.bare()

    def _meant(self, error: TokenKeepError) -> TokenKeepError:
        """What the server's refusal means to the program that asked."""
        provider = self._standing.provider
        if isinstance(error, InvalidTarget):
            return ResourceNotAllowed(
                error.detail, hint="Ask for another resource, or sign in for this one.", provider=provider.id
            )
        if isinstance(error, ProviderError) and error.error == "invalid_scope":
            return InsufficientScope(error.detail, provider=provider.id)
        return error.bare()

    def _obtained(self, tokens: TokenSet) -> float:
        clock = self._standing.context.clock
        return clock.boot() - max(0.0, clock.wall() - tokens.obtained_at)
