"""What an entry of a flow without a person must have, and whose tokens it may be made from (RFC 7523, RFC 8693)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tokenkeep.domain.provider import AnyProvider, Flow, Provider, SubjectToken

# RFC 8693 §3.
TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"
ACCESS_TOKEN, JWT, REFRESH_TOKEN = f"{TOKEN_TYPE}access_token", f"{TOKEN_TYPE}jwt", f"{TOKEN_TYPE}refresh_token"
NOT_AN_ACCESS_TOKEN = "N_A"  # the `token_type` of what opens no protected resource (RFC 8693 §2.2.1)

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_TYPE_KEYS = ("subject_token_type", "requested_token_type", "actor_token_type")
# What a machine's token depends on; a change of it makes another token necessary.
_ASKED = (
    "issuer",
    "client_id",
    "token_endpoint",
    "flow",
    "scopes",
    "resource",
    "audience",
    "dpop",
    "subject_token",
    "actor_token",
    *_TYPE_KEYS,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an entry cannot work.

    :param key: of the entry; empty when something is missing in it.
    :param sentence: in words, without a full stop.
    """

    key: str
    sentence: str


def fault_of(provider: Provider) -> Fault | None:
    """What is wrong with the entry for its flow; looks at nothing but the entry."""
    return next(_faults(provider), None)


def _faults(provider: Provider) -> Iterator[Fault]:
    flow = provider.flow
    if flow is not Flow.TOKEN_EXCHANGE and len(provider.audiences) > 1:
        yield Fault("audience", "only the flow token_exchange takes several audiences")
    if flow is Flow.CLIENT_CREDENTIALS and not confidential(provider):
        yield Fault(
            "client_auth" if provider.client_auth == "none" else "flow",
            "the flow client_credentials needs a client that can prove who it is: add `client_secret`, or a key",
        )
    if flow is Flow.JWT_BEARER and provider.subject_token is None and not signs(provider):
        yield Fault("", "the flow jwt_bearer needs `subject_token`, or `private_key` to sign an assertion with")
    if flow is Flow.TOKEN_EXCHANGE and provider.subject_token is None:
        yield Fault("", "the flow token_exchange needs `subject_token`")
    if provider.actor_token_type and provider.actor_token is None:
        yield Fault("actor_token_type", "`actor_token_type` without `actor_token` says the type of nothing")
    for key in _TYPE_KEYS:
        if (value := getattr(provider, key)) and not _URI.fullmatch(value):
            yield Fault(key, f"`{key}` is an address such as {ACCESS_TOKEN}")


def confidential(provider: Provider) -> bool:
    """Whether the client can prove who it is; one that is still to be registered may turn out to (RFC 6749 §2.1)."""
    if provider.client_auth == "none":
        return False
    proofs = (provider.client_secret, provider.private_key, provider.tls_client_cert, provider.registration)
    return any(proofs) or provider.client_auth in ("private_key_jwt", "tls_client_auth")


def signs(provider: Provider) -> bool:
    """Whether the client has a key to sign assertions with."""
    return provider.private_key is not None or provider.client_auth == "private_key_jwt"


def sources(provider: Provider) -> tuple[tuple[str, SubjectToken], ...]:
    """The subject and actor tokens that the entry's flow shows, by their keys."""
    keys = {Flow.JWT_BEARER: ("subject_token",), Flow.TOKEN_EXCHANGE: ("subject_token", "actor_token")}
    found: list[tuple[str, SubjectToken | None]] = [
        (key, getattr(provider, key)) for key in keys.get(provider.flow, ())
    ]
    return tuple((key, source) for key, source in found if source is not None)


def chain_faults(providers: Iterable[AnyProvider]) -> dict[str, Fault]:
    """The entries, by id, whose token would be made from one that there is none of, or in the end from itself.

    An entry that cannot work for another reason still counts as one: it may be mended.
    """
    known = {one.id: one for one in providers}
    found = {}
    for provider in known.values():
        if not isinstance(provider, Provider):
            continue
        for key, source in sources(provider):
            if not source.id:
                continue
            if source.id not in known:
                found[provider.id] = Fault(key, f"`{key}` names the provider `{source.id}`, and there is none")
            elif _leads_to(provider.id, source.id, known):
                found[provider.id] = Fault(key, f"`{key}` comes from `{source.id}`, and that one's from here again")
    return found


def _leads_to(goal: str, start: str, known: dict[str, AnyProvider]) -> bool:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        id_ = ahead.pop()
        if id_ == goal:
            return True
        provider = known.get(id_)
        if id_ in seen or not isinstance(provider, Provider):
            continue
        seen.add(id_)
        ahead += [source.id for _, source in sources(provider) if source.id]
    return False


def asked_for(provider: Provider) -> str:
    """Names what the entry asks for, to tell whether a kept token is still that; empty where a person signs in."""
    if provider.flow.interactive:
        return ""
    if provider.flow is Flow.STATIC:
        return Flow.STATIC.value
    members = provider.model_dump(mode="json", include=set(_ASKED))
    return hashlib.sha256(json.dumps(members, sort_keys=True).encode()).hexdigest()
