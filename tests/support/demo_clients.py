"""Requests as one of the demo provider's registered clients, with each way of client authentication."""

import base64
import json
import secrets
import time
from typing import Any
from urllib.parse import quote_plus

import requests
from joserfc import jws
from joserfc.jwk import ECKey

from support.demo_provider import REQUEST_LIMIT, DemoProvider

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JWT_BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"


def basic(client_id: str, secret: str) -> dict[str, str]:
    """The Authorization header of `client_secret_basic`, both parts form-encoded first (RFC 6749 §2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def client_claims(provider: DemoProvider, client_id: str, **changes: Any) -> dict[str, Any]:
    """Correct claims of a client assertion with the changes applied; None removes a claim."""
    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": provider.issuer,
        "iat": now,
        "exp": now + 60,
        "jti": secrets.token_urlsafe(16),
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


def client_assertion(provider: DemoProvider, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """An assertion of the client `private_key_jwt`, signed with its registered key."""
    client = provider.description["clients"]["private_key_jwt"]
    key = ECKey.import_key(client["private_jwk"])
    head = {"alg": "ES256", "typ": "client-authentication+jwt", "kid": key.kid} | (header or {})
    # Not jwt.encode, which adds a typ where there is none.
    return jws.serialize_compact(
        {name: value for name, value in head.items() if value is not None},
        json.dumps(client_claims(provider, client["client_id"], **changes)),
        key,
    )


class DemoClient:
    """One of the clients in the demo provider's description, by its name there."""

    def __init__(self, provider: DemoProvider, name: str) -> None:
        self.provider = provider
        self.known: dict[str, Any] = provider.description["clients"][name]
        self.client_id: str = self.known["client_id"]

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        """Headers and form fields that prove this client."""
        if "client_secret" in self.known:
            return basic(self.client_id, self.known["client_secret"]), {}
        if "private_jwk" in self.known:
            return {}, {
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": client_assertion(self.provider),
            }
        return {}, {"client_id": self.client_id}

    def post(self, path: str, *repeated: tuple[str, str], **form: str) -> requests.Response:
        """One POST with correct credentials; pairs are for parameters that appear more than once."""
        headers, fields = self.credentials()
        body = [*(fields | form).items(), *repeated]
        return requests.post(self.provider.issuer + path, data=body, headers=headers, timeout=REQUEST_LIMIT)

    def token(self, *repeated: tuple[str, str], **form: str) -> requests.Response:
        return self.post("/token", *repeated, **form)

    def sign_in(self, user: str = "ada", **changes: str | None) -> requests.Response:
        """The answer to a code exchange of this client after a person's consent."""
        request = self.provider.authorization_request(client_id=self.client_id, **changes)
        callback = self.provider.sign_in(request.url, user)
        return self.token(**request.form(callback))


def trusted_assertion(
    provider: DemoProvider, *, header: dict[str, Any] | None = None, stranger: bool = False, **claims: Any
) -> str:
    """An assertion of the demo provider's trusted issuer with these claims changed; None removes a claim."""
    asked = {"claims": claims, "header": header or {}, "stranger": stranger}
    url = f"{provider.issuer}/trusted-issuer/assertion"
    answer = requests.post(url, json=asked, timeout=REQUEST_LIMIT)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["assertion"])
