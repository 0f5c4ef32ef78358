"""GitHub: errors with status 200 and codes of its own, scopes with commas, an account that only its API tells.

<https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps> shows answers as forms (unless
JSON is asked for) and scopes with commas; its text calls the end of a device code `token_expired`. Error codes:
<https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors>,
those of refreshing:
<https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens>.
"""

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
    form_answers=True,
    errors={
        "bad_refresh_token": "invalid_grant",
        "bad_verification_code": "invalid_grant",
        "incorrect_client_credentials": "invalid_client",
        "device_flow_disabled": "unauthorized_client",
        "incorrect_device_code": "invalid_grant",
        "token_expired": "expired_token",
    },
    profile_url=_profile_url,
    profile=_profile,
)
