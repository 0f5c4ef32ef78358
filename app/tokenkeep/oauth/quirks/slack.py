"""Slack: errors with status 200 and `ok: false`, a person's tokens inside `authed_user`, token types of its own.

<https://docs.slack.dev/reference/methods/oauth.v2.access> shows answers and lists error codes,
<https://docs.slack.dev/authentication/using-token-rotation> the answers to a refresh. The token types `user` and
`bot` say whose token it is; both are sent as bearer tokens. Scopes are separated by commas. Who signed in is told by
<https://docs.slack.dev/reference/methods/auth.test>.
"""

from __future__ import annotations

from typing import Any

from tokenkeep.oauth.quirks import Quirks
from tokenkeep.oauth.quirks.profiles import at

_OF_THE_PERSON = ("access_token", "token_type", "scope", "refresh_token", "expires_in")


def _token_members(members: dict[str, Any]) -> dict[str, Any]:
    """An answer without a token of the app's bot is about the person; what is beside it there belongs to nobody."""
    person = members.get("authed_user")
    if not members.get("access_token") and isinstance(person, dict):
        outer = {name: value for name, value in members.items() if name not in _OF_THE_PERSON}
        members = outer | {name: person[name] for name in _OF_THE_PERSON if name in person}
    return members | {"token_type": "Bearer"} if members.get("token_type") in ("user", "bot") else members


def _profile(answer: dict[str, Any]) -> dict[str, Any]:
    """A person's id is unique within a workspace."""
    team, user = answer.get("team_id"), answer.get("user_id")
    claims = {"preferred_username": answer.get("user"), "name": answer.get("team")}
    if isinstance(team, str) and isinstance(user, str) and team and user:
        claims["sub"] = f"{team}:{user}"
    return claims


QUIRKS = Quirks(
    comma_scopes=True,
    token_members=_token_members,
    errors={
        "invalid_code": "invalid_grant",
        "code_already_used": "invalid_grant",
        "invalid_refresh_token": "invalid_grant",
        "token_expired": "invalid_grant",
        "token_revoked": "invalid_grant",
        "account_inactive": "invalid_grant",
        "bad_client_secret": "invalid_client",
        "invalid_client_id": "invalid_client",
        "bad_redirect_uri": "invalid_request",
        "fatal_error": "server_error",
        "internal_error": "server_error",
        "ratelimited": "temporarily_unavailable",
        "request_timeout": "temporarily_unavailable",
        "service_unavailable": "temporarily_unavailable",
    },
    profile_url=at("https://slack.com/api/auth.test"),
    profile=_profile,
)
