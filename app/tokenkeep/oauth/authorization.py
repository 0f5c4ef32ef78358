"""The authorization code flow (RFC 6749 §4.1) with PKCE (RFC 7636) and issuer identification (RFC 9207)."""

from __future__ import annotations

import hmac
import logging
import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from tokenkeep.domain.errors import (
    AccessDenied,
    BadRequest,
    GrantEnded,
    InvalidTarget,
    MalformedAnswer,
    Misconfigured,
    ProviderError,
    ProviderUnreachable,
)
from tokenkeep.domain.provider import Provider, check_url
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import pkce
from tokenkeep.oauth.client_auth import ClientCredentials, authenticate
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.quirks import quirks_of
from tokenkeep.oauth.symptoms import step_for
from tokenkeep.oauth.texts import CODE_LIMIT, clean_text, denial_text, error_step, error_text
from tokenkeep.oauth.token_answer import TokenAnswer, parse
from tokenkeep.oauth.transport import Transport

log = logging.getLogger(__name__)

AGAIN = "Start the sign-in again."
FRONT_CHANNEL = frozenset({"access_token", "id_token", "response", "token_type"})
_CODE = re.compile(r"[\x20-\x7e]+")  # RFC 6749 appendix A.11


class UnrelatedResponse(BadRequest):
    """What came to the redirect URI is not the answer to this attempt, which goes on waiting (RESP-1)."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in in a browser, bound to the metadata it began with (RESP-10).

    :param nonce: None when no id_token is asked for.
    :param verifier: None when the provider is set to do without PKCE.
    :param parameters: of the request, all of them.
    :param url: for the browser; holds all parameters, or the name of the request that was pushed (RFC 9126 §4).
    :param expires_at: wall clock, seconds since the epoch, from which a pushed request is not opened any more.
    """

    provider: Provider
    metadata: ServerMetadata
    redirect_uri: str
    state: Secret
    nonce: Secret | None
    verifier: Secret | None
    scope: tuple[str, ...]
    resource: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...] = field(repr=False)
    url: str = field(repr=False)
    expires_at: float | None = None


def begin(
    provider: Provider,
    metadata: ServerMetadata,
    redirect_uri: str,
    *,
    scope: tuple[str, ...] | None = None,
    login_hint: str = "",
    prompt: str = "",
    dpop_jkt: str = "",
) -> Attempt:
    """A new attempt with its own state, nonce and verifier (AUTHZ-4).

    :param scope: in place of the configured one.
    :param dpop_jkt: thumbprint of the key that the code is to be bound to (RFC 9449 §10).
    :raises ProviderError: the server has no authorization endpoint, one that must not be opened, or no S256.
    :raises Misconfigured: an id_token is asked for and there is no issuer to check it against.
    """
    endpoint = metadata.authorization_endpoint
    if endpoint is None:
        raise ProviderError(
            f"{provider.title} has no authorization endpoint.",
            hint="If it offers sign-in with a code, set `flow` to device_code.",
            provider=provider.id,
        )
    wanted = tuple(provider.scopes) if scope is None else scope
    check_issuer(provider, metadata, wanted)
    verifier = pkce.verifier_for(provider, metadata)
    state = Secret(secrets.token_urlsafe(32))
    nonce = Secret(secrets.token_urlsafe(32)) if "openid" in wanted else None
    parameters = dict(provider.authorization_params)
    given = (("login_hint", login_hint), ("prompt", prompt), ("dpop_jkt", dpop_jkt))
    parameters |= {name: value for name, value in given if value}
    parameters |= {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri,
        "state": state.reveal(),
    }
    if wanted:
        parameters["scope"] = " ".join(wanted)
    if nonce is not None:
        parameters["nonce"] = nonce.reveal()
    if verifier is not None:
        parameters |= {"code_challenge": pkce.challenge(verifier), "code_challenge_method": pkce.METHOD}
    for audience in provider.audiences[:1]:
        parameters["audience"] = audience
    pairs = [*parameters.items(), *(("resource", one) for one in provider.resource)]
    return Attempt(
        provider,
        metadata,
        redirect_uri,
        state,
        nonce,
        verifier,
        wanted,
        tuple(provider.resource),
        parameters=tuple(pairs),
        url=with_query(provider, endpoint, pairs),
    )


def check_issuer(provider: Provider, metadata: ServerMetadata, scope: tuple[str, ...]) -> None:
    """Refuse to ask for an id_token that nothing could be checked against (OIDC-4)."""
    if "openid" in scope and not metadata.issuer:
        raise Misconfigured(
            f"{provider.title} asks for the scope openid but has no issuer.",
            hint="Add the issuer, or leave openid out of the scopes.",
            key=f"providers.{provider.id}.issuer",
            provider=provider.id,
        )


def with_query(provider: Provider, endpoint: str, pairs: list[tuple[str, str]]) -> str:
    """The endpoint with its own query kept byte for byte and ours behind it (RFC 6749 §3.1).

    :raises ProviderError: they name the same parameter, or the address must not be opened.
    """
    own = urlsplit(endpoint).query
    clash = {name for name, _ in parse_qsl(own, keep_blank_values=True)} & {name for name, _ in pairs}
    if clash:
        raise ProviderError(
            f"The authorization endpoint of {provider.title} already sets {', '.join(sorted(clash))}.",
            provider=provider.id,
        )
    between = "&" if own and not own.endswith("&") else ""
    joint = between if "?" in endpoint else "?"
    try:
        return check_url(endpoint + joint + urlencode(pairs), local=provider.local, what="authorization endpoint")
    except ValueError as reason:
        raise ProviderError(f"The sign-in page cannot be opened: {reason}.", provider=provider.id) from None


def read_response(attempt: Attempt, query: str) -> Secret:
    """The code of an authorization response.

    The order is part of the defence: nothing is believed before the state, and no error before the issuer (RESP-6).

    :param query: the raw query of the redirect.
    :raises UnrelatedResponse: not our state exactly once: the attempt goes on.
    :raises AccessDenied, ProviderError: the attempt is over.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=64)
    except ValueError:
        raise UnrelatedResponse("The response has too many parameters.") from None
    states = [value for name, value in pairs if name == "state"]
    if len(states) != 1 or not _same(states[0], attempt.state.reveal()):
        raise UnrelatedResponse("The response does not belong to this sign-in.")
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise _invalid(attempt, "a parameter occurs twice")
    if FRONT_CHANNEL.intersection(names):
        raise _invalid(attempt, "it holds more than a code")
    given = {name: value for name, value in pairs if value}
    _check_response_issuer(attempt, given.get("iss"))
    if "error" in given:
        if "code" in given:
            raise _invalid(attempt, "it holds both a code and an error")
        raise _refusal(attempt, given["error"], given.get("error_description", ""))
    code = given.get("code", "")
    if not _CODE.fullmatch(code):
        raise _invalid(attempt, "it holds no code")
    return Secret(code)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def _check_response_issuer(attempt: Attempt, iss: str | None) -> None:
    """Compare the response's issuer with the attempt's, code point by code point (RFC 9207 §2.4)."""
    metadata = attempt.metadata
    if iss is None:
        if metadata.authorization_response_iss_parameter_supported:
            raise _invalid(attempt, "it does not say which server it comes from, although this server always does")
        return
    same = iss == metadata.issuer
    if not metadata.issuer:  # configured by its endpoints alone: it must at least be the server that was asked
        same = _origin(iss) == _origin(metadata.authorization_endpoint or "")
    if not same:
        raise _invalid(attempt, "it comes from another server than the one that was asked")
    if not metadata.authorization_response_iss_parameter_supported:
        log.info("%s names its issuer in responses although its metadata does not say so", attempt.provider.id)


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc


def _invalid(attempt: Attempt, reason: str) -> ProviderError:
    return MalformedAnswer(
        f"The response of {attempt.provider.title} was not used: {reason}.", hint=AGAIN, provider=attempt.provider.id
    )


def _refusal(attempt: Attempt, error: str, description: str) -> AccessDenied | ProviderError:
    code, words = clean_text(error, CODE_LIMIT), clean_text(description)
    if code == "access_denied":
        return AccessDenied(denial_text(words), hint=AGAIN, provider=attempt.provider.id)
    kind = InvalidTarget if code == "invalid_target" else ProviderError
    return kind(
        error_text(code),
        error=code,
        description=words or None,
        hint=error_step(code) or step_for(attempt.provider, code, words, attempt.redirect_uri) or AGAIN,
        provider=attempt.provider.id,
    )


def exchange(transport: Transport, attempt: Attempt, code: Secret, credentials: ClientCredentials) -> TokenAnswer:
    """Redeem the code at the token endpoint of the attempt's own metadata.

    :raises ProviderUnreachable: no answer; the code may be used up, so that only a new sign-in helps (TOK-9).
    :raises ProviderError: the server refused.
    """
    try:
        return _exchange_once(transport, attempt, code, credentials)
    except ProviderUnreachable as fault:
        if fault.maybe_sent:
            raise _lost(attempt, fault) from None
    try:
        return _exchange_once(transport, attempt, code, credentials)  # no byte has reached the server
    except ProviderUnreachable as fault:
        raise _lost(attempt, fault) from None


def _exchange_once(transport: Transport, attempt: Attempt, code: Secret, credentials: ClientCredentials) -> TokenAnswer:
    from tokenkeep.oauth.session import TokenSession  # the libraries behind it are no part of a start

    provider = attempt.provider
    quirks = quirks_of(provider)
    with TokenSession(
        transport,
        attempt.metadata.token_endpoint,
        credentials.client_id,
        local=provider.local,
        client=authenticate((), {}, credentials, attempt.metadata, quirks),
        resource=attempt.resource,
        read=lambda answer: parse(answer, requested=attempt.scope, resource=attempt.resource, quirks=quirks),
        redirect_uri=attempt.redirect_uri,
    ) as session:
        try:
            return session.redeem(code, attempt.verifier)
        except GrantEnded as refused:  # the code's end, not that of a sign-in that may live beside this attempt
            raise ProviderError(
                "The provider did not accept the code of this sign-in.",
                error=refused.error,
                description=refused.description,
                hint=AGAIN,
                provider=provider.id,
            ) from None


def _lost(attempt: Attempt, fault: ProviderUnreachable) -> ProviderUnreachable:
    return ProviderUnreachable(
        fault.detail,
        hint=AGAIN,
        maybe_sent=fault.maybe_sent,
        retry_after=fault.retry_after,
        provider=attempt.provider.id,
    )
