"""How sessions, grants and activity are written inside their sealed records, and read back with suspicion."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from tokenkeep.domain.access import Decision, Grant, Holding
from tokenkeep.domain.tokens import Account, Secret, StoredSession, TokenSet

T = TypeVar("T")


class Unreadable(ValueError):
    """A record's content is not what this version writes."""


def encode(members: dict[str, Any]) -> bytes:
    """The bytes to be sealed."""
    return json.dumps(members, separators=(",", ":"), allow_nan=False).encode()


def decode(plain: bytes) -> dict[str, Any]:
    """:raises Unreadable: it is no JSON object."""
    try:
        members = json.loads(plain)
    except ValueError as error:
        raise Unreadable("not JSON") from error
    if not isinstance(members, dict):
        raise Unreadable("not an object")
    return members


def encode_session(session: StoredSession) -> bytes:
    """One of the two places where tokens are revealed for storage: what comes out is sealed at once."""
    tokens, account = session.tokens, session.account
    return encode(
        {
            "tokens": tokens
            and {
                "access_token": tokens.access_token.reveal(),
                "token_type": tokens.token_type,
                "obtained_at": tokens.obtained_at,
                "lifetime": tokens.lifetime,
                "scope": tokens.scope,
                "refresh_token": _reveal(tokens.refresh_token),
                "id_token": _reveal(tokens.id_token),
                "resource": tokens.resource,
            },
            "account": account and {"issuer": account.issuer, "subject": account.subject, "label": account.label},
            "binding": session.binding,
            "signed_in_at": session.signed_in_at,
            "method": session.method,
            "answer_lost": session.answer_lost,
            "ended": session.ended,
        }
    )


def decode_session(plain: bytes) -> StoredSession:
    """:raises Unreadable: it is not a session as `encode_session` writes it."""
    return _built(_session, decode(plain))


def encode_grant(grant: Grant) -> bytes:
    """The bytes of a grant."""
    return encode(
        {
            "key": grant.key,
            "name": grant.name,
            "provider": grant.provider,
            "decision": grant.decision.value,
            "holding": grant.holding.value,
            "created_at": grant.created_at,
            "until": grant.until,
            "scope": grant.scope,
            "resource": grant.resource,
            "purpose": grant.purpose,
        }
    )


def decode_grant(id_: str, plain: bytes) -> Grant:
    """:raises Unreadable: it is not a grant as `encode_grant` writes it."""
    return _built(lambda members: _grant(id_, members), decode(plain))


def _built(build: Callable[[dict[str, Any]], T], members: dict[str, Any]) -> T:
    try:
        return build(members)
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable("a member is missing or of a wrong type") from error


def _session(members: dict[str, Any]) -> StoredSession:
    issuer, endpoint, client = members["binding"]
    account = members["account"]
    return StoredSession(
        tokens=None if members["tokens"] is None else _tokens(members["tokens"]),
        account=account and Account(_text(account["issuer"]), _text(account["subject"]), _text(account["label"])),
        binding=(_text(issuer), _text(endpoint), _text(client)),
        signed_in_at=float(members["signed_in_at"]),
        method=_text(members["method"]),
        answer_lost=members["answer_lost"] is True,
        ended=None if members["ended"] is None else _text(members["ended"]),
    )


def _tokens(members: dict[str, Any]) -> TokenSet:
    lifetime = members["lifetime"]
    return TokenSet(
        access_token=Secret(_text(members["access_token"])),
        token_type=_text(members["token_type"]),
        obtained_at=float(members["obtained_at"]),
        lifetime=None if lifetime is None else float(lifetime),
        scope=_texts(members["scope"]),
        refresh_token=_secret(members["refresh_token"]),
        id_token=_secret(members["id_token"]),
        resource=_texts(members["resource"]),
    )


def _grant(id_: str, members: dict[str, Any]) -> Grant:
    kind, value = members["key"]
    until = members["until"]
    return Grant(
        id=id_,
        key=(_text(kind), _text(value)),
        name=_text(members["name"]),
        provider=_text(members["provider"]),
        decision=Decision(members["decision"]),
        holding=Holding(members["holding"]),
        created_at=float(members["created_at"]),
        until=None if until is None else float(until),
        scope=_texts(members["scope"]),
        resource=_texts(members["resource"]),
        purpose=_text(members["purpose"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return tuple(_text(one) for one in value)


def _secret(value: object) -> Secret | None:
    return None if value is None else Secret(_text(value))


def _reveal(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()
