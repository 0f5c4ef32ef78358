"""Told to the person: a server's metadata send TokenKeep to another host than before (META-7)."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from tokenkeep.domain.ports import Notice
from tokenkeep.domain.provider import Provider
from tokenkeep.engine.context import Context
from tokenkeep.oauth.server_metadata import ENDPOINTS, ServerMetadata

log = logging.getLogger(__name__)

# In words for people, the weightiest first: codes, refresh tokens and secrets go to the first ones.
_WORDS = {
    "token_endpoint": "token endpoint",
    "authorization_endpoint": "sign-in page",
    "device_authorization_endpoint": "sign-in by code",
    "revocation_endpoint": "revocation endpoint",
    "jwks_uri": "keys",
    "userinfo_endpoint": "profile",
}


def moves(before: ServerMetadata, after: ServerMetadata) -> dict[str, tuple[str, str]]:
    """The endpoints that have another host than before: name → (old host, new host)."""
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in ENDPOINTS}
    hosts = {name: (_host(old), _host(new)) for name, (old, new) in pairs.items() if old and new}
    return {name: (old, new) for name, (old, new) in hosts.items() if old != new}


def tell_of_moves(context: Context, provider: Provider, before: ServerMetadata, after: ServerMetadata) -> None:
    """Publish a notice when there are any. What began before goes on where it began."""
    found = moves(before, after)
    if not found:
        return
    log.warning("endpoints of %s moved to another host: %s", provider.id, ", ".join(sorted(found)))
    if context.configuration.app.notifications == "none":
        return
    first = next((name for name in _WORDS if name in found), next(iter(found)))
    old, new = found[first]
    body = f"Its {_WORDS.get(first, first)} was at {old} and is now at {new}."
    if len(found) > 1:
        body += f" {len(found) - 1} more moved."
    if first == "token_endpoint":
        body += " The sign-in of before is not sent there: sign in again if this move is known to you."
    else:
        body += " If you did not expect that, ask whoever runs it."
    context.bus.publish(
        "notice",
        Notice(
            kind="info",
            title=f"{provider.title} sends TokenKeep to another address",
            body=body,
            provider=provider.id,
            actions=(("show", "Show details"),),
        ),
    )


def _host(url: str) -> str:
    return urlsplit(url).netloc
