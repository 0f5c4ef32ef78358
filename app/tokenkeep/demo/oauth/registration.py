"""Dynamic client registration and its management (RFC 7591, RFC 7592)."""

import hmac
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from authlib.oauth2.rfc6749 import AccessDeniedError
from authlib.oauth2.rfc6750 import InvalidTokenError
from authlib.oauth2.rfc7591 import ClientRegistrationEndpoint as AuthlibRegistrationEndpoint
from authlib.oauth2.rfc7592 import ClientConfigurationEndpoint as AuthlibConfigurationEndpoint

from tokenkeep.demo.context import Demo
from tokenkeep.demo.faults.registration_answers import changed_metadata, management_uri
from tokenkeep.demo.oauth.client_metadata import read_metadata, to_client
from tokenkeep.demo.oauth.clients import SECRET_METHODS, Client
from tokenkeep.demo.oauth.store import fingerprint
from tokenkeep.demo.web.log import note

# Against a program that registers in a loop; everything is kept in memory.
MOST = 1000


@dataclass
class Registration:
    """A registered client and the right to manage it."""

    client_id: str
    issued_at: int
    metadata: dict[str, Any]
    token: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    secret_expires_at: int = 0

    def check_client(self, client: Client) -> bool:
        return client.client_id == self.client_id


def bearer_token(request: Any) -> str:
    """The token of the Authorization header, or an empty text."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return str(token.strip()) if scheme.lower() == "bearer" else ""


class Registrations:
    """The registrations of one demo provider; its clients stand in the store like all others."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._by_id: dict[str, Registration] = {}
        # What a registration has to present where the demo was started so (RFC 7591 §3).
        self.initial_token = demo.known_clients.initial_access_token if demo.options.registration_token else None

    def get(self, client_id: str) -> Registration | None:
        return self._by_id.get(client_id)

    def add(self, metadata: dict[str, Any]) -> Registration:
        if len(self._by_id) >= MOST:
            raise AccessDeniedError("Too many registrations", status_code=429)
        client_id = "demo-client-" + secrets.token_urlsafe(12)
        registration = Registration(client_id, int(time.time()), {}, self._new_token())
        self._by_id[client_id] = registration
        self.update(registration, metadata)
        return registration

    def update(self, registration: Registration, metadata: dict[str, Any]) -> None:
        """Take over the metadata; a secret is given, kept, renewed where it ends, or taken away as they ask."""
        faults = self._demo.faults
        registration.metadata = metadata
        if metadata["token_endpoint_auth_method"] not in SECRET_METHODS:
            registration.secret, registration.secret_expires_at = None, 0
        elif registration.secret is None or registration.secret_expires_at:
            lifetime = faults.take("secret_lifetime")
            registration.secret = "demo-cs-" + secrets.token_urlsafe(32)
            # A secret may have ended already; 0 would mean never.
            registration.secret_expires_at = int(time.time() + float(lifetime)) if lifetime else 0
        self._demo.store.clients[registration.client_id] = to_client(
            registration.client_id,
            metadata,
            secret=registration.secret,
            secret_expires_at=registration.secret_expires_at,
        )

    def remove(self, client_id: str) -> None:
        """End the registration and every token of that client (RFC 7592 §2.3)."""
        store = self._demo.store
        del self._by_id[client_id]
        store.clients.pop(client_id, None)
        store.revoke_client(client_id)

    def described(self, registration: Registration, *, first: bool) -> dict[str, Any]:
        """The client information response (RFC 7591 §3.2.1)."""
        faults = self._demo.faults
        if not first and faults.take("registration_token") == "rotate":
            registration.token = self._new_token()
        members: dict[str, Any] = {"client_id": registration.client_id, "client_id_issued_at": registration.issued_at}
        if registration.secret is not None:
            members["client_secret"] = registration.secret
            members["client_secret_expires_at"] = registration.secret_expires_at
        note(issued_registration_token=fingerprint(registration.token))
        uri = management_uri(self._demo, registration.client_id)
        management = {"registration_client_uri": uri, "registration_access_token": registration.token} if uri else {}
        return members | registration.metadata | management

    @staticmethod
    def _new_token() -> str:
        return "demo-reg-" + secrets.token_urlsafe(32)


class RegistrationEndpoint(AuthlibRegistrationEndpoint):  # type: ignore[misc]
    """`POST /register`."""

    def __init__(self, demo: Demo, registrations: Registrations) -> None:
        super().__init__()
        self._demo = demo
        self._registrations = registrations

    def authenticate_token(self, request: Any) -> bool:
        wanted = self._registrations.initial_token
        if wanted is not None and not hmac.compare_digest(bearer_token(request).encode(), wanted.encode()):
            raise InvalidTokenError("The initial access token is missing or not valid")
        return True

    def extract_client_metadata(self, request: Any) -> dict[str, Any]:
        return changed_metadata(self._demo, read_metadata(request.payload.data))

    def generate_client_info(self, _request: Any) -> dict[str, Any]:
        """Nothing yet: what is issued depends on the metadata, so save_client does it."""
        return {}

    def save_client(self, _client_info: Any, client_metadata: dict[str, Any], _request: Any) -> Registration:
        return self._registrations.add(client_metadata)

    def generate_client_registration_info(self, client: Registration, _request: Any) -> dict[str, Any]:
        return self._registrations.described(client, first=True)


class ConfigurationEndpoint(AuthlibConfigurationEndpoint):  # type: ignore[misc]
    """`GET`, `PUT` and `DELETE` of `/register/CLIENT_ID`, authenticated by the registration access token."""

    def __init__(self, demo: Demo, registrations: Registrations) -> None:
        super().__init__()
        self._demo = demo
        self._registrations = registrations

    def authenticate_token(self, request: Any) -> Registration:
        registration = self._registrations.get(request.client_id)
        if registration is None or not hmac.compare_digest(bearer_token(request).encode(), registration.token.encode()):
            # One answer for an unknown client and a wrong token (RFC 7592 §2.1).
            raise InvalidTokenError("The registration access token is not valid for this client")
        return registration

    def authenticate_client(self, request: Any) -> Client | None:
        return self._demo.store.clients.get(request.client_id)

    def check_permission(self, _client: Client, _request: Any) -> bool:
        return True

    def extract_client_metadata(self, request: Any) -> dict[str, Any]:
        return read_metadata(request.payload.data)

    def introspect_client(self, _client: Client) -> dict[str, Any]:
        """Nothing: generate_client_registration_info says all, after a possible rotation."""
        return {}

    def generate_client_registration_info(self, _client: Client, request: Any) -> dict[str, Any]:
        return self._registrations.described(request.credential, first=False)

    def update_client(self, _client: Client, client_metadata: dict[str, Any], request: Any) -> Client:
        self._registrations.update(request.credential, client_metadata)
        return self._demo.store.clients[request.client_id]

    def delete_client(self, client: Client, _request: Any) -> None:
        self._registrations.remove(client.client_id)
