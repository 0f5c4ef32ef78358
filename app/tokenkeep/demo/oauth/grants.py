"""The code and refresh grants on Authlib: one-use codes, PKCE both ways, rotation with family revocation."""

import time
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749 import grants as authlib_grants

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.client_authentication import METHODS
from tokenkeep.demo.oauth.clients import Client, User
from tokenkeep.demo.oauth.pkce import check_verifier, read_challenge
from tokenkeep.demo.oauth.store import Code, Family, Token
from tokenkeep.demo.web.log import note


class AuthorizationCodeGrant(authlib_grants.AuthorizationCodeGrant):  # type: ignore[misc]
    """RFC 6749 §4.1 with RFC 7636; `server.demo` is the running demo provider."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    @property
    def demo(self) -> Demo:
        demo: Demo = self.server.demo
        return demo

    @staticmethod
    def validate_authorization_redirect_uri(request: Any, client: Client) -> str:
        # Authlib quotes the address in its message, which fails for addresses with a quote in them.
        uri = request.payload.redirect_uri
        if not uri or not client.check_redirect_uri(uri):
            raise InvalidRequestError("redirect_uri is missing or not registered for this client")
        return str(uri)

    def validate_requested_scope(self) -> None:
        # Called by Authlib where errors may go to the redirect URI already.
        super().validate_requested_scope()
        self.code_challenge = read_challenge(
            self.request.payload.data, required=self.demo.faults.value("pkce") != "optional"
        )

    def save_authorization_code(self, code: str, request: Any) -> None:
        session = request.session
        family = Family(
            request.client.client_id, request.user, request.scope, session.auth_time, request.payload.data.get("nonce")
        )
        family.resources = request.resources
        expires_at = time.time() + self.demo.options.code_lifetime
        with self.demo.store.lock:
            self.demo.store.codes[code] = Code(
                code, family, request.payload.redirect_uri, self.code_challenge, expires_at, jkt=request.jkt
            )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        item = self.demo.store.codes.get(code)
        if item is None or item.family.client_id != client.client_id:
            return None
        if item.used:
            # Somebody else may hold the code: whatever it gave ends (RFC 6749 §4.1.2).
            item.family.revoked = True
            note(outcome="invalid_grant", reason="code_reused")
            return None
        return item if time.time() < item.expires_at else None

    def validate_token_request(self) -> None:
        super().validate_token_request()
        if not self.request.form.get("redirect_uri"):
            raise InvalidRequestError("redirect_uri is missing")
        check_verifier(self.request.authorization_code.code_challenge, self.request.form.get("code_verifier"))

    def authenticate_user(self, authorization_code: Code) -> User | None:
        return authorization_code.family.user

    def delete_authorization_code(self, authorization_code: Code) -> None:
        authorization_code.used = True


class RefreshTokenGrant(authlib_grants.RefreshTokenGrant):  # type: ignore[misc]
    """RFC 6749 §6; each use gives a new refresh token and retires the old one (RFC 9700 §4.14.2)."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    @property
    def demo(self) -> Demo:
        demo: Demo = self.server.demo
        return demo

    @property
    def INCLUDE_NEW_REFRESH_TOKEN(self) -> bool:  # noqa: N802 - Authlib's name
        return self.demo.faults.value("refresh_token") is None

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        token = self.demo.store.tokens.get(refresh_token)
        now = time.time()
        if token is None or token.kind != "refresh_token" or not token.check_client(self.request.client):
            return None
        if token.retired_at is not None and now >= token.retired_at + self.demo.options.refresh_grace:
            token.family.revoked = True
            note(outcome="invalid_grant", reason="refresh_token_reused")
            return None
        return token if token.is_valid(now) else None

    def _validate_request_token(self, client: Client) -> Any:
        self.request.client = client
        try:
            return super()._validate_request_token(client)
        except InvalidGrantError:
            raise InvalidGrantError("The refresh token is unknown, expired, revoked or was used before") from None

    def authenticate_user(self, refresh_token: Token) -> User | None:
        return refresh_token.family.user

    def revoke_old_credential(self, refresh_token: Token) -> None:
        if self.INCLUDE_NEW_REFRESH_TOKEN and refresh_token.retired_at is None:
            refresh_token.retired_at = time.time()
