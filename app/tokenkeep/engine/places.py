"""Which provider's token a URL takes: by the resources and addresses that the entries and the tokens name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from tokenkeep.domain.errors import BadRequest, NotFound
from tokenkeep.engine.sessions import Session
from tokenkeep.oauth import dpop


def provider_at(url: str, sessions: Iterable[Session]) -> Session:
    """The session whose token is for that URL: an exact match, else the longest path it lies below, else the origin.

    Among equals the one that has a token wins: of two accounts the one that is signed in.

    :raises NotFound: there is none.
    :raises BadRequest: there are several, or it is no URL.
    """
    try:
        wanted = dpop.target(url)
        is_url = bool(urlsplit(url).netloc)
    except ValueError:
        is_url = False
    if not is_url:
        raise BadRequest("url is the address of the request, as https://api.example.com/v1/items.")
    ranked = [(max((_rank(place, wanted) for place in _places(one)), default=0), one) for one in sessions]
    best = max((rank for rank, _ in ranked), default=0)
    found = [one for rank, one in ranked if best and rank == best]
    found = [one for one in found if one.held is not None] or found
    if not found:
        raise NotFound(
            f"No provider is known for {urlsplit(url).hostname}.",
            hint="Set `base_url` or `resource` of its provider, or name the provider.",
        )
    if len(found) > 1:
        raise BadRequest(
            f"Several providers have tokens for {urlsplit(url).hostname}: {', '.join(one.id for one in found)}.",
            hint="Name the one that is meant.",
        )
    return found[0]


def _places(session: Session) -> Iterator[str]:
    entry = session.provider
    held = () if session.held is None else session.held.tokens.resource
    for place in (*held, *entry.resource, *entry.audiences, entry.base_url):
        if urlsplit(place).netloc:
            yield dpop.target(place)


def _rank(place: str, wanted: str) -> int:
    """How well a place fits: above all the same, then the longer the path the better, last the same origin."""
    if place == wanted:
        return 1_000_000
    below = place.rstrip("/") + "/"
    if wanted.startswith(below):
        return 1 + len(below)
    return 1 if dpop.origin(place) == dpop.origin(wanted) else 0
