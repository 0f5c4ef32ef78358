"""Pushed authorization requests (RFC 9126): the endpoint, and the one use of what it hands out."""

import secrets
import time
from dataclasses import dataclass
from typing import Any

from authlib.consts import default_json_headers
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.endpoint import Endpoint, EndpointRequest
from authlib.oauth2.rfc9101.errors import InvalidRequestUriError
from flask import request as flask_request
from werkzeug.datastructures import MultiDict

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.authorization_request import check
from tokenkeep.demo.oauth.client_authentication import METHODS
from tokenkeep.demo.oauth.store import BrowserSession, fingerprint
from tokenkeep.demo.web.log import note

PREFIX = "urn:ietf:params:oauth:request_uri:"
# Client authentication is no part of the request that was pushed (RFC 9126 §2.1).
CREDENTIALS = ("client_secret", "client_assertion", "client_assertion_type")


@dataclass
class PushedRequest:
    """A request that waits for its browser; `session` is the one that opened it first."""

    client_id: str
    parameters: MultiDict[str, str]
    expires_at: float
    session: BrowserSession | None = None


class PushedRequests:
    """What was pushed and not yet answered."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._waiting: dict[str, PushedRequest] = {}

    def add(self, client_id: str, parameters: MultiDict[str, str], lifetime: int) -> str:
        """Keep a checked request for that many seconds; returns its request_uri."""
        uri = PREFIX + secrets.token_urlsafe(32)
        with self._demo.store.lock:
            self._waiting[uri] = PushedRequest(client_id, parameters, time.time() + lifetime)
        return uri

    def parameters(self, query: MultiDict[str, str], session: BrowserSession) -> MultiDict[str, str]:
        """The authorization request behind a query; nothing but client_id and request_uri of it counts.

        Raises InvalidRequestUriError for a request_uri that is unknown, expired, of another client or of another
        browser. Only its first use must come in time: after that a person reads and types.
        """
        uris = query.getlist("request_uri")
        if not uris:
            return query
        with self._demo.store.lock:
            pushed = self._waiting.get(uris[0]) if len(uris) == 1 else None
            if pushed is None or query.getlist("client_id") != [pushed.client_id]:
                raise InvalidRequestUriError("This request_uri is unknown or was used before")
            if pushed.session is None and time.time() >= pushed.expires_at:
                del self._waiting[uris[0]]
                raise InvalidRequestUriError("This request_uri has expired")
            if pushed.session is not None and pushed.session is not session:
                raise InvalidRequestUriError("This request_uri was opened in another browser")
            pushed.session = session
            return pushed.parameters

    def follow(self, query: MultiDict[str, str], session: BrowserSession) -> None:
        """The same browser goes on under a new session, because somebody logged in."""
        with self._demo.store.lock:
            if pushed := self._waiting.get(query.get("request_uri", "")):
                pushed.session = session

    def use_up(self, query: MultiDict[str, str]) -> None:
        """The request was answered, well or badly (RFC 9126 §7.3)."""
        with self._demo.store.lock:
            self._waiting.pop(query.get("request_uri", ""), None)


class PushedAuthorizationEndpoint(Endpoint):  # type: ignore[misc]
    """`POST /par`: the client authenticates as at the token endpoint, the request is checked as at `/authorize`."""

    ENDPOINT_NAME = "pushed_authorization_request"

    def validate_request(self, request: Any) -> EndpointRequest:
        self.server.authenticate_client(request, METHODS, self.ENDPOINT_NAME)
        sent = flask_request.form
        if "request_uri" in sent:
            raise InvalidRequestError("request_uri cannot be pushed")
        parameters = MultiDict((name, value) for name, value in sent.items(multi=True) if name not in CREDENTIALS)
        # What Basic or an assertion says already may be left out of the body.
        parameters["client_id"] = request.client.client_id
        proof = self.server.proofs.check(flask_request)
        if proof is not None and parameters.setdefault("dpop_jkt", proof.jkt) != proof.jkt:
            raise InvalidRequestError("dpop_jkt is not the key of the DPoP proof")
        try:
            asked = check(self.server, parameters)
        except OAuth2Error as error:
            # There is no browser here that could be sent anywhere, and no state to return (RFC 9126 §2.3).
            error.redirect_uri = error.state = None
            raise
        return EndpointRequest(asked.grant.request, request.client)

    def create_response(self, validated_request: EndpointRequest) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        demo: Demo = self.server.demo
        lifetime = demo.options.par_lifetime
        expired = demo.faults.value("par") == "expired"
        parameters = validated_request.request.payload.data
        uri = self.server.pushed.add(validated_request.client.client_id, parameters, 0 if expired else lifetime)
        note(request_uri=fingerprint(uri))
        return 201, {"request_uri": uri, "expires_in": lifetime}, default_json_headers
