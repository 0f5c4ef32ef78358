"""The addresses `/register` and `/register/CLIENT_ID` in HTTP, with the fault switches that change their answers."""

from collections.abc import Callable
from typing import Any

from authlib.integrations.flask_oauth2.requests import FlaskJsonRequest
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc7591 import InvalidClientMetadataError
from flask import Blueprint, Response, json, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.registration_answers import change_registration_answer, instead_of_registration_answer
from tokenkeep.demo.oauth.registration import ConfigurationEndpoint, RegistrationEndpoint, Registrations, bearer_token
from tokenkeep.demo.oauth.store import fingerprint
from tokenkeep.demo.web.log import note

# Keys may be private by mistake; a software statement is a credential.
SECRET_MEMBERS = ("client_secret", "registration_access_token", "jwks", "software_statement")


def _loggable(metadata: dict[str, Any]) -> dict[str, Any]:
    """What a test may want to compare with what it meant to send."""
    return {name: "…" if name in SECRET_MEMBERS else value for name, value in metadata.items()}


def create_blueprint(demo: Demo) -> Blueprint:
    """`POST /register`; `GET`, `PUT` and `DELETE /register/CLIENT_ID`."""
    blueprint = Blueprint("registration", __name__)
    registrations = Registrations(demo)
    register, configure = RegistrationEndpoint(demo, registrations), ConfigurationEndpoint(demo, registrations)

    def answered(endpoint: Callable[[Any], Any], client_id: str | None = None) -> Response:
        asked = FlaskJsonRequest(request)
        asked.client_id = client_id
        try:
            if request.method in ("POST", "PUT") and not isinstance(request.get_json(silent=True), dict):
                raise InvalidClientMetadataError("Send one JSON object")
            with demo.store.lock:
                status, body, headers = endpoint(asked)
        except OAuth2Error as error:
            note(outcome=error.error)
            status, body, headers = error()
        return Response(json.dumps(body) if isinstance(body, dict) else body, status, headers)

    def replaced(switch: str) -> Response | None:
        fault = demo.faults.value(switch)
        answer = instead_of_registration_answer(demo, fault) if fault else None
        if answer is None:
            return None
        demo.faults.take(switch)
        note(outcome=fault, fault=f"{switch}={fault}")
        return answer

    @blueprint.post("/register")
    def create() -> Response:
        sent = request.get_json(silent=True)
        if isinstance(sent, dict):
            note(metadata=_loggable(sent))
        if (answer := replaced("register")) is not None:
            return answer
        return change_registration_answer(demo, answered(register))

    @blueprint.route("/register/<client_id>", methods=["GET", "PUT", "DELETE"])
    def manage(client_id: str) -> Response:
        note(registration_token=fingerprint(bearer_token(request)))
        if request.method == "PUT" and isinstance(sent := request.get_json(silent=True), dict):
            note(metadata=_loggable(sent))
        return replaced("manage") or answered(configure, client_id)

    return blueprint
