"""The clients that every run knows beside the public one; their secrets and keys are made anew each time (DEMO-1)."""

import secrets
from typing import Any

from joserfc.jwk import ECKey

from tokenkeep.demo.oauth.clients import (
    CLIENT_ID,
    DEMO_CLIENT,
    DEMO_REDIRECTS,
    INTERACTIVE_GRANTS,
    JWT_BEARER_GRANT,
    MACHINE_GRANTS,
    RESOURCE_SCOPES,
    SCOPES,
    SECRET_METHODS,
    TOKEN_EXCHANGE_GRANT,
    Client,
)

# In the certificate that authenticates the client `tls`.
TLS_CLIENT_NAME = "tls-client.demo.invalid"


def _new_secret() -> str:
    # Reserved characters on purpose: only a client that encodes them for Basic gets in (RFC 6749 §2.3.1).
    return f"demo-cs:{secrets.token_urlsafe(24)}+%&"


class KnownClients:
    """The registered clients of one run by the names under which tests find them."""

    def __init__(self) -> None:
        self.initial_access_token = "demo-iat-" + secrets.token_urlsafe(32)
        self._key = ECKey.generate_key("P-256", {"kid": "client-key-1", "use": "sig", "alg": "ES256"})
        self.by_name = {
            "public": DEMO_CLIENT,
            "confidential": Client(
                client_id=f"{CLIENT_ID}-confidential",
                name="TokenKeep with a secret",
                redirects=DEMO_REDIRECTS,
                grant_types=(*INTERACTIVE_GRANTS, TOKEN_EXCHANGE_GRANT),
                scopes=SCOPES,
                auth_methods=SECRET_METHODS,
                secret=_new_secret(),
            ),
            "service": Client(
                client_id=f"{CLIENT_ID}-service",
                name="Nightly service",
                redirects=DEMO_REDIRECTS,
                grant_types=MACHINE_GRANTS,
                scopes=RESOURCE_SCOPES,
                auth_methods=SECRET_METHODS,
                response_types=(),
                secret=_new_secret(),
            ),
            "private_key_jwt": Client(
                client_id=f"{CLIENT_ID}-key",
                name="TokenKeep with a key",
                redirects=DEMO_REDIRECTS,
                grant_types=(*INTERACTIVE_GRANTS, *MACHINE_GRANTS),
                scopes=SCOPES,
                auth_methods=("private_key_jwt",),
                jwks={"keys": [self._key.as_dict(private=False)]},
            ),
            "tls": Client(
                client_id=f"{CLIENT_ID}-tls",
                name="TokenKeep with a certificate",
                redirects=DEMO_REDIRECTS,
                grant_types=(*INTERACTIVE_GRANTS, *MACHINE_GRANTS),
                scopes=SCOPES,
                auth_methods=("tls_client_auth",),
                tls_san_dns=TLS_CLIENT_NAME,
            ),
            # No secret at all: an identity token of somewhere else speaks for it.
            "workload": Client(
                client_id=f"{CLIENT_ID}-workload",
                name="Build job",
                redirects=DEMO_REDIRECTS,
                grant_types=(JWT_BEARER_GRANT, TOKEN_EXCHANGE_GRANT),
                scopes=RESOURCE_SCOPES,
                response_types=(),
            ),
        }

    def description(self) -> dict[str, Any]:
        """What tests need to act as these clients."""
        described: dict[str, Any] = {
            name: {
                "client_id": client.client_id,
                "auth_methods": list(client.auth_methods),
                "grant_types": list(client.grant_types),
                "scopes": list(client.scopes),
            }
            | ({"client_secret": client.secret} if client.secret else {})
            for name, client in self.by_name.items()
        }
        described["private_key_jwt"]["private_jwk"] = self._key.as_dict(private=True)
        return described
