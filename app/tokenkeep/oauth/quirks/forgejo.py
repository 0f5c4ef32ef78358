"""Forgejo and Gitea: the document's issuer ends in a slash or not, by version.

<https://github.com/go-gitea/gitea/issues/35830>: from 1.25 on it has none, before, and in Forgejo, it has one. An
id_token has the documented one in both cases, and is held to it.
"""

from __future__ import annotations

from tokenkeep.oauth.quirks import Quirks

QUIRKS = Quirks(
    issuer_matches=lambda configured, documented: configured.removesuffix("/") == documented.removesuffix("/"),
)
