"""How registrations are written inside their sealed records, and read back with suspicion."""

from __future__ import annotations

from typing import Any

from tokenkeep.domain.registration import Registration
from tokenkeep.domain.tokens import Secret
from tokenkeep.storage import records


def record_id(issuer: str, provider: str) -> str:
    """The record's name: a provider's id has no spaces."""
    return f"{provider} {issuer}"


def encode(registration: Registration) -> bytes:
    """The bytes of a registration; its secrets are revealed here for storage and sealed at once."""
    secret, token = registration.secret, registration.access_token
    return records.encode(
        {
            "client_id": registration.client_id,
            "registered_at": registration.registered_at,
            "metadata": dict(registration.metadata),
            "asked": dict(registration.asked),
            "secret": None if secret is None else secret.reveal(),
            "secret_at": registration.secret_at,
            "secret_expires_at": registration.secret_expires_at,
            "access_token": None if token is None else token.reveal(),
            "management_uri": registration.management_uri,
            "doubted": registration.doubted,
        }
    )


def decode(id_: str, plain: bytes) -> Registration:
    """:raises Unreadable: it is not a registration as `encode` writes it."""
    members = records.decode(plain)
    try:
        return _registration(id_, members)
    except (KeyError, TypeError, ValueError) as error:
        raise records.Unreadable("a member is missing or of a wrong type") from error


def _registration(id_: str, members: dict[str, Any]) -> Registration:
    provider, _, issuer = id_.partition(" ")
    end = members["secret_expires_at"]
    for name in ("metadata", "asked"):
        if not isinstance(members[name], dict):
            raise TypeError(f"{name} is not an object")
    for name in ("client_id", "management_uri"):
        if not isinstance(members[name], str):
            raise TypeError(f"{name} is not a text")
    return Registration(
        issuer=issuer,
        provider=provider,
        client_id=members["client_id"],
        registered_at=float(members["registered_at"]),
        metadata=members["metadata"],
        asked=members["asked"],
        secret=_secret(members["secret"]),
        secret_at=float(members["secret_at"]),
        secret_expires_at=None if end is None else float(end),
        access_token=_secret(members["access_token"]),
        management_uri=members["management_uri"],
        doubted=members["doubted"] is True,
    )


def _secret(value: object) -> Secret | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError("not a text")
    return Secret(value)
