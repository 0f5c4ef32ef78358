"""GitHub: errors with status 200 and codes of its own, scopes with commas, an account that only its API tells."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tokenkeep.oauth.quirks import Quirks


def _profile_url(token_endpoint: str) -> str:
    parts = urlsplit(token_endpoint)
    if parts.hostname == "github.com":
        return "https://api.github.com/user"
    return f"{parts.scheme}://{parts.netloc}/api/v3/user"  # GitHub Enterprise Server


def _profile(user: dict[str, Any]) -> dict[str, Any]:
    """The number stays when somebody takes another login name."""
    number = user.get("id")
    claims = {"preferred_username": user.get("login"), "name": user.get("name"), "email": user.get("email")}
    if isinstance(number, int) and not isinstance(number, bool):
        claims["sub"] = str(number)
    return claims


QUIRKS = Quirks(
    comma_scopes=True,
    grant_ended=frozenset({"bad_refresh_token"}),
    client_rejected=frozenset({"incorrect_client_credentials", "device_flow_disabled"}),
    profile_url=_profile_url,
    profile=_profile,
)
