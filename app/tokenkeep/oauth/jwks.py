"""A server's public keys (RFC 7517): fetched, kept, and fetched once more for a key nobody knows yet (OIDC-7)."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from tokenkeep.domain.errors import MalformedAnswer, ProviderError, ProviderUnreachable
from tokenkeep.oauth.transport import Answer, Request, Transport

AGE_MIN, AGE_MAX = 300.0, 86_400.0  # seconds; what a server's max-age is held to (META-7)
AGE_DEFAULT = 3600.0
REFETCH_PAUSE = 60.0  # seconds between two fetches that only an unknown key asks for
KEYS_MAX = 32  # a set larger than this is not searched to its end

Jwk = dict[str, Any]


@dataclass
class _Kept:
    keys: tuple[Jwk, ...]
    fetched_at: float
    max_age: float
    refetched_at: float | None = None


class KeySets:
    """The key sets that came over one transport. All times are wall clock, seconds since the epoch."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def get(self, uri: str, *, local: bool, wall: float) -> tuple[Jwk, ...]:
        """The keys, from memory while they are fresh, and also when they are not but the server cannot be reached.

        :raises ProviderUnreachable, ProviderError: there are none and none to be had.
        """
        with self._lock:
            kept = self._kept.get(uri)
        if kept is not None and abs(wall - kept.fetched_at) < kept.max_age:
            return kept.keys
        try:
            return self._fetch(uri, local=local, wall=wall)
        except (ProviderUnreachable, MalformedAnswer):
            if kept is None:
                raise
            return kept.keys

    def renew(self, uri: str, *, local: bool, wall: float) -> tuple[Jwk, ...] | None:
        """Fetch again because no key fitted; None when that was done less than a minute ago.

        :raises ProviderUnreachable, ProviderError: as `get`.
        """
        with self._lock:
            kept = self._kept.get(uri)
            if kept is not None:
                if kept.refetched_at is not None and abs(wall - kept.refetched_at) < REFETCH_PAUSE:
                    return None
                kept.refetched_at = wall
        return self._fetch(uri, local=local, wall=wall)

    def _fetch(self, uri: str, *, local: bool, wall: float) -> tuple[Jwk, ...]:
        answer = self._transport.send(Request("GET", uri), local=local)
        keys = _read(answer)
        with self._lock:
            before = self._kept.get(uri)
            self._kept[uri] = _Kept(keys, wall, _max_age(answer), None if before is None else before.refetched_at)
        return keys


def _read(answer: Answer) -> tuple[Jwk, ...]:
    if answer.transient:
        raise answer.unreachable(f"The provider answered the request for its keys with status {answer.status}.")
    if answer.status != 200:
        raise ProviderError(f"The provider answered the request for its keys with status {answer.status}.")
    document = answer.json()
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise MalformedAnswer("The provider's key set is none.")
    return tuple(key for key in keys[:KEYS_MAX] if isinstance(key, dict))


def _max_age(answer: Answer) -> float:
    found = re.search(r"\bmax-age=([0-9]{1,12})\b", answer.headers.get("Cache-Control", ""), re.IGNORECASE)
    return min(max(float(found[1]), AGE_MIN), AGE_MAX) if found else AGE_DEFAULT


# The sets live as long as the transport they came over.
_OF_TRANSPORT: WeakKeyDictionary[Transport, KeySets] = WeakKeyDictionary()
_LOCK = threading.Lock()


def key_sets(transport: Transport) -> KeySets:
    """The key sets of that transport."""
    with _LOCK:
        if transport not in _OF_TRANSPORT:
            _OF_TRANSPORT[transport] = KeySets(transport)
        return _OF_TRANSPORT[transport]
