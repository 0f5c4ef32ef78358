"""Who we are to a server: a client's id with its secret, its private key or its certificate, got anew at each use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.provider import Flow, Provider, SecretSource
from tokenkeep.engine.secret_sources import client_secret, read_source
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.client_certificate import ClientCertificate
from tokenkeep.oauth.signing_key import MAKEABLE, SigningKey, UnusableKey, algorithm_to_make

if TYPE_CHECKING:
    from tokenkeep.engine.context import Context
    from tokenkeep.oauth.metadata import ServerMetadata
    from tokenkeep.oauth.transport import Transport

IN_THE_VAULT = SecretSource(vault=True)


async def credentials_of(
    context: Context, provider: Provider, metadata: ServerMetadata, transport: Transport
) -> ClientCredentials:
    """The credentials of an entry.

    :param transport: the one that the requests go over; it knows the server's clock.
    :raises Misconfigured: what the entry names is not there or cannot be used. The message says which.
    """

    def wall() -> float:
        return context.clock.wall() + (transport.clock_offset(metadata.token_endpoint) or 0.0)

    key = await signing_key(context, provider, metadata.token_endpoint_auth_signing_alg_values_supported)
    return ClientCredentials(
        provider.client_id,
        await client_secret(context, provider),
        provider.client_auth,
        key=key,
        certificate=provider.shows_certificate,
        wall=wall,
    )


def transport_of(context: Context, provider: Provider) -> Transport:
    """The way to a provider's servers, with its certificate where it has one (RFC 8705)."""
    transport = context.transport.starting_at(provider.written)
    if not provider.shows_certificate:
        return transport
    return transport.with_certificate(
        ClientCertificate(provider.tls_client_cert, provider.tls_client_key, context.clock.wall)
    )


async def signing_key(context: Context, provider: Provider, listed: tuple[str, ...] | None) -> SigningKey | None:
    """The private key for assertions; one of the vault is made here when there is none that the server takes.

    :param listed: the algorithms that the server takes; None when it does not say.
    :returns: None for a client that signs none.
    :raises Misconfigured: it is not where the configuration says, or cannot be used.
    """
    source = key_source(provider)
    if source is None:
        return None
    if not source.vault:
        return await _given_key(context, provider, source)
    for key in await kept_keys(context, provider):
        if key.algorithm(listed) is not None:
            return key
    algorithm = algorithm_to_make(listed)
    if algorithm is None:
        raise Misconfigured(
            f"{provider.title} takes no signature that TokenKeep can make: it lists {', '.join(listed or ())}.",
            hint="Set `client_auth` to another way that the provider takes.",
            key=f"providers.{provider.id}.client_auth",
            provider=provider.id,
        )
    sealed = await context.vault.make_secret(
        f"{provider.id}/private_key/{algorithm}", lambda: SigningKey.make(algorithm).sealed
    )
    return await context.net.run(SigningKey.read, sealed)


def key_source(provider: Provider) -> SecretSource | None:
    """Where a provider's private key is; in the vault unless the entry says otherwise."""
    signs_grants = provider.flow is Flow.JWT_BEARER and provider.subject_token is None
    if provider.client_auth == "private_key_jwt" or signs_grants:
        return provider.private_key or IN_THE_VAULT
    return provider.private_key if provider.client_auth == "auto" else None


async def kept_keys(context: Context, provider: Provider) -> list[SigningKey]:
    """The keys that were made for a provider, the preferred first.

    :raises Locked: the vault is, or a key cannot be unsealed.
    """
    keys = []
    for algorithm in MAKEABLE:
        sealed = await context.vault.read_secret(f"{provider.id}/private_key/{algorithm}")
        if sealed is not None:
            keys.append(await context.net.run(SigningKey.read, sealed))
    return keys


async def _given_key(context: Context, provider: Provider, source: SecretSource) -> SigningKey:
    text = await read_source(context, source)
    why = "it is not where the configuration says"
    if text:
        try:
            return await context.net.run(SigningKey.read, text)
        except UnusableKey as unusable:
            why = str(unusable)
    raise Misconfigured(
        f"The private key of {provider.title} cannot be used: {why}.",
        hint="A private key is RSA, EC or Ed25519, as PEM (PKCS#8, SEC1, PKCS#1) or JWK, without a passphrase.",
        key=f"providers.{provider.id}.private_key",
        provider=provider.id,
    )
