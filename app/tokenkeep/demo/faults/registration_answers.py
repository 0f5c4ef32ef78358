"""Wrong registration answers, and registrations other than asked, by fault switch."""

import json
from typing import Any

from flask import Response

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.token_answers import HTML

ERRORS = ("invalid_redirect_uri", "invalid_client_metadata")


def _json(status: int, body: object) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")


def instead_of_registration_answer(demo: Demo, fault: str) -> Response | None:
    """The whole answer, when the value means that nothing is registered or changed; else None."""
    answer = None
    if fault in ERRORS:
        answer = _json(400, {"error": fault, "error_description": "a fault switch is on"})
    elif fault in ("html", "html200"):
        answer = Response(HTML, 500 if fault == "html" else 200, content_type="text/html")
    elif fault == "empty":
        answer = Response("", 201, content_type="application/json")
    elif fault in ("401", "403"):
        answer = _json(int(fault), {"error": "invalid_token" if fault == "401" else "insufficient_scope"})
        answer.headers["WWW-Authenticate"] = 'Bearer realm="TokenKeep demo", error="invalid_token"'
    elif fault.isdigit() and fault != "200":
        answer = Response("The demo provider was told to fail.\n", int(fault), mimetype="text/plain")
    if answer is not None and (retry_after := demo.faults.value("retry_after")) is not None:
        answer.headers["Retry-After"] = retry_after
    return answer


def changed_metadata(demo: Demo, metadata: dict[str, Any]) -> dict[str, Any]:
    """What is registered instead of what was asked, by the switch `register` (RFC 7591 §3.2.1 allows that)."""
    changed = dict(metadata)
    uris = changed.get("redirect_uris", [])
    match demo.faults.value("register"):
        case "secret":
            changed["token_endpoint_auth_method"] = "client_secret_post"
        case "drop_redirect":
            changed["redirect_uris"] = uris[1:]
        case "rewrite_redirect":
            changed["redirect_uris"] = [uri + "/moved" for uri in uris]
        case "drop_refresh":
            changed["grant_types"] = [name for name in changed["grant_types"] if name != "refresh_token"]
        case "drop_code":
            changed["grant_types"] = [name for name in changed["grant_types"] if name != "authorization_code"]
            changed["response_types"] = []
        case _:
            return metadata
    return changed


def change_registration_answer(demo: Demo, answer: Response) -> Response:
    """Apply the malformed values of the switch `register` to a genuine answer."""
    if answer.status_code != 201 or (fault := demo.faults.take("register")) is None:
        return answer
    members: dict[str, Any] = answer.get_json()
    body: object = members
    match fault:
        case "200":
            answer.status_code = 200
        case "array":
            body = [members]
        case "no_client_id":
            del members["client_id"]
        case "number_client_id" | "empty_client_id":
            members["client_id"] = 7 if fault == "number_client_id" else ""
        case "no_secret":
            members.pop("client_secret", None)
        case "no_secret_expiry":
            members.pop("client_secret_expires_at", None)
        case "stray_secret":
            members |= {"client_secret": "demo-cs-stray", "client_secret_expires_at": 0}
        case "text_secret_expiry":
            members["client_secret_expires_at"] = "never"
    answer.set_data(json.dumps(body))
    return answer


def management_uri(demo: Demo, client_id: str) -> str | None:
    """The registration_client_uri, or None where the switch `registration_uri` leaves it out."""
    path = f"/register/{client_id}"
    match demo.faults.take("registration_uri"):
        case "absent":
            return None
        case "other_host":
            return demo.trap + path
        case "relative":
            return path
    return demo.origin + path
