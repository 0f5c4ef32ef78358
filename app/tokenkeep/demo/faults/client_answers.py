"""How servers refuse a client, by the values of the `client_auth` switch."""

import json

from flask import Response

CHALLENGE = 'Basic realm="TokenKeep demo", error="invalid_client"'


def refuse_client(fault: str) -> Response:
    """The whole answer; nothing was processed."""
    code, _, status = fault.rpartition("_")
    if code == "empty":
        answer = Response("", int(status))
    elif fault == "html":
        answer = Response("<!doctype html><title>Who are you?</title>", 401, content_type="text/html")
    else:
        error = fault.removesuffix("_400")
        body = json.dumps({"error": error, "error_description": "a fault switch is on"})
        answer = Response(body, 401 if fault == "invalid_client" else 400, content_type="application/json")
    if answer.status_code == 401:
        answer.headers["WWW-Authenticate"] = CHALLENGE
    return answer
