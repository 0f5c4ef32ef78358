"""What the server says of itself: RFC 8414 and OpenID Connect Discovery in all well-known forms, and the key set."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.key_sets import instead_of_key_set
from tokenkeep.demo.faults.metadata_answers import (
    change_members,
    instead_of_absent_metadata,
    instead_of_metadata,
)
from tokenkeep.demo.oauth.capabilities import capabilities, change_capabilities
from tokenkeep.demo.oauth.clients import SCOPES
from tokenkeep.demo.oauth.dpop import ALGORITHMS
from tokenkeep.demo.oauth.identity import ACR
from tokenkeep.demo.resources.catalogue import identifiers
from tokenkeep.demo.web.log import note

OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"


def document(demo: Demo) -> dict[str, Any]:
    """The honest metadata."""
    origin = demo.origin
    return {
        "issuer": demo.issuer,
        "authorization_endpoint": f"{origin}/authorize",
        "token_endpoint": f"{origin}/token",
        "device_authorization_endpoint": f"{origin}/device_authorization",
        "pushed_authorization_request_endpoint": f"{origin}/par",
        "require_pushed_authorization_requests": bool(demo.options.require_par),
        "revocation_endpoint": f"{origin}/revoke",
        "userinfo_endpoint": f"{origin}/userinfo",
        "end_session_endpoint": f"{origin}/logout",
        "jwks_uri": f"{origin}/jwks.json",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        **capabilities(demo),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["sub", "name", "preferred_username", "email", "email_verified", "auth_time"],
        "acr_values_supported": [ACR],
        "prompt_values_supported": ["none", "login", "consent"],
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "protected_resources": sorted(identifiers(origin)),
    }


def _forms(issuer_path: str) -> dict[str, set[str]]:
    """Which well-known forms each address is (RFC 8414 §3.1 and §5, OpenID Connect Discovery §4.1)."""
    path = issuer_path.removesuffix("/")
    forms: dict[str, set[str]] = {}
    for form, address in (
        ("inserted_oauth", OAUTH + path),
        ("inserted_openid", OPENID + path),
        ("appended_openid", path + OPENID),
        ("root", OAUTH),
        ("root", OPENID),
    ):
        forms.setdefault(address, set()).add(form)
    return forms


def create_blueprint(demo: Demo) -> Blueprint:
    """The metadata in its forms, and the key set."""
    blueprint = Blueprint("metadata", __name__)
    forms = _forms(demo.options.issuer_path)
    standard = {"inserted_oauth", "inserted_openid", "appended_openid"}

    @blueprint.get(OAUTH)
    @blueprint.get(OPENID)
    @blueprint.get(f"{OAUTH}/<path:path>")
    @blueprint.get(f"{OPENID}/<path:path>")
    @blueprint.get(f"/<path:path>{OPENID}")
    def metadata(**_path: str) -> Response:
        only = demo.faults.value("well_known")
        if not forms.get(request.path, set()) & ({only} if only else standard):
            return instead_of_absent_metadata(demo)
        fault = demo.faults.take("metadata")
        if fault is not None:
            note(fault=f"metadata={fault}")
        if (answer := instead_of_metadata(demo, fault)) is not None:
            return answer
        members = change_members(document(demo), demo, fault)
        change_capabilities(demo, members)
        answer = jsonify(members)
        if fault == "html_type":
            answer.mimetype = "text/html"
        return answer

    @blueprint.get("/jwks.json")
    def key_set() -> Any:
        # The turning values act when an id_token is made.
        fault = None if demo.faults.value("jwks") in ("rotate", "overlap") else demo.faults.take("jwks")
        if fault is None:
            return jsonify(demo.keys.published())
        note(fault=f"jwks={fault}")
        return instead_of_key_set(demo, fault)

    @blueprint.post("/keys/rotate")
    def rotate() -> Response | tuple[Response, int]:
        # A JSON content type cannot be sent cross-site without a preflight, and this server answers none.
        wanted = request.get_json(silent=True) if request.is_json else None
        if not isinstance(wanted, dict) or not isinstance(wanted.get("overlap", False), bool):
            return jsonify(error='Send {"overlap": true} or {"overlap": false}.'), 400
        demo.keys.rotate(overlap=wanted.get("overlap", False))
        return jsonify(demo.keys.published())

    return blueprint
