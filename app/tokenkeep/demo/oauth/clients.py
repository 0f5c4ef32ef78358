"""The client model, and the people and scopes that the demo provider knows from the start."""

import hmac
from dataclasses import dataclass, field
from typing import Any

from tokenkeep.demo.oauth.redirect_uris import RedirectRule

CLIENT_ID = "tokenkeep-demo"
RESOURCE_SCOPES = ("notes:read", "notes:write", "models:use")
SCOPES = ("openid", "profile", "email", "offline_access", *RESOURCE_SCOPES)
# What a request without a scope gets (RFC 6749 §3.3).
DEFAULT_SCOPE = "openid profile"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
JWT_BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
INTERACTIVE_GRANTS = ("authorization_code", "refresh_token", DEVICE_GRANT)
MACHINE_GRANTS = ("client_credentials", JWT_BEARER_GRANT, TOKEN_EXCHANGE_GRANT)
SECRET_METHODS = ("client_secret_basic", "client_secret_post")

# Words for people beside the protocol's names, as the consent page shows them.
SCOPE_TEXTS = {
    "openid": "Know who you are",
    "profile": "See your name",
    "email": "See your e-mail address",
    "offline_access": "Stay signed in",
    "notes:read": "Read your notes",
    "notes:write": "Write notes for you",
    "models:use": "Use the language models",
}


@dataclass(frozen=True)
class User:
    """A made-up person; the password is printed on the login page."""

    sub: str
    username: str
    password: str
    name: str
    email: str


USERS = (
    User("demo-ada", "ada", "demo", "Ada Lovelace", "ada@demo.invalid"),
    User("demo-grace", "grace", "demo", "Grace Hopper", "grace@demo.invalid"),
)


@dataclass(frozen=True)
class Client:
    """A registered client; the methods are those that Authlib asks of a client."""

    client_id: str
    name: str
    redirects: RedirectRule
    grant_types: tuple[str, ...]
    scopes: tuple[str, ...]
    # How it may authenticate, in the words of RFC 7591 §2; ("none",) is a public client.
    auth_methods: tuple[str, ...] = ("none",)
    response_types: tuple[str, ...] = ("code",)
    # Where the browser may go after a logout (OpenID Connect RP-Initiated Logout §3.1).
    post_logout_redirects: RedirectRule = field(default_factory=RedirectRule)
    secret: str | None = field(default=None, repr=False)
    # When the secret ends, in seconds since 1970; 0 means never (RFC 7591 §3.2.1).
    secret_expires_at: int = 0
    # Public keys of its assertions, as a JWK Set (RFC 7517 §5).
    jwks: dict[str, Any] | None = None
    # The DNS name in the certificate of `tls_client_auth` (RFC 8705 §2.1.2).
    tls_san_dns: str | None = None

    @property
    def confidential(self) -> bool:
        return "none" not in self.auth_methods

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """None: the redirect URI must be named in every request (OAuth 2.1 §4.1.1)."""
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        wanted = (scope or DEFAULT_SCOPE).split()
        return " ".join(dict.fromkeys(name for name in wanted if name in self.scopes))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return self.redirects.matches(redirect_uri)

    def check_client_secret(self, client_secret: str) -> bool:
        return self.secret is not None and hmac.compare_digest(client_secret.encode(), self.secret.encode())

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method in self.auth_methods

    def check_response_type(self, response_type: str) -> bool:
        return response_type in self.response_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types


# TokenKeep's own listener uses one path segment for each issuer, so the last segment is free.
DEMO_REDIRECTS = RedirectRule(path_prefix="/callback/")
DEMO_POST_LOGOUT_REDIRECTS = RedirectRule(("http://127.0.0.1/signed-out", "http://[::1]/signed-out"), "/signed-out/")

DEMO_CLIENT = Client(
    client_id=CLIENT_ID,
    name="TokenKeep",
    redirects=DEMO_REDIRECTS,
    grant_types=INTERACTIVE_GRANTS,
    scopes=SCOPES,
    post_logout_redirects=DEMO_POST_LOGOUT_REDIRECTS,
)
