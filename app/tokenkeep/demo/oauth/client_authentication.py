"""Who a request comes from: exactly one proof, of the kind that the client registered (RFC 6749 §2.3)."""

import base64
import binascii
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth import assertions
from tokenkeep.demo.oauth.clients import Client
from tokenkeep.demo.tls import dns_names_of_client
from tokenkeep.demo.web.log import note

# What a client may use; introspection wants more than a name.
METHODS = ("none", "client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth")
CONFIDENTIAL_METHODS = METHODS[1:]
ASSERTION_TYPE = JWTBearerClientAssertion.CLIENT_ASSERTION_TYPE
# rfc7523bis §4: the explicit type, beside what older clients send.
JWT_TYPES = (None, "JWT", "jwt", "client-authentication+jwt")


def _refused(reason: str) -> InvalidClientError:
    # 401 with a challenge in any case: a client that used the Authorization header must get it (RFC 6749 §5.2).
    return InvalidClientError(description=reason, status_code=401)


class ClientAuthenticator:
    """In place of Authlib's, which tries one method after another until one fits."""

    def __init__(self, demo: Demo, query_client: Any) -> None:
        self._demo = demo
        self._query = query_client

    def __call__(self, request: Any, methods: tuple[str, ...], endpoint: str = "token") -> Client:
        """The client, also set as `request.client`; raises InvalidRequestError or InvalidClientError (401)."""
        form = request.form
        offered = {
            "client_secret_basic": "Authorization" in request.headers,
            "client_secret_post": "client_secret" in form,
            "private_key_jwt": "client_assertion" in form or "client_assertion_type" in form,
        }
        used = [method for method, present in offered.items() if present]
        if len(used) > 1:
            raise InvalidRequestError("More than one way of client authentication")
        check: Callable[[Any], tuple[Client, str]] = getattr(self, f"_{used[0]}") if used else self._by_connection
        client, method = check(request)
        if method not in methods or not client.check_endpoint_auth_method(method, endpoint):
            raise _refused(f"This client does not authenticate by {method}")
        request.auth_method, request.client = method, client
        note(client_id=client.client_id, client_auth=method)
        return client

    def _known(self, client_id: str | None) -> Client:
        client: Client | None = self._query(client_id) if client_id else None
        if client is None:
            raise _refused("The client is unknown" if client_id else "There is no client_id")
        return client

    def _with_secret(self, client_id: str, secret: str, method: str) -> tuple[Client, str]:
        client = self._known(client_id)
        if method not in client.auth_methods or not client.check_client_secret(secret):
            raise _refused("The client credentials are not valid")
        expired = 0 < client.secret_expires_at <= time.time()
        if expired or self._demo.faults.take("client_secret") == "expired":
            raise _refused("The client secret has expired")
        return client, method

    def _client_secret_basic(self, request: Any) -> tuple[Client, str]:
        switch = self._demo.faults.value("basic")
        scheme, _, encoded = request.headers["Authorization"].partition(" ")
        if scheme.lower() != "basic":
            raise _refused("The Authorization scheme of this endpoint is Basic")
        try:
            text = base64.b64decode(encoded.strip(), validate=True).decode()
            client_id, colon, secret = text.partition(":")
            if switch != "raw":
                client_id, secret = (unquote_plus(part, errors="strict") for part in (client_id, secret))
        except (binascii.Error, UnicodeDecodeError) as error:
            raise _refused("The Basic credentials are malformed") from error
        if not colon or not secret:
            raise _refused("The Basic credentials are malformed")
        # In the body too it is allowed where it says the same; some servers even want that.
        named = request.form.get("client_id")
        if named not in (None, client_id) or (named is None and switch == "wants_client_id"):
            raise InvalidRequestError("client_id in the body is missing or differs from the authenticated client")
        return self._with_secret(client_id, secret, "client_secret_basic")

    def _client_secret_post(self, request: Any) -> tuple[Client, str]:
        client_id = request.form.get("client_id")
        return self._with_secret(client_id or "", request.form["client_secret"], "client_secret_post")

    def _private_key_jwt(self, request: Any) -> tuple[Client, str]:
        form = request.form
        if form.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in form:
            raise InvalidRequestError("client_assertion and client_assertion_type belong together")
        token = form["client_assertion"]
        client = self._known(assertions.unverified_claim(token, "sub"))
        if form.get("client_id", client.client_id) != client.client_id:
            raise InvalidRequestError("client_id differs from the authenticated client")
        if client.jwks is None:
            raise _refused("This client does not authenticate by private_key_jwt")
        try:
            header, claims = assertions.verify(token, assertions.import_keys(client.jwks))
            # Without its signature it proves nothing any more.
            note(client_assertion_header=header, client_assertion_claims=claims)
            self._check_assertion(header, claims, client)
        except assertions.AssertionRefused as error:
            raise _refused(f"client_assertion: {error}") from error
        return client, "private_key_jwt"

    def _check_assertion(self, header: dict[str, Any], claims: dict[str, Any], client: Client) -> None:
        """RFC 7523 §3 with the audience of rfc7523bis."""
        demo = self._demo
        switch = demo.faults.value("assertion_type")
        listed = demo.faults.value("assertion_algs")
        allowed = None if listed in (None, "absent") else json.loads(str(listed))
        if isinstance(allowed, list) and header["alg"] not in allowed:
            raise assertions.AssertionRefused("the algorithm is not among those of the metadata")
        kind = header.get("typ")
        if kind not in JWT_TYPES or (switch == "required" and kind != JWT_TYPES[-1]):
            raise assertions.AssertionRefused("the header typ is not client-authentication+jwt")
        if switch == "refused" and kind == JWT_TYPES[-1]:
            raise assertions.AssertionRefused("the header typ is unknown")
        if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
            raise assertions.AssertionRefused("the claims iss and sub must both be the client_id")
        switch, endpoint = demo.faults.value("assertion_audience"), f"{demo.origin}/token"
        assertions.check_audience(claims, assertions.audiences(demo.issuer, endpoint, switch))
        assertions.check_times(claims, demo.now())
        demo.store.use_once(client.client_id, claims)

    def _by_connection(self, request: Any) -> tuple[Client, str]:
        """A name alone: a public client, or one whose certificate came with the connection (RFC 8705 §2.1)."""
        client = self._known(request.form.get("client_id"))
        if client.tls_san_dns is None:
            return client, "none"
        names = dns_names_of_client()
        if client.tls_san_dns not in names:
            raise _refused("The client's certificate is missing or names somebody else")
        return client, "tls_client_auth"
