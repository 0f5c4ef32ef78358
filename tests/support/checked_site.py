"""A server whose documents a test changes, and what the check says of it."""

from __future__ import annotations

from typing import Any

from support.oauth_values import NOW, key, public
from support.scripted_server import ScriptedServer, json_answer
from tokenkeep.domain.check import CheckReport, Finding
from tokenkeep.domain.provider import Provider
from tokenkeep.oauth.check import check_issuer, check_provider
from tokenkeep.oauth.transport import Transport

METADATA = "/.well-known/oauth-authorization-server"
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"  # support.oauth_values.NOW


def good(origin: str) -> dict[str, Any]:
    """Metadata without a fault, everything offered."""
    return {
        "issuer": origin,
        "authorization_endpoint": f"{origin}/authorize",
        "token_endpoint": f"{origin}/token",
        "device_authorization_endpoint": f"{origin}/device",
        "revocation_endpoint": f"{origin}/revoke",
        "registration_endpoint": f"{origin}/register",
        "pushed_authorization_request_endpoint": f"{origin}/par",
        "end_session_endpoint": f"{origin}/logout",
        "jwks_uri": f"{origin}/jwks",
        "scopes_supported": ["openid", "offline_access"],
        "response_types_supported": ["code"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
    }


class Site:
    """The server; `document` and `keys` are published as they are when a check begins."""

    def __init__(self, server: ScriptedServer, transport: Transport) -> None:
        self.server, self.transport = server, transport
        self.document = good(server.origin)
        self.keys: dict[str, Any] = {"keys": [public(key("RSA"))]}
        self.headers: dict[str, str] = {"Date": DATE}

    def publish(self) -> None:
        shown = {name: value for name, value in self.document.items() if value is not None}
        self.server.reply(METADATA, json_answer(shown, 200, **self.headers))
        self.server.reply("/jwks", json_answer(self.keys))

    def check(self, **changes: Any) -> CheckReport:
        """Of the issuer; a None takes a member out of the metadata."""
        self.document |= changes
        self.publish()
        return check_issuer(self.transport, self.server.origin, wall=NOW)

    def finding(self, rule: str, **changes: Any) -> Finding:
        """One rule of `check`."""
        return found(self.check(**changes), rule)

    def of_provider(self, rule: str, provider: dict[str, Any], **changes: Any) -> Finding:
        """One rule of a configured provider's check."""
        self.document |= changes
        self.publish()
        values = {"id": "work", "issuer": self.server.origin, "client_id": "c", "local": True, **provider}
        return found(check_provider(self.transport, Provider(**values), wall=NOW), rule)


def found(report: CheckReport, rule: str) -> Finding:
    (one,) = [finding for finding in report.rules if finding.id == rule]
    return one
