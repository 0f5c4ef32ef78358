"""Protected resource metadata (RFC 9728): one document for each URL of each resource, one for the whole origin."""

from typing import Any

from flask import Blueprint, Response, jsonify

from tokenkeep.demo.context import Demo
from tokenkeep.demo.resources.catalogue import RESOURCES, Resource


def document(demo: Demo, path: str, resource: Resource | None) -> dict[str, Any]:
    """The honest metadata of the resource at that path; None stands for all resources, whose path is empty."""
    scopes = resource.scopes if resource else [scope for item in RESOURCES for scope in item.scopes]
    return {
        "resource": demo.origin + path,
        "authorization_servers": [demo.issuer],
        "scopes_supported": list(scopes),
        "bearer_methods_supported": ["header"],
        "resource_name": resource.name if resource else "TokenKeep demo",
    }


def create_blueprint(demo: Demo) -> Blueprint:
    """The path form and the root form of the well-known address (RFC 9728 §3.1)."""
    blueprint = Blueprint("resource_metadata", __name__)

    @blueprint.get("/.well-known/oauth-protected-resource/<path:path>")
    def of_path(path: str) -> Response | tuple[Response, int]:
        for resource in RESOURCES:
            if f"/{path}" in resource.paths:
                return jsonify(document(demo, f"/{path}", resource))
        return jsonify(error="not_found"), 404

    @blueprint.get("/.well-known/oauth-protected-resource")
    def of_root() -> Response:
        return jsonify(document(demo, "", None))

    return blueprint
