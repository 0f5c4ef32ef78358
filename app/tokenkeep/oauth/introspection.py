"""What the provider itself says of a token (RFC 7662): a diagnostic, which decides nothing (INTRO-1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tokenkeep.domain.errors import ClientRejected, TokenKeepError
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.client_auth import ClientCredentials, authenticate
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.quirks import quirks_of
from tokenkeep.oauth.texts import clean_text
from tokenkeep.oauth.token_answer import error_from, error_of
from tokenkeep.oauth.transport import Request, Transport

State = Literal["active", "inactive", "unknown", "unsupported"]


@dataclass(frozen=True, slots=True)
class Introspection:
    """What was said; everything but `state` and `reason` is empty unless the state is `active`.

    :param reason: why nobody knows, in a sentence.
    :param expires_at: wall clock, seconds since the epoch.
    """

    state: State
    reason: str = ""
    scope: tuple[str, ...] = ()
    expires_at: float | None = None
    audience: tuple[str, ...] = ()
    client_id: str = ""
    subject: str = ""


def introspect(
    transport: Transport, provider: Provider, metadata: ServerMetadata, token: Secret, credentials: ClientCredentials
) -> Introspection:
    """Ask the token's own issuer, and nobody else, about it.

    Never raises for what the provider does: whatever is no plain answer is `unknown`.
    """
    if metadata.introspection_endpoint is None:
        return Introspection("unsupported", f"{provider.title} does not say what it knows of its tokens.")
    try:
        form, headers = authenticate(
            (("token", token.reveal()), ("token_type_hint", "access_token")),
            {},
            credentials,
            metadata,
            quirks_of(provider),
        )
        answer = transport.send(Request("POST", metadata.introspection_endpoint, form, headers), local=provider.local)
        if answer.status != 200 or error_of(answer) is not None:
            raise error_from(answer, quirks_of(provider))
        members = answer.json()
    except ClientRejected:
        return Introspection("unknown", f"{provider.title} does not let this client ask about tokens.")
    except TokenKeepError as error:
        return Introspection("unknown", error.detail)
    return _read(provider, members)


def _read(provider: Provider, members: Any) -> Introspection:
    """Only the JSON values true and false say anything (§2.2)."""
    active = members.get("active") if isinstance(members, dict) else None
    if active is False:
        return Introspection("inactive")
    if active is not True:
        return Introspection("unknown", f"{provider.title} did not answer whether the token is active.")
    expires = members.get("exp")
    scope, audience = members.get("scope"), members.get("aud")
    number = isinstance(expires, int | float) and not isinstance(expires, bool)
    return Introspection(
        "active",
        scope=tuple(clean_text(scope).split()) if isinstance(scope, str) else (),
        expires_at=float(expires) if number and abs(expires) < 1e12 else None,
        audience=tuple(clean_text(one) for one in _list(audience) if isinstance(one, str)),
        client_id=_text(members, "client_id"),
        subject=_text(members, "sub"),
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    return clean_text(value) if isinstance(value, str) else ""
