"""Zoom: an error says `reason` in place of `error_description`.

<https://github.com/raycast/extensions/issues/10896> shows such an answer. The account needs a scope that not every app
has: <https://developers.zoom.us/docs/api/users/>, so it is asked for and may be refused.
"""

from __future__ import annotations

from tokenkeep.oauth.quirks import Quirks
from tokenkeep.oauth.quirks.profiles import at, profile

QUIRKS = Quirks(
    error_description="reason",
    profile_url=at("https://api.zoom.us/v2/users/me"),
    profile=profile("id", name="display_name", email="email"),
)
