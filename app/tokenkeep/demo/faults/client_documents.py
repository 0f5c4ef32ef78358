"""Wrong client ID metadata documents, by the values of the `client_document` switch."""

from typing import Any

from flask import Response, jsonify

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.token_answers import HTML
from tokenkeep.demo.web.log import note

# Twice what an authorization server should read.
PADDING = 10 * 1024


def faulty_document(demo: Demo, document: dict[str, Any]) -> Response:
    """The document as JSON, or what the switch makes of it."""
    fault = demo.faults.take("client_document")
    if fault is None:
        return jsonify(document)
    note(fault=f"client_document={fault}")
    changes: dict[str, dict[str, Any]] = {
        "other_client_id": {"client_id": document["client_id"] + "x"},
        "no_client_id": {"client_id": None},
        "no_name": {"client_name": None},
        "no_redirect_uris": {"redirect_uris": None},
        "no_method": {"token_endpoint_auth_method": None},
        "secret": {"client_secret": "demo-shared", "client_secret_expires_at": 0},
        "secret_method": {"token_endpoint_auth_method": "client_secret_basic"},
        "huge": {"padding": "x" * PADDING},
    }
    if fault in changes:
        changed = document | changes[fault]
        return jsonify({name: value for name, value in changed.items() if value is not None})
    match fault:
        case "404" | "500":
            return Response("The demo provider was told to fail.\n", int(fault), mimetype="text/plain")
        case "redirect":
            # The body would do, for a server that does not look at the status.
            answer = jsonify(document)
            answer.status_code, answer.headers["Location"] = 302, document["client_id"]
            return answer
        case "html":
            return Response(HTML, mimetype="text/html")
        case "broken":
            return Response("{", mimetype="application/json")
    return jsonify([document])
