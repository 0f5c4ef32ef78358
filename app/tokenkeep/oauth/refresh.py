"""Refreshing a token (RFC 6749 §6)."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from tokenkeep.domain.errors import InsufficientScope, SignInRequired
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import TokenSet, Wish
from tokenkeep.oauth.client_auth import ClientCredentials, authenticate
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.quirks import quirks_of
from tokenkeep.oauth.token_answer import TokenAnswer, parse
from tokenkeep.oauth.transport import Transport


def refresh(
    transport: Transport,
    provider: Provider,
    metadata: ServerMetadata,
    tokens: TokenSet,
    credentials: ClientCredentials,
    *,
    wish: Wish | None = None,
) -> TokenAnswer:
    """One refresh request. What the answer leaves out stays as it was: refresh token and id_token (REF-2).

    :param wish: what the access token is to be good for, where that is less than was granted; the scope is left out of
        the request where it is not narrowed (REF-7).
    :raises SignInRequired: there is no refresh token.
    :raises InsufficientScope: more than was granted is asked for.
    :raises InvalidTarget: the server gives none for that resource (RFC 8707 §2).
    :raises GrantEnded: the sign-in is over.
    :raises ClientRejected: the registration is broken, the refresh token may still be good (CAUTH-4).
    :raises ProviderUnreachable, MalformedAnswer: transient (REF-5).
    """
    from tokenkeep.oauth.session import TokenSession  # the libraries behind it are no part of a start

    if tokens.refresh_token is None:
        raise SignInRequired(f"{provider.title} gave no refresh token.", provider=provider.id)
    wish = wish or Wish(tokens.scope, tokens.resource)
    if not set(wish.scope) <= set(tokens.scope):
        raise InsufficientScope(provider=provider.id)
    scope = wish.scope if set(wish.scope) != set(tokens.scope) else ()
    quirks = quirks_of(provider)
    with TokenSession(
        transport,
        metadata.token_endpoint,
        credentials.client_id,
        local=provider.local,
        client=authenticate((), {}, credentials, metadata, quirks),
        resource=wish.resource,
        read=lambda answer: parse(answer, requested=scope or tokens.scope, resource=wish.resource, quirks=quirks),
    ) as session:
        answer = session.renew(tokens.refresh_token, scope)
    kept = replace(
        answer.tokens,
        refresh_token=answer.tokens.refresh_token or tokens.refresh_token,
        id_token=answer.tokens.id_token or tokens.id_token,
    )
    return replace(answer, tokens=kept)


def binding(provider: Provider, metadata: ServerMetadata, client_id: str) -> tuple[str, str, str]:
    """What a refresh token belongs to and must never leave (REF-9): issuer, token endpoint's origin, client id."""
    parts = urlsplit(metadata.token_endpoint)
    return provider.issuer, f"{parts.scheme}://{parts.netloc}", client_id
