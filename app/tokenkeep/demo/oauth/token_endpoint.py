"""The endpoints where clients send forms: strict about the request, then Authlib, then faults."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.client_answers import refuse_client
from tokenkeep.demo.faults.introspection_answers import change_introspection_answer
from tokenkeep.demo.faults.token_answers import change_device_answer, change_token_answer, instead_of_token_answer
from tokenkeep.demo.oauth.authorization_server import AuthorizationServer
from tokenkeep.demo.web.log import note

# Which switch stands for which grant, beside `token` for all of them.
GRANT_SWITCHES = {
    "authorization_code": "exchange",
    "refresh_token": "refresh",
    "device_code": "poll",
    "client_credentials": "machine",
    "jwt-bearer": "machine",
    "token-exchange": "machine",
}
# The only form fields that may be repeated (RFC 8707 §2, RFC 8693 §2.1).
REPEATABLE = ("resource", "audience")
# Where clients authenticate.
CLIENT_ENDPOINTS = ("/token", "/device_authorization", "/revoke", "/introspect", "/par")


def misuse() -> Response | None:
    """The refusal of a request that breaks RFC 6749 §3.2 in its form, if it does."""
    reason = None
    if request.args:
        reason = "parameters belong into the body"
    elif request.mimetype != "application/x-www-form-urlencoded":
        reason = "the body must be form-encoded"
    elif any(len(request.form.getlist(name)) > 1 for name in request.form if name not in REPEATABLE):
        reason = "a parameter is repeated"
    elif any(value == "" for value in request.form.values()):
        reason = "a parameter is empty"
    if reason is None:
        return None
    answer = jsonify(error="invalid_request", error_description=reason)
    answer.status_code = 400
    return answer


def noted(answer: Response) -> Response:
    """The answer, its OAuth error written to the log."""
    body: Any = answer.get_json(silent=True)
    if answer.status_code >= 400 and isinstance(body, dict) and "error" in body:
        note(outcome=body["error"])
    return answer


def create_blueprint(demo: Demo, server: AuthorizationServer) -> Blueprint:
    """`POST /token`, `/device_authorization`, `/revoke` and `/introspect`."""
    blueprint = Blueprint("token_endpoint", __name__)

    def fault_of(grant: str) -> str | None:
        """The switch value that replaces this answer."""
        if grant == "device_code" and demo.faults.take("slow_down"):
            return "slow_down"
        return demo.faults.take("token") or demo.faults.take(GRANT_SWITCHES.get(grant, "token"))

    def with_retry_after(answer: Response) -> Response:
        if (retry_after := demo.faults.value("retry_after")) is not None:
            answer.headers["Retry-After"] = retry_after
        return answer

    def faulty(fault: str) -> Response:
        note(outcome=fault, fault=fault)
        return with_retry_after(instead_of_token_answer(fault))

    def locked(create: Callable[[], Any]) -> Response:
        # One at a time: a code or refresh token is looked at and used up in one step.
        with demo.store.lock:
            answer: Response = create()
        return answer

    @blueprint.before_app_request
    def refuse_clients() -> Response | None:
        if request.method != "POST" or request.path not in CLIENT_ENDPOINTS:
            return None
        fault = demo.faults.take("client_auth")
        if fault is None:
            return None
        note(outcome=fault, fault=f"client_auth={fault}")
        return refuse_client(fault)

    @blueprint.post("/token")
    def token() -> Response:
        demo.faults.hold("token_delay", "token_freeze")
        if (refusal := misuse()) is not None:
            return noted(refusal)
        grant = request.form.get("grant_type", "").rpartition(":")[2]
        if (fault := fault_of(grant)) is not None:
            return faulty(fault)
        answer = noted(locked(server.create_token_response))
        if answer.status_code == 200:
            demo.log.progress("/token", "processed")
            demo.faults.hold("answer_delay", "answer_freeze")
            change_token_answer(demo, answer, refreshed=grant == "refresh_token")
        return answer

    @blueprint.post("/device_authorization")
    def device_authorization() -> Response:
        if (refusal := misuse()) is not None:
            return noted(refusal)
        fault = demo.faults.take("device")
        if fault in ("html", "500", "503", "invalid_client", "unauthorized_client", "invalid_scope"):
            return faulty(fault)
        answer = noted(locked(lambda: server.create_endpoint_response("device_authorization")))
        if answer.status_code == 200:
            change_device_answer(demo, answer, fault)
        return answer

    @blueprint.post("/revoke")
    def revoke() -> Response:
        if (refusal := misuse()) is not None:
            return noted(refusal)
        fault = demo.faults.take("revoke")
        if fault is not None:
            return faulty("unsupported_token_type" if fault == "unsupported" else fault)
        return noted(locked(lambda: server.create_endpoint_response("revocation")))

    @blueprint.post("/introspect")
    def introspect() -> Response:
        if (refusal := misuse()) is not None:
            return noted(refusal)
        fault = demo.faults.take("introspection")
        answer = noted(locked(lambda: server.create_endpoint_response("introspection")))
        # A client without its credentials learns nothing, not even what is wrong here.
        if fault is None or answer.status_code != 200:
            return answer
        note(outcome=fault, fault=f"introspection={fault}")
        return with_retry_after(change_introspection_answer(answer, fault))

    return blueprint
