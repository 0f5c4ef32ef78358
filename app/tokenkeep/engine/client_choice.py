"""Which client an entry is to its server: chosen when a sign-in begins, and told again from what was stored (MCP-4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenkeep.domain.provider import Provider
from tokenkeep.domain.registration import ClientFacts, redirect_wish
from tokenkeep.engine.registrations import Wish
from tokenkeep.oauth import client_identity
from tokenkeep.oauth.client_identity import ClientSource

if TYPE_CHECKING:
    from tokenkeep.engine.context import Context
    from tokenkeep.oauth.metadata import ServerMetadata


def _document_url(context: Context) -> str:
    return context.configuration.app.client_metadata_url


async def entry_to_sign_in(
    context: Context, provider: Provider, metadata: ServerMetadata, redirect_uris: tuple[str, ...]
) -> Provider:
    """The entry as the client to sign in with; a client is registered when there is none yet.

    :param redirect_uris: where the browser comes back to, the address of this sign-in first; empty without a browser.
    :raises Misconfigured: there is none, and none to be had without a person.
    :raises TokenKeepError: as `Registrations.ready`.
    """
    match client_identity.choose(provider, metadata, _document_url(context)):
        case ClientSource.METADATA_DOCUMENT:
            return client_identity.as_document(provider, _document_url(context))
        case ClientSource.REGISTRATION:
            found = await context.registrations.ready(Wish(provider, metadata, redirect_uris))
            return found.entry(provider)
    return provider


def registers(context: Context, provider: Provider, metadata: ServerMetadata) -> bool:
    """Whether the client of a sign-in is one that the server registers."""
    return client_identity.choose(provider, metadata, _document_url(context)) is ClientSource.REGISTRATION


def entry_to_listen(context: Context, provider: Provider, metadata: ServerMetadata) -> Provider:
    """The entry with the redirect address that its client has registered. Errors as `client_identity.choose`."""
    match client_identity.choose(provider, metadata, _document_url(context)):
        case ClientSource.METADATA_DOCUMENT:
            return client_identity.as_document(provider, _document_url(context))
        case ClientSource.REGISTRATION:
            known = context.registrations.of(provider)
            if known is not None and known.asked.get("redirect") == redirect_wish(provider):
                return known.listens_as(provider)
    return provider


def entry_of(context: Context, provider: Provider, client_id: str) -> Provider:
    """The entry as the client that tokens were given to; as it is where it is not, or not any more, that client."""
    if provider.client_id or provider.registration != "auto":
        return provider
    known = context.registrations.of(provider)
    if known is not None and known.client_id == client_id:
        return known.entry(provider)
    if client_id and client_id == _document_url(context):
        return client_identity.as_document(provider, client_id)
    return provider


def is_client(context: Context, provider: Provider, client_id: str) -> bool:
    """Whether tokens of that client are the entry's own. Quick: asked for at each token."""
    if provider.client_id or provider.registration != "auto":
        return client_id == provider.client_id
    known = context.registrations.of(provider)
    return (known is not None and known.client_id == client_id) or client_id == _document_url(context) != ""


def step_after_refusal(context: Context, entry: Provider) -> str:
    """What to do when the server does not accept the client; empty for a client that was registered by hand."""
    if context.registrations.client(entry) is not None:
        return "Sign in again: TokenKeep then registers anew. Until then the sign-in that was there before is kept."
    if entry.client_id and entry.client_id == _document_url(context):
        return (
            "Look at what lies at `client_metadata_url`: the provider must be able to read it there, and "
            "`tokenkeep config client-metadata` prints what it must say."
        )
    return ""


def facts(context: Context, provider: Provider, signed_in_as: str = "") -> ClientFacts | None:
    """Who we are to the provider, for people.

    :param signed_in_as: the client id of the present sign-in.
    """
    if provider.client_id:
        return ClientFacts(provider.client_id, ClientSource.GIVEN)
    if signed_in_as and signed_in_as == _document_url(context):
        return ClientFacts(signed_in_as, ClientSource.METADATA_DOCUMENT)
    known = context.registrations.of(provider)
    if provider.registration != "auto" or known is None:
        return None
    return ClientFacts(
        known.client_id,
        ClientSource.REGISTRATION,
        registered_at=known.registered_at,
        expires_at=known.expires_at,
        redirect_uris=known.redirect_uris,
        managed=known.managed,
    )
