"""Wrong and odd protected resource metadata, by the switches `prm` and `prm_servers`."""

import json
from typing import Any

from flask import Response, jsonify, redirect
from joserfc import jwt

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.metadata_answers import ELSEWHERE, HTML, HUGE

LINK_LOCAL = "http://169.254.169.254"


def instead_of_resource_metadata(demo: Demo, fault: str | None) -> Response | None:
    """The whole answer where the switch wants no document at all."""
    if fault is None:
        return None
    if fault.isdigit():
        return Response("The demo provider was told to fail.\n", int(fault), mimetype="text/plain")
    match fault:
        case "html":
            return Response(HTML, mimetype="text/html")
        case "array":
            return jsonify([demo.issuer])
        case "empty":
            return Response(status=204)
        case "redirect":
            return redirect(f"{demo.origin}/jwks.json", 302)  # type: ignore[return-value]
        case "redirect_other_host":
            return redirect(f"{demo.trap}/metadata", 302)  # type: ignore[return-value]
    return None


def change_resource_metadata(members: dict[str, Any], demo: Demo, fault: str | None) -> dict[str, Any]:
    """The document as the switches want it; a None in the changes removes the member."""
    if (servers := demo.faults.take("prm_servers")) is not None:
        members["authorization_servers"] = json.loads(servers)
    if fault is None:
        return members
    resource, origin, issuer = members["resource"], demo.origin, demo.issuer
    host, _, port = origin.rpartition(":")
    changes: dict[str, dict[str, Any]] = {
        "evil": {"authorization_servers": [demo.trap]},
        "wrong_resource": {"resource": f"https://{ELSEWHERE}/api"},
        "other_path": {"resource": resource + "/other"},
        "other_case": {"resource": origin + resource.removeprefix(origin).swapcase()},
        "other_port": {"resource": f"{host}:{int(port) ^ 1}{resource.removeprefix(origin)}"},
        "slash": {"resource": resource + "/"},
        "parent": {"resource": origin},
        "parent_prefix": {"resource": f"{origin}/ap"},
        "no_resource": {"resource": None},
        "number_resource": {"resource": 7},
        "no_servers": {"authorization_servers": None},
        "empty_servers": {"authorization_servers": []},
        "two_servers": {"authorization_servers": [f"https://{ELSEWHERE}", issuer]},
        "duplicate_servers": {"authorization_servers": [issuer, issuer]},
        "http_servers": {"authorization_servers": [f"http://{ELSEWHERE}"]},
        "link_local_servers": {"authorization_servers": [LINK_LOCAL]},
        "file_servers": {"authorization_servers": ["file:///etc/passwd"]},
        "no_scopes": {"scopes_supported": None},
        "markup_name": {"resource_name": "<b>Your bank</b>\u202e"},
        "unknown_members": {"demo_x": {"deep": [1]}, "tls_client_certificate_bound_access_tokens": False},
        "huge": {"padding": "x" * HUGE},
    }
    if fault == "signed":
        # Signed properly, and in contradiction to the plain members (RFC 9728 §2.2).
        claims = members | {"iss": issuer, "authorization_servers": [demo.trap]}
        key = demo.keys.current
        changes["signed"] = {"signed_metadata": jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)}
    return {name: value for name, value in (members | changes[fault]).items() if value is not None}
