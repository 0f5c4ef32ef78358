"""One issuer has one set of endpoints (RFC 9207 §4): codes and tokens must not go where some other entry says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tokenkeep.domain.provider import ENDPOINTS, AnyProvider, Provider


@dataclass(frozen=True, slots=True)
class IssuerConflict:
    """An entry that claims another one's issuer with another endpoint (META-8).

    :param other: id of the entry that has it.
    :param endpoint: the key in which they differ.
    :param key: the key of this entry to blame: that endpoint, or the issuer where it gives none.
    """

    other: str
    endpoint: str
    key: str

    @property
    def sentence(self) -> str:
        """In words, without a full stop."""
        return f"`{self.other}` has the same issuer with another {self.endpoint}; one issuer has one set of endpoints"


def issuer_conflicts(providers: Iterable[AnyProvider]) -> dict[str, IssuerConflict]:
    """The entries, by id, that contradict an earlier one; looks at each entry once.

    An endpoint that an entry leaves out is the one in the server's metadata; in an entry that is complete without it,
    it is none at all.
    """
    claimed: dict[tuple[str, str], Provider] = {}
    found: dict[str, IssuerConflict] = {}
    for provider in providers:
        if not isinstance(provider, Provider) or not provider.issuer:
            continue
        claims = [name for name in ENDPOINTS if getattr(provider, name) or not provider.complete]
        for name in claims:
            other = claimed.get((provider.issuer, name), provider)
            given = getattr(provider, name)
            if given != getattr(other, name):
                found[provider.id] = IssuerConflict(other.id, name, name if given else "issuer")
                break
        else:
            for name in claims:
                claimed.setdefault((provider.issuer, name), provider)
    return found
