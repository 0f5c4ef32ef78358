"""Token queries of one session: answered from memory, or after joining or starting its refresh."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tokenkeep.domain import schedule
from tokenkeep.domain.errors import (
    DpopRequired,
    InsufficientScope,
    NotAnAccessToken,
    ProviderError,
    ProviderUnreachable,
    ResourceNotAllowed,
    SignInRequired,
    TokenKeepError,
)
from tokenkeep.domain.machine import NOT_AN_ACCESS_TOKEN
from tokenkeep.domain.provider import Flow
from tokenkeep.domain.resource import as_known
from tokenkeep.domain.session import SessionState
from tokenkeep.domain.tokens import GrantedToken, HeldToken, TokenQuery, TokenSet, Wish
from tokenkeep.engine.narrowing import Narrowing
from tokenkeep.engine.proofs import is_too_weak
from tokenkeep.engine.refreshes import Refreshes
from tokenkeep.engine.standing import Standing
from tokenkeep.oauth import dpop

SOURCE_VALID = 60.0  # seconds that a token should live on when it is shown in an exchange


class Serving:
    """Used on the engine's loop only."""

    def __init__(self, standing: Standing, refreshes: Refreshes, narrowing: Narrowing) -> None:
        self._standing = standing
        self._refreshes = refreshes
        self._narrowing = narrowing

    def now(self, query: TokenQuery) -> GrantedToken | None:
        """The token when it can be had from memory, without any I/O; None when `token` has to be awaited.

        :raises InsufficientScope: the sign-in does not cover the scope.
        :raises ResourceNotAllowed: it does not cover the resource or audience.
        :raises DpopRequired: the token is bound to a key.
        """
        wish = self._narrowing.wish(query)
        if wish is not None:
            return self._beside(wish, query, self._narrowing.now(wish, query))
        held = self._standing.held
        if held is None:
            return None
        tokens, context = held.tokens, self._standing.context
        self._check_covered(query, tokens)
        remaining = held.remaining(context.clock.wall(), context.clock.boot())
        if remaining is None and not self._standing.usable():
            return None
        if remaining is not None:
            margin = schedule.skew(context.configuration.refresh.validity_skew, tokens.lifetime)
            if remaining <= margin:
                return None
            if remaining < schedule.min_valid(query.min_valid, tokens.lifetime) and self._refreshes.allowed_by_query():
                return None
        return self._grant(held, query, remaining)

    async def token(self, query: TokenQuery, asked_by: str) -> GrantedToken:
        """The token, after joining or starting a refresh when that is needed.

        :param asked_by: the program's name, remembered when it has to go away without a token.
        :raises SignInRequired: no valid token, and none to be had without a person.
        :raises ProviderUnreachable: no valid token, and the provider cannot be reached now.
        :raises ProviderError: no valid token, and the provider refuses for another reason.
        """
        granted = self.now(query)
        if granted is not None:
            return granted
        wish = self._narrowing.wish(query)
        if wish is not None:
            self._check_ours()
            granted = self._beside(wish, query, await self._narrowing.get(wish, query))
            assert granted is not None
            return granted
        held = await self._fresh(asked_by)
        clock = self._standing.context.clock
        self._check_covered(query, held.tokens)
        return self._grant(held, query, held.remaining(clock.wall(), clock.boot()))

    async def source(self, asked_by: str) -> TokenSet:
        """The tokens for another provider's token exchange, whatever they are good for else; errors as `token`."""
        held, clock = self._standing.held, self._standing.context.clock
        remaining = None if held is None else held.remaining(clock.wall(), clock.boot())
        enough = remaining is None or remaining >= schedule.min_valid(SOURCE_VALID, held.tokens.lifetime if held else 0)
        if held is None or not self._standing.usable() or (not enough and self._refreshes.allowed_by_query()):
            held = await self._fresh(asked_by)
        self._check_ours()
        return held.tokens

    async def _fresh(self, asked_by: str) -> HeldToken:
        """What is held after joining or starting a refresh that is needed and allowed."""
        renewed = False
        failure: TokenKeepError | None = None
        if self._refreshes.in_flight is not None or self._refreshes.allowed_by_query():
            try:
                await asyncio.shield(self._refreshes.soon())
                renewed = True
            except TokenKeepError as error:
                failure = error
        held = self._standing.held
        if held is not None and (self._standing.usable() or (renewed and held.tokens.lifetime is None)):
            return held
        self._standing.note_waiting(asked_by)
        raise failure or self._no_token()

    def _beside(self, wish: Wish, query: TokenQuery, held: HeldToken | None) -> GrantedToken | None:
        """A token that is good for less than the main one (RES-2)."""
        if held is None:
            return None
        clock = self._standing.context.clock
        asked = replace(query, scope=wish.scope if query.scope else (), resource=wish.resource, audience="")
        self._check_covered(asked, held.tokens)
        return self._grant(held, query, held.remaining(clock.wall(), clock.boot()))

    def _grant(self, held: HeldToken, query: TokenQuery, remaining: float | None) -> GrantedToken:
        tokens, standing = held.tokens, self._standing
        return GrantedToken(
            access_token=tokens.access_token,
            token_type=tokens.token_type,
            expires_at=tokens.expires_at,
            expires_in=None if remaining is None else max(0.0, remaining),
            min_valid_met=remaining is None or remaining >= query.min_valid,
            scope=tokens.scope,
            resource=tokens.resource,
            provider=standing.provider.id,
            issuer=standing.provider.issuer,
            account="" if standing.account is None else standing.account.label,
        )

    def _check_ours(self) -> None:
        """Whether what is held belongs to the entry as it is now, and has the form that it wants.

        :raises SignInRequired: it does not.
        """
        stored, provider = self._standing.stored, self._standing.provider
        if stored is not None and not self._standing.client.gave(stored.binding):
            # Kept, in case the entry is changed back; but one server's token is never given out as another's (REF-9).
            raise SignInRequired(f"The setup of {provider.title} changed since the last sign-in.", provider=provider.id)
        if stored is not None and is_too_weak(provider, stored):
            raise SignInRequired(f"{provider.title} is to give tokens bound to a key by now.", provider=provider.id)

    def _check_covered(self, query: TokenQuery, tokens: TokenSet) -> None:
        self._check_ours()
        provider = self._standing.provider
        if tokens.token_type == NOT_AN_ACCESS_TOKEN:
            raise NotAnAccessToken(
                f"{provider.title} gave a token of the type {tokens.issued_type}, which is not for requests.",
                key=f"providers.{provider.id}.requested_token_type",
                provider=provider.id,
            )
        missing = [scope for scope in query.scope if scope not in tokens.scope]
        if missing:
            raise InsufficientScope(f"{provider.title} granted no {' '.join(missing)}.", provider=provider.id)
        if query.resource and set(as_known(query.resource, tokens.resource)) != set(tokens.resource):
            raise ResourceNotAllowed(f"The sign-in at {provider.title} is not for that resource.", provider=provider.id)
        if query.audience and query.audience not in provider.audiences:
            raise ResourceNotAllowed(f"The sign-in at {provider.title} is not for that audience.", provider=provider.id)
        if dpop.is_bound(tokens) and not query.proven:
            raise DpopRequired(
                f"The token of {provider.title} is of use only together with a key that TokenKeep has.",
                provider=provider.id,
            )

    def _no_token(self) -> TokenKeepError:
        standing, provider = self._standing, self._standing.provider
        if standing.settled is SessionState.OFFLINE:
            return ProviderUnreachable(
                f"{provider.title} cannot be reached and its token has run out.",
                provider=provider.id,
                retry_after=standing.pace.wait(),
            )
        if standing.settled is SessionState.FAILED and standing.last_error is not None:
            return standing.last_error.bare()
        if provider.flow is Flow.STATIC:
            return SignInRequired(
                f"No token of {provider.title} is kept here.",
                hint=f"Paste one in the window, or give it to `tokenkeep edit {provider.id} --token -`.",
                provider=provider.id,
            )
        if standing.stopped:
            return SignInRequired(
                f"{provider.title} was signed out here, so no token is fetched.",
                hint=f"`tokenkeep login {provider.id}` lets programs have tokens again.",
                provider=provider.id,
            )
        if standing.settled is SessionState.NEEDS_SIGN_IN:
            return SignInRequired(f"{provider.title} ended this sign-in.", provider=provider.id)
        if standing.refreshable:
            return ProviderError(f"{provider.title} gave a token that had already run out.", provider=provider.id)
        return SignInRequired(f"Not signed in to {provider.title}.", provider=provider.id)
