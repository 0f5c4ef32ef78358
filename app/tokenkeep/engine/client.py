"""The provider as the engine sees it: metadata, credentials and the blocking calls of `oauth/` on the network pool."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, ParamSpec, TypeVar

from tokenkeep.domain.errors import SignInRequired, TokenKeepError
from tokenkeep.domain.origin import Origin
from tokenkeep.domain.provider import Flow, Provider
from tokenkeep.domain.tokens import Account, Secret, TokenSet
from tokenkeep.engine.context import Context
from tokenkeep.engine.credentials import credentials_of, transport_of
from tokenkeep.engine.moves import tell_of_moves
from tokenkeep.oauth import authorization, device, identity, metadata, pushed, refresh
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.metadata import ServerMetadata

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class ProviderClient:
    """Calls at one provider. `prepare` comes first, the other calls rely on it."""

    def __init__(self, context: Context, provider: Provider) -> None:
        self._context = context
        self._transport = transport_of(context, provider)
        self.provider = provider
        self._metadata: ServerMetadata | None = None

    @property
    def metadata(self) -> ServerMetadata:
        """What the server says of itself.

        :raises RuntimeError: before `prepare`.
        """
        if self._metadata is None:
            raise RuntimeError("the provider's metadata has not been asked for")
        return self._metadata

    @property
    def device_available(self) -> bool:
        """Whether a sign-in by code is known to be possible."""
        if self._metadata is not None:
            return self._metadata.device_authorization_endpoint is not None
        return bool(self.provider.device_authorization_endpoint) or self.provider.flow is Flow.DEVICE_CODE

    async def prepare(self, *, background: bool = False, fresh: bool = False) -> ServerMetadata:
        """Fetch the metadata when there is none or it is old; an old copy serves while the server cannot be reached.

        :param fresh: ask again although a copy is young: a sign-in begins with what holds now.
        :raises ProviderUnreachable: there is no copy and no answer.
        :raises ProviderError: the document must not be used (META-3, META-6).
        """
        found = await self._run(background, partial(metadata.discover, fresh=fresh), self._transport, self.provider)
        if self._metadata is not None:
            tell_of_moves(self._context, self.provider, self._metadata, found)
        self._metadata = found
        return found

    def binding(self) -> tuple[str, str, str]:
        """What a refresh token of this provider is bound to (REF-9)."""
        return refresh.binding(self.provider, self.metadata, self.provider.client_id)

    def is_bound(self, binding: tuple[str, str, str]) -> bool:
        """Whether this is known to be the server and the client that a token is bound to (REF-9)."""
        return self._metadata is not None and self.binding() == binding

    def check_binding(self, binding: tuple[str, str, str]) -> None:
        """Refuse to send a refresh token anywhere but where it came from.

        :raises SignInRequired: issuer, token endpoint or client changed since the sign-in.
        """
        if not self.is_bound(binding):
            raise SignInRequired(
                f"The setup of {self.provider.title} changed since the last sign-in.", provider=self.provider.id
            )

    async def credentials(self) -> ClientCredentials:
        """Who we are to this server; secret and key are read anew at each use. Errors as `credentials_of`."""
        return await credentials_of(self._context, self.provider, self.metadata, self._transport)

    async def refresh(self, tokens: TokenSet, binding: tuple[str, str, str], *, background: bool) -> TokenSet:
        """One refresh request (RFC 6749 §6); what comes back must still pass `verify_refreshed`.

        :raises SignInRequired: the metadata changed meanwhile, and the refresh token would go elsewhere (REF-9).
        """
        credentials = await self.credentials()
        self.check_binding(binding)
        answer = await self._run(
            background, refresh.refresh, self._transport, self.provider, self.metadata, tokens, credentials
        )
        return answer.tokens

    async def verify_refreshed(self, before: TokenSet, after: TokenSet, *, background: bool) -> None:
        """Check a new id_token against the sign-in's (OIDC-10).

        :raises ProviderError: it does not pass: the access token must not be used, the refresh token not be lost.
        """
        wall = self._context.clock.wall()
        await self._run(
            background,
            identity.verify_refreshed,
            self._transport,
            self.provider,
            self.metadata,
            before,
            after,
            wall,
        )

    async def begin(self, server: ServerMetadata, redirect_uri: str, login_hint: str) -> authorization.Attempt:
        """An authorization request of its own state, nonce and verifier; pushed where the server takes that (RFC 9126).

        :param server: the metadata that the sign-in began with (RESP-10).
        :raises ProviderError: it cannot be made, or the server did not take it.
        """
        pushed_first = pushed.is_pushed(server)
        attempt = authorization.begin(self.provider, server, redirect_uri, login_hint=login_hint)
        if not pushed_first:
            return attempt
        credentials = await self.credentials()
        return await self._context.net.run(pushed.push, self._transport, attempt, credentials)

    async def exchange(self, attempt: authorization.Attempt, code: Secret) -> TokenSet:
        """Redeem an authorization code (RFC 6749 §4.1.3)."""

        async def exchange() -> TokenSet:
            credentials = await self.credentials()
            answer = await self._context.net.run(authorization.exchange, self._transport, attempt, code, credentials)
            return answer.tokens

        return await self._not_lost(exchange())

    async def device_codes(self) -> device.DeviceAuthorization:
        """Ask for a device code and a user code (RFC 8628 §3.1)."""
        credentials = await self.credentials()
        return await self._context.net.run(
            device.request_codes, self._transport, self.provider, self.metadata, credentials
        )

    async def poll(self, codes: device.DeviceAuthorization, metadata: ServerMetadata) -> TokenSet:
        """Ask once whether the person has confirmed (RFC 8628 §3.4).

        :param metadata: those that the codes were asked for with.
        """

        async def poll() -> TokenSet:
            credentials = await self.credentials()
            answer = await self._context.net.run(
                device.poll, self._transport, self.provider, metadata, credentials, codes
            )
            return answer.tokens

        return await self._not_lost(poll())

    async def account(self, tokens: TokenSet, nonce: Secret | None, metadata: ServerMetadata) -> Account | None:
        """Who signed in: the verified id_token, and userinfo when the server has it; None when nothing tells.

        Tokens that are not used after all, because it does not pass or nobody waits any more, are revoked (REV-4).

        :param metadata: those that the sign-in began with (RESP-10).
        :raises ProviderError: the id_token does not pass; none of the answer's tokens may be used (OIDC-6).
        """
        try:
            return await self._account(tokens, nonce, metadata)
        except (TokenKeepError, asyncio.CancelledError):
            self._context.spawn(asyncio.create_task(self.discard(tokens)))
            raise

    async def _account(self, tokens: TokenSet, nonce: Secret | None, metadata: ServerMetadata) -> Account | None:
        claims = await self._context.net.run(
            identity.verify_id_token,
            self._transport,
            self.provider,
            metadata,
            tokens,
            nonce=nonce,
            previous_claims=None,
            wall=self._context.clock.wall(),
        )
        profile: dict[str, object] = {}
        try:
            profile = await self._context.net.run(
                identity.userinfo,
                self._transport,
                self.provider,
                metadata,
                tokens,
                claims.get("sub") if claims else None,
            )
        except TokenKeepError as error:
            log.info("no profile from %s: %s", self.provider.id, error.code)
        return identity.account(self.provider.issuer, claims, profile)

    def origin(self) -> Origin:
        """Where tokens of this client come from, and can be revoked."""
        known = self.metadata
        return Origin(
            self.provider,
            known.revocation_endpoint,
            known.token_endpoint_auth_methods_supported,
            known.token_endpoint_auth_signing_alg_values_supported,
            known.issuer,
            known.token_endpoint,
        )

    async def discard(self, tokens: TokenSet) -> None:
        """Revoke tokens that came too late to be of use, now or as soon as the provider lets us (REV-4)."""
        await self._context.revocations.discard(self.origin(), tokens)

    async def _not_lost(self, asking: Coroutine[Any, Any, TokenSet]) -> TokenSet:
        """Wait for tokens; if nobody does any more, they are revoked when they come (REV-4)."""
        task = asyncio.create_task(asking)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._context.spawn(asyncio.create_task(self._discard_late(task)))
            raise

    async def _discard_late(self, task: asyncio.Task[TokenSet]) -> None:
        with contextlib.suppress(TokenKeepError):
            await self.discard(await task)

    async def _run(self, background: bool, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if background:
            url = self.provider.token_endpoint or self.provider.issuer
            return await self._context.net.run_background(url, call, *args, **kwargs)
        return await self._context.net.run(call, *args, **kwargs)
