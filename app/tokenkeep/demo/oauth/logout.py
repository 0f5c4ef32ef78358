"""Logout by the client's wish (OpenID Connect RP-Initiated Logout 1.0) on Authlib's endpoint."""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from authlib.oauth2 import OAuth2Error
from authlib.oidc.rpinitiated import EndSessionEndpoint as AuthlibEndSessionEndpoint
from authlib.oidc.rpinitiated import EndSessionRequest
from flask import Blueprint, Response, render_template, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.authorization_server import AuthorizationServer
from tokenkeep.demo.oauth.clients import Client
from tokenkeep.demo.oauth.store import BrowserSession
from tokenkeep.demo.web.browser import Browsers, refuse_forgery
from tokenkeep.demo.web.log import note

# What a client may send (RP-Initiated Logout §2); the confirmation form sends the same again.
PARAMETERS = ("id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")


class EndSessionEndpoint(AuthlibEndSessionEndpoint):  # type: ignore[misc]
    """Checks the request; the pages below end the session."""

    @property
    def demo(self) -> Demo:
        demo: Demo = self.server.demo
        return demo

    def get_server_jwks(self) -> dict[str, Any]:
        return self.demo.keys.published()

    def get_algorithms(self) -> list[str]:
        return ["RS256"]

    def _is_valid_post_logout_redirect_uri(self, client: Client, uri: str) -> bool:
        return client.post_logout_redirects.matches(uri)

    def is_post_logout_redirect_uri_legitimate(
        self, _request: Any, _uri: str, _client: Client, _logout_hint: str | None
    ) -> bool:
        """Without an id_token the person confirms on our page, which names the client."""
        return True


class LogoutPages:
    """The views of `/logout`."""

    def __init__(self, demo: Demo, server: AuthorizationServer) -> None:
        self._demo = demo
        self._server = server
        self._browsers = Browsers(demo)

    def ask(self) -> Response:
        """`GET` or `POST /logout`, from the client by way of the browser: end the session, or ask first."""
        session = self._browsers.session()
        try:
            asked = self._checked()
        except OAuth2Error as error:
            return self._refused(error)
        if session.user is not None and not self._is_about(session, asked):
            hidden = {name: request.values[name] for name in PARAMETERS if name in request.values}
            html = render_template(
                "logout.html", csrf=session.csrf, hidden=hidden, client=asked.client, user=session.user
            )
            return self._browsers.keep(Response(html), session)
        return self._end(session, asked)

    def confirm(self) -> Response:
        """`POST /logout/confirm`: the person's decision on our page."""
        session = self._browsers.session()
        refuse_forgery(session, request)
        try:
            asked = self._checked()
        except OAuth2Error as error:
            return self._refused(error)
        if request.form.get("decision") != "log_out":
            note(outcome="stayed")
            return Response(render_template("logged_out.html", ended=False))
        return self._end(session, asked)

    def _checked(self) -> EndSessionRequest:
        if any(len(request.values.getlist(name)) > 1 for name in PARAMETERS):
            raise OAuth2Error("A parameter is repeated", error="invalid_request")
        asked: EndSessionRequest = self._server.validate_endpoint_request("end_session")
        if request.values.get("client_id") and asked.client is None:
            raise OAuth2Error("The client is unknown", error="invalid_request")
        if request.values.get("post_logout_redirect_uri") and asked.redirect_uri is None:
            raise OAuth2Error("post_logout_redirect_uri is not registered for this client", error="invalid_request")
        return asked

    def _is_about(self, session: BrowserSession, asked: EndSessionRequest) -> bool:
        """Whether an id_token of the person who is logged in stands behind the request (§2, §6)."""
        claims = asked.id_token_claims
        return bool(claims and session.user and claims.get("sub") == session.user.sub)

    def _refused(self, error: OAuth2Error) -> Response:
        note(outcome=error.error)
        text = error.get_error_description() or "The request is not valid."
        return Response(render_template("error.html", title="Not logged out", text=text, stopped=True), 400)

    def _end(self, session: BrowserSession, asked: EndSessionRequest) -> Response:
        fault = self._demo.faults.take("logout")
        if fault is not None:
            note(fault=f"logout={fault}")
        if fault == "500":
            return Response("The demo provider was told to fail.\n", 500, mimetype="text/plain")
        self._browsers.end(session)
        note(outcome="logged_out")
        if asked.redirect_uri is None or fault == "no_return":
            return self._browsers.forget(Response(render_template("logged_out.html", ended=True)))
        location = self._changed(asked.redirect_uri, fault)
        return self._browsers.forget(Response("", 303, {"Location": location}))

    def _changed(self, location: str, fault: str | None) -> str:
        """The way back with the `state` that the switch wants."""
        parts = urlsplit(location)
        query = [(name, value) for name, value in parse_qsl(parts.query) if name != "state" or fault is None]
        if fault in ("wrong_state", "empty_state"):
            query.append(("state", "not-the-state" if fault == "wrong_state" else ""))
        return urlunsplit(parts._replace(query=urlencode(query)))


def create_blueprint(demo: Demo, server: AuthorizationServer) -> Blueprint:
    """`/logout` for clients, `/logout/confirm` for its own page."""
    blueprint = Blueprint("logout", __name__)
    pages = LogoutPages(demo, server)
    server.register_endpoint(EndSessionEndpoint)
    blueprint.add_url_rule("/logout", "ask", pages.ask, methods=["GET", "POST"])
    blueprint.add_url_rule("/logout/confirm", "confirm", pages.confirm, methods=["POST"])
    return blueprint
