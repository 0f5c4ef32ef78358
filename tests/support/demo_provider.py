"""The demo provider as a child process: `DemoProvider`, and the fixtures `demo_provider` and `start_demo`."""

import base64
import hashlib
import html
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from tokenkeep.demo.testing import DemoProcess

# A guard against hanging only; generous because other work shares the machine.
REQUEST_LIMIT = 60

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
ALL_SCOPES = "openid profile email offline_access notes:read"


class DemoProvider(DemoProcess):
    """The demo provider as a process in which a warning is an error, and a small client of it."""

    @staticmethod
    def interpreter_options() -> list[str]:
        return ["-W", "error"]

    # A client in a few lines, for tests that need tokens but not TokenKeep

    def token_request(self, **form: str) -> requests.Response:
        """One POST to the token endpoint as the public demo client."""
        body = {"client_id": self.client_id} | form
        return requests.post(f"{self.origin}/token", data=body, timeout=REQUEST_LIMIT)

    def refresh(self, refresh_token: str, **form: str) -> requests.Response:
        return self.token_request(grant_type="refresh_token", refresh_token=refresh_token, **form)

    def device_codes(self, scope: str = "openid profile") -> dict[str, Any]:
        """A fresh device authorization answer for the public demo client, without a challenge."""
        form = {"client_id": self.client_id, "scope": scope}
        codes: dict[str, Any] = requests.post(
            f"{self.origin}/device_authorization", data=form, timeout=REQUEST_LIMIT
        ).json()
        return codes

    def poll(self, device_code: str) -> requests.Response:
        return self.token_request(grant_type=DEVICE_GRANT, device_code=device_code)

    def authorization_request(self, **changes: str | None) -> "AuthorizationRequest":
        """A correct authorization request with the changes applied; None removes a parameter."""
        return AuthorizationRequest(self, changes)

    def tokens(self, user: str = "ada", scope: str = ALL_SCOPES) -> dict[str, Any]:
        """A fresh token answer by the authorization code grant."""
        request = self.authorization_request(scope=scope)
        answer = request.exchange(self.sign_in(request.url, user))
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def call(self, access_token: str, path: str = "/whoami") -> requests.Response:
        """One GET at the protected resource."""
        return requests.get(
            self.resource + path, headers={"Authorization": f"Bearer {access_token}"}, timeout=REQUEST_LIMIT
        )


class AuthorizationRequest:
    """An authorization request with its own verifier, state and nonce."""

    def __init__(self, provider: DemoProvider, changes: dict[str, str | None]) -> None:
        self._provider = provider
        self.verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": "http://127.0.0.1:53682/callback/ABCDEFGH2345",
            "scope": ALL_SCOPES,
            "state": secrets.token_urlsafe(16),
            "nonce": secrets.token_urlsafe(16),
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        self.parameters = {key: value for key, value in (parameters | changes).items() if value is not None}
        self.url = f"{provider.origin}/authorize?{urlencode(self.parameters)}"

    def form(self, callback_url: str) -> dict[str, str]:
        """The fields of the token request, without those of the client."""
        return {
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(callback_url).query)["code"][0],
            "redirect_uri": self.parameters["redirect_uri"],
            "code_verifier": self.verifier,
        }

    def exchange(self, callback_url: str, **changes: str | None) -> requests.Response:
        """Send the code of that callback URL to the token endpoint; None removes a parameter."""
        form: dict[str, str | None] = {**self.form(callback_url)}
        return self._provider.token_request(**{k: v for k, v in (form | changes).items() if v is not None})


class Browser:
    """A person's browser in HTTP requests: cookies, forms, redirects within the provider."""

    def __init__(self, provider: DemoProvider) -> None:
        self.issuer = provider.origin
        self.users = {user["username"]: user["password"] for user in provider.description["users"]}
        self.http = requests.Session()
        self.http.trust_env = False

    def get(self, url: str) -> requests.Response:
        return self.http.get(url, allow_redirects=False, timeout=REQUEST_LIMIT)

    def submit(self, page: requests.Response, **fields: str) -> requests.Response:
        """Send the page's form: its hidden fields and the given ones."""
        form = re.search(r'<form method="post" action="([^"]*)"', page.text)
        assert form is not None, f"no form on this page (status {page.status_code}): {page.text}"
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        target = self.issuer + html.unescape(form[1])
        return self.http.post(target, data=hidden | fields, allow_redirects=False, timeout=REQUEST_LIMIT)

    def log_in(self, page: requests.Response, user: str) -> requests.Response:
        """Fill in the login form and follow the redirect to the next page of the provider."""
        answer = self.submit(page, username=user, password=self.users[user])
        if answer.status_code == 303:
            return self.get(self.issuer + answer.headers["Location"].removeprefix(self.issuer))
        return answer

    def sign_in(self, authorization_url: str, user: str = "ada", *, allow: bool = True) -> str:
        page = self.get(authorization_url)
        if 'id="password"' in page.text:
            page = self.log_in(page, user)
        if 'id="allow"' in page.text:
            page = self.submit(page, decision="allow" if allow else "deny")
        assert page.status_code == 303, f"status {page.status_code}: {page.text}"
        return page.headers["Location"]

    def approve_device(self, user_code: str, user: str = "ada", *, allow: bool = True) -> None:
        page = self.submit(self.get(f"{self.issuer}/device"), user_code=user_code)
        if 'id="password"' in page.text:
            page = self.log_in(page, user)
        page = self.submit(page, decision="allow" if allow else "deny")
        assert page.status_code == 200, page.text
        assert 'id="result"' in page.text, page.text


@pytest.fixture(scope="session")
def _session_demo_provider() -> Iterator[DemoProvider]:
    with DemoProvider(device_interval=1) as provider:
        yield provider


@pytest.fixture
def demo_provider(_session_demo_provider: DemoProvider) -> Iterator[DemoProvider]:
    """A running demo provider without faults and with an empty log; the process is shared by all tests."""
    _session_demo_provider.clear_faults()
    _session_demo_provider.reset_log()
    yield _session_demo_provider
    _session_demo_provider.clear_faults()


@pytest.fixture
def start_demo() -> Iterator[Callable[..., DemoProvider]]:
    """Starts demo providers with options of their own: `start_demo(token_lifetime=20)`."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(DemoProvider(**options))
