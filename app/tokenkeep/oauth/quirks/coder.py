"""Coder: the account is told by its API, at the deployment that gave the token.

<https://coder.com/docs/reference/api/users#get-user-by-name>.
"""

from __future__ import annotations

from urllib.parse import urljoin

from tokenkeep.oauth.quirks import Quirks
from tokenkeep.oauth.quirks.profiles import profile

QUIRKS = Quirks(
    profile_url=lambda token_endpoint: urljoin(token_endpoint, "/api/v2/users/me"),
    profile=profile("id", preferred_username="username", name="name", email="email"),
)
