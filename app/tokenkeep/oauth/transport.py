"""The one way to a provider: bounded in time and bytes, no redirects, no cookies, certificates always checked (NET).

requests and urllib3 are imported when the first request leaves: a start that serves kept tokens has no use for them.
"""

from __future__ import annotations

import copy
import json
import ssl
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlencode, urlsplit

from tokenkeep.domain.errors import ProviderError, ProviderUnreachable
from tokenkeep.domain.provider import check_url
from tokenkeep.oauth.answer import Answer, Request
from tokenkeep.oauth.dpop import Proofs, nonces_of
from tokenkeep.oauth.reach import WRITE_IT, Reach
from tokenkeep.oauth.trust import Trust

if TYPE_CHECKING:
    import requests

    from tokenkeep.oauth.adapter import Adapter
    from tokenkeep.oauth.client_certificate import ClientCertificate
    from tokenkeep.oauth.connection import Call, Resolver
    from tokenkeep.oauth.signing_key import SigningKey

__all__ = ["Answer", "Request", "Transport"]

T = TypeVar("T")

FORM_TYPE = "application/x-www-form-urlencoded"


class Transport:
    """Sends requests; used from many threads at once.

    As it is made it reaches the internet, and loopback for a provider marked local; `starting_at` gives one that also
    reaches what a person wrote.

    :param timeout: seconds for the whole answer, from the first packet to the last byte.
    :param ca_bundle: file or directory of further certificates to trust; never fewer (NET-1).
    :param proxy: `system`, `none` (or empty), or a URL. Loopback is never asked for through a proxy.
    :param wall: the wall clock, seconds since the epoch.
    :param resolver: finds the addresses of a name; None for the system's.
    """

    def __init__(
        self,
        timeout: float = 15.0,
        ca_bundle: str = "",
        proxy: str = "system",
        *,
        wall: Callable[[], float],
        resolver: Resolver | None = None,
    ) -> None:
        self.timeout = timeout
        self.proxy = proxy
        self.wall = wall
        self.reach = Reach()
        self._resolver = resolver
        self._trust = Trust(ca_bundle)
        self._certificate: ClientCertificate | None = None
        self.proofs: Proofs | None = None
        self._lock = threading.Lock()
        self._calls: set[Call] = set()
        self._closed = threading.Event()
        self._clock_offsets: dict[str, float] = {}
        self._kept: dict[Any, Any] = {}

    def starting_at(self, written: Iterable[str]) -> Self:
        """The same transport for the requests that follow from addresses which a person wrote or agreed to (NET-3).

        Their hosts are reached wherever they lie; other hosts on the internet, and where those were found.
        """
        bound = copy.copy(self)
        bound.reach = Reach(written)
        bound._kept = {}
        return bound

    def with_certificate(self, certificate: ClientCertificate) -> Self:
        """The same transport, which shows a certificate of ours to servers that ask for one (RFC 8705).

        What is kept is shared with the one it comes from.
        """
        bound = copy.copy(self)
        bound._certificate = certificate
        return bound

    def with_proofs(self, key: SigningKey) -> Self:
        """The same transport, which shows possession of a key with its requests (RFC 9449); what is kept is shared.

        A request that the server wants to have again with a nonce raises `dpop.NonceWanted`.
        """
        bound = copy.copy(self)
        bound.proofs = Proofs(key, nonces_of(self), self.wall_at)
        return bound

    def keep(self, make: Callable[[Transport], T]) -> T:
        """The one thing of this kind that lives as long as this transport; made at the first call."""
        with self._lock:
            if make not in self._kept:
                self._kept[make] = make(self)
            kept: T = self._kept[make]
            return kept

    def send(self, request: Request, *, local: bool = False) -> Answer:
        """One request, one answer, whatever its status but 3xx.

        :param local: the provider is marked local: plain http on loopback is allowed.
        :raises ProviderUnreachable: no complete answer; `maybe_sent` says whether the server may have the request.
        :raises MalformedAnswer: the answer is too large, cut off or not HTTP.
        :raises ProviderError: a redirect (NET-4), or an address that must not be used (NET-2, NET-3).
        """
        import requests

        headers = {"Accept": "application/json", **request.headers}
        body = None
        if request.form is not None:
            headers["Content-Type"] = FORM_TYPE
            body = urlencode(request.form).encode("ascii")
        elif request.json is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(request.json, allow_nan=False).encode("ascii")
        with requests.Session() as session:
            adapter = self.mount(session, request.url, local=local)
            session.request(request.method, request.url, data=body, headers=headers)
            return adapter.answer

    def mount(self, session: requests.Session, url: str, *, local: bool) -> Adapter:
        """Make a session of requests send its one request over this transport, whatever surrounds it (NET-5).

        :param url: where it goes. A library that refuses http may be given the https form of an http address here.
        :raises ProviderError: that address must not be used (NET-2, NET-3).
        """
        from requests.structures import CaseInsensitiveDict

        from tokenkeep.oauth.adapter import Adapter

        try:
            check_url(url, local=local)
        except ValueError as refused:
            raise ProviderError(f"A request was not sent: {refused}.") from None
        refusal = self.reach.refusal(url, local=local)
        if refusal:
            raise ProviderError(f"A request was not sent: {refusal}.", hint=WRITE_IT)
        session.trust_env = False  # no ~/.netrc, no proxy or certificate variables
        session.headers = CaseInsensitiveDict({"User-Agent": "TokenKeep", "Accept-Encoding": "gzip"})
        adapter = Adapter(self, url, local=local)
        session.adapters.clear()
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return adapter

    def begin(self) -> Call:
        """Register a request that is about to leave.

        :raises ProviderUnreachable: the transport is closed.
        """
        from tokenkeep.oauth.connection import Call

        call = Call(self.wall, self._resolver)
        with self._lock:
            if self._closed.is_set():
                raise ProviderUnreachable("TokenKeep is ending.", maybe_sent=False)
            self._calls.add(call)
        return call

    def finish(self, call: Call) -> None:
        """Forget it again."""
        with self._lock:
            self._calls.discard(call)
        call.release()

    def cancel(self) -> None:
        """End every request that is under way, from any thread; each raises `ProviderUnreachable` at once."""
        with self._lock:
            calls = tuple(self._calls)
        for call in calls:
            call.end("cancelled")

    def close(self) -> None:
        """As `cancel`, and no further request leaves."""
        with self._lock:
            self._closed.set()
        self.cancel()

    def tls_context(self) -> ssl.SSLContext:
        """The trust of this machine, of requests' own bundle, and the configured one together.

        :raises Misconfigured: the configured bundle, or our certificate, cannot be used.
        """
        if self._certificate is not None:
            return self._certificate.context(self._trust.make)
        return self._trust.context()

    def note_clock(self, answer: Answer) -> None:
        """Remember how far the server's clock is from ours."""
        if answer.date is not None:
            self._clock_offsets[_origin(answer.url)] = answer.date - answer.sent_at

    def clock_offset(self, url: str) -> float | None:
        """Seconds that the clock of this URL's server was ahead of ours at its last answer."""
        return self._clock_offsets.get(_origin(url))

    def wall_at(self, url: str) -> float:
        """The wall clock of this URL's server as far as it is known, else ours; seconds since the epoch."""
        return self.wall() + (self.clock_offset(url) or 0.0)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
