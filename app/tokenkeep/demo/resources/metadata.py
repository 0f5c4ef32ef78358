"""Protected resource metadata (RFC 9728): one document for each URL of each resource, one for the whole origin."""

from typing import Any

from flask import Blueprint, Response, jsonify

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.resource_metadata import change_resource_metadata, instead_of_resource_metadata
from tokenkeep.demo.oauth.dpop import ALGORITHMS
from tokenkeep.demo.resources.catalogue import RESOURCES, Resource
from tokenkeep.demo.web.log import note

WELL_KNOWN = "/.well-known/oauth-protected-resource"


def document(demo: Demo, path: str, resource: Resource | None) -> dict[str, Any]:
    """The honest metadata of the resource at that path; None stands for all resources, whose path is empty."""
    scopes = resource.scopes if resource else [scope for item in RESOURCES for scope in item.scopes]
    return {
        "resource": demo.origin + path,
        "authorization_servers": [demo.issuer],
        "scopes_supported": list(scopes),
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "resource_name": resource.name if resource else "TokenKeep demo",
    }


def create_blueprint(demo: Demo) -> Blueprint:
    """The path form and the root form of the well-known address (RFC 9728 §3.1)."""
    blueprint = Blueprint("resource_metadata", __name__)

    def answer(form: str, path: str, resource: Resource | None) -> Response:
        if demo.faults.value("prm_form") not in (None, form):
            return absent()
        fault = demo.faults.take("prm")
        if fault is not None:
            note(fault=f"prm={fault}")
        instead = instead_of_resource_metadata(demo, fault)
        return instead or jsonify(change_resource_metadata(document(demo, path, resource), demo, fault))

    def absent() -> Response:
        nothing = jsonify(error="not_found")
        nothing.status_code = 404
        return nothing

    @blueprint.get(f"{WELL_KNOWN}/<path:path>")
    def of_path(path: str) -> Response:
        for resource in RESOURCES:
            if f"/{path}" in resource.paths:
                return answer("path", f"/{path}", resource)
        return absent()

    @blueprint.get(WELL_KNOWN)
    def of_root() -> Response:
        return answer("root", "", None)

    return blueprint
