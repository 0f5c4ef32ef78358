"""What an authorization server says about itself (RFC 8414, OpenID Connect Discovery)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlsplit

from tokenkeep.domain.errors import MalformedAnswer, Misconfigured, ProviderError
from tokenkeep.domain.provider import Provider, check_url
from tokenkeep.oauth.quirks import quirks_of
from tokenkeep.oauth.texts import clean_text
from tokenkeep.oauth.transport import Answer, Request, Transport

# A server that has no such document says so in one of these ways; anything else that fails is trouble (META-4).
ABSENT = frozenset({400, 401, 403, 404, 405, 406, 410})


@dataclass(frozen=True, slots=True)
class ServerMetadata:
    """The members TokenKeep uses; None where the document has none, so that the standard's defaults can be told apart.

    :param issuer: empty when the provider is configured by its endpoints alone.
    """

    issuer: str
    token_endpoint: str
    authorization_endpoint: str | None = None
    device_authorization_endpoint: str | None = None
    revocation_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    jwks_uri: str | None = None
    end_session_endpoint: str | None = None
    registration_endpoint: str | None = None
    introspection_endpoint: str | None = None
    pushed_authorization_request_endpoint: str | None = None
    scopes_supported: tuple[str, ...] | None = None
    response_types_supported: tuple[str, ...] | None = None
    grant_types_supported: tuple[str, ...] | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    code_challenge_methods_supported: tuple[str, ...] | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] | None = None
    authorization_response_iss_parameter_supported: bool = False


_LISTS = tuple(one.name for one in fields(ServerMetadata) if one.name.endswith("_supported"))[:-1]
_ENDPOINTS = tuple(one.name for one in fields(ServerMetadata) if one.name.endswith(("_endpoint", "_uri")))


def discover(transport: Transport, provider: Provider) -> ServerMetadata:
    """The server's metadata with the provider's own endpoints laid over it; no request when those are complete.

    :raises ProviderUnreachable: the server has trouble; no other document is tried (META-4).
    :raises ProviderError: there is no usable document, or one of another issuer (META-3, META-6).
    :raises Misconfigured: there is neither an issuer nor all endpoints.
    """
    if provider.complete:
        return _overridden(provider, ServerMetadata(provider.issuer, provider.token_endpoint))
    return _overridden(provider, fetch(transport, provider))


def fetch(transport: Transport, provider: Provider) -> ServerMetadata:
    """The published document of the provider's issuer as it is; errors as `discover`."""
    if not provider.issuer:
        raise Misconfigured(
            f"{provider.title} has neither an issuer nor all endpoints of its flow.",
            key=f"providers.{provider.id}.issuer",
            provider=provider.id,
        )
    for url in candidates(provider):
        answer = transport.send(Request("GET", url), local=provider.local)
        document = _document(answer)
        if document is not None:
            return _read(provider, document)
    raise ProviderError(
        f"{provider.title} publishes no metadata for the issuer {provider.issuer}.",
        hint="Check the issuer, or give the endpoints in the configuration.",
        provider=provider.id,
    )


def candidates(provider: Provider) -> tuple[str, ...]:
    """Where the document may lie, in the order to ask (META-1, META-2).

    For an OpenID provider that a person configured the form of OpenID Connect Discovery comes first (X11).
    """
    parts = urlsplit(provider.issuer)
    origin = f"{parts.scheme}://{parts.netloc}"
    path = parts.path.rstrip("/")
    inserted = f"{origin}/.well-known/oauth-authorization-server{path}"
    inserted_openid = f"{origin}/.well-known/openid-configuration{path}"
    appended = f"{origin}{path}/.well-known/openid-configuration"
    if "openid" in provider.scopes and provider.profile != "mcp":
        order = (appended, inserted, inserted_openid)
    else:
        order = (inserted, inserted_openid, appended)
    return tuple(dict.fromkeys(order))


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


def _read(provider: Provider, document: dict[str, Any]) -> ServerMetadata:
    issuer = document.get("issuer")
    if not isinstance(issuer, str) or not _is_meant(provider, issuer):
        told = clean_text(issuer) if isinstance(issuer, str) else "none"
        raise ProviderError(
            f"The metadata is for another issuer: {told}, not {provider.issuer}.",
            hint="The issuer in the configuration must be the same to the letter, final slash included.",
            provider=provider.id,
        )
    members: dict[str, Any] = {name: _endpoint(provider, document, name) for name in _ENDPOINTS}
    if members["token_endpoint"] is None and not provider.token_endpoint:
        raise _refused(provider, "token_endpoint", "is missing")
    members["token_endpoint"] = members["token_endpoint"] or provider.token_endpoint
    members |= {name: _list(provider, document, name) for name in _LISTS}
    # Only the boolean counts: "true" as a string is no promise to rely on (RESP-4).
    sends_iss = document.get("authorization_response_iss_parameter_supported") is True
    return ServerMetadata(issuer=issuer, authorization_response_iss_parameter_supported=sends_iss, **members)


def _is_meant(provider: Provider, issuer: str) -> bool:
    """Whether a document of that issuer may be used: the same code points, or a named provider's own rule (META-3)."""
    matches = quirks_of(provider).issuer_matches
    return issuer == provider.issuer or (matches is not None and matches(provider.issuer, issuer))


def _endpoint(provider: Provider, document: dict[str, Any], name: str) -> str | None:
    value = document.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _refused(provider, name, "is not a string")
    try:
        return check_url(value, local=provider.local, what=name)
    except ValueError as reason:
        raise _refused(provider, name, f"cannot be used: {reason}") from None


def _list(provider: Provider, document: dict[str, Any], name: str) -> tuple[str, ...] | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _refused(provider, name, "is not a list of strings")
    return tuple(value)


def _refused(provider: Provider, name: str, reason: str) -> ProviderError:
    return ProviderError(f"In the provider's metadata, {name} {reason}.", provider=provider.id)


def _overridden(provider: Provider, metadata: ServerMetadata) -> ServerMetadata:
    names = ("authorization_endpoint", "token_endpoint", "device_authorization_endpoint")
    given = {name: getattr(provider, name) for name in names if getattr(provider, name)}
    metadata = replace(metadata, **given)
    if provider.browser_url and metadata.authorization_endpoint:
        parts = urlsplit(metadata.authorization_endpoint)
        query = f"?{parts.query}" if parts.query else ""
        moved = provider.browser_url.rstrip("/") + parts.path + query
        try:
            check_url(moved, local=provider.local, what="browser_url")
        except ValueError as reason:
            raise Misconfigured(
                f"{reason}.", key=f"providers.{provider.id}.browser_url", provider=provider.id
            ) from None
        metadata = replace(metadata, authorization_endpoint=moved)
    return metadata
