"""What a provider still has to be told of tokens after a sign-out (RFC 7009, REV-2)."""

from __future__ import annotations

from dataclasses import dataclass

from tokenkeep.domain.origin import Origin
from tokenkeep.domain.tokens import Secret, TokenSet

REVOKE_WITHIN = 7 * 86_400.0  # seconds after which an unconfirmed revocation is given up, and said to be


@dataclass(frozen=True, slots=True)
class OwedRevocation:
    """Tokens that are gone here and count as alive at the provider until it confirms their end (RFC 7009 §2.2.1).

    :param tokens: what is left to revoke, in order: pairs of the token and its `token_type_hint`.
    :param since: wall clock of the sign-out, seconds since the epoch.
    :param tries: how often it was tried in vain.
    :param next_try_at: wall clock of the next try, seconds since the epoch.
    """

    id: str
    origin: Origin
    tokens: tuple[tuple[Secret, str], ...]
    since: float
    tries: int = 0
    next_try_at: float = 0.0

    @property
    def provider(self) -> str:
        """The id of the entry that the tokens belonged to."""
        return self.origin.entry.id

    @property
    def name(self) -> str:
        """What people call the provider."""
        return self.origin.entry.title

    @property
    def give_up_at(self) -> float:
        """Wall clock, seconds since the epoch, when it is no longer tried."""
        return self.since + REVOKE_WITHIN


def in_order(tokens: TokenSet) -> tuple[tuple[Secret, str], ...]:
    """The tokens to revoke and their hints: the refresh token first, then the access token (REV-1)."""
    pairs = ((tokens.refresh_token, "refresh_token"), (tokens.access_token, "access_token"))
    return tuple((token, hint) for token, hint in pairs if token is not None)
