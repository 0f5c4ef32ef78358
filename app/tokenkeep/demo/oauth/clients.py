"""The clients and people that the demo provider knows from the start."""

from dataclasses import dataclass
from urllib.parse import urlsplit

CLIENT_ID = "tokenkeep-demo"
SCOPES = ("openid", "profile", "email", "offline_access", "notes:read")
# What a request without a scope gets (RFC 6749 §3.3).
DEFAULT_SCOPE = "openid profile"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

# Words for people beside the protocol's names, as the consent page shows them.
SCOPE_TEXTS = {
    "openid": "Know who you are",
    "profile": "See your name",
    "email": "See your e-mail address",
    "offline_access": "Stay signed in",
    "notes:read": "Read your notes",
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
    """A registered public client; the methods are those that Authlib asks of a client."""

    client_id: str
    name: str
    # Registered loopback redirect URIs: `http`, these hosts, any port, a path of the prefix and one segment.
    redirect_hosts: tuple[str, ...]
    redirect_path_prefix: str
    grant_types: tuple[str, ...]
    scopes: tuple[str, ...]

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """None: the redirect URI must be named in every request (OAuth 2.1 §4.1.1)."""
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        wanted = (scope or DEFAULT_SCOPE).split()
        return " ".join(dict.fromkeys(name for name in wanted if name in self.scopes))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Exact but for the port (RFC 8252 §7.3) and the last path segment, which names the issuer."""
        try:
            parts = urlsplit(redirect_uri)
            port = parts.port
        except ValueError:
            return False
        if parts.scheme != "http" or not port:
            return False
        segment = parts.path.removeprefix(self.redirect_path_prefix)
        rebuilt = [f"http://{host}:{port}{self.redirect_path_prefix}{segment}" for host in self.redirect_hosts]
        plain = segment.isascii() and segment.replace("-", "").replace("_", "").isalnum()
        # Comparing the whole text catches user information, queries, fragments and odd spellings of the port.
        return plain and redirect_uri in rebuilt

    def check_client_secret(self, _client_secret: str) -> bool:
        return False

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == "none"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types


DEMO_CLIENT = Client(
    client_id=CLIENT_ID,
    name="TokenKeep",
    redirect_hosts=("127.0.0.1", "[::1]"),
    redirect_path_prefix="/callback/",
    grant_types=("authorization_code", "refresh_token", DEVICE_GRANT),
    scopes=SCOPES,
)
