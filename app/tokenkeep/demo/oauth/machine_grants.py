"""Grants without a person at a browser: client credentials and signed assertions (RFC 6749 §4.4, RFC 7523 §2.1)."""

from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc6749 import grants as authlib_grants
from authlib.oauth2.rfc7523 import JWTBearerGrant as AuthlibJWTBearerGrant

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth import assertions
from tokenkeep.demo.oauth.client_authentication import CONFIDENTIAL_METHODS, METHODS
from tokenkeep.demo.oauth.clients import RESOURCE_SCOPES, Client, User
from tokenkeep.demo.oauth.store import Family
from tokenkeep.demo.web.log import note

# What a machine gets that asks for no scope: to look, not to change.
DEFAULT_SCOPE = "notes:read"


@dataclass(frozen=True)
class Authorization:
    """What a token request of a machine was found to be worth."""

    family: Family


def machine_scope(client: Client, asked: str | None, limit: str | None = None) -> str:
    """The scope to grant: resource scopes of the client within the limit; raises InvalidScopeError for more."""
    allowed = [name for name in RESOURCE_SCOPES if name in client.scopes]
    if limit is not None:
        allowed = [name for name in allowed if name in limit.split()]
    wanted = list(dict.fromkeys((asked or DEFAULT_SCOPE).split()))
    if not wanted or not set(wanted) <= set(allowed):
        raise InvalidScopeError("A scope is unknown or not for this client")
    return " ".join(wanted)


class MachineGrant:
    """What these grants share; a subclass sets `request.credential` to an Authorization."""

    server: Any
    request: Any

    @property
    def demo(self) -> Demo:
        demo: Demo = self.server.demo
        return demo

    def authorize(self, client: Client, user: User | None = None, limit: str | None = None, **details: Any) -> Family:
        """A new family of tokens for the client's request, which becomes the request's credential."""
        scope = machine_scope(client, self.request.payload.scope, limit)
        family = Family(client.client_id, user, scope, int(self.demo.now()), **details)
        family.resources = self.server.requested_resources(self.request)
        self.request.credential = Authorization(family)
        return family

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        family = self.request.credential.family
        # None of these grants gives a refresh token: the client can simply ask again (RFC 6749 §4.4.3).
        unasked = self.demo.faults.take("machine_refresh_token") is not None
        token = self.generate_token(  # type: ignore[attr-defined]
            user=family.user, scope=family.scope, include_refresh_token=unasked
        )
        self.save_token(token)  # type: ignore[attr-defined]
        return 200, token, self.TOKEN_RESPONSE_HEADER  # type: ignore[attr-defined]


class ClientCredentialsGrant(MachineGrant, authlib_grants.ClientCredentialsGrant):  # type: ignore[misc]
    """RFC 6749 §4.4; a client that cannot prove who it is gets nothing."""

    TOKEN_ENDPOINT_AUTH_METHODS = CONFIDENTIAL_METHODS

    def validate_token_request(self) -> None:
        super().validate_token_request()
        self.authorize(self.request.client)


class JwtBearerGrant(MachineGrant, AuthlibJWTBearerGrant):  # type: ignore[misc]
    """RFC 7523 §2.1: an assertion of the trusted issuer, or of a client about itself.

    Authlib takes every issuer for a client; here an issuer may speak for the people and programs that it knows.
    """

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def validate_token_request(self) -> None:
        assertion = self.request.form.get("assertion")
        if not assertion:
            raise InvalidRequestError("assertion is missing")
        client = self._client(assertion)
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("This client may not use jwt-bearer")
        try:
            claims = self._checked(assertion, client)
        except assertions.AssertionRefused as error:
            raise InvalidGrantError(f"assertion: {error}") from error
        user = self.demo.store.user_by_subject(claims["sub"])
        foreign = None if user or claims["sub"] == client.client_id else claims["sub"]
        self.authorize(client, user, foreign_subject=foreign)

    def _client(self, assertion: str) -> Client:
        """The authenticated client; without a word about it, the one that signed (RFC 7521 §4.1)."""
        form = self.request.form
        named = {"client_id", "client_secret", "client_assertion"} & set(
            form
        ) or "Authorization" in self.request.headers
        issuer = assertions.unverified_claim(assertion, "iss")
        issuing = self.demo.store.clients.get(issuer or "")
        if not named and issuing is not None and issuing.jwks is not None:
            self.request.client = issuing
            return issuing
        client: Client = self.authenticate_token_endpoint_client()
        return client

    def _checked(self, assertion: str, client: Client) -> dict[str, Any]:
        """The claims after RFC 7523 §3; raises AssertionRefused."""
        demo, trusted = self.demo, self.server.trusted_issuer
        issuer = assertions.unverified_claim(assertion, "iss")
        if issuer == trusted.issuer:
            keys = trusted.keys
        elif issuer == client.client_id and client.jwks is not None:
            keys = assertions.import_keys(client.jwks)
        else:
            raise assertions.AssertionRefused("the issuer is not trusted here")
        header, claims = assertions.verify(assertion, keys)
        note(assertion_header=header, assertion_claims=claims)
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject:
            raise assertions.AssertionRefused("the claim sub is missing")
        if issuer == client.client_id and subject != client.client_id:
            raise assertions.AssertionRefused("a client speaks only for itself")
        switch, endpoint = demo.faults.value("assertion_audience"), f"{demo.origin}/token"
        assertions.check_audience(claims, assertions.audiences(demo.issuer, endpoint, switch))
        assertions.check_times(claims, demo.now())
        demo.store.use_once(str(issuer), claims)
        return claims
