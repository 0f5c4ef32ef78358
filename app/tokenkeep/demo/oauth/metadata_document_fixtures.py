"""Client ID metadata documents that the demo serves itself, and the way for tests to publish their own."""

import re
from typing import Any

from flask import Blueprint, Response, jsonify, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.client_documents import faulty_document
from tokenkeep.demo.oauth.clients import CLIENT_ID
from tokenkeep.demo.oauth.metadata_documents import PATH

NAME = re.compile(r"[a-z0-9-]{1,40}")
MOST = 100


def _native(jwks: dict[str, Any] | None) -> dict[str, Any]:
    """Like the document of a native application; with keys, of one that authenticates."""
    document: dict[str, Any] = {
        "client_name": "A client from its own document",
        "redirect_uris": [f"http://{host}/callback" for host in ("127.0.0.1", "[::1]", "localhost")],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "application_type": "native",
        "software_id": CLIENT_ID,
    }
    return document if jwks is None else document | {"token_endpoint_auth_method": "private_key_jwt", "jwks": jwks}


def create_blueprint(demo: Demo) -> Blueprint:
    """`GET` and `PUT /client-metadata/NAME.json`."""
    blueprint = Blueprint("client_metadata", __name__)
    jwks = demo.known_clients.by_name["private_key_jwt"].jwks
    documents = {"native": _native(None), "key": _native(jwks)}

    @blueprint.get(f"{PATH}<name>.json")
    def read(name: str) -> Any:
        document = documents.get(name)
        if document is None:
            return jsonify(error="not_found"), 404
        url = f"{demo.origin}{PATH}{name}.json"
        return faulty_document(demo, {"client_id": url} | document)

    @blueprint.put(f"{PATH}<name>.json")
    def publish(name: str) -> Response | tuple[Response, int]:
        # A PUT cannot be sent cross-site without a preflight, and this server answers none.
        document = request.get_json(silent=True)
        if not isinstance(document, dict) or not NAME.fullmatch(name):
            return jsonify(error="Send a JSON object to a name of lower-case letters, digits and dashes."), 400
        if name not in documents and len(documents) >= MOST:
            return jsonify(error="There are enough documents."), 400
        documents[name] = document
        return jsonify(client_id=f"{demo.origin}{PATH}{name}.json")

    return blueprint
