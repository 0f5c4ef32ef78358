"""The claims of an id_token: for us, by this server, now, and from our own request (OpenID Connect Core §3.1.3.7)."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.demand import NO_DEMAND, Demand
from tokenkeep.oauth.jws import BadToken, SignedToken, half_hash

TOLERANCE = 60.0  # seconds between the server's clock and ours (OIDC-5)
IAT_AGE_MAX = 86_400.0  # seconds; the answer is new, so its token is
SUBJECT_MAX = 255  # ASCII characters (§2)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the claims must agree with.

    :param wall: wall clock, seconds since the epoch.
    :param clock_offset: seconds the server's clock is ahead of ours, where known: explains a failed time check.
    :param demand: what the request asked of the login.
    :param token_issuer: a provider's own rule for `iss`.
    """

    issuer: str
    client_id: str
    nonce: Secret | None
    access_token: Secret
    wall: float
    clock_offset: float | None = None
    demand: Demand = NO_DEMAND
    token_issuer: Callable[[str, dict[str, Any]], str] | None = None


def check_claims(token: SignedToken, expected: Expectation) -> None:
    """Every rule for a verified id_token.

    :raises BadToken: one is broken.
    """
    claims = token.claims
    issuer = expected.issuer
    if expected.token_issuer is not None:
        issuer = expected.token_issuer(issuer, claims)
    if claims.get("iss") != issuer:
        raise BadToken("it was issued by somebody else")
    _check_audience(claims, expected.client_id)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.isascii() or not 0 < len(subject) <= SUBJECT_MAX:
        raise BadToken("it does not say who signed in")
    _check_times(claims, expected)
    _check_demand(claims, expected)
    if expected.nonce is not None and not _same(claims.get("nonce"), expected.nonce.reveal()):
        raise BadToken("it belongs to another sign-in")
    if "at_hash" in claims and not _same(claims["at_hash"], half_hash(token.algorithm, expected.access_token.reveal())):
        raise BadToken("it belongs to another access token")


def _same(value: object, expected: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(value.encode("utf-8", "surrogatepass"), expected.encode())


def _check_audience(claims: dict[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or client_id not in audiences:
        raise BadToken("it is meant for another client")
    if "azp" in claims:
        if claims["azp"] != client_id:
            raise BadToken("it is meant for another client")
    elif any(one != client_id for one in audiences):
        raise BadToken("it is meant for other clients too and does not say which one asked")


def _check_times(claims: dict[str, Any], expected: Expectation) -> None:
    expires, issued = _number(claims, "exp"), _number(claims, "iat")
    begins = _number(claims, "nbf") if "nbf" in claims else None
    wall = expected.wall
    # Our side of each comparison does the arithmetic: a claim may be an integer that no float can hold.
    if expires < wall - TOLERANCE:
        raise _untimely("it has run out", expected)
    if issued > wall + TOLERANCE or (begins is not None and begins > wall + TOLERANCE):
        raise _untimely("it is from the future", expected)
    if issued < wall - IAT_AGE_MAX:
        raise _untimely("it is an old one", expected)


def _check_demand(claims: dict[str, Any], expected: Expectation) -> None:
    """How the person logged in, where the request asked for something (§3.1.3.7 12-13, OIDC-11)."""
    demand = expected.demand
    if demand.max_age is not None or demand.auth_time:
        logged_in = _number(claims, "auth_time")
        if logged_in > expected.wall + TOLERANCE:
            raise _untimely("the login at the provider is from the future", expected)
        if demand.max_age is not None and logged_in < expected.wall - demand.max_age - TOLERANCE:
            raise _untimely("the login at the provider is older than was asked for", expected)
    acr = claims.get("acr")
    if demand.acr and not (isinstance(acr, str) and acr in demand.acr):
        raise BadToken("the login at the provider was not of the kind that was asked for (acr)")


def _untimely(reason: str, expected: Expectation) -> BadToken:
    """Skew is named, not swallowed: the usual cause is this machine's clock (OIDC-5)."""
    offset = expected.clock_offset
    if offset is not None and abs(offset) > TOLERANCE:
        way = "behind" if offset > 0 else "ahead of"
        reason += f"; the clock of this computer is {abs(offset):.0f} seconds {way} the provider's"
    return BadToken(reason)


def _number(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadToken(f"its time {name} is missing or no number")
    return value


def check_same_sign_in(claims: dict[str, Any], previous: dict[str, Any]) -> None:
    """The rules for an id_token that came with a refresh (§12.2, OIDC-10).

    :raises BadToken: it is not of the same sign-in.
    """
    for name in ("iss", "sub"):
        if claims.get(name) != previous.get(name):
            raise BadToken("it is about somebody else than the one who signed in")
    if _audiences(claims) != _audiences(previous) or claims.get("azp") != previous.get("azp"):
        raise BadToken("it is meant for others than the one of the sign-in")
    other_login = "auth_time" in claims and claims["auth_time"] != previous.get("auth_time", claims["auth_time"])
    if other_login or ("nonce" in claims and claims["nonce"] != previous.get("nonce")):
        raise BadToken("it belongs to another sign-in")
    issued = previous.get("iat")
    if isinstance(issued, int | float) and _number(claims, "iat") < issued:
        raise BadToken("it is older than the one before")


def _audiences(claims: dict[str, Any]) -> set[str]:
    audience = claims.get("aud")
    return set(audience) if isinstance(audience, list) else {str(audience)}
