"""The protected resource: a few answers that need a valid access token (RFC 6750, RFC 9728)."""

from flask import Blueprint, Response, jsonify, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.clients import SCOPES
from tokenkeep.demo.oauth.store import Token, fingerprint
from tokenkeep.demo.resources.challenge import bearer_token, refuse
from tokenkeep.demo.web.log import note

PATHS = {"/api": None, "/api/whoami": None, "/api/notes": "notes:read"}
NOTES = {
    "ada": ["The engine weaves algebraic patterns.", "Ask about the Bernoulli numbers."],
    "grace": ["A ship in port is safe.", "Bring the nanosecond wire."],
}


def create_blueprint(demo: Demo) -> Blueprint:
    """The routes under `/api` and their metadata documents."""
    blueprint = Blueprint("resource", __name__)

    def check() -> Token | Response:
        """The valid token, or the refusal."""
        scope = PATHS[request.path]
        value = bearer_token(request)
        token = demo.store.access_token(value or "")
        if value:
            note(access_token=fingerprint(value))
        fault = demo.faults.take("resource")
        if fault in ("500", "503"):
            note(outcome=fault, fault=f"resource={fault}")
            return Response("The demo resource was told to fail.\n", int(fault), mimetype="text/plain")
        if token is None or fault == "401":
            return refuse(demo, request, demo.issuer + request.path, scope=scope)
        if (scope and scope not in token.scope.split()) or fault == "403":
            return refuse(demo, request, demo.issuer + request.path, error="insufficient_scope", scope=scope)
        return token

    @blueprint.get("/api")
    @blueprint.get("/api/whoami")
    def whoami() -> Response:
        token = check()
        if isinstance(token, Response):
            return token
        user = token.family.user
        return jsonify(
            sub=user.sub,
            username=user.username,
            name=user.name,
            client_id=token.family.client_id,
            scope=token.scope,
            expires_at=int(token.expires_at),
        )

    @blueprint.get("/api/notes")
    def notes() -> Response:
        token = check()
        return token if isinstance(token, Response) else jsonify(notes=NOTES[token.family.user.username])

    @blueprint.get("/.well-known/oauth-protected-resource/<path:path>")
    def metadata(path: str) -> Response | tuple[Response, int]:
        if f"/{path}" not in PATHS:
            return jsonify(error="not_found"), 404
        return jsonify(
            resource=f"{demo.issuer}/{path}",
            authorization_servers=[demo.issuer],
            scopes_supported=[name for name in SCOPES if name == "notes:read"],
            bearer_methods_supported=["header"],
            resource_name="TokenKeep demo notes",
        )

    return blueprint
