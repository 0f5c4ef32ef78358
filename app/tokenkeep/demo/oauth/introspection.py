"""Token introspection (RFC 7662): a client that proves itself may ask about its own tokens."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7662 import IntrospectionEndpoint as AuthlibIntrospectionEndpoint

from tokenkeep.demo.oauth.client_authentication import CONFIDENTIAL_METHODS
from tokenkeep.demo.oauth.clients import Client
from tokenkeep.demo.oauth.store import Token


class IntrospectionEndpoint(AuthlibIntrospectionEndpoint):  # type: ignore[misc]
    """`POST /introspect`; unknown, dead and foreign tokens are all `active: false` (§2.2)."""

    CLIENT_AUTH_METHODS = CONFIDENTIAL_METHODS

    def check_params(self, request: Any, _client: Client) -> None:
        # The hint only speeds up a search (§2.1); there is nothing to speed up here.
        if not request.form.get("token"):
            raise InvalidRequestError("token is missing")

    def query_token(self, token_string: str, _token_type_hint: str | None) -> Token | None:
        token: Token | None = self.server.demo.store.tokens.get(token_string)
        return token if token and token.retired_at is None else None

    def check_permission(self, token: Token, client: Client, _request: Any) -> bool:
        return token.check_client(client)

    def introspect_token(self, token: Token) -> dict[str, Any]:
        family, access = token.family, token.kind == "access_token"
        members = {
            "active": True,
            "scope": token.scope,
            "client_id": family.client_id,
            "username": family.user.username if family.user else None,
            "token_type": ("DPoP" if token.jkt else "Bearer") if access else None,
            # RFC 9449 §6.2.
            "cnf": {"jkt": token.jkt} if token.jkt else None,
            "exp": int(token.expires_at),
            "sub": family.subject,
            "aud": list(token.audience) if access else None,
            "iss": self.server.demo.issuer,
            "act": {"sub": family.actor} if family.actor else None,
        }
        return {name: value for name, value in members.items() if value is not None}
