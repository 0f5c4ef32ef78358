"""The page where a person types a device code, sees who asks for what, and decides (RFC 8628 §3.3)."""

import time

from flask import Blueprint, Response, render_template, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.clients import SCOPE_TEXTS, USERS
from tokenkeep.demo.oauth.store import BrowserSession, Family
from tokenkeep.demo.web.browser import Browsers, refuse_forgery
from tokenkeep.demo.web.log import note


def create_blueprint(demo: Demo) -> Blueprint:
    """`/device`: code, then login where needed, then the decision; only POST decides."""
    blueprint = Blueprint("device", __name__)
    browsers = Browsers(demo)

    def show(session: BrowserSession, template: str, status: int = 200, **values: object) -> Response:
        return browsers.keep(Response(render_template(template, csrf=session.csrf, **values), status), session)

    def code_page(session: BrowserSession, typed: str, status: int = 200, message: str = "") -> Response:
        return show(session, "device_code.html", status, typed=typed, message=message)

    @blueprint.get("/device")
    def start() -> Response:
        # A code in the address is only filled in: the person compares it and goes on (RFC 8628 §5.4).
        return code_page(browsers.session(), request.args.get("user_code", "")[:20])

    @blueprint.post("/device")
    def go_on() -> Response:
        session = browsers.session()
        refuse_forgery(session, request)
        form = request.form
        device = demo.store.device_by_user_code(form.get("user_code", ""))
        if device is None:
            note(outcome="unknown_user_code")
            return code_page(
                session, form.get("user_code", "")[:20], 400, "No device waits with this code, or it ran out."
            )
        client = demo.store.clients[device.client_id]
        message = ""
        if "password" in form:
            user = demo.store.check_password(form)
            if user is not None:
                session = demo.store.log_in(session, user, device.device_code)
            else:
                note(outcome="wrong_password")
                message = "That name and password do not belong together."
        if session.user is None or message:
            status = 401 if message else 200
            username = form.get("username", "")
            return show(
                session,
                "login.html",
                status,
                device=device,
                client=client,
                message=message,
                users=USERS,
                username=username,
            )
        decision = form.get("decision")
        if decision not in ("allow", "deny"):
            scopes = [(name, SCOPE_TEXTS[name]) for name in device.scope.split()]
            return show(session, "consent.html", device=device, client=client, user=session.user, scopes=scopes)
        with demo.store.lock:
            if device.decided:
                return code_page(session, "", 400, "This code was used already.")
            if decision == "deny":
                device.denied = True
            else:
                auth_time = session.auth_time or int(time.time())
                device.family = Family(
                    device.client_id, session.user, device.scope, auth_time, resources=device.resources
                )
        return show(session, "device_done.html", client=client, allowed=decision == "allow")

    return blueprint
