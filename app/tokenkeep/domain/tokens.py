"""Tokens as values: the `Secret` that cannot be printed by accident, the token set of one answer, and its validity."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, NoReturn

from tokenkeep.domain.access import UNLIMITED, Carried
from tokenkeep.domain.origin import Origin

MASK = "***"


class Secret:
    """A string that is not shown by formatting, logging, pickling or JSON (LEAK-5). `reveal()` is the one way in."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The string itself. Call it only where the bytes leave for their destination."""
        return self._value

    @property
    def sha256(self) -> str:
        """Lower-case hexadecimal SHA-256 of the UTF-8 bytes: names a token without giving it away."""
        return hashlib.sha256(self._value.encode()).hexdigest()

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not pickled or copied out of the process")


@dataclass(frozen=True, slots=True)
class Account:
    """Who signed in, keyed by issuer and subject, never by e-mail (OIDC-8).

    :param label: what people recognise: preferred user name, e-mail or name; display only.
    """

    issuer: str
    subject: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class TokenSet:
    """The tokens of one token answer (RFC 6749 §5.1).

    :param obtained_at: wall clock, seconds since the epoch, when the request was *sent* (TOK-6).
    :param lifetime: `expires_in` in seconds; None means unknown, not for ever.
    :param scope: what was granted; what was asked for when the answer names none.
    :param resource: the RFC 8707 resources this token is for; empty when none was asked.
    :param issued_type: what a token exchange gave (RFC 8693 §2.2.1); empty for every other grant.
    """

    access_token: Secret
    token_type: str
    obtained_at: float
    lifetime: float | None
    scope: tuple[str, ...] = ()
    refresh_token: Secret | None = None
    id_token: Secret | None = None
    resource: tuple[str, ...] = ()
    issued_type: str = ""

    @property
    def expires_at(self) -> float | None:
        """Wall clock, seconds since the epoch; None when the lifetime is unknown."""
        return None if self.lifetime is None else self.obtained_at + self.lifetime


@dataclass(frozen=True, slots=True)
class HeldToken:
    """A token set and the moment it was obtained on both clocks, so that no clock jump prolongs it (REF-6).

    :param obtained_boot: boot clock in seconds at `tokens.obtained_at`; for a token read from the vault, the boot
        clock now less its age by the wall clock.
    """

    tokens: TokenSet
    obtained_boot: float

    def remaining(self, wall: float, boot: float) -> float | None:
        """Seconds of life left by the stricter of both clocks; None when the lifetime is unknown."""
        if self.tokens.lifetime is None:
            return None
        by_wall = self.tokens.obtained_at + self.tokens.lifetime - wall
        by_boot = self.obtained_boot + self.tokens.lifetime - boot
        return min(by_wall, by_boot)


@dataclass(frozen=True, slots=True)
class GrantedToken:
    """What the token route gives to a program (`Token` of the socket API).

    :param expires_in: seconds left when the answer was made; None when unknown.
    :param min_valid_met: whether the validity that was asked for is met.
    """

    access_token: Secret
    token_type: str
    expires_at: float | None
    expires_in: float | None
    min_valid_met: bool
    scope: tuple[str, ...]
    resource: tuple[str, ...]
    provider: str
    issuer: str
    account: str

    def as_answer(self) -> dict[str, Any]:
        """The JSON members of the answer; the one place where an access token is revealed to a caller."""
        return {
            "access_token": self.access_token.reveal(),
            "token_type": self.token_type,
            "expires_at": self.expires_at,
            "expires_in": self.expires_in,
            "min_valid_met": self.min_valid_met,
            "scope": " ".join(self.scope),
            "resource": list(self.resource),
            "provider": self.provider,
            "issuer": self.issuer,
            "account": self.account,
        }


@dataclass(frozen=True, slots=True)
class TokenQuery:
    """What a program asks the token route for.

    :param min_valid: seconds the token should still be valid.
    :param wait: seconds the caller waits for a refresh, a person's consent or an interactive sign-in.
    :param most: what the program was admitted to; empty members are not limited.
    :param proven: it is asked for with its proofs, so that a token that is bound to a key will do (RFC 9449).
    """

    min_valid: float = 60.0
    scope: tuple[str, ...] = ()
    resource: tuple[str, ...] = ()
    audience: str = ""
    interactive: bool = False
    wait: float = 30.0
    most: Carried = UNLIMITED
    proven: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A resource's 401 to an access token, as a program tells of it.

    :param sha256: lower-case hexadecimal, of the token.
    :param www_authenticate: the header of the answer; several are joined with commas.
    :param url: of the request.
    :param dpop_nonce: of the answer's header `DPoP-Nonce` (RFC 9449 §8.1).
    """

    sha256: str
    www_authenticate: str = ""
    url: str = ""
    dpop_nonce: str = ""


@dataclass(frozen=True, slots=True)
class GrantedHeaders:
    """Headers for one request to a resource: the token, and a proof where it is bound to a key (RFC 9449 §7.1).

    :param scheme: `Bearer` or `DPoP`.
    """

    token: GrantedToken
    scheme: str
    proof: Secret | None = None

    def as_answer(self) -> dict[str, Any]:
        """The JSON members of the answer; token and proof are revealed for the caller."""
        headers = {"Authorization": f"{self.scheme} {self.token.access_token.reveal()}"}
        if self.proof is not None:
            headers["DPoP"] = self.proof.reveal()
        return {"headers": headers, "provider": self.token.provider, "expires_at": self.token.expires_at}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a token is to be good for that is not the main one of its sign-in; each has its place beside it (RES-2).

    :param resource: to the byte as configured or discovered (RFC 8707).
    :param audience: another than the only one there is, else empty.
    """

    scope: tuple[str, ...] = ()
    resource: tuple[str, ...] = ()
    audience: str = ""


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What the vault keeps of a session.

    :param binding: what the refresh token is bound to: issuer, token endpoint's origin, client id (REF-9).
    :param signed_in_at: wall clock of the interactive sign-in, seconds since the epoch.
    :param method: `browser`, `device`, `machine`, or `static` for a token that a person pasted.
    :param answer_lost: a refresh was sent and nobody knows whether its answer was ever stored (REF-8); written
        before the request leaves, cleared with the answer.
    :param ended: why this sign-in came to its end, None while it lives. Tokens that are still there are not used.
    :param origin: where the tokens can be revoked; None when that is not known.
    :param left_at: wall clock in seconds since when `config.toml` has no entry for it; None while it has one.
    :param dpop_key: the private key (PKCS#8) that the tokens are bound to (RFC 9449), as secret as the refresh token;
        None for bearer tokens, and where it was lost.
    :param dpop_jkt: its thumbprint (RFC 7638); empty for bearer tokens.
    :param asked: `domain.machine.asked_for` of the entry that it was made with.
    """

    tokens: TokenSet | None
    account: Account | None
    binding: tuple[str, str, str]
    signed_in_at: float
    method: str = "browser"
    answer_lost: bool = False
    ended: str | None = None
    origin: Origin | None = None
    left_at: float | None = None
    dpop_key: Secret | None = None
    dpop_jkt: str = ""
    asked: str = ""
