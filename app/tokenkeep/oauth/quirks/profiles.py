"""Accounts of providers that have no userinfo endpoint, from what their own API tells about the person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Profile = Callable[[dict[str, Any]], dict[str, Any]]


def at(url: str) -> Callable[[str], str]:
    """For `Quirks.profile_url`: always this address, wherever the token endpoint is."""
    return lambda _token_endpoint: url


def profile(subject: str, **claims: str) -> Profile:
    """For `Quirks.profile`.

    :param subject: the member that never changes for an account; without a text or number there, nobody is named.
    :param claims: claim of OpenID Connect → member of the answer.
    """

    def read(answer: dict[str, Any]) -> dict[str, Any]:
        found = {claim: answer.get(member) for claim, member in claims.items()}
        identifier = answer.get(subject)
        if isinstance(identifier, str | int) and not isinstance(identifier, bool) and identifier != "":
            found["sub"] = str(identifier)
        return found

    return read
