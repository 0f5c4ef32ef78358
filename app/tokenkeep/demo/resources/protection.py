"""Which access token a request presents, and whether it opens the URL that was asked (RFC 6750, RFC 8707, RFC 9449)."""

from typing import Any

from authlib.integrations.flask_oauth2.requests import FlaskJsonRequest
from authlib.oauth2 import OAuth2Error, ResourceProtector
from authlib.oauth2.rfc6749 import MissingAuthorizationError, UnsupportedTokenTypeError
from authlib.oauth2.rfc6750 import BearerTokenValidator, InvalidTokenError
from flask import Request, Response
from flask import request as flask_request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.dpop import InvalidDPoPProofError
from tokenkeep.demo.oauth.dpop_requests import ProofChecker
from tokenkeep.demo.oauth.store import Token, fingerprint
from tokenkeep.demo.resources.catalogue import accepted_audiences
from tokenkeep.demo.resources.challenge import refuse
from tokenkeep.demo.web.log import note


def _invalid(reason: str) -> InvalidTokenError:
    note(reason=reason)
    return InvalidTokenError()


class _Bearer(BearerTokenValidator):  # type: ignore[misc]
    """Authlib's checks, and that the token was issued for this resource and is not bound to a key."""

    def __init__(self, demo: Demo) -> None:
        super().__init__()
        self._demo = demo

    def authenticate_token(self, token_string: str) -> Token | None:
        note(access_token=fingerprint(token_string))
        return self._demo.store.access_token(token_string)

    def validate_token(
        self, token: Token | None, scopes: list[str] | None, request: Any, audiences: frozenset[str] | None = None
    ) -> None:
        if token is None:
            raise _invalid("unknown_token")
        if audiences is not None and audiences.isdisjoint(token.audience):
            raise _invalid("wrong_audience")
        self.check_key(token)
        super().validate_token(token, scopes, request)

    def check_key(self, token: Token) -> None:
        # A bound token under the scheme Bearer is worth nothing (RFC 9449 §7.2).
        if token.jkt is not None and self._demo.faults.value("rs_dpop") != "bearer_only":
            raise _invalid("bound_token")


class _DPoP(_Bearer):
    """The same for the scheme DPoP: the token must be bound, and a proof of its key must come with it."""

    TOKEN_TYPE = "dpop"

    def __init__(self, demo: Demo, proofs: ProofChecker) -> None:
        super().__init__(demo)
        self._proofs = proofs

    def check_key(self, token: Token) -> None:
        if token.jkt is None:
            raise _invalid("unbound_token")
        proof = self._proofs.check(flask_request, token.value)
        if proof is None or self._demo.faults.take("rs_dpop") == "refused":
            raise InvalidDPoPProofError
        if proof.jkt != token.jkt:
            raise _invalid("other_key")


class Protection:
    """Guards the protected resources and the userinfo endpoint of one demo provider."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._protector = ResourceProtector()
        self._protector.register_token_validator(_Bearer(demo))
        self._protector.register_token_validator(_DPoP(demo, ProofChecker(demo, "rs_nonce")))

    def token(self, request: Request, *, scope: str | None = None, any_audience: bool = False) -> Token | Response:
        """The valid token of the Authorization header, or the refusal; query and form are not looked at."""
        audiences = None if any_audience else accepted_audiences(self._demo.origin, request.path)
        scheme = request.headers.get("Authorization", "").partition(" ")[0]
        if scheme:
            note(scheme=scheme)
        if scheme.lower() == "dpop" and self._demo.faults.value("rs_dpop") == "bearer_only":
            return refuse(self._demo, request, scope=scope)
        try:
            token: Token = self._protector.validate_request(
                [scope] if scope else None, FlaskJsonRequest(request), audiences=audiences
            )
        except (MissingAuthorizationError, UnsupportedTokenTypeError):
            return refuse(self._demo, request, scope=scope)
        except OAuth2Error as error:
            answer = refuse(self._demo, request, error=error.error, scope=scope, dpop=scheme.lower() == "dpop")
            answer.headers.extend([header for header in error.get_headers() if header[0] == "DPoP-Nonce"])
            return answer
        return token
