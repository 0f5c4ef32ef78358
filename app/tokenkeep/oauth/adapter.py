"""The adapter of requests that every request goes through, those of requests-oauthlib included."""

from __future__ import annotations

import io
import logging
import re
import threading
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies, select_proxy

from tokenkeep.domain.errors import ClientRejected, MalformedAnswer, ProviderUnreachable, TokenKeepError
from tokenkeep.oauth.answer import Answer, CutAnswer, Redirected, Untrusted
from tokenkeep.oauth.connection import POOLS, Call
from tokenkeep.oauth.reach import WRITE_IT, Zone, zone_of, zone_of_host
from tokenkeep.oauth.texts import clean_text

if TYPE_CHECKING:
    from tokenkeep.oauth.transport import Transport

log = logging.getLogger(__name__)

BODY_LIMIT = 1024 * 1024  # bytes after decompression; metadata, key sets and token answers are a hundredth of it
CHUNK = 64 * 1024

DEADLINE = "deadline"
# The alerts of RFC 8446 §6.2 with which a server refuses the certificate of a client, as OpenSSL names them.
_ABOUT_OUR_CERTIFICATE = re.compile(r"ALERT_(\w+_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)\b")
TOO_LARGE = "The provider's answer is too large."


class Adapter(HTTPAdapter):
    """Carries one request and keeps its answer.

    :param url: the checked address; a session that was given its https form is led back to it.
    :param local: the provider is marked local.
    """

    def __init__(self, transport: Transport, url: str, *, local: bool) -> None:
        self._transport = transport
        self._local = local
        self._plain = url.startswith("http://")
        self._answer: Answer | None = None
        self._call: Call | None = None
        super().__init__(max_retries=0)

    @property
    def answer(self) -> Answer:
        """The answer, once the session's call returned."""
        if self._answer is None:
            raise RuntimeError("nothing was sent")
        return self._answer

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Send it under the transport's rules; what the session says about time-outs, proxies and so on is ignored.

        :raises TokenKeepError: as `Transport.send` says.
        """
        url = request.url or ""
        if self._plain and url.startswith("https://"):
            url = request.url = "http" + url.removeprefix("https")
        if self._transport.proofs is not None:
            self._transport.proofs.add(request)
        self._call = call = self._transport.begin()
        guard = threading.Timer(self._transport.timeout, call.end, (DEADLINE,))
        guard.daemon = True
        guard.start()
        try:
            return self._exchange(request, url, call)
        finally:
            guard.cancel()
            self._transport.finish(call)
            self.close()

    def _exchange(self, request: requests.PreparedRequest, url: str, call: Call) -> requests.Response:
        proxies = self._proxies(url)
        direct = select_proxy(url, proxies) is None
        if direct:  # where a proxy finds a name is the proxy's affair; its own address was given by a person
            call.refuse = self._refuse
        try:
            response = super().send(request, stream=True, timeout=self._transport.timeout, proxies=proxies, verify=True)
            body = self._read(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as fault:
            error = self._error(fault, urlsplit(url).hostname or "", call)
        else:
            if not call.ended:  # a body that only ends with its connection looks whole when the deadline ends that
                if direct:
                    self._transport.reach.found(call.host, call.address)
                return self._accept(request, response, body, call)
            error = self._error(TimeoutError(), urlsplit(url).hostname or "", call)
        # Out of the handler: the libraries' own errors carry the request, which must not hang on ours as context.
        raise error

    def _read(self, response: requests.Response) -> bytes:
        """The body, decompressed by us: the libraries unpack a whole chunk before anybody can count its bytes."""
        body = bytearray()
        try:
            while chunk := response.raw.read(CHUNK, decode_content=False):
                body += chunk
                if len(body) > BODY_LIMIT:
                    raise MalformedAnswer(TOO_LARGE)
        finally:
            response.raw.close()
        match response.headers.get("Content-Encoding", "").strip().lower():
            case "" | "identity":
                return bytes(body)
            case "gzip" | "x-gzip":
                return _unpacked(body)
            case _:
                raise MalformedAnswer("The provider's answer is compressed in a way that TokenKeep did not ask for.")

    def _refuse(self, host: str, address: str) -> str:
        zone = zone_of(address)
        if self._transport.reach.allows(host, zone, local=self._local):
            return ""
        return f"{host} leads to {address}, which is {zone.place}, so nothing was sent."

    def _accept(
        self, request: requests.PreparedRequest, response: requests.Response, body: bytes, call: Call
    ) -> requests.Response:
        assert call.sent_at is not None
        headers = CaseInsensitiveDict(response.headers)
        answer = Answer(response.status_code, headers, body, call.sent_at, response.url)
        self._transport.note_clock(answer)
        if self._transport.proofs is not None:
            self._transport.proofs.read(request, answer)
        not_modified = answer.status == 304 and "If-None-Match" in request.headers
        if 300 <= answer.status < 400 and not not_modified:
            raise Redirected(
                f"The provider redirects to {_target(headers.get('Location', ''))}, which TokenKeep does not follow.",
                hint="If the provider has moved, change its address in the configuration.",
            )
        self._answer = answer
        response.raw = io.BytesIO(body)
        return response

    def _error(self, fault: Exception, host: str, call: Call) -> TokenKeepError:
        """Say in our words what went wrong; the libraries' texts may hold parts of the request."""
        maybe_sent = call.sent_at is not None
        if call.ended == DEADLINE:
            return ProviderUnreachable(
                f"{host} did not answer within {self._transport.timeout:g} seconds.", maybe_sent=maybe_sent
            )
        if call.ended:
            return ProviderUnreachable("The request was cancelled.", maybe_sent=maybe_sent)
        if call.refused:
            log.warning("%s leads to an address that must not be reached for this provider", host)
            return ProviderUnreachable(call.problem, hint=WRITE_IT, maybe_sent=False)
        if call.problem:
            return ProviderUnreachable(call.problem, maybe_sent=maybe_sent)
        if _ABOUT_OUR_CERTIFICATE.search(str(fault)):
            log.warning("%s does not accept our client certificate", host)
            return ClientRejected(f"{host} wants a client certificate, and does not accept the one it got, if any.")
        if isinstance(fault, requests.exceptions.SSLError) and maybe_sent:  # its certificate was believed by then
            return ProviderUnreachable(
                f"{host} ended the connection after the TLS handshake.",
                hint="It may want a client certificate, or another one: see `tls_client_cert`.",
            )
        if isinstance(fault, requests.exceptions.SSLError):
            log.warning("no trusted TLS connection to %s", host)
            return Untrusted(
                f"{host} has no certificate that this machine trusts, so nothing was sent.",
                hint="Is there a network sign-in page or a proxy in between? `ca_bundle` adds certificates to trust.",
                maybe_sent=maybe_sent,
            )
        if isinstance(fault, requests.exceptions.ProxyError | requests.exceptions.InvalidProxyURL):
            return ProviderUnreachable("The proxy does not let the request through.", maybe_sent=maybe_sent)
        if isinstance(fault, requests.exceptions.InvalidSchema):
            return ProviderUnreachable(
                "A SOCKS proxy cannot be used.", hint="Set `proxy` in `[http]` to an http proxy.", maybe_sent=False
            )
        if isinstance(fault, urllib3.exceptions.ProtocolError):
            return CutAnswer("The provider's answer was cut off.")
        return ProviderUnreachable(f"The connection to {host} broke before an answer came.", maybe_sent=maybe_sent)

    def _proxies(self, url: str) -> dict[str, str]:
        if zone_of_host(urlsplit(url).hostname or "") is Zone.LOOPBACK:
            return {}
        match self._transport.proxy:
            case "system":
                return dict(get_environ_proxies(url))
            case "" | "none":
                return {}
            case proxy:
                return {"https": proxy}

    # --- hooks of requests ------------------------------------------------------------------------------------

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make connections that belong to the call."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """The same through a proxy.

        :raises InvalidSchema: of a kind whose connections could not be watched.
        """
        if proxy.lower().startswith("socks"):
            raise requests.exceptions.InvalidSchema
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> Any:
        """Use the transport's trust."""
        host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https":
            tls["ssl_context"] = self._transport.tls_context()
        return host, tls

    def cert_verify(self, conn: Any, *_: Any) -> None:
        """Checking is never optional; the certificates to trust are in the context already."""
        conn.cert_reqs = "CERT_REQUIRED"

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Hand the call to the pool."""
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        pool.call = self._call  # type: ignore[attr-defined]  # POOLS have it
        return pool


def _unpacked(body: bytes | bytearray) -> bytes:
    """The content of one gzip member (RFC 1952), never more than the limit.

    :raises MalformedAnswer: it is none, cut off or too large.
    """
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        content = unpacker.decompress(body, BODY_LIMIT + 1)
    except zlib.error:
        content = b""
    if len(content) > BODY_LIMIT:
        raise MalformedAnswer(TOO_LARGE)
    if not unpacker.eof or unpacker.unused_data:
        raise MalformedAnswer("The provider's answer cannot be decompressed.")
    return content


def _target(location: str) -> str:
    """Where a redirect leads, without the query, which may hold what the request held."""
    return clean_text(location.split("?", 1)[0].split("#", 1)[0]) or "nowhere"
