"""What the client gives back: a token that does not print itself, and events."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Token:
    """An access token. Its members are those of the socket's answer; `repr` leaves the token itself out.

    :ivar access_token: the token.
    :ivar expires_at: wall clock in seconds since the epoch, None when unknown.
    :ivar expires_in: seconds left when it was answered, None when unknown.
    :ivar min_valid_met: whether the validity asked for is met.
    :ivar scope: space-separated.
    """

    __slots__ = (
        "access_token",
        "account",
        "expires_at",
        "expires_in",
        "issuer",
        "min_valid_met",
        "provider",
        "resource",
        "scope",
        "token_type",
    )

    def __init__(self, answer: dict[str, Any]) -> None:
        self.access_token: str = answer["access_token"]
        self.token_type: str = answer["token_type"]
        self.expires_at: float | None = answer.get("expires_at")
        self.expires_in: float | None = answer.get("expires_in")
        self.min_valid_met: bool = answer.get("min_valid_met", True)
        self.scope: str = answer.get("scope", "")
        self.resource: list[str] = answer.get("resource", [])
        self.provider: str = answer.get("provider", "")
        self.issuer: str = answer.get("issuer", "")
        self.account: str = answer.get("account", "")

    @property
    def authorization(self) -> str:
        """The value of an `Authorization` header (RFC 6750 §2.1)."""
        kind = "Bearer" if self.token_type.lower() == "bearer" else self.token_type
        return f"{kind} {self.access_token}"

    @property
    def sha256(self) -> str:
        """Names the token without giving it away, as `rejected` takes it."""
        return token_sha256(self.access_token)

    def __repr__(self) -> str:
        return f"<Token of {self.provider}, expires_at={self.expires_at}>"


def token_sha256(access_token: str) -> str:
    """Lower-case hexadecimal SHA-256 of a token."""
    import hashlib

    return hashlib.sha256(access_token.encode()).hexdigest()


class Event:
    """One event of the stream.

    :ivar id: `boot_id:number`; give the last one to `events(after=…)` to go on from there.
    :ivar kind: `snapshot`, `session`, `sign_in`, `access_request`, `config`, `status`, …
    :ivar data: the JSON value.
    """

    __slots__ = ("data", "id", "kind")

    def __init__(self, event_id: str, kind: str, data: Any) -> None:
        self.id = event_id
        self.kind = kind
        self.data = data

    def __repr__(self) -> str:
        return f"<Event {self.kind} {self.id}>"
