"""Wrong and odd answers to pushed authorization requests, by the `par` switch."""

import json

from flask import Response

from tokenkeep.demo.faults.token_answers import instead_of_token_answer

# Values that change a genuine answer; all others stand in its place.
CHANGES = ("200", "expired", "no_request_uri", "number_request_uri", "no_expires_in", "text_expires_in")


def instead_of_par_answer(fault: str) -> Response:
    """The whole answer that the switch value names; nothing was kept."""
    answer = instead_of_token_answer("html200" if fault == "html" else fault)
    if fault == "html":
        answer.status_code = 201
    return answer


def change_par_answer(answer: Response, fault: str) -> None:
    """Apply a switch value of CHANGES to a genuine answer."""
    members = answer.get_json()
    match fault:
        case "200":
            answer.status_code = 200
        case "no_request_uri":
            del members["request_uri"]
        case "number_request_uri":
            members["request_uri"] = 7
        case "no_expires_in":
            del members["expires_in"]
        case "text_expires_in":
            members["expires_in"] = "soon"
    answer.set_data(json.dumps(members))
