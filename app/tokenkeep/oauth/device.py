"""The device grant (RFC 8628): the codes, one poll, and the arithmetic of the interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from tokenkeep.domain.errors import (
    GrantEnded,
    MalformedAnswer,
    ProviderError,
    ProviderUnreachable,
    TokenKeepError,
)
from tokenkeep.domain.provider import Provider, check_url
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import pkce
from tokenkeep.oauth.answer import CutAnswer
from tokenkeep.oauth.authorization import check_issuer
from tokenkeep.oauth.client_auth import ClientCredentials, authenticate
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.quirks import quirks_of
from tokenkeep.oauth.texts import clean_text, error_text
from tokenkeep.oauth.token_answer import TRANSIENT_ERRORS, TokenAnswer, error_from, error_of, lifetime, parse
from tokenkeep.oauth.transport import Request, Transport

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
DEFAULT_INTERVAL = 5.0  # seconds (§3.2)
MIN_INTERVAL, MAX_INTERVAL = 1.0, 300.0  # seconds; a wish outside of this is a fault of the server
SLOW_DOWN_STEP = 5.0  # seconds (§3.5)
EXPIRES_MAX = 86_400.0  # seconds
USER_CODE_MAX = 64  # characters; nobody types more
COMPLETE_MAX = 1000  # characters; a longer address makes no code that a phone could read, and the short way is there

Outcome = Literal["pending", "slow_down", "unreachable"]


class AuthorizationPending(TokenKeepError):
    """The person has not confirmed yet."""

    title = "The code was not confirmed yet"


class SlowDown(TokenKeepError):
    """Not confirmed yet, and asked too often."""

    title = "The provider was asked too often"


class CodeExpired(ProviderError):
    """The code ran out; only the person starts again (DEV-5)."""

    title = "The code ran out"
    default_hint = "Start again for a new code."


@dataclass(frozen=True, slots=True)
class DeviceAuthorization:
    """The answer of the device authorization endpoint (§3.2).

    :param user_code: as sent, to be shown as it is (DEV-7).
    :param expires_in: seconds from `sent_at`.
    :param interval: seconds between two polls.
    :param sent_at: wall clock, seconds since the epoch, of the request.
    :param openable: whether `verification_uri` may be handed to a browser (AUTHZ-5); it is shown anyway.
    """

    device_code: Secret
    user_code: str
    verification_uri: str
    verification_uri_complete: str | None
    expires_in: float
    interval: float
    verifier: Secret | None
    sent_at: float
    openable: bool
    scope: tuple[str, ...] = ()


def request_codes(
    transport: Transport,
    provider: Provider,
    metadata: ServerMetadata,
    credentials: ClientCredentials,
    *,
    scope: tuple[str, ...] | None = None,
) -> DeviceAuthorization:
    """Ask for a device code and a user code (§3.1).

    :raises ProviderError: the server has no such endpoint, refuses, or answers nonsense.
    :raises ProviderUnreachable: transient.
    """
    endpoint = metadata.device_authorization_endpoint
    if endpoint is None:
        raise ProviderError(
            f"{provider.title} has no device authorization endpoint.",
            hint="Some servers have one without publishing it: set `device_authorization_endpoint`.",
            provider=provider.id,
        )
    wanted = tuple(provider.scopes) if scope is None else scope
    check_issuer(provider, metadata, wanted)
    verifier = pkce.verifier_for(provider, metadata)
    form = [("scope", " ".join(wanted))] if wanted else []
    if verifier is not None:
        form += [("code_challenge", pkce.challenge(verifier)), ("code_challenge_method", pkce.METHOD)]
    form += [("audience", one) for one in provider.audiences]
    form += [("resource", one) for one in provider.resource]
    quirks = quirks_of(provider)
    body, headers = authenticate(tuple(form), {}, credentials, metadata, quirks)
    answer = transport.send(Request("POST", endpoint, body, headers), local=provider.local)
    if answer.status != 200 or error_of(answer, quirks) is not None:
        raise error_from(answer, quirks)
    members = answer.json()
    if not isinstance(members, dict):
        raise MalformedAnswer("The provider's device answer is not a JSON object.")
    if quirks.verification_url:
        members.setdefault("verification_uri", members.get("verification_url"))
    shown = clean_text(_text(members, "verification_uri"))
    return DeviceAuthorization(
        device_code=Secret(_text(members, "device_code")),
        user_code=_user_code(members),
        verification_uri=shown,
        verification_uri_complete=_complete(members, provider),
        expires_in=_expires_in(members),
        interval=first_interval(members.get("interval")),
        verifier=verifier,
        sent_at=answer.sent_at,
        openable=_openable(shown, provider),
        scope=wanted,
    )


def _text(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedAnswer(f"The provider's device answer has no {name}.")
    return value


def _user_code(members: dict[str, Any]) -> str:
    code = _text(members, "user_code")
    if len(code) > USER_CODE_MAX or not code.isprintable() or code.isspace():
        raise MalformedAnswer("The provider's device answer has a user_code that nobody can type.")
    return code


def _expires_in(members: dict[str, Any]) -> float:
    seconds = lifetime(members.get("expires_in"))
    if not seconds:
        raise MalformedAnswer("The provider's device answer has no expires_in.")
    return min(seconds, EXPIRES_MAX)


def first_interval(value: object) -> float:
    """Seconds between polls: 5 when the server says nothing usable, never outside of 1 to 300 (DEV-1)."""
    if isinstance(value, str) and not value.isascii():
        return DEFAULT_INTERVAL
    seconds = lifetime(value)
    return DEFAULT_INTERVAL if seconds is None else min(max(seconds, MIN_INTERVAL), MAX_INTERVAL)


def _openable(value: object, provider: Provider) -> bool:
    try:
        return isinstance(value, str) and bool(check_url(value, local=provider.local))
    except ValueError:
        return False


def _complete(members: dict[str, Any], provider: Provider) -> str | None:
    value = members.get("verification_uri_complete")
    return value if isinstance(value, str) and len(value) <= COMPLETE_MAX and _openable(value, provider) else None


def poll(
    transport: Transport,
    provider: Provider,
    metadata: ServerMetadata,
    credentials: ClientCredentials,
    authorization: DeviceAuthorization,
) -> TokenAnswer:
    """Ask once for the tokens (§3.4).

    :raises AuthorizationPending, SlowDown: poll again after `next_interval`.
    :raises ProviderUnreachable: the same, with a longer gap (DEV-4).
    :raises TokenKeepError: anything else ends the polling (DEV-6).
    """
    form = [("grant_type", GRANT_TYPE), ("device_code", authorization.device_code.reveal())]
    if authorization.verifier is not None:
        form.append(("code_verifier", authorization.verifier.reveal()))
    form += [("resource", one) for one in provider.resource]
    quirks = quirks_of(provider)
    body, headers = authenticate(tuple(form), {}, credentials, metadata, quirks)
    try:
        answer = transport.send(Request("POST", metadata.token_endpoint, body, headers), local=provider.local)
    except CutAnswer as cut:
        raise ProviderUnreachable(cut.detail, maybe_sent=True) from None
    error = error_of(answer, quirks)
    if error is None:
        return parse(answer, requested=authorization.scope, resource=tuple(provider.resource), quirks=quirks)
    match error.meaning:
        case "authorization_pending":
            raise AuthorizationPending(provider=provider.id)
        case "slow_down":
            raise SlowDown(provider=provider.id, retry_after=answer.retry_after)
        case "expired_token":
            raise CodeExpired(error_text(error.meaning), error=error.code, provider=provider.id)
    # an error code ends it whatever the status (DEV-6)
    if error.meaning not in TRANSIENT_ERRORS and answer.status >= 500:
        raise ProviderError(
            error_text(error.code), error=error.code, description=error.description, provider=provider.id
        )
    refusal = error_from(answer, quirks)
    if isinstance(refusal, GrantEnded):  # the code's end, not that of a sign-in that may live beside it
        raise ProviderError(
            "The provider does not accept the code any more.",
            error=refusal.error,
            description=refusal.description,
            hint="Start again for a new code.",
            provider=provider.id,
        )
    raise refusal


def next_interval(interval: float, outcome: Outcome | str, remaining: float = math.inf) -> float:
    """Seconds until the next poll and all later ones, after one that brought no tokens (§3.5).

    :param outcome: `slow_down` adds 5 seconds for good, `unreachable` doubles (DEV-3, DEV-4).
    :param remaining: seconds the code still lives: doubling goes no further, a wish of the server may.
    """
    if outcome == "slow_down":
        return interval + SLOW_DOWN_STEP
    if outcome == "unreachable":
        return max(interval, min(interval * 2, remaining))
    return interval
