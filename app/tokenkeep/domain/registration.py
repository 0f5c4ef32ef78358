"""A client that a server registered at our request (RFC 7591), and the right to look after it (RFC 7592)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tokenkeep.domain.provider import Provider, check_url
from tokenkeep.domain.tokens import Secret

RENEW_AHEAD = 86_400.0  # seconds before the end of a secret; a third of its life where that is less

# What a server decides, and what is no metadata of the client: never sent back in an update (RFC 7592 §2.2).
SERVER_OWNED = frozenset(
    {
        "client_id", "client_secret", "client_id_issued_at", "client_secret_expires_at", "registration_access_token",
        "registration_client_uri",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Registration:
    """One registration, kept under the issuer that gave it and the entry it was made for (MCP-5).

    :param client_id: empty while nobody knows whether the server has answered: noted before the request leaves.
    :param registered_at: wall clock, seconds since the epoch.
    :param metadata: what the server has registered, without what only the server decides (`SERVER_OWNED`).
    :param asked: what we asked for, with what the entry said of the redirect address (`redirect_wish`).
    :param secret_at: wall clock when the secret came.
    :param secret_expires_at: wall clock; 0 for never, None when the server did not say.
    :param access_token: for the management (RFC 7592 §3); None when there is none.
    :param management_uri: empty when there is none that may be used.
    :param doubted: the server has refused the client since.
    """

    issuer: str
    provider: str
    client_id: str
    registered_at: float
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    asked: Mapping[str, Any] = field(default_factory=dict, repr=False)
    secret: Secret | None = None
    secret_at: float = 0.0
    secret_expires_at: float | None = 0.0
    access_token: Secret | None = None
    management_uri: str = ""
    doubted: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Names it among all."""
        return self.issuer, self.provider

    @property
    def managed(self) -> bool:
        """Whether it can be read, changed and deleted."""
        return bool(self.management_uri) and self.access_token is not None

    @property
    def method(self) -> str:
        """How the client authenticates."""
        return str(self.metadata.get("token_endpoint_auth_method", "none"))

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        """Where browsers may be sent back to."""
        return tuple(self.metadata.get("redirect_uris", ()))

    @property
    def grant_types(self) -> tuple[str, ...]:
        """How the client may get tokens."""
        return tuple(self.metadata.get("grant_types", ()))

    @property
    def expires_at(self) -> float | None:
        """Wall clock when the secret ends; None when it does not, or nobody knows."""
        return self.secret_expires_at or None if self.secret is not None else None

    @property
    def renew_at(self) -> float | None:
        """Wall clock when the secret is to be renewed; None when it does not end."""
        end = self.expires_at
        return None if end is None else end - min(RENEW_AHEAD, max(end - self.secret_at, 0.0) / 3)

    def expired(self, wall: float) -> bool:
        """Whether the secret must not be used any more (RFC 7591 §3.2.1)."""
        return self.expires_at is not None and wall >= self.expires_at

    def entry(self, provider: Provider) -> Provider:
        """The entry as this client: what the server has registered replaces what was asked for (DCR-3)."""
        changes: dict[str, Any] = {"client_id": self.client_id, "client_auth": self.method, "client_secret": None}
        if "refresh_token" not in self.grant_types:
            changes["refresh_token"] = "optional"
        granted = self.metadata.get("scope")
        if isinstance(granted, str) and granted:
            changes["scopes"] = [scope for scope in provider.scopes if scope in granted.split()]
        return provider.model_copy(update=changes)

    def listens_as(self, provider: Provider) -> Provider:
        """The entry with the host and the ports that are registered, any other port after them."""
        places = [urlsplit(uri) for uri in self.redirect_uris if urlsplit(uri).path == provider.callback_path]
        if not places:
            return provider
        host = places[0].hostname
        ports = [one.port for one in places if one.hostname == host and one.port]
        return provider.model_copy(
            update={
                "redirect_host": host,
                "redirect_port": ports + [one for one in provider.redirect_ports if one not in ports],
            }
        )


def check_document_address(url: str, *, local: bool = False) -> str:
    """Refuse an address that cannot be a client_id (draft-ietf-oauth-client-id-metadata-document §3).

    :param local: plain http on loopback is allowed.
    :raises ValueError: with the reason in words.
    """
    check_url(url, local=local)
    path = urlsplit(url).path
    if not path.strip("/"):
        raise ValueError("the address has no path")
    if any(segment in (".", "..") for segment in path.lower().replace("%2e", ".").split("/")):
        raise ValueError("the address has dot segments")
    if "?" in url:
        raise ValueError("the address must not have a query")
    return url


def redirect_wish(provider: Provider) -> list[Any]:
    """What the entry says of the redirect address: another wish needs another registration."""
    return [provider.redirect_host, provider.callback_path, *provider.redirect_ports]


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """Who we are to a provider, as everybody may see it: never a secret.

    :param source: `given`, `metadata_document` or `registration`.
    :param registered_at, expires_at: wall clock, seconds since the epoch; of a registration.
    :param managed: whether the server lets us look after the registration.
    """

    client_id: str
    source: str
    registered_at: float | None = None
    expires_at: float | None = None
    redirect_uris: tuple[str, ...] = ()
    managed: bool = False
