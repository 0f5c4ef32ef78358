"""The protocol as the engine uses it, in a few lines, for tests against the demo provider."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from support.demo_provider import DemoProvider
from support.oauth_values import REDIRECT_URI
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import Secret, TokenSet
from tokenkeep.oauth import authorization, device, identity, metadata, refresh
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.metadata import ServerMetadata
from tokenkeep.oauth.transport import Transport

SCOPES = ["openid", "profile", "email", "offline_access", "notes:read"]


@dataclass
class Client:
    """The engine's part in a few lines."""

    demo: DemoProvider
    transport: Transport
    provider: Provider
    credentials: ClientCredentials

    def metadata(self) -> ServerMetadata:
        return metadata.discover(self.transport, self.provider)

    def begin(self) -> authorization.Attempt:
        return authorization.begin(self.provider, self.metadata(), REDIRECT_URI)

    def response(self, attempt: authorization.Attempt, *, allow: bool = True) -> str:
        return urlsplit(self.demo.sign_in(attempt.url, allow=allow)).query

    def exchange(self, attempt: authorization.Attempt, code: Secret) -> TokenSet:
        return authorization.exchange(self.transport, attempt, code, self.credentials).tokens

    def sign_in(self) -> tuple[authorization.Attempt, TokenSet]:
        attempt = self.begin()
        return attempt, self.exchange(attempt, authorization.read_response(attempt, self.response(attempt)))

    def refresh(self, tokens: TokenSet) -> TokenSet:
        return refresh.refresh(self.transport, self.provider, self.metadata(), tokens, self.credentials).tokens

    def claims(self, tokens: TokenSet, nonce: Secret | None = None) -> dict[str, object] | None:
        return identity.verify_id_token(
            self.transport, self.provider, self.metadata(), tokens, nonce=nonce, wall=time.time()
        )

    def codes(self) -> device.DeviceAuthorization:
        return device.request_codes(self.transport, self.provider, self.metadata(), self.credentials)

    def poll(self, codes: device.DeviceAuthorization) -> TokenSet:
        return device.poll(self.transport, self.provider, self.metadata(), self.credentials, codes).tokens
