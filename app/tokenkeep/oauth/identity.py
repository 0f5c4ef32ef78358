"""Who signed in: the id_token (OpenID Connect Core §3.1.3.7, §12.2), userinfo (§5.3), and the account they make."""

from __future__ import annotations

import logging
from typing import Any

from tokenkeep.domain.errors import MalformedAnswer, ProviderError, ProviderUnreachable
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import Account, Secret, TokenSet
from tokenkeep.oauth import dpop, jws
from tokenkeep.oauth.claims import Expectation, check_claims, check_same_sign_in
from tokenkeep.oauth.demand import NO_DEMAND, demand_of
from tokenkeep.oauth.jwks import key_sets
from tokenkeep.oauth.metadata import ServerMetadata, fetch
from tokenkeep.oauth.quirks import quirks_of
from tokenkeep.oauth.texts import clean_text
from tokenkeep.oauth.transport import Answer, Request, Transport

log = logging.getLogger(__name__)

Claims = dict[str, Any]
LABEL_MAX = 100  # characters
LABELS = ("preferred_username", "email", "name", "nickname")


class IdTokenRejected(ProviderError):
    """An id_token that does not pass: none of its answer's tokens may be used."""


def verify_id_token(
    transport: Transport,
    provider: Provider,
    metadata: ServerMetadata,
    tokens: TokenSet,
    *,
    nonce: Secret | None,
    previous_claims: Claims | None = None,
    wall: float,
) -> Claims | None:
    """The claims of a token answer's id_token; none of the answer may be used before this returned (OIDC-6).

    :param nonce: what the authorization request carried; None for the device grant and for a refresh. A request that
        carried one also carried what the provider's entry demands of the login (OIDC-11).
    :param previous_claims: for a refresh, those of the sign-in (OIDC-10).
    :param wall: wall clock, seconds since the epoch.
    :returns: None when no id_token was asked for; one that comes unasked is not looked at.
    :raises ProviderError: there is none, or it does not pass.
    :raises ProviderUnreachable: the keys cannot be fetched now.
    """
    if not {"openid"} & {*provider.scopes, *tokens.scope}:
        return None
    if tokens.id_token is None:
        raise ProviderError(
            f"{provider.title} gave no id_token although the scope openid was asked for.", provider=provider.id
        )
    expected = Expectation(
        issuer=metadata.issuer,
        client_id=provider.client_id,
        nonce=nonce,
        access_token=tokens.access_token,
        wall=wall,
        clock_offset=transport.clock_offset(metadata.token_endpoint),
        demand=NO_DEMAND if nonce is None else demand_of(provider.authorization_params),
        token_issuer=quirks_of(provider).token_issuer,
    )
    try:
        token = _verified(transport, provider, metadata, tokens.id_token.reveal(), wall)
        check_claims(token, expected)
        if previous_claims is not None:
            check_same_sign_in(token.claims, previous_claims)
    except jws.BadToken as bad:
        raise _rejected(provider, bad) from None
    return token.claims


def _rejected(provider: Provider, bad: jws.BadToken) -> IdTokenRejected:
    return IdTokenRejected(
        f"The id_token of {provider.title} was not accepted: {bad}.",
        hint="Nothing of this answer was used. Start the sign-in again.",
        provider=provider.id,
    )


def verify_refreshed(
    transport: Transport, provider: Provider, metadata: ServerMetadata, before: TokenSet, after: TokenSet, wall: float
) -> Claims | None:
    """Check the id_token of a refresh answer against the sign-in's (OIDC-10); None when the answer brought none.

    :raises IdTokenRejected: the new access token must not be used, the refresh token not be lost.
    :raises ProviderUnreachable: there are no keys to check it with, for whatever reason: that ends no sign-in.
    """
    if after.id_token is None or after.id_token == before.id_token:
        return None
    previous = None if before.id_token is None else _claims_before(provider, before.id_token)
    try:
        return verify_id_token(transport, provider, metadata, after, nonce=None, previous_claims=previous, wall=wall)
    except IdTokenRejected:
        raise
    except (ProviderError, ProviderUnreachable) as trouble:
        if previous is not None:
            _check_unverified(provider, after.id_token, previous)
        if isinstance(trouble, ProviderUnreachable):
            raise
        raise ProviderUnreachable(trouble.detail, maybe_sent=True, provider=provider.id) from None


def _check_unverified(provider: Provider, id_token: Secret, previous: Claims) -> None:
    """Refuse what cannot be of this sign-in whoever signed it."""
    try:
        check_same_sign_in(jws.claims_of(id_token.reveal()), previous)
    except jws.BadToken as bad:
        raise _rejected(provider, bad) from None


def _claims_before(provider: Provider, id_token: Secret) -> Claims:
    try:
        return jws.claims_of(id_token.reveal())
    except jws.BadToken:
        raise IdTokenRejected(
            f"The id_token that was kept of {provider.title} cannot be read.", provider=provider.id
        ) from None


def _verified(
    transport: Transport, provider: Provider, metadata: ServerMetadata, token: str, wall: float
) -> jws.SignedToken:
    """A token whose signature is one of the server's; its keys are fetched once more when no known key fits."""
    if metadata.jwks_uri is None:  # configured by its endpoints alone: the keys are still the issuer's to name
        metadata = fetch(transport, provider)
    if metadata.jwks_uri is None:
        raise ProviderError(f"{provider.title} does not publish its keys (jwks_uri).", provider=provider.id)
    parsed = jws.parse(token, metadata.id_token_signing_alg_values_supported)
    sets = key_sets(transport)
    try:
        jws.verify(parsed, sets.get(metadata.jwks_uri, local=provider.local, wall=wall))
    except jws.NoKey:
        renewed = sets.renew(metadata.jwks_uri, local=provider.local, wall=wall)
        if renewed is None:
            raise
        jws.verify(parsed, renewed)
    return parsed


def userinfo(
    transport: Transport, provider: Provider, metadata: ServerMetadata, tokens: TokenSet, subject: str | None
) -> Claims:
    """What the server tells about the person; empty when it has no such endpoint.

    :param subject: the `sub` of the id_token, which the answer must have too (OIDC-9).
    :raises ProviderError, ProviderUnreachable: no usable answer; the sign-in stands without it.
    """
    quirks = quirks_of(provider)
    url = quirks.profile_url(metadata.token_endpoint) if quirks.profile_url else metadata.userinfo_endpoint
    if url is None:
        return {}
    answer = _asked_with(tokens.token_type, transport, provider, url, tokens)
    refused = dpop.is_bound(tokens) and answer.status == 401
    if refused and dpop.asks_for_bearer_only(answer.headers.get("WWW-Authenticate", "")):
        log.info("%s takes tokens bound to a key as bearer tokens at its userinfo endpoint", provider.id)
        answer = _asked_with("Bearer", transport, provider, url, tokens)
    if answer.transient:
        raise answer.unreachable()
    if answer.status != 200:
        raise ProviderError(f"The userinfo endpoint answered with status {answer.status}.", provider=provider.id)
    claims = _userinfo_claims(transport, provider, metadata, answer)
    if quirks.profile:
        claims = quirks.profile(claims)
    if subject is not None and claims.get("sub") != subject:
        raise ProviderError("The userinfo endpoint answered about somebody else.", provider=provider.id)
    return claims


def _asked_with(scheme: str, transport: Transport, provider: Provider, url: str, tokens: TokenSet) -> Answer:
    headers = {"Authorization": f"{scheme} {tokens.access_token.reveal()}"}
    return transport.send(Request("GET", url, headers=headers), local=provider.local)


def _userinfo_claims(transport: Transport, provider: Provider, metadata: ServerMetadata, answer: Answer) -> Claims:
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind == "application/jwt":
        try:
            # Not as ASCII: the decoder's error would carry the body along. What is none is no JWS either.
            token = _verified(transport, provider, metadata, answer.body.decode("latin-1"), answer.sent_at)
        except jws.BadToken:
            raise ProviderError("The signed userinfo answer was not accepted.", provider=provider.id) from None
        audience = token.claims.get("aud", provider.client_id)
        audiences = audience if isinstance(audience, list) else [audience]
        if token.claims.get("iss", metadata.issuer) != metadata.issuer or provider.client_id not in audiences:
            raise ProviderError("The signed userinfo answer is not meant for us.", provider=provider.id)
        return token.claims
    claims = answer.json()
    if not isinstance(claims, dict):
        raise MalformedAnswer("The userinfo answer is not a JSON object.", provider=provider.id)
    return claims


def account(issuer: str, claims: Claims | None, profile: Claims) -> Account | None:
    """The account of verified claims and profile, keyed by issuer and subject; None when nothing names a subject."""
    known = {**profile, **(claims or {})}
    subject = known.get("sub")
    if not isinstance(subject, str) or not subject:
        return None
    labels = [one.get(name) for name in LABELS for one in (profile, known)]
    labels.append(subject)
    label = next((text for value in labels if isinstance(value, str) and (text := clean_text(value, LABEL_MAX))), "")
    return Account(str(known.get("iss", issuer)) if claims else issuer, subject, label)
