"""Atlassian: the account is told by an API of its own, for the scope `read:me`.

<https://developer.atlassian.com/cloud/confluence/user-identity-api/>. The rest keeps to the
standard: <https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/>.
"""

from __future__ import annotations

from tokenkeep.oauth.quirks import Quirks
from tokenkeep.oauth.quirks.profiles import at, profile

QUIRKS = Quirks(
    profile_url=at("https://api.atlassian.com/me"),
    profile=profile("account_id", name="name", email="email"),
)
