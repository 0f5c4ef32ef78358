"""Wrong introspection answers, by the values of the `introspection` switch."""

import json
from typing import Any

from flask import Response

from tokenkeep.demo.faults.client_answers import refuse_client
from tokenkeep.demo.faults.token_answers import HTML


def change_introspection_answer(answer: Response, fault: str) -> Response:
    """The answer as the switch wants it."""
    if fault == "401":
        return refuse_client("invalid_client")
    if fault.isdigit():
        return Response("The demo provider was told to fail.\n", int(fault), mimetype="text/plain")
    if fault in ("html", "empty"):
        return Response(HTML if fault == "html" else "", content_type="text/html")
    members: dict[str, Any] = answer.get_json()
    changes = {"text_active": "true", "number_active": 1, "inactive": False}
    if fault == "no_active":
        del members["active"]
    elif fault in changes:
        members["active"] = changes[fault]
    answer.set_data(json.dumps([members] if fault == "array" else members))
    return answer
