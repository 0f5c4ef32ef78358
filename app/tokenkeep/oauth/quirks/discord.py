"""Discord: the account is told by its API, for the scope `identify`.

<https://discord.com/developers/docs/resources/user#get-current-user>.
"""

from __future__ import annotations

from tokenkeep.oauth.quirks import Quirks
from tokenkeep.oauth.quirks.profiles import at, profile

QUIRKS = Quirks(
    profile_url=at("https://discord.com/api/users/@me"),
    profile=profile("id", preferred_username="username", name="global_name", email="email"),
)
