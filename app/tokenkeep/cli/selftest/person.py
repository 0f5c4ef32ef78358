"""A person with a browser, as far as the demo provider's pages need one: cookies, forms, no scripts."""

from __future__ import annotations

import http.cookiejar
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPResponse
from typing import Any

LIMIT = 30.0  # seconds for one page
PAGE_MOST = 1024 * 1024  # bytes of a page that are read


class Stuck(Exception):
    """A page came that leads nowhere; the text says which."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer to the browser.

    :param location: where a redirect leads, as it was sent.
    """

    status: int
    location: str
    challenge: str
    text: str = field(repr=False)


class _Form(HTMLParser):
    """The first form of a page: where it goes, its fields, the values of its buttons."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.hidden: dict[str, str] = {}
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read what belongs to the form."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action = given.get("action", "")
        if tag in ("input", "button") and self.action is not None:
            name = given.get("name", "")
            self.names.add(name)
            if given.get("type") == "hidden":
                self.hidden[name] = given.get("value", "")


class _AsItComes(urllib.request.HTTPErrorProcessor):
    """Neither follows redirects nor makes exceptions of statuses."""

    def http_response(self, request: Any, response: Any) -> Any:  # noqa: ARG002 - the library's signature
        """Give it back."""
        return response


class Person:
    """Signs in at one server and consents.

    :param issuer: the demo provider; no form is sent anywhere else.
    """

    def __init__(self, issuer: str, username: str, password: str) -> None:
        self._issuer = issuer
        self._login = {"username": username, "password": password}
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # loopback is never asked for through a proxy
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
            _AsItComes(),
        )

    def open(
        self,
        url: str,
        *,
        token: str = "",
        headers: dict[str, str] | None = None,
        json: bytes | None = None,
        method: str | None = None,
    ) -> Page:
        """One request.

        :param token: sent in the Authorization header.
        :param headers: others.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else dict(headers or {})
        if json is not None:
            headers["Content-Type"] = "application/json"
        return self._send(urllib.request.Request(url, json, headers, method=method))  # noqa: S310 - loopback

    def consent(self, authorization_url: str) -> str:
        """From the sign-in page through login and consent to the address that the browser is sent back to.

        :raises Stuck: there is no way there.
        """
        page = self.open(authorization_url)
        for _ in range(4):
            if page.status in (302, 303) and not self._own(page.location):
                return page.location
            page = self._next(page)
        raise Stuck(f"The sign-in does not end; the last page had status {page.status}.")

    def approve(self, user_code: str) -> None:
        """Type a device code, log in and consent.

        :raises Stuck: the server does not take it.
        """
        page = self._submit(self.open(f"{self._issuer}/device"), user_code=user_code)
        for _ in range(4):
            if _Form(page.text).action is None and page.status == 200:
                return
            page = self._next(page)
        raise Stuck(f"The code is not taken; the last page had status {page.status}.")

    def _next(self, page: Page) -> Page:
        if page.status in (302, 303):
            return self.open(urllib.parse.urljoin(self._issuer, page.location))
        names = _Form(page.text).names
        if "password" in names:
            return self._submit(page, **self._login)
        if "decision" in names:
            return self._submit(page, decision="allow")
        raise Stuck(f"A page with status {page.status} has nothing to go on with.")

    def _submit(self, page: Page, **fields: str) -> Page:
        form = _Form(page.text)
        if form.action is None:
            raise Stuck(f"A page with status {page.status} has no form.")
        target = urllib.parse.urljoin(self._issuer, form.action)
        if not self._own(target):
            raise Stuck("A form leads to another server.")
        body = urllib.parse.urlencode(form.hidden | fields).encode()
        return self._send(urllib.request.Request(target, body))  # noqa: S310 - loopback

    def _own(self, url: str) -> bool:
        return urllib.parse.urljoin(self._issuer, url).startswith(self._issuer + "/")

    def _send(self, request: urllib.request.Request) -> Page:
        try:
            response: HTTPResponse = self._opener.open(request, timeout=LIMIT)
        except OSError as error:
            raise Stuck(f"No answer from {urllib.parse.urlsplit(request.full_url).netloc}.") from error
        with response:
            text = response.read(PAGE_MOST).decode("utf-8", "replace")
            location, challenge = response.headers.get("Location", ""), response.headers.get("WWW-Authenticate", "")
            return Page(response.status, location, challenge, text)
