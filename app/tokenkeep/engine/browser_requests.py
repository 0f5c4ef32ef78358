"""The authorization requests of one sign-in: the first, and a new one wherever a pushed one must not be used again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from tokenkeep.domain.ports import Clock
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth import authorization
from tokenkeep.oauth.authorization import Attempt, UnrelatedResponse

MOST = 100  # requests that an answer may belong to; no program can have more made within the time for a sign-in
RENEW_MIN = 30.0  # seconds between two requests that nobody asked for, however short the server keeps one


class BrowserRequests:
    """Used on the engine's loop only.

    A person may have opened more than one page: the answer to any of them counts, each with its own state, nonce and
    verifier (PAR-3).

    :param begin: makes a request, pushed where the server takes that.
    """

    def __init__(self, begin: Callable[[], Awaitable[Attempt]], redirect_uri: str, clock: Clock) -> None:
        self._begin = begin
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._all: list[Attempt] = []

    async def make(self) -> str:
        """A new request; its address for the browser.

        :raises TokenKeepError: it could not be made or pushed.
        """
        attempt = await self._begin()
        self._all = [attempt, *self._all][:MOST]
        return attempt.url

    @property
    def once(self) -> bool:
        """Whether the newest address is good for one use (RFC 9126 §7.3)."""
        return bool(self._all) and self._all[0].expires_at is not None

    @property
    def renew_in(self) -> float | None:
        """Seconds until the newest address runs out; None when it does not, or there is none."""
        expires_at = self._all[0].expires_at if self._all else None
        return None if expires_at is None else max(expires_at - self._clock.wall(), RENEW_MIN)

    def read(self, query: str) -> tuple[Attempt, Secret]:
        """The request that was answered, and its code; errors as `authorization.read_response`."""
        for attempt in self._all:
            try:
                return attempt, authorization.read_response(attempt, query)
            except UnrelatedResponse:
                continue
        raise UnrelatedResponse("The response does not belong to this sign-in.")

    def goes_to(self, url: str) -> bool:
        """Whether an address is that of the redirect, whatever its query."""
        expected = urlsplit(self._redirect_uri)
        try:
            given = urlsplit(url)
        except ValueError:
            return False
        return (given.scheme, given.netloc, given.path) == (expected.scheme, expected.netloc, expected.path)
