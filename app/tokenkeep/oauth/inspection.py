"""Tokens taken apart for people. Nothing is decided by what is found here (TOK-8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tokenkeep.domain.errors import ProviderError, ProviderUnreachable
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import Secret, TokenSet
from tokenkeep.oauth import jws
from tokenkeep.oauth.jwks import Jwk, key_sets
from tokenkeep.oauth.metadata import ServerMetadata, fetch
from tokenkeep.oauth.texts import clean_text
from tokenkeep.oauth.transport import Transport

Kind = Literal["jwt", "encrypted", "opaque"]
Signature = Literal["", "verified", "not_verifiable", "bad"]
TOLERANCE = 60.0  # seconds between two clocks, or between two ways to say when a token ends


@dataclass(frozen=True, slots=True)
class Inspection:
    """What can be seen in a token.

    :param signature: empty for what has none; `bad` only where the issuer's own key says so.
    :param reason: why the signature could not be verified, or is bad.
    :param expires_at: `exp`, wall clock in seconds since the epoch.
    :param odd: sentences about claims that explain a refusal somewhere else.
    """

    kind: Kind
    signature: Signature = ""
    reason: str = ""
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict, repr=False)
    expires_at: float | None = None
    odd: tuple[str, ...] = ()


def inspect(
    transport: Transport, provider: Provider, metadata: ServerMetadata, token: Secret, wall: float
) -> Inspection:
    """Take a token apart and check its signature with the keys that its issuer publishes.

    :param wall: wall clock, seconds since the epoch.
    """
    seen = apart(token)
    if seen.kind != "jwt":
        return seen
    signature, reason = _signature(transport, provider, metadata, token.reveal(), seen.header, wall)
    return replace(seen, signature=signature, reason=reason)


def apart(token: Secret) -> Inspection:
    """The same without asking anybody for keys."""
    text = token.reveal()
    if text.count(".") == 4:
        return Inspection("encrypted", reason="It is encrypted for the one it is meant for.")
    try:
        header, claims = jws.members_of(text)
    except jws.BadToken:
        return Inspection("opaque")
    return Inspection("jwt", "not_verifiable", "Its issuer was not asked.", header, claims, number(claims, "exp"))


def number(claims: dict[str, Any], name: str) -> float | None:
    """A claim that is a time; None for anything else."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        return None
    return float(value)


def _signature(
    transport: Transport, provider: Provider, metadata: ServerMetadata, text: str, header: dict[str, Any], wall: float
) -> tuple[Signature, str]:
    algorithm = header.get("alg")
    if algorithm == "none" or text.endswith("."):
        return "bad", "It is not signed."
    if algorithm not in jws.ALGORITHMS:
        named = clean_text(str(algorithm), 20)
        return "not_verifiable", f"It is signed by {named}, which only those can check who share a secret or know it."
    try:
        token = jws.parse(text, jws.ALGORITHMS)
        uri = metadata.jwks_uri or fetch(transport, provider).jwks_uri
        if uri is None:
            return "not_verifiable", f"{provider.title} publishes no keys."
        keys = key_sets(transport).get(uri, local=provider.local, wall=wall)
    except jws.BadToken as bad:
        return "not_verifiable", f"{str(bad).capitalize()}."
    except (ProviderError, ProviderUnreachable) as error:
        return "not_verifiable", f"The keys of {provider.title} could not be had: {error.detail}"
    try:
        jws.verify(token, keys)
    except jws.NoKey:
        if _named(keys, header.get("kid")):
            return "bad", f"The key of {provider.title} that it names did not make its signature."
        return "not_verifiable", f"None of the keys that {provider.title} publishes now made its signature."
    return "verified", ""


def _named(keys: Iterable[Jwk], kid: object) -> bool:
    return kid is not None and any(key.get("kid") == kid for key in keys)


def oddities(provider: Provider, client_id: str, tokens: TokenSet, seen: Inspection, wall: float) -> tuple[str, ...]:
    """What in an access token's claims may be why a resource refuses it, in sentences (A13: 403 after a sign-in)."""
    claims = seen.claims
    found = list(_times(claims, tokens, wall))
    issuer = claims.get("iss")
    if provider.issuer and isinstance(issuer, str) and issuer != provider.issuer:
        found.append(f"`iss` is {clean_text(issuer)}, not {provider.issuer}.")
    audience = _words(claims.get("aud"))
    wanted = [*tokens.resource, *provider.audiences]
    missing = [one for one in wanted if one not in audience]
    if audience and missing:
        found.append(
            f"`aud` is {', '.join(map(clean_text, audience))}, without {', '.join(missing)}: "
            "a resource that looks for its own name there refuses the token."
        )
    granted = _words(claims.get("scope", claims.get("scp", claims.get("scopes"))))
    lacking = [scope for scope in tokens.scope if scope not in granted] if granted else []
    if lacking:
        found.append(f"The scopes {' '.join(lacking)} were granted, and the token does not carry them.")
    party = claims.get("azp", claims.get("client_id", claims.get("cid")))
    if isinstance(party, str) and client_id and party != client_id:
        found.append(f"It was made for the client {clean_text(party)}, not {client_id}.")
    return tuple(found)


def _times(claims: dict[str, Any], tokens: TokenSet, wall: float) -> Iterable[str]:
    expires, begins = number(claims, "exp"), number(claims, "nbf")
    if expires is not None and expires < wall:
        yield "By its own `exp` it has run out."
    elif expires is not None and tokens.expires_at is not None and abs(expires - tokens.expires_at) > TOLERANCE:
        minutes = round((expires - tokens.expires_at) / 60)
        yield (
            f"`exp` is {abs(minutes)} min {'later' if minutes > 0 else 'earlier'} than the provider said with "
            "`expires_in`; TokenKeep goes by the latter."
        )
    if begins is not None and begins > wall + TOLERANCE:
        yield "By its own `nbf` it is not valid yet: compare the clocks."


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return value.split()
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
