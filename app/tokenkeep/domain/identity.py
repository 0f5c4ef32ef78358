"""What a program or a person may see of a sign-in's identity: the id_token, and tokens taken apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tokenkeep.domain.tokens import Secret


@dataclass(frozen=True, slots=True)
class GrantedIdToken:
    """What the id-token route gives to a program.

    :param expires_at: `exp`, wall clock in seconds since the epoch; None without one.
    """

    id_token: Secret
    claims: dict[str, Any] = field(repr=False)
    expires_at: float | None = None

    def as_answer(self) -> dict[str, Any]:
        """The JSON members of the answer; the one place where an id_token is revealed to a caller."""
        return {"id_token": self.id_token.reveal(), "claims": self.claims, "expires_at": self.expires_at}


@dataclass(frozen=True, slots=True)
class SeenTokens:
    """A sign-in's tokens, taken apart for people; no token is among it.

    :param checked_at: wall clock, seconds since the epoch.
    :param id_token: members of `SeenToken` of the socket API; None when there is none.
    :param introspection: what the provider says of the access token; None when it was not asked.
    """

    provider: str
    name: str
    issuer: str
    checked_at: float
    id_token: dict[str, Any] | None = None
    access_token: dict[str, Any] | None = None
    introspection: dict[str, Any] | None = None
