"""The authorization endpoint: login, consent by POST, and the redirect with `iss` (RFC 6749 §4.1, RFC 9207)."""

import hashlib
from typing import Any

from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidRequestError, OAuth2Error, UnsupportedResponseTypeError
from flask import Blueprint, Response, render_template, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.authorization_server import AuthorizationServer
from tokenkeep.demo.oauth.clients import SCOPE_TEXTS, USERS
from tokenkeep.demo.oauth.redirects import Redirects
from tokenkeep.demo.oauth.resource_indicators import InvalidTargetError
from tokenkeep.demo.oauth.store import BrowserSession
from tokenkeep.demo.web.browser import Browsers, must_log_in, refuse_forgery
from tokenkeep.demo.web.log import note


def _query() -> str:
    # As WSGI hands it over: a query with other bytes must not end in a decoding error.
    return request.query_string.decode("latin-1")


def _request_digest() -> str:
    """Names one authorization request; its state makes it unlike any other."""
    return hashlib.sha256(request.query_string).hexdigest()


def _must_log_in(session: BrowserSession) -> bool:
    prompt, max_age = request.args.get("prompt", ""), request.args.get("max_age", "")
    return must_log_in(session, _request_digest(), prompt=prompt, max_age=max_age)


class AuthorizationPages:
    """The views of `/authorize` and `/login`; both carry the whole authorization request in their query."""

    def __init__(self, demo: Demo, server: AuthorizationServer) -> None:
        self._demo = demo
        self._server = server
        self._browsers = Browsers(demo)
        self._redirects = Redirects(demo)

    def ask(self) -> Response:
        """`GET /authorize`: the login or consent page; decides nothing."""
        session = self._browsers.session()
        try:
            grant = self._checked_grant()
            if "none" in request.args.get("prompt", "").split():
                # Consent is asked for every time, so nothing can be had in silence (OpenID Connect Core §3.1.2.6).
                error = "login_required" if _must_log_in(session) else "consent_required"
                raise OAuth2Error(error=error, redirect_uri=grant.redirect_uri)
        except OAuth2Error as error:
            return self._failed(error)
        if _must_log_in(session):
            return self._login_page(session, grant)
        scopes = [(name, SCOPE_TEXTS[name]) for name in grant.request.scope.split()]
        return self._page(session, "consent.html", grant, user=session.user, scopes=scopes)

    def log_in(self) -> Response:
        """`POST /login`: check the password, then back to the authorization request."""
        session = self._browsers.session()
        refuse_forgery(session, request)
        try:
            grant = self._checked_grant()
        except OAuth2Error as error:
            return self._failed(error)
        user = self._demo.store.check_password(request.form)
        if user is None:
            note(outcome="wrong_password")
            return self._login_page(session, grant, 401, "That name and password do not belong together.")
        fresh = self._demo.store.log_in(session, user, _request_digest())
        return self._browsers.keep(self._redirects.to(f"/authorize?{_query()}"), fresh)

    def decide(self) -> Response:
        """`POST /authorize`: the person's decision, answered by a redirect to the client."""
        session = self._browsers.session()
        refuse_forgery(session, request)
        try:
            grant = self._checked_grant()
            if _must_log_in(session):
                return self._redirects.to(f"/authorize?{_query()}")
            if request.form.get("decision") != "allow":
                raise AccessDeniedError(redirect_uri=grant.redirect_uri)
        except OAuth2Error as error:
            return self._failed(error)
        if (fault := self._demo.faults.take("authorize")) is not None:
            note(outcome=fault, fault=f"authorize={fault}")
            return self._redirects.fail(grant.redirect_uri, fault, request.args.get("state"))
        with self._demo.store.lock:
            grant.request.session = session
            answer = self._server.create_authorization_response(grant.request, grant_user=session.user, grant=grant)
        # The login has answered this request's `prompt=login`; the next one asks again.
        session.login_for = None
        return self._redirects.finish(answer.location)

    def _checked_grant(self) -> Any:
        """The valid authorization request of the query; raises OAuth2Error."""
        try:
            grant = self._server.get_consent_grant()
        except UnsupportedResponseTypeError as error:
            # Authlib's text for this one is garbled, and an absent parameter has another code (RFC 6749 §4.1.2.1).
            code = "unsupported_response_type" if request.args.get("response_type") else "invalid_request"
            text = "response_type must be code"
            raise OAuth2Error(text, error=code, redirect_uri=error.redirect_uri) from error
        except ValueError as error:
            # Authlib quotes parameters in its messages and refuses a message for its characters.
            raise InvalidRequestError("A parameter has characters that are not allowed") from error
        if any(len(request.args.getlist(name)) > 1 for name in request.args if name != "resource"):
            raise InvalidRequestError("A parameter is repeated", redirect_uri=grant.redirect_uri)
        prompt = request.args.get("prompt", "").split()
        if "none" in prompt and len(prompt) > 1:
            raise InvalidRequestError("prompt=none stands alone", redirect_uri=grant.redirect_uri)
        try:
            grant.request.resources = self._server.requested_resources(grant.request)
        except InvalidTargetError as error:
            error.redirect_uri = grant.redirect_uri
            raise
        return grant

    def _failed(self, error: OAuth2Error) -> Response:
        """To the client where the redirect URI is known to be good, else a page."""
        note(outcome=error.error)
        if not error.redirect_uri:
            title = "This request cannot go on"
            return Response(
                render_template("error.html", title=title, text=error.get_error_description(), stopped=True), 400
            )
        error.state = request.args.get("state")
        _status, _body, headers = error()
        return self._redirects.finish(dict(headers)["Location"])

    def _page(self, session: BrowserSession, template: str, grant: Any, status: int = 200, **values: Any) -> Response:
        html = render_template(template, csrf=session.csrf, query=_query(), client=grant.client, **values)
        return self._browsers.keep(Response(html, status), session)

    def _login_page(self, session: BrowserSession, grant: Any, status: int = 200, message: str = "") -> Response:
        hint = request.form.get("username") or request.args.get("login_hint", "")
        known = {name: user.username for user in USERS for name in (user.username, user.email)}
        return self._page(
            session, "login.html", grant, status, message=message, users=USERS, username=known.get(hint, hint)
        )


def create_blueprint(demo: Demo, server: AuthorizationServer) -> Blueprint:
    """The routes `/authorize` and `/login`."""
    blueprint = Blueprint("authorize", __name__)
    pages = AuthorizationPages(demo, server)
    blueprint.add_url_rule("/authorize", "ask", pages.ask, methods=["GET"])
    blueprint.add_url_rule("/authorize", "decide", pages.decide, methods=["POST"])
    blueprint.add_url_rule("/login", "log_in", pages.log_in, methods=["POST"])
    return blueprint
