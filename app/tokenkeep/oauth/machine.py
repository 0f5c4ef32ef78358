"""Tokens for a program itself: client credentials, signed assertions, token exchange (RFC 6749 §4.4, 7523, 8693)."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace

from tokenkeep.domain.errors import (
    AccessDenied,
    ClientRejected,
    GrantEnded,
    Misconfigured,
    ProviderError,
    TokenKeepError,
)
from tokenkeep.domain.machine import NOT_AN_ACCESS_TOKEN, REFRESH_TOKEN
from tokenkeep.domain.provider import Flow, Provider
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.answer import Answer
from tokenkeep.oauth.client_auth import ClientCredentials, Form, authenticate, method_of
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.quirks import Quirks, quirks_of
from tokenkeep.oauth.texts import clean_text
from tokenkeep.oauth.token_answer import TokenAnswer, error_of, parse
from tokenkeep.oauth.transport import Request, Transport

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ASSERTION_LIFETIME = 60  # seconds; it is sent at once
CLOCKS_DIFFER = 60.0  # seconds from which a clock is to blame for what "has expired" or is "not yet valid"

_TIMES = re.compile(r"expire|not[ _]yet|in the future|too (old|early|late)|clock|\b(exp|nbf|iat)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Presented:
    """A token of somewhere else that is shown to the provider.

    :param type: RFC 8693 §3.
    :param subject: whom it is about, as it says itself; display only.
    """

    token: Secret
    type: str
    subject: str = ""


def acquire(
    transport: Transport,
    provider: Provider,
    metadata: ServerMetadata,
    credentials: ClientCredentials,
    subject: Presented | None = None,
    actor: Presented | None = None,
) -> TokenAnswer:
    """One token request. Of the answer the access token alone is kept: for the next one, ask again (§4.4.3, GRANT-1).

    :param subject: the assertion or subject token; None for an assertion that is signed here, by the client.
    :param actor: who acts for the subject (RFC 8693 §2.1).
    :raises Misconfigured: the entry has not what its flow needs.
    :raises ProviderError: refused, or another kind of token than asked for (GRANT-4); clocks are named (GRANT-2).
    :raises ProviderUnreachable, MalformedAnswer: transient (REF-5).
    """
    quirks = quirks_of(provider)
    form = (*_grant(provider, metadata, credentials, subject, actor), *_targets(provider))
    headers: dict[str, str] = {}
    if credentials.client_id:  # an assertion may speak for itself (RFC 7521 §4.1)
        form, headers = authenticate(form, headers, credentials, metadata, quirks)
    answer = transport.send(Request("POST", metadata.token_endpoint, form, headers), local=provider.local)
    exchanged = provider.flow is Flow.TOKEN_EXCHANGE
    try:
        found = parse(
            answer,
            requested=tuple(provider.scopes),
            resource=tuple(provider.resource),
            quirks=quirks,
            exchanged=exchanged,
        )
    except AccessDenied as denied:  # by a policy: no person was asked, and none can change their mind
        hint = _CHECK[provider.flow]
        raise ProviderError(denied.detail, error="access_denied", hint=hint, provider=provider.id) from None
    except ProviderError as error:
        raise _explained(error, provider, answer) from None
    tokens = replace(found.tokens, refresh_token=None, id_token=None)
    if exchanged:
        issued = _issued_type(found, provider, quirks)
        kind = NOT_AN_ACCESS_TOKEN if issued == REFRESH_TOKEN else tokens.token_type
        tokens = replace(tokens, token_type=kind, issued_type=issued)
    return replace(found, tokens=tokens)


def _grant(
    provider: Provider,
    metadata: ServerMetadata,
    credentials: ClientCredentials,
    subject: Presented | None,
    actor: Presented | None,
) -> Form:
    match provider.flow:
        case Flow.CLIENT_CREDENTIALS:
            if method_of(credentials, metadata) == "none":
                raise Misconfigured(
                    f"The flow client_credentials of {provider.title} needs a client that can prove who it is.",
                    hint="Add `client_secret`, or another way of client authentication.",
                    key=f"providers.{provider.id}.client_auth",
                    provider=provider.id,
                )
            return (("grant_type", "client_credentials"),)
        case Flow.JWT_BEARER:
            assertion = subject.token if subject else _own_assertion(provider, metadata, credentials)
            return ("grant_type", JWT_BEARER), ("assertion", assertion.reveal())
        case Flow.TOKEN_EXCHANGE if subject is not None:
            form = [("grant_type", TOKEN_EXCHANGE), *_shown("subject_token", subject)]
            if actor is not None:
                form += _shown("actor_token", actor)
            if provider.requested_token_type:
                form.append(("requested_token_type", provider.requested_token_type))
            return tuple(form)
    raise Misconfigured(
        f"The flow {provider.flow} of {provider.title} needs a subject token.",
        key=f"providers.{provider.id}.subject_token",
        provider=provider.id,
    )


def _shown(name: str, presented: Presented) -> Form:
    return (name, presented.token.reveal()), (f"{name}_type", presented.type)


def _targets(provider: Provider) -> Form:
    scope = [("scope", " ".join(provider.scopes))] if provider.scopes else []
    # In a JWT bearer request the audience is the assertion's own.
    audiences = () if provider.flow is Flow.JWT_BEARER else provider.audiences
    named = [*(("audience", one) for one in audiences), *(("resource", one) for one in provider.resource)]
    return (*scope, *named)


def _own_assertion(provider: Provider, metadata: ServerMetadata, credentials: ClientCredentials) -> Secret:
    """The client about itself (RFC 7523 §2.1, §3): new for each request, for one server, and short-lived (GRANT-2)."""
    key, wall = credentials.key, credentials.wall
    if key is None or wall is None:
        raise Misconfigured(
            f"The flow jwt_bearer of {provider.title} needs a private key, or a subject token.",
            key=f"providers.{provider.id}.private_key",
            provider=provider.id,
        )
    now = int(wall())
    claims = {
        "iss": credentials.client_id,
        "sub": credentials.client_id,
        "aud": next(iter(provider.audiences), metadata.issuer or metadata.token_endpoint),
        "jti": secrets.token_urlsafe(24),
        "iat": now,
        "exp": now + ASSERTION_LIFETIME,
    }
    algorithm = key.algorithm(metadata.token_endpoint_auth_signing_alg_values_supported) or key.algorithms[0]
    return key.sign({"typ": "JWT", "kid": key.kid}, claims, algorithm)


def _issued_type(found: TokenAnswer, provider: Provider, quirks: Quirks) -> str:
    """RFC 8693 §2.2.1: what it is has to be said, and be what was asked for."""
    issued, requested = found.issued_token_type, provider.requested_token_type
    if not issued:
        raise ProviderError(
            f"{provider.title} does not say what kind of token it gave (issued_token_type), so it is not used.",
            hint="Ask those who run the provider: RFC 8693 §2.2.1 requires it.",
            provider=provider.id,
        )
    if requested and issued != requested and not quirks.any_issued_type:
        raise ProviderError(
            f"{provider.title} gave a token of the type “{clean_text(issued, 100)}” and not of the one asked for.",
            hint="Change `requested_token_type`, or allow it with the quirk any_issued_type.",
            provider=provider.id,
        )
    return issued


def _explained(error: ProviderError, provider: Provider, answer: Answer) -> TokenKeepError:
    """The refusal in words for somebody who set up a machine: there is no sign-in to repeat."""
    said = error_of(answer)
    words = (said and said.description) or ""
    apart = _apart(answer)
    if said is not None and _TIMES.search(words) and apart is not None and abs(apart) > CLOCKS_DIFFER:
        minutes = max(1, round(abs(apart) / 60))
        span = f"{minutes} minute{'s' if minutes > 1 else ''}"
        return ProviderError(
            f"{provider.title} says that the assertion has expired or is not yet valid, and the clock of this machine "
            f"is {span} {'behind' if apart > 0 else 'ahead of'} the provider's.",
            error=error.error,
            description=error.description,
            hint="Set the clock of this machine by the network. If it is right, tell those who run the provider.",
            provider=provider.id,
        )
    if isinstance(error, ClientRejected):
        error.hint = (
            "Check the client ID, its secret or key, and whether the provider lets this client get tokens for itself "
            "(often called a service account)."
        )
    elif isinstance(error, GrantEnded):
        return ProviderError(
            f"{provider.title} does not accept {_WHAT[provider.flow]}.",
            error=error.error,
            description=error.description,
            hint=_CHECK[provider.flow],
            provider=provider.id,
        )
    elif said is not None and said.code == "invalid_request" and provider.flow is not Flow.CLIENT_CREDENTIALS:
        error.hint = _CHECK[provider.flow]  # how RFC 8693 §2.2.2 says that a token is not accepted
    return error


def _apart(answer: Answer) -> float | None:
    """Seconds that the server's clock is ahead of ours."""
    return None if answer.date is None else answer.date - answer.sent_at


_WHAT = {
    Flow.CLIENT_CREDENTIALS: "this client’s request",
    Flow.JWT_BEARER: "the assertion",
    Flow.TOKEN_EXCHANGE: "the token that was to be exchanged",
}
_CHECK = {
    Flow.CLIENT_CREDENTIALS: "Check the client's rights at the provider.",
    Flow.JWT_BEARER: "Check at the provider whom it trusts, and the assertion's issuer, subject, audience and times.",
    Flow.TOKEN_EXCHANGE: "Check at the provider whom it trusts, and the token's type, issuer, audience and times.",
}
