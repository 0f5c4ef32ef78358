"""Which client we are to a server: a given one, our metadata document, or one that the server registers (MCP-4)."""

from __future__ import annotations

from enum import StrEnum

from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.registration import check_document_address
from tokenkeep.oauth.client_metadata import REDIRECT_PATH
from tokenkeep.oauth.metadata import ServerMetadata


class ClientSource(StrEnum):
    """Where a client id comes from."""

    GIVEN = "given"
    METADATA_DOCUMENT = "metadata_document"
    REGISTRATION = "registration"


def choose(provider: Provider, metadata: ServerMetadata, document_url: str) -> ClientSource:
    """The first that there is: a given id, the document where the server takes it, a registration (MCP-4, CIMD-2).

    :param document_url: `[app] client_metadata_url`; empty for none.
    :raises Misconfigured: there is none: the person has to register a client.
    """
    if provider.client_id:
        return ClientSource.GIVEN
    if provider.registration == "auto":
        if metadata.client_id_metadata_document_supported and takes_document(provider, document_url):
            return ClientSource.METADATA_DOCUMENT
        if metadata.registration_endpoint is not None:
            return ClientSource.REGISTRATION
        raise Misconfigured(
            f"{provider.title} does not let clients register themselves.",
            hint="Register a client there by hand and write its ID into config.toml as `client_id`.",
            key=f"providers.{provider.id}.client_id",
            provider=provider.id,
        )
    raise no_client(provider)


def no_client(provider: Provider) -> Misconfigured:
    """The error for an entry that names no client and asks for none."""
    return Misconfigured(
        f"{provider.title} has no client ID.",
        hint='Register a client at the provider and write its ID into config.toml, or set `registration = "auto"`.',
        key=f"providers.{provider.id}.client_id",
        provider=provider.id,
    )


def takes_document(provider: Provider, document_url: str) -> bool:
    """Whether an entry can be the client of that document: a public one, at an address that fits."""
    if not document_url or provider.client_auth not in ("auto", "none") or not provider.flow.interactive:
        return False
    try:
        check_document_address(document_url, local=provider.local)
    except ValueError:
        return False
    return True


def as_document(provider: Provider, document_url: str) -> Provider:
    """The entry as the client of the document: its redirect path is the document's."""
    path = provider.redirect_path or REDIRECT_PATH
    return provider.model_copy(update={"client_id": document_url, "client_auth": "none", "redirect_path": path})
