"""Which access token a request presents, and whether it opens the URL that was asked (RFC 6750, RFC 8707)."""

from typing import Any

from authlib.integrations.flask_oauth2.requests import FlaskJsonRequest
from authlib.oauth2 import OAuth2Error, ResourceProtector
from authlib.oauth2.rfc6749 import MissingAuthorizationError, UnsupportedTokenTypeError
from authlib.oauth2.rfc6750 import BearerTokenValidator, InvalidTokenError
from flask import Request, Response

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.store import Token, fingerprint
from tokenkeep.demo.resources.catalogue import accepted_audiences
from tokenkeep.demo.resources.challenge import refuse
from tokenkeep.demo.web.log import note


class _Bearer(BearerTokenValidator):  # type: ignore[misc]
    """Authlib's checks, and that the token was issued for this resource."""

    def __init__(self, demo: Demo) -> None:
        super().__init__()
        self._demo = demo

    def authenticate_token(self, token_string: str) -> Token | None:
        note(access_token=fingerprint(token_string))
        return self._demo.store.access_token(token_string)

    def validate_token(
        self, token: Token | None, scopes: list[str] | None, request: Any, audiences: frozenset[str] | None = None
    ) -> None:
        if token is None or (audiences is not None and audiences.isdisjoint(token.audience)):
            note(reason="wrong_audience" if token else "unknown_token")
            raise InvalidTokenError
        super().validate_token(token, scopes, request)


class Protection:
    """Guards the protected resources and the userinfo endpoint of one demo provider."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._protector = ResourceProtector()
        self._protector.register_token_validator(_Bearer(demo))

    def token(self, request: Request, *, scope: str | None = None, any_audience: bool = False) -> Token | Response:
        """The valid token of the Authorization header, or the refusal; query and form are not looked at."""
        audiences = None if any_audience else accepted_audiences(self._demo.origin, request.path)
        try:
            token: Token = self._protector.validate_request(
                [scope] if scope else None, FlaskJsonRequest(request), audiences=audiences
            )
        except (MissingAuthorizationError, UnsupportedTokenTypeError):
            return refuse(self._demo, request, scope=scope)
        except OAuth2Error as error:
            return refuse(self._demo, request, error=error.error, scope=scope)
        return token
