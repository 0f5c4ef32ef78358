"""Where a server's metadata lie, which are used, and for how long (RFC 8414 §3, OpenID Connect Discovery §4)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from tokenkeep.domain.errors import MalformedAnswer, Misconfigured, ProviderError, ProviderUnreachable
from tokenkeep.domain.provider import Provider
from tokenkeep.oauth.kept import AGE_MAX, Kept
from tokenkeep.oauth.server_metadata import ServerMetadata, read
from tokenkeep.oauth.transport import Answer, Request, Transport

__all__ = ["ServerMetadata", "candidates", "discover", "fetch"]

log = logging.getLogger(__name__)

# A server that has no such document says so in one of these ways; anything else that fails is trouble (META-4).
ABSENT = frozenset({400, 401, 403, 404, 405, 406, 410})
AGE_DEFAULT = AGE_MAX  # seconds; few servers say how long it holds, and it hardly ever changes


def discover(transport: Transport, provider: Provider, *, fresh: bool = False) -> ServerMetadata:
    """The server's metadata with the provider's own endpoints laid over it; no request when those are complete.

    :param fresh: as in `fetch`.
    :raises ProviderUnreachable: the server has trouble; no other document is tried (META-4).
    :raises ProviderError: there is no usable document, or one of another issuer (META-3, META-6).
    :raises Misconfigured: there is neither an issuer nor all endpoints.
    """
    if provider.complete:
        if fresh:
            transport.keep(_Documents).forget(provider)
        return _overridden(provider, ServerMetadata(provider.issuer, provider.token_endpoint))
    try:
        found = fetch(transport, provider, fresh=fresh)
    except ProviderError as error:
        error.hint = f"{error.hint} `tokenkeep check {provider.id}` says more.".lstrip()
        raise
    if provider.shows_certificate:
        found = found.over_tls_certificates()
    return _overridden(provider, found)


def fetch(transport: Transport, provider: Provider, *, fresh: bool = False) -> ServerMetadata:
    """The published document of the provider's issuer as it is, kept within bounds (META-7); errors as `discover`.

    :param fresh: ask the server whether a kept copy still holds, however young it is.
    """
    if not provider.issuer:
        raise Misconfigured(
            f"{provider.title} has neither an issuer nor all endpoints of its flow.",
            key=f"providers.{provider.id}.issuer",
            provider=provider.id,
        )
    return transport.keep(_Documents).get(provider, fresh=fresh)


def candidates(provider: Provider) -> tuple[str, ...]:
    """Where the document may lie, in the order to ask (META-1, META-2).

    For an OpenID provider that a person configured the form of OpenID Connect Discovery comes first (X11).
    """
    parts = urlsplit(provider.issuer)
    origin = f"{parts.scheme}://{parts.netloc}"
    path = parts.path.removesuffix("/")
    inserted = f"{origin}/.well-known/oauth-authorization-server{path}"
    inserted_openid = f"{origin}/.well-known/openid-configuration{path}"
    appended = f"{origin}{path}/.well-known/openid-configuration"
    if "openid" in provider.scopes and provider.profile != "mcp":
        order = (appended, inserted, inserted_openid)
    else:
        order = (inserted, inserted_openid, appended)
    return tuple(dict.fromkeys(order))


@dataclass(frozen=True, slots=True)
class _Document:
    """:param url: where it lay."""

    url: str
    metadata: ServerMetadata


class _Documents:
    """The documents that came over one transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._kept: dict[tuple[str, tuple[str, ...]], Kept[_Document]] = {}

    def get(self, provider: Provider, *, fresh: bool) -> ServerMetadata:
        """From memory while it is young, and also when it is not but the server cannot be reached; else as `fetch`."""
        key = _key(provider)
        kept, wall = self._kept.get(key), self._transport.wall()
        if kept is not None and kept.fresh(wall) and not fresh:
            return kept.value.metadata
        try:
            found = self._ask(provider, kept, wall)
        except (ProviderUnreachable, MalformedAnswer) as error:
            if kept is None:
                raise
            log.info("the metadata of %s could not be renewed (%s), the last copy serves", provider.id, error.code)
            found = kept.put_off(wall)
        self._kept[key] = found
        return found.value.metadata

    def forget(self, provider: Provider) -> None:
        """Ask again when it is wanted the next time."""
        self._kept.pop(_key(provider), None)

    def _ask(self, provider: Provider, kept: Kept[_Document] | None, wall: float) -> Kept[_Document]:
        for url in candidates(provider):
            known = kept if kept is not None and kept.value.url == url else None
            condition = {} if known is None else known.condition
            answer = self._transport.send(Request("GET", url, headers=condition), local=provider.local)
            if known is not None and answer.status == 304:
                return known.renewed(answer, wall, AGE_DEFAULT)
            document = _document(answer)
            if document is not None:
                metadata = read(provider, document, self._transport.reach)
                return Kept.of(_Document(url, metadata), answer, wall, AGE_DEFAULT)
        raise ProviderError(
            f"{provider.title} publishes no metadata for the issuer {provider.issuer}.",
            hint="Check the issuer, or give the endpoints in the configuration.",
            provider=provider.id,
        )


def _key(provider: Provider) -> tuple[str, tuple[str, ...]]:
    return provider.issuer, candidates(provider)


def _document(answer: Answer) -> dict[str, Any] | None:
    """The JSON object of the answer, None when there is none at this address."""
    if answer.transient:
        raise answer.unreachable(f"The provider answered the request for its metadata with status {answer.status}.")
    if answer.status == 200:
        try:
            document = answer.json()
        except MalformedAnswer:
            return None  # a page that answers everything
        return document if isinstance(document, dict) else None
    if answer.status in ABSENT:
        return None
    raise ProviderError(f"The provider answered the request for its metadata with status {answer.status}.")


def _overridden(provider: Provider, metadata: ServerMetadata) -> ServerMetadata:
    names = ("authorization_endpoint", "token_endpoint", "device_authorization_endpoint")
    given = {name: getattr(provider, name) for name in names if getattr(provider, name)}
    metadata = replace(metadata, **given)
    if provider.browser_url and metadata.authorization_endpoint:
        metadata = replace(metadata, authorization_endpoint=_for_the_browser(provider, metadata.authorization_endpoint))
    return metadata


def _for_the_browser(provider: Provider, endpoint: str) -> str:
    """The authorization endpoint where the person's browser reaches it: `browser_url` in place of the issuer.

    An endpoint that does not lie below the issuer stays as it is.
    """
    parts, base = urlsplit(endpoint), urlsplit(provider.issuer or endpoint)
    prefix = base.path.removesuffix("/") if provider.issuer else ""
    below = (parts.scheme, parts.netloc) == (base.scheme, base.netloc) and (parts.path + "/").startswith(prefix + "/")
    if not below:
        return endpoint
    query = f"?{parts.query}" if parts.query else ""
    return provider.browser_url.removesuffix("/") + parts.path.removeprefix(prefix) + query
