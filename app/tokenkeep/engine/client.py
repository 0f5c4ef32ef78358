"""The provider as the engine sees it: metadata, credentials and the blocking calls of `oauth/` on the network pool."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tokenkeep.domain.errors import MalformedAnswer, ProviderUnreachable, SignInRequired, TokenKeepError
from tokenkeep.domain.provider import Flow, Provider
from tokenkeep.domain.tokens import Account, Secret, TokenSet
from tokenkeep.engine.context import Context
from tokenkeep.engine.secret_sources import client_secret
from tokenkeep.oauth import authorization, device, identity, metadata, refresh, revocation
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.revocation import Revocation

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

METADATA_AGE = 86_400.0  # seconds after which metadata is asked for again (META-7)
REVOKE_LIMIT = 10.0  # seconds a sign-out waits for the provider's confirmation


class ProviderClient:
    """Calls at one provider. `prepare` comes first, the other calls rely on it."""

    def __init__(self, context: Context, provider: Provider) -> None:
        self._context = context
        self.provider = provider
        self._metadata: ServerMetadata | None = None
        self._metadata_at = 0.0

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
        boot = self._context.clock.boot()
        young = self._metadata is not None and boot - self._metadata_at < METADATA_AGE
        if young and not fresh:
            return self.metadata
        try:
            found = await self._run(background, metadata.discover, self._context.transport, self.provider)
        except (ProviderUnreachable, MalformedAnswer):
            if self._metadata is None:
                raise
            log.info("the metadata of %s could not be renewed, the last copy serves", self.provider.id)
            return self._metadata
        self._metadata, self._metadata_at = found, boot
        return found

    def binding(self) -> tuple[str, str, str]:
        """What a refresh token of this provider is bound to (REF-9)."""
        return refresh.binding(self.provider, self.metadata, self.provider.client_id)

    def check_binding(self, binding: tuple[str, str, str]) -> None:
        """Refuse to send a refresh token anywhere but where it came from.

        :raises SignInRequired: issuer, token endpoint or client changed since the sign-in.
        """
        if self.binding() != binding:
            raise SignInRequired(
                f"The setup of {self.provider.title} changed since the last sign-in.", provider=self.provider.id
            )

    async def credentials(self) -> ClientCredentials:
        """The client's id and secret; the secret is read anew at each use."""
        secret = await client_secret(self._context, self.provider)
        return ClientCredentials(self.provider.client_id, secret, self.provider.client_auth)

    async def refresh(self, tokens: TokenSet, *, background: bool) -> TokenSet:
        """One refresh request (RFC 6749 §6); what comes back must still pass `verify_refreshed`."""
        credentials = await self.credentials()
        answer = await self._run(
            background, refresh.refresh, self._context.transport, self.provider, self.metadata, tokens, credentials
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
            self._context.transport,
            self.provider,
            self.metadata,
            before,
            after,
            wall,
        )

    async def exchange(self, attempt: authorization.Attempt, code: Secret) -> TokenSet:
        """Redeem an authorization code (RFC 6749 §4.1.3)."""
        credentials = await self.credentials()
        answer = await self._context.net.run(
            authorization.exchange, self._context.transport, attempt, code, credentials
        )
        return answer.tokens

    async def device_codes(self) -> device.DeviceAuthorization:
        """Ask for a device code and a user code (RFC 8628 §3.1)."""
        credentials = await self.credentials()
        return await self._context.net.run(
            device.request_codes, self._context.transport, self.provider, self.metadata, credentials
        )

    async def poll(self, codes: device.DeviceAuthorization, metadata: ServerMetadata) -> TokenSet:
        """Ask once whether the person has confirmed (RFC 8628 §3.4).

        :param metadata: those that the codes were asked for with.
        """
        credentials = await self.credentials()
        answer = await self._context.net.run(
            device.poll, self._context.transport, self.provider, metadata, credentials, codes
        )
        return answer.tokens

    async def account(self, tokens: TokenSet, nonce: Secret | None) -> Account | None:
        """Who signed in: the verified id_token, and userinfo when the server has it; None when nothing tells.

        :raises ProviderError: the id_token does not pass; none of the answer's tokens may be used (OIDC-6).
        """
        claims = await self._context.net.run(
            identity.verify_id_token,
            self._context.transport,
            self.provider,
            self.metadata,
            tokens,
            nonce=nonce,
            previous_claims=None,
            wall=self._context.clock.wall(),
        )
        profile: dict[str, object] = {}
        try:
            profile = await self._context.net.run(
                identity.userinfo,
                self._context.transport,
                self.provider,
                self.metadata,
                tokens,
                claims.get("sub") if claims else None,
            )
        except TokenKeepError as error:
            log.info("no profile from %s: %s", self.provider.id, error.code)
        return identity.account(self.provider.issuer, claims, profile)

    async def revoke(self, tokens: TokenSet, binding: tuple[str, str, str] | None = None) -> Revocation:
        """Revoke the refresh token, then the access token (RFC 7009), within ten seconds for both.

        :param binding: what kept tokens are bound to (REF-9); None for those that this client has just been given.
        :raises TokenKeepError: it could not be confirmed.
        """
        async with asyncio.timeout(REVOKE_LIMIT):
            await self.prepare()
            if binding is not None:
                self.check_binding(binding)
            credentials = await self.credentials()
            outcome: Revocation | None = None
            for token, hint in ((tokens.refresh_token, "refresh_token"), (tokens.access_token, "access_token")):
                if token is None:
                    continue
                result = await self._context.net.run(
                    revocation.revoke,
                    self._context.transport,
                    self.provider,
                    self.metadata,
                    token,
                    hint,
                    credentials,
                )
                outcome = outcome or result
            return outcome or Revocation.UNSUPPORTED

    async def discard(self, tokens: TokenSet) -> None:
        """Revoke tokens that came too late to be of use; nobody waits for the outcome (REV-4)."""
        try:
            await self.revoke(tokens)
        except (TokenKeepError, TimeoutError):
            log.info("late tokens of %s could not be revoked", self.provider.id)

    async def _run(self, background: bool, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if background:
            url = self.provider.token_endpoint or self.provider.issuer
            return await self._context.net.run_background(url, call, *args, **kwargs)
        return await self._context.net.run(call, *args, **kwargs)
