"""What the server says about itself: RFC 8414, OpenID Connect Discovery, the key set."""

from typing import Any

from flask import Blueprint, Response, jsonify, redirect

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.key_sets import instead_of_key_set
from tokenkeep.demo.oauth.capabilities import capabilities, change_capabilities
from tokenkeep.demo.oauth.clients import SCOPES
from tokenkeep.demo.oauth.identity import ACR
from tokenkeep.demo.web.log import note

# More than any client should read (META-5): 6 MiB.
HUGE = 6 * 1024 * 1024


def document(demo: Demo) -> dict[str, Any]:
    """The honest metadata."""
    issuer = demo.issuer
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "device_authorization_endpoint": f"{issuer}/device_authorization",
        "revocation_endpoint": f"{issuer}/revoke",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks.json",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        **capabilities(demo),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["sub", "name", "preferred_username", "email", "email_verified", "auth_time"],
        "acr_values_supported": [ACR],
        "prompt_values_supported": ["none", "login", "consent"],
    }


def faulty_document(demo: Demo, fault: str) -> dict[str, Any]:
    """The metadata as the `metadata` switch wants it; a None in the changes removes the member."""
    issuer = demo.issuer
    token, authorization = f"{issuer}/token", f"{issuer}/authorize"
    changes: dict[str, dict[str, Any]] = {
        "wrong_issuer": {"issuer": "https://somebody-else.invalid"},
        "slash_issuer": {"issuer": issuer + "/"},
        "upper_issuer": {"issuer": issuer.replace("http:", "HTTP:")},
        "number_issuer": {"issuer": 7},
        "no_issuer": {"issuer": None},
        "no_pkce": {"code_challenge_methods_supported": None},
        "plain_only": {"code_challenge_methods_supported": ["plain"]},
        "no_device": {
            "device_authorization_endpoint": None,
            "grant_types_supported": ["authorization_code", "refresh_token"],
        },
        "no_revocation": {"revocation_endpoint": None},
        "no_iss_parameter": {"authorization_response_iss_parameter_supported": None},
        "text_iss_parameter": {"authorization_response_iss_parameter_supported": "true"},
        "no_token_endpoint": {"token_endpoint": None},
        "relative_token_endpoint": {"token_endpoint": "/token"},
        "http_token_endpoint": {"token_endpoint": "http://somebody-else.invalid/token"},
        "fragment_token_endpoint": {"token_endpoint": token + "#part"},
        "userinfo_token_endpoint": {"token_endpoint": token.replace("://", "://name:word@")},
        "list_token_endpoint": {"token_endpoint": [token]},
        "other_token_endpoint": {"token_endpoint": token + "/moved"},
        "trap_token_endpoint": {"token_endpoint": demo.trap + "/token"},
        "private_token_endpoint": {"token_endpoint": "https://169.254.169.254/token"},
        "query_authorization_endpoint": {"authorization_endpoint": authorization + "?tenant=a%2Fb&x=1"},
        "fragment_authorization_endpoint": {"authorization_endpoint": authorization + "#part"},
        "javascript_authorization_endpoint": {"authorization_endpoint": "javascript:alert(1)"},
        "huge": {"padding": "x" * HUGE},
    }
    changed = document(demo) | changes[fault]
    return {name: value for name, value in changed.items() if value is not None}


def create_blueprint(demo: Demo) -> Blueprint:
    """The two metadata addresses and the key set."""
    blueprint = Blueprint("metadata", __name__)

    @blueprint.get("/.well-known/oauth-authorization-server")
    @blueprint.get("/.well-known/openid-configuration")
    def metadata() -> Any:
        fault = demo.faults.take("metadata")
        if fault is None:
            members = document(demo)
            change_capabilities(demo, members)
            return jsonify(members)
        note(fault=f"metadata={fault}")
        match fault:
            case "html":
                return Response("<!doctype html><title>Welcome</title>", mimetype="text/html")
            case "404" | "500":
                return Response("The demo provider was told to fail.\n", int(fault), mimetype="text/plain")
            case "redirect":
                return redirect(f"{demo.issuer}/moved-metadata", 302)
            case "empty":
                return Response(status=204)
        return jsonify(faulty_document(demo, fault))

    @blueprint.get("/jwks.json")
    def key_set() -> Any:
        fault = demo.faults.take("jwks") if demo.faults.value("jwks") != "rotate" else None
        if fault is None:
            return jsonify(demo.keys.published())
        note(fault=f"jwks={fault}")
        return instead_of_key_set(demo, fault)

    return blueprint
