"""Texts of config.toml for the providers that tests run against."""

from __future__ import annotations

import json
from typing import Any

from support.demo_provider import DemoProvider
from support.oidc_provider import OidcProviderPeer

IN_MEMORY = '[storage]\nkey = "memory"\n'
ALLOW = '[access]\ndefault = "allow"\nmanage = "allow"\n'


def entry(id_: str, **keys: Any) -> str:
    """One `[providers.ID]` with these keys; lists, strings, numbers and booleans are written alike in JSON and TOML."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return "\n".join([f"[providers.{id_}]", *lines, ""])


def demo_entry(demo: DemoProvider, id_: str = "demo", **keys: Any) -> str:
    """The demo provider as an entry."""
    scopes = demo.description["scopes"]
    known = {"name": "Demo provider", "issuer": demo.issuer, "client_id": demo.client_id, "scopes": scopes}
    return entry(id_, **(known | {"local": True, "base_url": demo.resource} | keys))


def peer_entry(peer: OidcProviderPeer, id_: str = "peer", **keys: Any) -> str:
    """The independent provider as an entry."""
    known = {"name": "Independent provider", "issuer": peer.issuer, "client_id": peer.client_id}
    fixed = {"scopes": ["openid", "offline_access"], "local": True, "redirect_path": "/callback"}
    return entry(id_, **(known | fixed | keys))


def demo_configuration(demo: DemoProvider, storage: str = IN_MEMORY, **keys: Any) -> str:
    """A whole file: the demo provider, open to every program."""
    return storage + ALLOW + demo_entry(demo, **keys)
