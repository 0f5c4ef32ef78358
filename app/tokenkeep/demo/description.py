"""All settings of a running demo provider: the line it prints at the start, and what its start page shows."""

from typing import Any

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.clients import CLIENT_ID, SCOPES, USERS


def describe(demo: Demo) -> dict[str, Any]:
    """What a client or test needs to know; the line printed at the start."""
    return {
        "issuer": demo.issuer,
        "origin": demo.origin,
        "control": demo.control,
        "trap": demo.trap,
        "resource": demo.resource,
        "whoami": f"{demo.resource}/whoami",
        "client_id": CLIENT_ID,
        "trusted_issuer": f"{demo.origin}/trusted-issuer",
        "client_id_metadata_document": f"{demo.origin}/client-metadata/native.json",
        "tls": demo.certificates.description() if demo.certificates else None,
        "initial_access_token": demo.known_clients.initial_access_token,
        "clients": demo.known_clients.description(),
        "users": [{"username": user.username, "password": user.password, "name": user.name} for user in USERS],
        "scopes": list(SCOPES),
    }
