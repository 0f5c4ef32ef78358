"""How sessions, grants and activity are written inside their sealed records, and read back with suspicion."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from tokenkeep.domain.access import Decision, Grant, Holding
from tokenkeep.domain.origin import Origin
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.revocation import OwedRevocation
from tokenkeep.domain.tokens import Account, Secret, StoredSession, TokenSet

T = TypeVar("T")

# What a revocation needs of a provider's entry: who we are to which server.
ORIGIN_KEYS = frozenset(
    {
        "id", "name", "issuer", "client_id", "client_auth", "client_secret", "private_key", "tls_client_cert",
        "tls_client_key", "token_endpoint", "quirks", "local",
    }
)  # fmt: skip


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
    """The bytes of a session. Tokens are revealed here for storage: what comes out is sealed at once."""
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
                "issued_type": tokens.issued_type,
            },
            "account": account and {"issuer": account.issuer, "subject": account.subject, "label": account.label},
            "binding": session.binding,
            "signed_in_at": session.signed_in_at,
            "method": session.method,
            "answer_lost": session.answer_lost,
            "ended": session.ended,
            "origin": session.origin and _origin_members(session.origin),
            "left_at": session.left_at,
            "dpop_key": _reveal(session.dpop_key),
            "dpop_jkt": session.dpop_jkt,
            "asked": session.asked,
        }
    )


def decode_session(plain: bytes) -> StoredSession:
    """:raises Unreadable: it is not a session as `encode_session` writes it."""
    return _built(_session, decode(plain))


def encode_revocation(owed: OwedRevocation) -> bytes:
    """The bytes of an owed revocation; its tokens are revealed here for storage and sealed at once."""
    return encode(
        {
            "origin": _origin_members(owed.origin),
            "tokens": [(token.reveal(), hint) for token, hint in owed.tokens],
            "since": owed.since,
            "tries": owed.tries,
            "next_try_at": owed.next_try_at,
        }
    )


def decode_revocation(id_: str, plain: bytes) -> OwedRevocation:
    """:raises Unreadable: it is not a revocation as `encode_revocation` writes it."""
    return _built(lambda members: _revocation(id_, members), decode(plain))


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
        origin=_known_origin(members.get("origin")),
        left_at=None if members.get("left_at") is None else float(members["left_at"]),
        dpop_key=_secret(members.get("dpop_key")),
        dpop_jkt=_text(members.get("dpop_jkt", "")),
        asked=_text(members.get("asked", "")),
    )


def _revocation(id_: str, members: dict[str, Any]) -> OwedRevocation:
    return OwedRevocation(
        id=id_,
        origin=_origin(members["origin"]),
        tokens=tuple((Secret(_text(token)), _text(hint)) for token, hint in members["tokens"]),
        since=float(members["since"]),
        tries=int(members["tries"]),
        next_try_at=float(members["next_try_at"]),
    )


def _origin_members(origin: Origin) -> dict[str, Any]:
    return {
        "entry": origin.entry.model_dump(mode="json", include=set(ORIGIN_KEYS), exclude_defaults=True),
        "revocation_endpoint": origin.revocation_endpoint,
        "auth_methods": origin.auth_methods,
        "signing_algorithms": origin.signing_algorithms,
        "issuer": origin.issuer,
        "token_endpoint": origin.token_endpoint,
    }


def _known_origin(members: dict[str, Any] | None) -> Origin | None:
    """None also for one that another version wrote otherwise: that is no reason to lose the sign-in."""
    try:
        return None if members is None else _origin(members)
    except (KeyError, TypeError, ValueError):
        return None


def _origin(members: dict[str, Any]) -> Origin:
    endpoint, methods = members["revocation_endpoint"], members["auth_methods"]
    algorithms = members.get("signing_algorithms")
    return Origin(
        entry=Provider.model_validate_json(json.dumps(members["entry"])),
        revocation_endpoint=None if endpoint is None else _text(endpoint),
        auth_methods=None if methods is None else _texts(methods),
        signing_algorithms=None if algorithms is None else _texts(algorithms),
        issuer=_text(members.get("issuer", "")),
        token_endpoint=_text(members.get("token_endpoint", "")),
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
        issued_type=_text(members.get("issued_type", "")),
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
