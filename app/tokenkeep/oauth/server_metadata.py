"""What a server's metadata document says, each member checked (RFC 8414 §2, OpenID Connect Discovery §3)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from tokenkeep.domain.errors import ProviderError
from tokenkeep.domain.provider import Provider, check_url
from tokenkeep.oauth.quirks import quirks_of
from tokenkeep.oauth.reach import WRITE_IT, Reach
from tokenkeep.oauth.texts import clean_text


@dataclass(frozen=True, slots=True)
class ServerMetadata:
    """The members TokenKeep uses; None where the document has none, so that the standard's defaults can be told apart.

    :param issuer: empty when the provider is configured by its endpoints alone.
    :param mtls_endpoint_aliases: names of the endpoints above, and where they are for a client with a certificate.
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
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...] | None = None
    code_challenge_methods_supported: tuple[str, ...] | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] | None = None
    dpop_signing_alg_values_supported: tuple[str, ...] | None = None
    authorization_response_iss_parameter_supported: bool = False
    client_id_metadata_document_supported: bool = False
    require_pushed_authorization_requests: bool = False
    mtls_endpoint_aliases: tuple[tuple[str, str], ...] = ()

    def over_tls_certificates(self) -> ServerMetadata:
        """With the addresses for clients that show a certificate, where the server has such (RFC 8705 §5)."""
        aliases: dict[str, Any] = dict(self.mtls_endpoint_aliases)
        return replace(self, **aliases)


ENDPOINTS = tuple(one.name for one in fields(ServerMetadata) if one.name.endswith(("_endpoint", "_uri")))
_LISTS = tuple(one.name for one in fields(ServerMetadata) if one.name.endswith("_supported") and one.default is None)
_FLAGS = tuple(one.name for one in fields(ServerMetadata) if one.default is False)


def read(provider: Provider, document: dict[str, Any], reach: Reach) -> ServerMetadata:
    """What a document says.

    :param reach: what may be reached for this provider.
    :raises ProviderError: it is of another issuer (META-3), or a member cannot be used (META-6, NET-3).
    """
    issuer = document.get("issuer")
    if not isinstance(issuer, str) or not _is_meant(provider, issuer):
        told = clean_text(issuer) if isinstance(issuer, str) else "none"
        raise ProviderError(
            f"The metadata is for another issuer: {told}, not {provider.issuer}.",
            hint="The issuer in the configuration must be the same to the letter, final slash included.",
            provider=provider.id,
        )
    members: dict[str, Any] = {name: _endpoint(provider, document, name, reach) for name in ENDPOINTS}
    if members["token_endpoint"] is None and not provider.token_endpoint:
        raise _refused(provider, "token_endpoint", "is missing")
    members["token_endpoint"] = members["token_endpoint"] or provider.token_endpoint
    members |= {name: _list(provider, document, name) for name in _LISTS}
    # Only the boolean counts: "true" as a string is no promise to rely on (RESP-4).
    members |= {name: document.get(name) is True for name in _FLAGS}
    members["mtls_endpoint_aliases"] = _aliases(provider, document, reach)
    return ServerMetadata(issuer=issuer, **members)


def _is_meant(provider: Provider, issuer: str) -> bool:
    """Whether a document of that issuer may be used: the same code points, or a named provider's own rule (META-3)."""
    matches = quirks_of(provider).issuer_matches
    return issuer == provider.issuer or (matches is not None and matches(provider.issuer, issuer))


def _endpoint(provider: Provider, document: dict[str, Any], name: str, reach: Reach) -> str | None:
    value = document.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _refused(provider, name, "is not a string")
    try:
        check_url(value, local=provider.local, what=name)
    except ValueError as reason:
        raise _refused(provider, name, f"cannot be used: {reason}") from None
    refusal = reach.refusal(value, local=provider.local)
    if refusal:
        raise _refused(provider, name, f"cannot be used: {refusal}", WRITE_IT)
    return value


def _aliases(provider: Provider, document: dict[str, Any], reach: Reach) -> tuple[tuple[str, str], ...]:
    aliases = document.get("mtls_endpoint_aliases")
    if aliases is None:
        return ()
    if not isinstance(aliases, dict):
        raise _refused(provider, "mtls_endpoint_aliases", "is not a JSON object")
    found = ((name, _endpoint(provider, aliases, name, reach)) for name in ENDPOINTS)
    return tuple((name, url) for name, url in found if url is not None)


def _list(provider: Provider, document: dict[str, Any], name: str) -> tuple[str, ...] | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _refused(provider, name, "is not a list of strings")
    return tuple(value)


def _refused(provider: Provider, name: str, reason: str, hint: str = "") -> ProviderError:
    return ProviderError(f"In the provider's metadata, {name} {reason}.", hint=hint, provider=provider.id)
