"""Wrong and odd metadata documents, by the switches `metadata` and `well_known_absent`."""

import json
from typing import Any

from flask import Response, jsonify, redirect

from tokenkeep.demo.context import Demo

HTML = "<!doctype html><title>Welcome</title>"
# More than any client should read (META-5): 6 MiB.
HUGE = 6 * 1024 * 1024
ELSEWHERE = "somebody-else.invalid"


def _plain(status: str) -> Response:
    return Response("The demo provider was told to fail.\n", int(status), mimetype="text/plain")


def instead_of_absent_metadata(demo: Demo) -> Response:
    """What stands at a well-known address that has no document."""
    fault = demo.faults.take("well_known_absent") or "404"
    return Response(HTML, mimetype="text/html") if fault == "html" else _plain(fault)


def instead_of_metadata(demo: Demo, fault: str | None) -> Response | None:
    """The whole answer where the switch wants no metadata document at all."""
    if fault is None:
        return None
    if fault.isdigit():
        return _plain(fault)
    match fault:
        case "html":
            return Response(HTML, mimetype="text/html")
        case "array":
            return jsonify([demo.issuer])
        case "empty":
            return Response(status=204)
        case "partial":
            return Response(json.dumps({"issuer": demo.issuer}), 206, mimetype="application/json")
        case "redirect":
            return redirect(f"{demo.origin}/moved-metadata", 302)  # type: ignore[return-value]
        case "redirect_same_host":
            return redirect(f"{demo.origin}/jwks.json", 308)  # type: ignore[return-value]
        case "redirect_other_host":
            return redirect(f"https://{ELSEWHERE}/metadata", 301)  # type: ignore[return-value]
        case "redirect_http":
            return redirect(f"http://{ELSEWHERE}/metadata", 302)  # type: ignore[return-value]
    return None


def change_members(members: dict[str, Any], demo: Demo, fault: str | None) -> dict[str, Any]:
    """The document as the `metadata` switch wants it; a None in the changes removes the member."""
    if fault in (None, "html_type"):
        return members
    issuer, token, authorization = demo.issuer, members["token_endpoint"], members["authorization_endpoint"]
    slash = issuer.removesuffix("/") if issuer.endswith("/") else issuer + "/"
    changes: dict[str, dict[str, Any]] = {
        "wrong_issuer": {"issuer": f"https://{ELSEWHERE}"},
        "slash_issuer": {"issuer": slash},
        "upper_issuer": {"issuer": issuer.replace("http", "HTTP", 1)},
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
        "http_token_endpoint": {"token_endpoint": f"http://{ELSEWHERE}/token"},
        "moved_token_endpoint": {"token_endpoint": f"https://{ELSEWHERE}/token"},
        "trap_token_endpoint": {"token_endpoint": demo.trap + "/token"},
        "private_token_endpoint": {"token_endpoint": "https://169.254.169.254/token"},
        "fragment_token_endpoint": {"token_endpoint": token + "#part"},
        "userinfo_token_endpoint": {"token_endpoint": token.replace("://", "://name:word@")},
        "list_token_endpoint": {"token_endpoint": [token]},
        "other_token_endpoint": {"token_endpoint": token + "/moved"},
        "query_authorization_endpoint": {"authorization_endpoint": authorization + "?tenant=a%2Fb&x=1"},
        "fragment_authorization_endpoint": {"authorization_endpoint": authorization + "#part"},
        "javascript_authorization_endpoint": {"authorization_endpoint": "javascript:alert(1)"},
        "no_par": {"pushed_authorization_request_endpoint": None},
        "par_without_endpoint": {
            "pushed_authorization_request_endpoint": None,
            "require_pushed_authorization_requests": True,
        },
        "no_dpop": {"dpop_signing_alg_values_supported": None},
        "other_dpop_algs": {"dpop_signing_alg_values_supported": ["HS256", "none", "ES256K"]},
        "no_end_session": {"end_session_endpoint": None},
        "no_offline_access": {
            "scopes_supported": [name for name in members["scopes_supported"] if name != "offline_access"]
        },
        "other_protected_resources": {"protected_resources": [f"https://{ELSEWHERE}/api"]},
        "unknown_members": {"mtls_endpoint_aliases": {"token_endpoint": f"https://{ELSEWHERE}/token"}, "demo_x": [1]},
        "huge": {"padding": "x" * HUGE},
    }
    return {name: value for name, value in (members | changes[fault]).items() if value is not None}
