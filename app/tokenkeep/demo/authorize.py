"""The authorization endpoint: login, consent by POST, and the redirect with `iss` (RFC 6749 §4.1, RFC 9207)."""

import hashlib
from typing import Any

from authlib.oauth2.rfc6749 import AccessDeniedError, OAuth2Error
from flask import Blueprint, Response, render_template, request

from tokenkeep.demo.authorization_server import AuthorizationServer
from tokenkeep.demo.browser import Browsers, must_log_in, refuse_forgery
from tokenkeep.demo.clients import SCOPE_TEXTS, USERS
from tokenkeep.demo.context import Demo
from tokenkeep.demo.log import note
from tokenkeep.demo.redirects import Redirects
from tokenkeep.demo.store import BrowserSession


class AuthorizeError(OAuth2Error):  # type: ignore[misc]
    """An error of OpenID Connect Core §3.1.2.6, sent to the client."""


def _request_digest() -> str:
    """Names one authorization request; its state makes it unlike any other."""
    return hashlib.sha256(request.query_string).hexdigest()


def create_blueprint(demo: Demo, server: AuthorizationServer) -> Blueprint:
    """`/authorize` and the login form's target `/login`; both carry the whole request in their query."""
    blueprint = Blueprint("authorize", __name__)
    browsers = Browsers(demo)
    redirects = Redirects(demo)

    def failed(error: OAuth2Error) -> Response:
        """To the client where the redirect URI is known to be good, else a page."""
        note(outcome=error.error)
        if not error.redirect_uri:
            return Response(
                render_template("error.html", title="This request cannot go on", text=error.description), 400
            )
        error.state = request.args.get("state")
        return redirects.finish(error()[2][0][1])

    def page(session: BrowserSession, template: str, status: int = 200, **values: Any) -> Response:
        query = request.query_string.decode()
        html = render_template(template, csrf=session.csrf, query=query, client=values["grant"].client, **values)
        return browsers.keep(Response(html, status), session)

    def login_page(session: BrowserSession, grant: Any, status: int = 200, message: str = "") -> Response:
        hint = request.form.get("username") or request.args.get("login_hint", "")
        known = {name: user.username for user in USERS for name in (user.username, user.email)}
        return page(
            session, "login.html", status, grant=grant, message=message, users=USERS, username=known.get(hint, hint)
        )

    def checked_grant() -> Any:
        """The valid authorization request of the query; raises OAuth2Error."""
        try:
            return server.get_consent_grant()
        except ValueError as error:
            # Authlib quotes parameters in messages and refuses the message for its characters.
            raise OAuth2Error("A parameter has characters that are not allowed", error="invalid_request") from error

    def needs_login(session: BrowserSession) -> bool:
        args = request.args
        return must_log_in(session, _request_digest(), prompt=args.get("prompt", ""), max_age=args.get("max_age", ""))

    @blueprint.get("/authorize")
    def ask() -> Response:
        session = browsers.session()
        try:
            grant = checked_grant()
            silent = "none" in request.args.get("prompt", "").split()
            if silent:
                # Consent is asked for every time, so nothing can be had in silence.
                error = "login_required" if needs_login(session) else "consent_required"
                raise AuthorizeError(error=error, redirect_uri=grant.redirect_uri)
        except OAuth2Error as error:
            return failed(error)
        if needs_login(session):
            return login_page(session, grant)
        scopes = [(name, SCOPE_TEXTS[name]) for name in grant.request.scope.split()]
        return page(session, "consent.html", grant=grant, user=session.user, scopes=scopes)

    @blueprint.post("/login")
    def log_in() -> Response:
        session = browsers.session()
        refuse_forgery(session, request)
        try:
            grant = checked_grant()
        except OAuth2Error as error:
            return failed(error)
        user = demo.store.users.get(request.form.get("username", "").strip().lower())
        if user is None or request.form.get("password") != user.password:
            note(outcome="wrong_password")
            return login_page(session, grant, 401, "That name and password do not belong together.")
        fresh = demo.store.log_in(session, user, _request_digest())
        return browsers.keep(redirects.to(f"/authorize?{request.query_string.decode()}"), fresh)

    @blueprint.post("/authorize")
    def decide() -> Response:
        session = browsers.session()
        refuse_forgery(session, request)
        try:
            grant = checked_grant()
            if needs_login(session):
                return redirects.to(f"/authorize?{request.query_string.decode()}")
            if request.form.get("decision") != "allow":
                raise AccessDeniedError(redirect_uri=grant.redirect_uri)
            if (fault := demo.faults.take("authorize")) is not None:
                note(fault=f"authorize={fault}")
                return redirects.fail(grant.redirect_uri, fault, request.args.get("state"))
        except OAuth2Error as error:
            return failed(error)
        with demo.store.lock:
            asked = server.create_oauth2_request(None)
            asked.session = session
            answer = server.create_authorization_response(asked, grant_user=session.user)
        # The login has answered this request's `prompt=login`; the next one asks again.
        session.login_for = None
        return redirects.finish(answer.location)

    return blueprint
