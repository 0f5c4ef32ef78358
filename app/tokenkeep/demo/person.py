"""A person with a browser, for tests: signs in, allows or denies, types device codes. Standard library only."""

import http.client
from html.parser import HTMLParser
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

# Against hanging only, in seconds.
LIMIT = 60


class UnexpectedPageError(AssertionError):
    """The provider showed something else than the flow's next page."""


class _Form(HTMLParser):
    """The first POST form of a page: where it goes, its hidden fields, and the ids on the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.ids: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        if tag == "form" and given.get("method") == "post" and self.action is None:
            self.action = given["action"]
        elif tag == "input" and given.get("type") == "hidden":
            self.fields[given["name"]] = given["value"]


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_request: Any) -> None:
        return None


class Page:
    """An answer: where it came from, its status, its text, and where it redirects to."""

    def __init__(self, url: str, status: int, text: str, location: str | None) -> None:
        self.url = url
        self.status = status
        self.text = text
        self.location = location
        self.form = _Form(text)


class Person:
    """One browser with its cookies at one demo provider."""

    def __init__(self, origin: str, passwords: dict[str, str]) -> None:
        self._origin = origin
        self._passwords = passwords
        cookies = HTTPCookieProcessor(CookieJar(DefaultCookiePolicy()))
        # No proxy: the provider is on loopback.
        self._opener: OpenerDirector = build_opener(ProxyHandler({}), cookies, _NoRedirects)

    def get(self, url: str) -> Page:
        return self._open(Request(url))  # noqa: S310 - an address of the provider under test

    def submit(self, page: Page, **fields: str) -> Page:
        """Send the page's form: its hidden fields and the given ones."""
        if page.form.action is None:
            raise UnexpectedPageError(f"no form on this page (status {page.status}): {page.text}")
        body = urlencode(page.form.fields | fields).encode()
        return self._open(Request(urljoin(page.url, page.form.action), body))  # noqa: S310 - as above

    def sign_in(self, authorization_url: str, user: str = "ada", *, allow: bool = True) -> str:
        """From the authorization URL to the callback's URL, which is not opened."""
        page = self._past_login(self.get(authorization_url), user)
        if "allow" in page.form.ids:
            page = self.submit(page, decision="allow" if allow else "deny")
        if page.location is None:
            raise UnexpectedPageError(f"no redirect (status {page.status}): {page.text}")
        return page.location

    def approve_device(self, user_code: str, user: str = "ada", *, allow: bool = True) -> None:
        """Type the device code, log in and decide."""
        page = self.submit(self.get(f"{self._origin}/device"), user_code=user_code)
        page = self.submit(self._past_login(page, user), decision="allow" if allow else "deny")
        if page.status != 200 or "result" not in page.form.ids:
            raise UnexpectedPageError(f"the device was not connected (status {page.status}): {page.text}")

    def _past_login(self, page: Page, user: str) -> Page:
        if "password" not in page.form.ids:
            return page
        page = self.submit(page, username=user, password=self._passwords[user])
        return self.get(urljoin(page.url, page.location)) if page.location is not None else page

    def _open(self, request: Request) -> Page:
        try:
            answer = self._opener.open(request, timeout=LIMIT)
        except HTTPError as error:
            # Redirects and refusals are pages too.
            answer = error
        with answer:
            status: int = answer.status
            headers: http.client.HTTPMessage = answer.headers
            return Page(request.full_url, status, answer.read().decode(), headers["Location"])
