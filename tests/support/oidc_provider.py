"""The npm package oidc-provider as an independent identity provider on loopback, and a person who uses it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
import requests

from support.homes import MakeHome
from support.processes import clean_environment, end, program

_PEERS = Path(__file__).parents[1] / "peers"
_ANSWER_LIMIT = 30.0
_REDIRECTS = {301, 302, 303}


class OidcProviderPeer:
    """A running provider with one public native client; use as a context manager."""

    def __init__(self, home: Path, **options: object) -> None:
        """Prepare, start nothing.

        :param options: those of server.mjs with underscores: client_id, redirect_path (or a list of them),
            access_token_ttl (seconds) and so on.
        """
        self.issuer = ""
        self.client_id = ""
        self._home = home
        self._arguments: list[str] = []
        for name, value in options.items():
            for single in value if isinstance(value, list) else [value]:
                option = f"--{name.replace('_', '-')}"
                self._arguments.append(option if single is True else f"{option}={single}")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> OidcProviderPeer:
        if not (_PEERS / "node_modules/oidc-provider").exists():
            pytest.skip("the Node packages of tests/peers are not installed")
        errors = self._home / "oidc-provider.err"
        with errors.open("ab") as log:
            self._process = subprocess.Popen(
                [program("node"), str(_PEERS / "oidc_provider/server.mjs"), *self._arguments],
                env=clean_environment(self._home),
                stdin=subprocess.PIPE,  # the server ends when this closes, so it cannot outlive the tests
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            end(self._process)
            pytest.fail(f"oidc-provider did not start: {errors.read_text()}")
        ready = json.loads(line)
        self.issuer, self.client_id = ready["issuer"], ready["client_id"]
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)

    def counts(self) -> dict[str, int]:
        """How often each endpoint was asked: `token:refresh_token`, `revocation`, `userinfo`, …"""
        return dict(self.log()["counts"])

    def log(self) -> dict[str, Any]:
        """All requests in order under `entries`, sums under `counts`; nothing secret in it."""
        return dict(requests.get(f"{self.issuer}/__log", timeout=_ANSWER_LIMIT).json())

    def sign_in(self, authorization_url: str, *, login: str = "alice", allow: bool = True, follow: bool = True) -> str:
        """Play the browser: log in, consent or deny, and open the redirect to the application unless `follow` is False.

        :returns: the redirect's full address (a secret: it carries the code).
        """
        with requests.Session() as browser:
            browser.trust_env = False
            response = self._walk(browser, browser.get(authorization_url, timeout=_ANSWER_LIMIT, allow_redirects=False))
            redirect = self._log_in_and_decide(browser, response, login, allow=allow)
            assert isinstance(redirect, str), f"no redirect but a page: {redirect.text}"
            if follow:
                browser.get(redirect, timeout=_ANSWER_LIMIT)
            return redirect

    def approve_device(self, user_code: str, *, login: str = "alice", allow: bool = True) -> None:
        """Play the person at the second device: type the code, confirm it, log in and consent or deny."""
        with requests.Session() as browser:
            browser.trust_env = False
            response = browser.get(f"{self.issuer}/device", timeout=_ANSWER_LIMIT)
            response = self._submit(browser, response, "op.deviceInputForm", user_code=user_code)
            assert "op.deviceConfirmForm" in response.text, "the provider does not know this code"
            page = self._walk(browser, self._submit(browser, response, "op.deviceConfirmForm"))
            page = self._log_in_and_decide(browser, page, login, allow=allow)
            assert not isinstance(page, str)
            assert not allow or "device-done" in page.text, page.text

    def _log_in_and_decide(
        self, browser: requests.Session, page: requests.Response | str, login: str, *, allow: bool
    ) -> requests.Response | str:
        if not isinstance(page, str) and 'id="login-form"' in page.text:
            page = self._walk(browser, self._submit(browser, page, "login-form", login=login, password="any"))
        if not isinstance(page, str) and 'id="consent-form"' in page.text:
            decision = "allow" if allow else "deny"
            page = self._walk(browser, self._submit(browser, page, "consent-form", decision=decision))
        return page

    def _walk(self, browser: requests.Session, response: requests.Response) -> requests.Response | str:
        """Follow redirects inside the provider; an address outside of it is returned, not opened."""
        while response.status_code in _REDIRECTS:
            target = urljoin(response.url, response.headers["Location"])
            if _origin(target) != self.issuer:
                return target
            response = browser.get(target, timeout=_ANSWER_LIMIT, allow_redirects=False)
        return response

    def _submit(
        self, browser: requests.Session, page: requests.Response, form_id: str, **fields: str
    ) -> requests.Response:
        form = re.search(rf'<form id="{re.escape(form_id)}".*?</form>', page.text, re.DOTALL)
        assert form, f"no form {form_id} in:\n{page.text}"
        action = re.search(r'action="([^"]*)"', form[0])
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form[0]))
        data = {name: unescape(value) for name, value in hidden.items()} | fields
        assert action
        target = urljoin(page.url, unescape(action[1]))
        return browser.post(target, data=data, timeout=_ANSWER_LIMIT, allow_redirects=False)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address, each of which must be there only once."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


StartOidcProvider = Callable[..., OidcProviderPeer]


@pytest.fixture
def start_oidc_provider(make_home: MakeHome) -> Iterator[StartOidcProvider]:
    """Start providers with options of the test's choice; they end after it."""
    started: list[OidcProviderPeer] = []

    def start(**options: object) -> OidcProviderPeer:
        peer = OidcProviderPeer(make_home(), **options)
        started.append(peer)
        return peer.__enter__()

    yield start
    for peer in started:
        peer.__exit__()


@pytest.fixture
def oidc_provider(start_oidc_provider: StartOidcProvider) -> OidcProviderPeer:
    """A provider with its default options: redirect path `/callback`, tokens of an hour."""
    return start_oidc_provider()
