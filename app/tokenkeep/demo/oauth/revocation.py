"""Token revocation (RFC 7009): a refresh token takes its family with it, an access token only itself."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint as AuthlibRevocationEndpoint

from tokenkeep.demo.oauth.client_authentication import METHODS
from tokenkeep.demo.oauth.clients import Client
from tokenkeep.demo.oauth.store import Token


class RevocationEndpoint(AuthlibRevocationEndpoint):  # type: ignore[misc]
    """`POST /revoke`; unknown and foreign tokens are answered like known ones."""

    CLIENT_AUTH_METHODS = METHODS

    def authenticate_token(self, request: Any, client: Client) -> Token | None:
        if not request.form.get("token"):
            raise InvalidRequestError("token is missing")
        # The hint only speeds up a search (RFC 7009 §2.1); there is nothing to speed up here.
        token: Token | None = self.server.demo.store.tokens.get(request.form["token"])
        return token if token and token.check_client(client) else None

    def revoke_token(self, token: Token, _request: Any) -> None:
        token.revoked = True
        if token.kind == "refresh_token":
            token.family.revoked = True
