"""What the metadata says about clients and grants (RFC 8414 §2, RFC 8705 §5)."""

import json
from typing import Any

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.assertions import ALGORITHMS
from tokenkeep.demo.oauth.client_authentication import METHODS
from tokenkeep.demo.oauth.clients import INTERACTIVE_GRANTS, MACHINE_GRANTS

# Switches that give a member as raw JSON.
RAW = {
    "auth_methods": "token_endpoint_auth_methods_supported",
    "assertion_algs": "token_endpoint_auth_signing_alg_values_supported",
}


def capabilities(demo: Demo) -> dict[str, Any]:
    """Members for the metadata document; methods that need TLS are named only where there is TLS."""
    tls = demo.origin.startswith("https:")
    methods = [method for method in METHODS if tls or method != "tls_client_auth"]
    members: dict[str, Any] = {
        "grant_types_supported": [*INTERACTIVE_GRANTS, *MACHINE_GRANTS],
        "client_id_metadata_document_supported": True,
        "registration_endpoint": f"{demo.origin}/register",
        "introspection_endpoint": f"{demo.origin}/introspect",
    }
    for endpoint in ("token", "revocation", "introspection"):
        members[f"{endpoint}_endpoint_auth_methods_supported"] = [
            method for method in methods if endpoint != "introspection" or method != "none"
        ]
        members[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] = list(ALGORITHMS)
    return members


def change_capabilities(demo: Demo, members: dict[str, Any]) -> None:
    """Apply the switches that change one of these members."""
    for switch, member in RAW.items():
        if (raw := demo.faults.take(switch)) is not None:
            members.pop(member, None)
            if raw != "absent":
                members[member] = json.loads(raw)
    if (fault := demo.faults.take("cimd")) is not None:
        members["client_id_metadata_document_supported"] = "true"
        if fault == "absent":
            del members["client_id_metadata_document_supported"]
