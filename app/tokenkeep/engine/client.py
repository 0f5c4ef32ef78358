"""The provider as the engine sees it: metadata, credentials and the blocking calls of `oauth/` on the network pool."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, ParamSpec, Self, TypeVar

from tokenkeep.domain.errors import ClientRejected, GrantEnded, ProviderError, SignInRequired, TokenKeepError
from tokenkeep.domain.origin import Origin
from tokenkeep.domain.provider import Flow, Provider
from tokenkeep.domain.tokens import Account, Secret, TokenSet, Wish
from tokenkeep.engine import client_choice
from tokenkeep.engine.context import Context
from tokenkeep.engine.credentials import credentials_of, transport_of
from tokenkeep.engine.moves import tell_of_moves
from tokenkeep.engine.subject_sources import presented
from tokenkeep.oauth import (
    authorization,
    device,
    dpop,
    identity,
    inspection,
    introspection,
    machine,
    metadata,
    pushed,
    refresh,
)
from tokenkeep.oauth.client_auth import ClientCredentials, authenticate
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.quirks import quirks_of
from tokenkeep.oauth.signing_key import SigningKey
from tokenkeep.oauth.token_answer import TokenAnswer
from tokenkeep.oauth.transport import Transport

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

    @property
    def end_session_available(self) -> bool:
        """Whether the provider is known to have a way to log out in the browser."""
        return self._metadata is not None and self._metadata.end_session_endpoint is not None

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

    # --- who we are -------------------------------------------------------------------------------------------

    @property
    def registers(self) -> bool:
        """Whether the client of a sign-in is one that the server registers; errors as `client_choice`."""
        return client_choice.registers(self._context, self.provider, self.metadata)

    def listening(self) -> Provider:
        """The entry with the redirect address that the client has registered; errors as `client_choice`."""
        return client_choice.entry_to_listen(self._context, self.provider, self.metadata)

    async def identified(self, redirect_uris: tuple[str, ...] = ()) -> Self:
        """The same as the client to sign in with (MCP-4); one is registered when there is none yet.

        :param redirect_uris: where the browser comes back to; empty where none takes part.
        :raises TokenKeepError: there is none, or the server does not register it.
        """
        choice = client_choice.entry_to_sign_in(self._context, self.provider, self.metadata, redirect_uris)
        return self._as(await choice)

    async def identified_alone(self) -> Self:
        """As `identified` for a flow without a person, some of which need no client at all (RFC 7521 §4.1)."""
        registers = self.provider.registration == "auto" and not self.provider.client_id
        return await self.identified() if registers else self

    def known_as(self, client_id: str) -> Self:
        """The same as the client that tokens were given to (REF-9)."""
        return self._as(client_choice.entry_of(self._context, self.provider, client_id))

    def _as(self, entry: Provider) -> Self:
        if entry is self.provider:
            return self
        view = copy.copy(self)
        view.provider = entry
        return view

    async def _as_client(self, ask: Callable[[ClientCredentials], Awaitable[T]]) -> T:
        """Ask; once more where the server does not accept the client and tells other credentials for it (CAUTH-4)."""
        try:
            return await ask(await self.credentials())
        except ClientRejected as refused:
            registrations = self._context.registrations
            if not await registrations.refused(self.provider):
                refused.hint = client_choice.step_after_refusal(self._context, self.provider) or refused.hint
                raise
        return await ask(await self.credentials())

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Where clients and nobody else talk to the server, as far as that is known."""
        known = self._metadata
        if known is None:
            return tuple(filter(None, [self.provider.token_endpoint]))
        own = (
            known.token_endpoint,
            known.authorization_endpoint,
            known.device_authorization_endpoint,
            known.pushed_authorization_request_endpoint,
            known.revocation_endpoint,
            known.introspection_endpoint,
            known.registration_endpoint,
        )
        return tuple(filter(None, own))

    def binding(self) -> tuple[str, str, str]:
        """What a refresh token of this provider is bound to (REF-9)."""
        return refresh.binding(self.provider, self.metadata, self.provider.client_id)

    def gave(self, binding: tuple[str, str, str]) -> bool:
        """Whether the entry names the issuer and the client of a binding, as far as that can be told without asking."""
        same = binding[0] == self.provider.issuer
        return same and client_choice.is_client(self._context, self.provider, binding[2])

    def is_bound(self, binding: tuple[str, str, str]) -> bool:
        """Whether this is known to be the server and the client that a token is bound to (REF-9)."""
        return self._metadata is not None and self.known_as(binding[2]).binding() == binding

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

    async def inspect(self, token: Secret, wall: float) -> inspection.Inspection:
        """A token taken apart for people (TOK-8)."""
        return await self._context.net.run(
            inspection.inspect, self._transport, self.provider, self.metadata, token, wall
        )

    async def introspect(self, token: Secret) -> introspection.Introspection:
        """What the server says of a token; whatever goes wrong is no more than not knowing (INTRO-1)."""
        try:
            credentials = await self.credentials()
        except TokenKeepError as error:
            return introspection.Introspection("unknown", error.detail)
        return await self._context.net.run(
            introspection.introspect, self._transport, self.provider, self.metadata, token, credentials
        )

    def new_key(self) -> SigningKey | None:
        """A key to bind the tokens of one sign-in to, as the entry and the server want it. Errors as `dpop.key_for`."""
        return dpop.key_for(self.provider, self.metadata)

    def proving(self, key: SigningKey | None) -> Transport:
        """The connection to this provider, with proofs of that key when there is one."""
        return self._transport if key is None else self._transport.with_proofs(key)

    async def refresh(
        self,
        tokens: TokenSet,
        binding: tuple[str, str, str],
        *,
        background: bool,
        key: SigningKey | None = None,
        wish: Wish | None = None,
    ) -> TokenSet:
        """One refresh request (RFC 6749 §6); what comes back must still pass `verify_refreshed`.

        :param wish: for an access token that is good for less (RFC 8707 §2.2).
        :param key: what the refresh token is bound to (RFC 9449 §5).
        :raises GrantEnded: the new token is not bound as it must be; it was dropped, and with it the refresh token.
        :raises SignInRequired: the metadata changed meanwhile, and the refresh token would go elsewhere (REF-9).
        """

        async def ask(credentials: ClientCredentials) -> TokenAnswer:
            self.check_binding(binding)
            return await self._run(
                background,
                dpop.nonce_answered,
                partial(refresh.refresh, wish=wish),
                self.proving(key),
                self.provider,
                self.metadata,
                tokens,
                credentials,
            )

        answer = await self._as_client(ask)
        try:
            return self._bound(answer.tokens, key)
        except ProviderError as refused:
            raise GrantEnded(refused.detail, hint=refused.hint, provider=self.provider.id) from None

    def _bound(self, tokens: TokenSet, key: SigningKey | None) -> TokenSet:
        """The tokens, when they are bound as they should be; others are revoked. Errors as `dpop.check_type`."""
        try:
            dpop.check_type(self.provider, tokens, key)
        except ProviderError:
            self._context.spawn(asyncio.create_task(self.discard(tokens)))
            raise
        return tokens

    async def acquire(
        self, *, background: bool, wish: Wish | None = None, key: SigningKey | None = None
    ) -> tuple[TokenSet, Account]:
        """One token for this machine itself, and whom it is about; what it shows for that is read anew.

        :param wish: scope, resource and audience in place of the entry's.
        :param key: what the token is to be bound to (RFC 9449).
        :raises TokenKeepError: as `subject_sources.presented`, `credentials_of` and `machine.acquire`.
        """
        provider = self.provider
        subject = await presented(self._context, provider, "subject_token", background=background)
        actor = await presented(self._context, provider, "actor_token", background=background)
        credentials = await self.credentials()
        asking = provider if wish is None else _asking_for(provider, wish)
        answer = await self._run(
            background,
            dpop.nonce_answered,
            machine.acquire,
            self.proving(key),
            asking,
            self.metadata,
            credentials,
            subject,
            actor,
        )
        tokens = self._bound(answer.tokens, key)
        name = (subject.subject if subject else "") or credentials.client_id
        return tokens, Account(provider.issuer, name, name)

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

    async def begin(
        self, server: ServerMetadata, redirect_uri: str, login_hint: str, key: SigningKey | None = None
    ) -> authorization.Attempt:
        """An authorization request of its own state, nonce and verifier; pushed where the server takes that (RFC 9126).

        :param server: the metadata that the sign-in began with (RESP-10).
        :param key: what the code is to be bound to (RFC 9449 §10).
        :raises ProviderError: it cannot be made, or the server did not take it.
        """
        pushed_first = pushed.is_pushed(server)
        jkt = "" if key is None else key.kid
        attempt = authorization.begin(self.provider, server, redirect_uri, login_hint=login_hint, dpop_jkt=jkt)
        if not pushed_first:
            await self._check_client(server)
            return attempt
        run, transport = self._context.net.run, self.proving(key)
        return await self._as_client(
            lambda credentials: run(dpop.nonce_answered, pushed.push, transport, attempt, credentials)
        )

    async def _check_client(self, server: ServerMetadata) -> None:
        """Say before a browser opens what would keep the code from being redeemed.

        :raises Misconfigured: secret, key or certificate are not there, or not what the server takes.
        """
        authenticate((), {}, await self.credentials(), server, quirks_of(self.provider))
        if self.provider.shows_certificate:
            await self._context.net.run(self._transport.tls_context)

    async def exchange(self, attempt: authorization.Attempt, code: Secret, key: SigningKey | None = None) -> TokenSet:
        """Redeem an authorization code (RFC 6749 §4.1.3), for tokens bound to that key."""

        async def exchange() -> TokenSet:
            run, transport = self._context.net.run, self.proving(key)
            answer = await self._as_client(
                lambda credentials: run(
                    dpop.nonce_answered, authorization.exchange, transport, attempt, code, credentials
                )
            )
            return self._bound(answer.tokens, key)

        return await self._not_lost(exchange())

    async def device_codes(self) -> device.DeviceAuthorization:
        """Ask for a device code and a user code (RFC 8628 §3.1)."""
        run = self._context.net.run
        return await self._as_client(
            lambda credentials: run(device.request_codes, self._transport, self.provider, self.metadata, credentials)
        )

    async def poll(
        self, codes: device.DeviceAuthorization, metadata: ServerMetadata, key: SigningKey | None = None
    ) -> TokenSet:
        """Ask once whether the person has confirmed (RFC 8628 §3.4).

        :param metadata: those that the codes were asked for with.
        :param key: what the tokens are to be bound to.
        """

        async def poll() -> TokenSet:
            credentials = await self.credentials()
            answer = await self._context.net.run(
                dpop.nonce_answered, device.poll, self.proving(key), self.provider, metadata, credentials, codes
            )
            return self._bound(answer.tokens, key)

        return await self._not_lost(poll())

    async def account(
        self, tokens: TokenSet, nonce: Secret | None, metadata: ServerMetadata, key: SigningKey | None = None
    ) -> Account | None:
        """Who signed in: the verified id_token, and userinfo when the server has it; None when nothing tells.

        Tokens that are not used after all, because it does not pass or nobody waits any more, are revoked (REV-4).

        :param metadata: those that the sign-in began with (RESP-10).
        :param key: what the tokens are bound to.
        :raises ProviderError: the id_token does not pass; none of the answer's tokens may be used (OIDC-6).
        """
        try:
            return await self._account(tokens, nonce, metadata, key)
        except (TokenKeepError, asyncio.CancelledError):
            self._context.spawn(asyncio.create_task(self.discard(tokens)))
            raise

    async def _account(
        self, tokens: TokenSet, nonce: Secret | None, metadata: ServerMetadata, key: SigningKey | None
    ) -> Account | None:
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
                dpop.nonce_answered,
                identity.userinfo,
                self.proving(key),
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


def _asking_for(provider: Provider, wish: Wish) -> Provider:
    """The entry with a wish in the place of what it asks for."""
    targets = {"scopes": list(wish.scope), "resource": list(wish.resource)}
    return provider.model_copy(update=targets | ({"audience": wish.audience} if wish.audience else {}))
