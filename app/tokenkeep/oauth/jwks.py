"""A server's public keys (RFC 7517): fetched, kept, and fetched once more for a key nobody knows yet (OIDC-7)."""

from __future__ import annotations

import threading
from typing import Any

from tokenkeep.domain.errors import MalformedAnswer, ProviderError, ProviderUnreachable
from tokenkeep.oauth.kept import Kept
from tokenkeep.oauth.transport import Answer, Request, Transport

AGE_DEFAULT = 3600.0  # seconds
REFETCH_PAUSE = 60.0  # seconds between two fetches that only an unknown key asks for
KEYS_MAX = 32  # a set larger than this is not searched to its end

Jwk = dict[str, Any]


class KeySets:
    """The key sets that came over one transport. All times are wall clock, seconds since the epoch."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._kept: dict[str, Kept[tuple[Jwk, ...]]] = {}
        self._refetched_at: dict[str, float] = {}
        self._unanswered: set[str] = set()  # where the last fetch for an unknown key brought nothing

    def get(self, uri: str, *, local: bool, wall: float) -> tuple[Jwk, ...]:
        """The keys, from memory while they are fresh, and also when they are not but the server cannot be reached.

        :raises ProviderUnreachable, ProviderError: there are none and none to be had.
        """
        kept = self._kept.get(uri)
        if kept is not None and kept.fresh(wall):
            return kept.value
        try:
            return self._fetch(uri, local=local, wall=wall)
        except (ProviderUnreachable, MalformedAnswer):
            if kept is None:
                raise
            self._kept[uri] = kept.put_off(wall)
            return kept.value

    def renew(self, uri: str, *, local: bool, wall: float) -> tuple[Jwk, ...] | None:
        """Fetch again because no key fitted; None when that was done less than a minute ago.

        :raises ProviderUnreachable, ProviderError: as `get`, or nobody knows because it failed less than a minute ago.
        """
        with self._lock:
            refetched_at = self._refetched_at.get(uri)
            if refetched_at is not None and abs(wall - refetched_at) < REFETCH_PAUSE:
                if uri in self._unanswered:
                    raise ProviderUnreachable("The provider's keys could not be had a moment ago.", maybe_sent=True)
                return None
            self._refetched_at[uri] = wall
            self._unanswered.add(uri)
        keys = self._fetch(uri, local=local, wall=wall)
        self._unanswered.discard(uri)
        return keys

    def _fetch(self, uri: str, *, local: bool, wall: float) -> tuple[Jwk, ...]:
        kept = self._kept.get(uri)
        condition = {} if kept is None else kept.condition
        answer = self._transport.send(Request("GET", uri, headers=condition), local=local)
        if kept is not None and answer.status == 304:
            found = kept.renewed(answer, wall, AGE_DEFAULT)
        else:
            found = Kept.of(_read(answer), answer, wall, AGE_DEFAULT)
        self._kept[uri] = found
        return found.value


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


def key_sets(transport: Transport) -> KeySets:
    """The key sets of that transport."""
    return transport.keep(KeySets)
