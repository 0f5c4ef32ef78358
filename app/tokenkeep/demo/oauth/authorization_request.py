"""An authorization request, checked alike in a query and pushed (RFC 6749 §4.1.1, RFC 9126 §2.1)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, UnsupportedResponseTypeError
from authlib.oauth2.rfc6749.requests import OAuth2Payload
from werkzeug.datastructures import MultiDict

from tokenkeep.demo.oauth.dpop_requests import read_thumbprint

if TYPE_CHECKING:
    from tokenkeep.demo.oauth.authorization_server import AuthorizationServer

# RFC 8707 §2; all other parameters may occur once (RFC 6749 §3.1).
REPEATABLE = ("resource",)


class Parameters(OAuth2Payload):  # type: ignore[misc]
    """Parameters for Authlib that are not simply those of query and form."""

    def __init__(self, values: MultiDict[str, str]) -> None:
        self._values = values

    @property
    def data(self) -> MultiDict[str, str]:
        return self._values

    @property
    def datalist(self) -> dict[str, list[str]]:
        return {name: self._values.getlist(name) for name in self._values}


@dataclass(frozen=True)
class AuthorizationRequest:
    """A request that passed all checks: its parameters and Authlib's grant for it."""

    parameters: MultiDict[str, str]
    grant: Any

    @property
    def prompt(self) -> list[str]:
        return self.parameters.get("prompt", "").split()

    @property
    def state(self) -> str | None:
        return self.parameters.get("state")

    def error(self, code: str, text: str | None = None) -> OAuth2Error:
        """An error that goes back to the client."""
        return OAuth2Error(text, error=code, redirect_uri=self.grant.redirect_uri, state=self.state)


def check(server: "AuthorizationServer", parameters: MultiDict[str, str]) -> AuthorizationRequest:
    """The valid request; raises OAuth2Error, whose redirect_uri is set where the client may get the error."""
    try:
        grant = server.get_consent_grant(parameters)
    except UnsupportedResponseTypeError as error:
        # Authlib's text for this one is garbled, and an absent parameter has another code (RFC 6749 §4.1.2.1).
        code = "unsupported_response_type" if parameters.get("response_type") else "invalid_request"
        text = "response_type must be code"
        raise OAuth2Error(text, error=code, redirect_uri=error.redirect_uri, state=error.state) from error
    except ValueError as error:
        # Authlib quotes parameters in its messages and refuses a message for its characters.
        raise InvalidRequestError("A parameter has characters that are not allowed") from error
    asked = AuthorizationRequest(parameters, grant)
    try:
        _check_rest(server, asked)
    except OAuth2Error as error:
        error.redirect_uri, error.state = grant.redirect_uri, asked.state
        raise
    return asked


def _check_rest(server: "AuthorizationServer", asked: AuthorizationRequest) -> None:
    parameters, request = asked.parameters, asked.grant.request
    if any(len(parameters.getlist(name)) > 1 for name in parameters if name not in REPEATABLE):
        raise InvalidRequestError("A parameter is repeated")
    if "none" in asked.prompt and len(asked.prompt) > 1:
        raise InvalidRequestError("prompt=none stands alone")
    if "request" in parameters:
        # OpenID Connect Core §3.1.2.6.
        raise OAuth2Error("Request objects are not taken here", error="request_not_supported")
    request.jkt = read_thumbprint(parameters)
    request.resources = server.requested_resources(request)
