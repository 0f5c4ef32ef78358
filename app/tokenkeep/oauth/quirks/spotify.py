"""Spotify: the account is told by its API.

<https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile>.
"""

from __future__ import annotations

from tokenkeep.oauth.quirks import Quirks
from tokenkeep.oauth.quirks.profiles import at, profile

QUIRKS = Quirks(
    profile_url=at("https://api.spotify.com/v1/me"),
    profile=profile("id", name="display_name", email="email"),
)
