"""The address of the pushed authorization requests (RFC 9126 §2), and the faults of its answers."""

from flask import Blueprint, Response

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.par_answers import CHANGES, change_par_answer, instead_of_par_answer
from tokenkeep.demo.oauth.authorization_server import AuthorizationServer
from tokenkeep.demo.oauth.token_endpoint import misuse, noted
from tokenkeep.demo.web.log import note


def create_blueprint(demo: Demo, server: AuthorizationServer) -> Blueprint:
    """`POST /par`."""
    blueprint = Blueprint("par", __name__)

    @blueprint.post("/par")
    def push() -> Response:
        if (refusal := misuse()) is not None:
            return noted(refusal)
        fault = demo.faults.value("par")
        if fault is not None:
            note(fault=f"par={fault}")
        if fault is not None and fault not in CHANGES:
            demo.faults.take("par")
            note(outcome=fault)
            return instead_of_par_answer(fault)
        answer: Response = noted(server.create_endpoint_response("pushed_authorization_request"))
        if answer.status_code == 201 and fault is not None:
            demo.faults.take("par")
            change_par_answer(answer, fault)
        return answer

    return blueprint
