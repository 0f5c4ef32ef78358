"""The loopback page that takes a log-out request to the browser, once, and the way back from it (OUT-1, OUT-2).

What a browser is started with can be read by every user of the machine, so the id_token is in no address: the page that
the address names holds it, and posts it on.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from html import escape
from http import HTTPStatus
from string import Template
from typing import Any
from urllib.parse import urlsplit

from tokenkeep import assets
from tokenkeep.domain.provider import Provider
from tokenkeep.engine.loopback import (
    NOTHING_ELSE,
    SAFE_HEADERS,
    LoopbackServer,
    hash_source,
    static_page,
    text_page,
)
from tokenkeep.httpserver import Response
from tokenkeep.oauth.logout import LogoutRequest
from tokenkeep.system.loopback_owner import owner

PAGE = "callback/log_out.html"


class LogoutListener(LoopbackServer):
    """Serves one log-out request to one browser.

    :param returned: called once when the browser is back, with its raw query; gives whether it brought the state.
    :param sent: called once when the request was handed to a browser.
    """

    def __init__(self, provider: Provider, sent: Callable[[], None], returned: Callable[[str], bool]) -> None:
        super().__init__(provider)
        self._name = provider.title
        self._begin = f"/log-out/{secrets.token_urlsafe(32)}"
        self._back = provider.post_logout_path
        self._sent = sent
        self._returned = returned
        self._request: LogoutRequest | None = None
        self._over = False
        self.origin = ""

    async def start(self) -> str:
        """As of every listener; gives the origin."""
        self.origin = await super().start()
        return self.origin

    @property
    def post_logout_redirect_uri(self) -> str:
        """Where a browser comes back to."""
        return self.origin + self._back

    def offer(self, request: LogoutRequest) -> str:
        """Have a request ready for the first browser that asks for it; gives the one-time address."""
        self._request = request
        return self.origin + self._begin

    def admits(self, transport: asyncio.BaseTransport) -> Any:
        """Nobody but this machine's user: others can read the one-time address where the browser is started."""
        sock = transport.get_extra_info("socket")
        found = owner(sock.family, transport.get_extra_info("peername")[:2], transport.get_extra_info("sockname")[:2])
        return None if found is not None and found != os.getuid() else True

    def paths(self) -> tuple[str, ...]:
        """The one-time page's, and the way back."""
        return self._begin, self._back

    def navigated(self, path: str, query: str) -> Response:
        """Hand out the request, or note that the browser is back."""
        if path == self._begin:
            return self._hand_out(query)
        if self._over or self._request is not None:  # nobody was sent out, or somebody came back before
            return static_page("finished_log_out")
        self._over = True
        return static_page("logged_out" if self._returned(query) else "signed_out")

    def _hand_out(self, query: str) -> Response:
        request = self._request
        if request is None or query:
            return text_page(HTTPStatus.GONE)
        self._request = None
        html, policy = _form(request, self._name, local=self._provider.local)
        headers = ((b"Content-Type", b"text/html; charset=utf-8"), (b"Content-Security-Policy", policy), *SAFE_HEADERS)
        return Response(200, html, headers, close=True, on_sent=self._sent)


def _form(request: LogoutRequest, name: str, *, local: bool) -> tuple[bytes, bytes]:
    """The page that posts the request by itself, or by its button, and the policy that allows nothing else."""
    page = assets.read_text(PAGE)
    script, style = (page.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0].encode() for tag in ("script", "style"))
    fields = "".join(
        f'<input type="hidden" name="{escape(key)}" value="{escape(value)}">' for key, value in request.fields
    )
    html = Template(page).substitute(
        method=request.method, action=escape(request.endpoint), name=escape(name), fields=fields
    )
    # Browsers hold redirects after a form to `form-action` too, and a log-out may lead through other servers and back
    # to us: what it forbids is plain http, where a redirect would carry the form on.
    targets = b"'self' https:"
    if local:
        parts = urlsplit(request.endpoint)
        targets += b" http:" if parts.hostname == "::1" else f" {parts.scheme}://{parts.netloc}".encode()
    policy = NOTHING_ELSE + b"; base-uri 'none'; script-src " + hash_source(script)
    return html.encode(), policy + b"; style-src " + hash_source(style) + b"; form-action " + targets
