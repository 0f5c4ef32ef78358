"""The authorization endpoint: login, consent by POST, and the redirect with `iss` (RFC 6749 §4.1, RFC 9207)."""

import hashlib
from typing import Any

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, render_template, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.authorization_request import AuthorizationRequest, check
from tokenkeep.demo.oauth.authorization_server import AuthorizationServer
from tokenkeep.demo.oauth.clients import SCOPE_TEXTS, USERS
from tokenkeep.demo.oauth.redirects import Redirects
from tokenkeep.demo.oauth.store import BrowserSession
from tokenkeep.demo.web.browser import Browsers, must_log_in, refuse_forgery
from tokenkeep.demo.web.log import note


def _query() -> str:
    # As WSGI hands it over: a query with other bytes must not end in a decoding error.
    return request.query_string.decode("latin-1")


def _request_digest() -> str:
    """Names one authorization request; its state makes it unlike any other."""
    return hashlib.sha256(request.query_string).hexdigest()


class AuthorizationPages:
    """The views of `/authorize` and `/login`; both carry the query of the authorization request."""

    def __init__(self, demo: Demo, server: AuthorizationServer) -> None:
        self._demo = demo
        self._server = server
        self._browsers = Browsers(demo)
        self._redirects = Redirects(demo)

    def ask(self) -> Response:
        """`GET /authorize`: the login or consent page; decides nothing."""
        session = self._browsers.session()
        note(query=sorted(request.args))
        try:
            asked = self._asked(session)
            note(scope=asked.parameters.get("scope"))
            if "none" in asked.prompt:
                # Consent is asked for every time, so nothing can be had in silence (OpenID Connect Core §3.1.2.6).
                raise asked.error("login_required" if self._must_log_in(session, asked) else "consent_required")
        except OAuth2Error as error:
            return self._failed(error)
        if self._must_log_in(session, asked):
            return self._login_page(session, asked)
        scopes = [(name, SCOPE_TEXTS[name]) for name in asked.grant.request.scope.split()]
        return self._page(session, "consent.html", asked, user=session.user, scopes=scopes)

    def log_in(self) -> Response:
        """`POST /login`: check the password, then back to the authorization request."""
        session = self._browsers.session()
        refuse_forgery(session, request)
        try:
            asked = self._asked(session)
        except OAuth2Error as error:
            return self._failed(error)
        user = self._demo.store.check_password(request.form)
        if user is None:
            note(outcome="wrong_password")
            return self._login_page(session, asked, 401, "That name and password do not belong together.")
        fresh = self._demo.store.log_in(session, user, _request_digest())
        self._server.pushed.follow(request.args, fresh)
        return self._browsers.keep(self._redirects.to(f"/authorize?{_query()}"), fresh)

    def decide(self) -> Response:
        """`POST /authorize`: the person's decision, answered by a redirect to the client."""
        session = self._browsers.session()
        refuse_forgery(session, request)
        try:
            asked = self._asked(session)
            if self._must_log_in(session, asked):
                return self._redirects.to(f"/authorize?{_query()}")
            if request.form.get("decision") != "allow":
                raise asked.error("access_denied", "The person did not allow it")
        except OAuth2Error as error:
            return self._failed(error)
        self._server.pushed.use_up(request.args)
        if (fault := self._demo.faults.take("authorize")) is not None:
            note(outcome=fault, fault=f"authorize={fault}")
            return self._redirects.fail(asked.grant.redirect_uri, fault, asked.state)
        grant = asked.grant
        with self._demo.store.lock:
            grant.request.session = session
            answer = self._server.create_authorization_response(grant.request, grant_user=session.user, grant=grant)
        # The login has answered this request's `prompt=login`; the next one asks again.
        session.login_for = None
        return self._redirects.finish(answer.location)

    def _asked(self, session: BrowserSession) -> AuthorizationRequest:
        """The checked authorization request behind the query; raises OAuth2Error."""
        asked = check(self._server, self._server.pushed.parameters(request.args, session))
        if self._demo.options.require_par and "request_uri" not in request.args:
            raise asked.error("invalid_request", "Requests must be pushed to this server first")
        return asked

    def _must_log_in(self, session: BrowserSession, asked: AuthorizationRequest) -> bool:
        prompt, max_age = asked.parameters.get("prompt", ""), asked.parameters.get("max_age", "")
        return must_log_in(session, _request_digest(), prompt=prompt, max_age=max_age)

    def _failed(self, error: OAuth2Error) -> Response:
        """To the client where the redirect URI is known to be good, else a page."""
        note(outcome=error.error)
        if not error.redirect_uri:
            title = "This request cannot go on"
            return Response(
                render_template("error.html", title=title, text=error.get_error_description(), stopped=True), 400
            )
        self._server.pushed.use_up(request.args)
        _status, _body, headers = error()
        return self._redirects.finish(dict(headers)["Location"])

    def _page(
        self, session: BrowserSession, template: str, asked: AuthorizationRequest, status: int = 200, **values: Any
    ) -> Response:
        client = asked.grant.client
        html = render_template(template, csrf=session.csrf, query=_query(), client=client, **values)
        return self._browsers.keep(Response(html, status), session)

    def _login_page(
        self, session: BrowserSession, asked: AuthorizationRequest, status: int = 200, message: str = ""
    ) -> Response:
        hint = request.form.get("username") or asked.parameters.get("login_hint", "")
        known = {name: user.username for user in USERS for name in (user.username, user.email)}
        return self._page(
            session, "login.html", asked, status, message=message, users=USERS, username=known.get(hint, hint)
        )


def create_blueprint(demo: Demo, server: AuthorizationServer) -> Blueprint:
    """The routes `/authorize` and `/login`."""
    blueprint = Blueprint("authorize", __name__)
    pages = AuthorizationPages(demo, server)
    blueprint.add_url_rule("/authorize", "ask", pages.ask, methods=["GET"])
    blueprint.add_url_rule("/authorize", "decide", pages.decide, methods=["POST"])
    blueprint.add_url_rule("/login", "log_in", pages.log_in, methods=["POST"])
    return blueprint
