"""Dynamic client registration (RFC 7591): what we say of ourselves, and what the server makes of it."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import tokenkeep
from tokenkeep.domain.errors import MalformedAnswer, Misconfigured, ProviderError, ProviderUnreachable
from tokenkeep.domain.provider import Flow, Provider, check_url
from tokenkeep.domain.registration import SERVER_OWNED, Registration
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.answer import Answer, Request
from tokenkeep.oauth.device import GRANT_TYPE as DEVICE_GRANT
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.texts import clean_text
from tokenkeep.oauth.token_answer import error_of
from tokenkeep.oauth.transport import Transport

log = logging.getLogger(__name__)

CLIENT_NAME = "TokenKeep"
SOFTWARE_ID = "cedf3356-1133-457d-9f1d-80bdf64b38e2"  # the same for every copy and version of TokenKeep
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
METHODS = ("none", *SECRET_METHODS, "private_key_jwt")  # those that a registration may end with
CLIENT_ID_MAX = 2048  # characters
BY_HAND = "Or register a client at the provider by hand and write its ID into the configuration as `client_id`."

MACHINE_GRANTS = {
    Flow.CLIENT_CREDENTIALS: "client_credentials",
    Flow.JWT_BEARER: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    Flow.TOKEN_EXCHANGE: "urn:ietf:params:oauth:grant-type:token-exchange",
}


class RegistrationRefused(ProviderError):
    """The server did not register the client, or registered one that cannot work (DCR-3, DCR-5)."""

    title = "The provider did not register TokenKeep"


class RedirectRefused(RegistrationRefused):
    """`invalid_redirect_uri`: another form of the address may do."""


class RegistrationClosed(RegistrationRefused):
    """401 or 403: the server registers only whom its administrator lets (RFC 7591 §3, initial access token)."""

    title = "The provider registers only clients that its administrator lets in"


def request_metadata(
    provider: Provider, metadata: ServerMetadata, redirect_uris: tuple[str, ...], jwks: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The client metadata to ask for: all whose defaults would be wrong for a native application (DCR-1).

    :param redirect_uris: where the browser comes back to, with the port; empty where none takes part.
    :param jwks: the public keys of a client that authenticates with a private key.
    :raises Misconfigured: the configured way to authenticate cannot be registered.
    """
    grants = _grant_types(provider, metadata, browser=bool(redirect_uris))
    code = "authorization_code" in grants
    method = _method(provider, metadata)
    members: dict[str, Any] = {
        "client_name": CLIENT_NAME,
        "application_type": "native",
        "token_endpoint_auth_method": method,
        "grant_types": grants,
        "response_types": ["code"] if code else [],
        "software_id": SOFTWARE_ID,
        "software_version": tokenkeep.__version__,
    }
    if code:
        members["redirect_uris"] = list(redirect_uris)
        if provider.post_logout_redirect:  # OpenID Connect RP-Initiated Logout §3.1
            back = (urljoin(uri, provider.post_logout_path) for uri in redirect_uris)
            members["post_logout_redirect_uris"] = list(dict.fromkeys(back))
    if provider.scopes:
        members["scope"] = " ".join(provider.scopes)
    if method == "private_key_jwt":
        if jwks is None:
            raise Misconfigured(
                f"{provider.title} has no key to register.",
                key=f"providers.{provider.id}.private_key",
                provider=provider.id,
            )
        members["jwks"] = dict(jwks)
    return members


def _grant_types(provider: Provider, metadata: ServerMetadata, *, browser: bool) -> list[str]:
    if provider.flow in MACHINE_GRANTS:
        return [MACHINE_GRANTS[provider.flow]]
    offered = metadata.grant_types_supported
    grants = ["authorization_code"] if browser else []
    if metadata.device_authorization_endpoint is not None:
        grants.append(DEVICE_GRANT)
    if offered is None or "refresh_token" in offered:
        grants.append("refresh_token")
    return grants


def _method(provider: Provider, metadata: ServerMetadata) -> str:
    """What is configured; else none, or what the server offers in its place (RFC 8414 §2)."""
    if provider.client_auth in METHODS:
        return provider.client_auth
    if provider.client_auth != "auto":
        raise Misconfigured(
            f"`client_auth = {provider.client_auth}` needs a client that was registered by hand.",
            hint="Set `client_auth` to another way, or write a `client_id`.",
            key=f"providers.{provider.id}.client_auth",
            provider=provider.id,
        )
    offered = metadata.token_endpoint_auth_methods_supported
    wanted = SECRET_METHODS if provider.flow in MACHINE_GRANTS else METHODS
    return next((method for method in wanted if offered is None or method in offered), wanted[0])


def register(
    transport: Transport,
    provider: Provider,
    metadata: ServerMetadata,
    wanted: Mapping[str, Any],
    *,
    initial_access_token: Secret | None = None,
) -> Registration:
    """Ask once to be registered (§3.1).

    :param wanted: as `request_metadata` gives it.
    :raises RedirectRefused: another form of the redirect address may do.
    :raises RegistrationRefused: the server refuses, or its answer is a client that cannot work.
    :raises ProviderUnreachable: transient.
    :raises MalformedAnswer: nothing that could be used.
    """
    endpoint = metadata.registration_endpoint
    if endpoint is None:
        raise RegistrationRefused(f"{provider.title} does not register clients.", hint=BY_HAND, provider=provider.id)
    answer = transport.send(
        Request("POST", endpoint, headers=bearer(initial_access_token), json=wanted), local=provider.local
    )
    if answer.status not in (200, 201):  # 200 is not what the standard says; some servers answer so
        raise refusal(provider, answer, wanted, initial_access_token is not None)
    found = read_answer(provider, answer, wanted, endpoint)
    check_usable(provider, found, wanted)
    return found


def bearer(token: Secret | None) -> dict[str, str]:
    """The header that shows a token (RFC 6750 §2.1)."""
    return {} if token is None else {"Authorization": f"Bearer {token.reveal()}"}


def refusal(provider: Provider, answer: Answer, wanted: Mapping[str, Any], token_sent: bool = False) -> Exception:
    """The error of an answer that registers nothing (§3.2.2, DCR-5)."""
    error = error_of(answer)
    code, words = (None, None) if error is None else (error.code, error.description)
    if answer.transient:
        return answer.unreachable()
    kind, hint = RegistrationRefused, BY_HAND
    if answer.status in (401, 403):
        kind = RegistrationClosed
        detail = f"{provider.title} registers TokenKeep only with an initial access token."
        if token_sent:
            detail = f"{provider.title} does not accept the initial access token."
        hint = f"Ask its administrator for one and give it: `tokenkeep edit {provider.id} --initial-access-token -`."
    elif code == "invalid_redirect_uri":
        kind = RedirectRefused
        uris = ", ".join(wanted.get("redirect_uris", ())) or "none"
        detail = f"{provider.title} does not accept the address that the browser is to come back to: {uris}."
        hint = f"Set `redirect_host` or `redirect_port` to what it accepts. {BY_HAND}"
    elif code == "invalid_client_metadata":
        detail = f"{provider.title} does not accept what TokenKeep says of itself."
        hint = f"Check `client_auth` and `scopes` of this provider. {BY_HAND}"
    elif code is not None:
        detail = f"{provider.title} answered the registration with the error “{code}”."
    elif 400 <= answer.status < 500:
        detail = f"{provider.title} answered the registration with status {answer.status}."
    else:
        return MalformedAnswer(
            f"{provider.title} answered the registration with status {answer.status}, which means nothing here.",
            provider=provider.id,
        )
    return kind(detail, hint=hint, error=code, description=words, provider=provider.id)


def read_answer(
    provider: Provider, answer: Answer, asked: Mapping[str, Any], endpoint: str, before: Registration | None = None
) -> Registration:
    """A client information response (§3.2.1, RFC 7592 §3); the server's word replaces what we asked (DCR-3).

    :param asked: what holds where the answer leaves a member out.
    :param endpoint: the registration endpoint: the management must be at the same place (DCR-7).
    :param before: the registration that was read or changed.
    :raises MalformedAnswer: nothing in it can be used.
    """
    members = answer.json()
    if not isinstance(members, dict):
        raise _malformed(provider, "is no JSON object")
    client_id = members.get("client_id")
    if not isinstance(client_id, str) or not client_id or len(client_id) > CLIENT_ID_MAX or not client_id.isprintable():
        raise _malformed(provider, "has no client_id")
    if before is not None and client_id != before.client_id:
        raise _malformed(provider, "is about another client")
    metadata = {**asked, **{name: value for name, value in members.items() if value is not None}}
    metadata = {name: value for name, value in metadata.items() if name not in SERVER_OWNED}
    for name in ("redirect_uris", "grant_types", "response_types"):
        value = metadata.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise _malformed(provider, f"has {name} that are no list of texts")
    if members.get("client_secret") and "token_endpoint_auth_method" not in members:
        metadata["token_endpoint_auth_method"] = SECRET_METHODS[0]  # the default of a client with a secret (§2)
    secret, expires_at = _secret(provider, members, metadata, before)
    if expires_at and answer.date is not None:
        expires_at += answer.sent_at - answer.date  # the end is told by the server's clock
    kept = secret is not None and before is not None and secret == before.secret
    access_token, uri = _management(provider, members, endpoint, before)
    return Registration(
        issuer=provider.issuer,
        provider=provider.id,
        client_id=client_id,
        registered_at=answer.sent_at if before is None else before.registered_at,
        metadata=metadata,
        secret=secret,
        secret_at=before.secret_at if kept and before is not None else answer.sent_at,
        secret_expires_at=expires_at,
        access_token=access_token,
        management_uri=uri,
    )


def _secret(
    provider: Provider, members: dict[str, Any], metadata: dict[str, Any], before: Registration | None
) -> tuple[Secret | None, float | None]:
    """The secret and its end; one that the method has no use for is not kept."""
    method = metadata.get("token_endpoint_auth_method", "none")
    if not isinstance(method, str):
        raise _malformed(provider, "has a token_endpoint_auth_method that is no text")
    if method not in SECRET_METHODS:
        return None, 0.0
    value = members.get("client_secret")
    if value in (None, "") and before is not None and before.secret is not None:
        value = before.secret.reveal()  # an answer about a known client need not repeat it
    if not isinstance(value, str) or not value:
        raise _malformed(provider, f"has no client_secret, which {method} needs")
    end = members.get("client_secret_expires_at")
    if end is None:
        log.warning("%s does not say until when the client secret is good", provider.id)
        return Secret(value), None
    if isinstance(end, bool) or not isinstance(end, int | float) or not math.isfinite(end) or end < 0:
        raise _malformed(provider, "has a client_secret_expires_at that is no time")
    return Secret(value), float(end)


def _management(
    provider: Provider, members: dict[str, Any], endpoint: str, before: Registration | None
) -> tuple[Secret | None, str]:
    """The token and the address for the management: the newest that came, and none at another server (DCR-7)."""
    token, uri = members.get("registration_access_token"), members.get("registration_client_uri")
    kept = (None, "") if before is None else (before.access_token, before.management_uri)
    given = Secret(token) if isinstance(token, str) and token.isascii() and token.isprintable() and token else kept[0]
    address = kept[1] if uri is None else _own_address(uri, endpoint, local=provider.local)
    if uri is not None and not address:
        log.warning("the address for managing the registration at %s is not at that server; not used", provider.id)
        return None, ""
    return (given, address) if given is not None and address else (None, "")


def _own_address(uri: object, endpoint: str, *, local: bool) -> str:
    if not isinstance(uri, str):
        return ""
    try:
        check_url(uri, local=local)
    except ValueError:
        return ""
    one, other = urlsplit(uri), urlsplit(endpoint)
    return uri if (one.scheme, one.netloc) == (other.scheme, other.netloc) else ""


def check_usable(provider: Provider, found: Registration, wanted: Mapping[str, Any]) -> None:
    """Refuse a registration that we cannot work with, before any browser opens (DCR-3).

    :raises RegistrationRefused: the message shows the difference.
    """
    if found.method not in METHODS or (found.method == "private_key_jwt" and "jwks" not in wanted):
        method = clean_text(found.method, 64)
        raise _unusable(provider, f"with the authentication {method}, in place of {_asked(wanted)}")
    for name in wanted["grant_types"][:1]:  # the way that is about to be gone; the others are gone without
        if name not in found.grant_types:
            raise _unusable(provider, f"without the grant {name}")
    for name in wanted["response_types"]:
        if name not in found.metadata.get("response_types", ()):
            raise _unusable(provider, f"without the response type {name}")
    lost = [uri for uri in wanted.get("redirect_uris", ())[:1] if uri not in found.redirect_uris]
    if lost:
        got = ", ".join(clean_text(uri, 200) for uri in found.redirect_uris[:3]) or "none"
        raise _unusable(provider, f"with the redirect address {got}, in place of {', '.join(lost)}")


def _asked(wanted: Mapping[str, Any]) -> str:
    return str(wanted.get("token_endpoint_auth_method", "none"))


def _unusable(provider: Provider, how: str) -> RegistrationRefused:
    return RegistrationRefused(
        f"{provider.title} registered TokenKeep {how}. It was not used.", hint=BY_HAND, provider=provider.id
    )


def _malformed(provider: Provider, what: str) -> MalformedAnswer:
    return MalformedAnswer(f"The answer of {provider.title} to the registration {what}.", provider=provider.id)


def unreachable_before(error: ProviderUnreachable | MalformedAnswer) -> ProviderUnreachable:
    """The same trouble, said of a request that came before the one that mattered: that one has not left."""
    return ProviderUnreachable(
        error.detail, hint=ProviderUnreachable.default_hint, maybe_sent=False, retry_after=error.retry_after
    )
