"""Each client authentication against an independent, certified provider, from sign-in to revocation."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.oidc_provider import OidcProviderPeer
from tokenkeep.domain.errors import ClientRejected, GrantEnded
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import Secret, TokenSet
from tokenkeep.oauth import authorization, device, metadata, refresh, revocation
from tokenkeep.oauth.client_auth import ClientCredentials
from tokenkeep.oauth.signing_key import SigningKey
from tokenkeep.oauth.transport import Transport

pytestmark = pytest.mark.peer

REDIRECT_URI = "http://127.0.0.1:53682/callback"
SECRET = "canary:p@ss w+rd%&"
KEYS = {algorithm: SigningKey.make(algorithm) for algorithm in ("ES256", "RS256", "EdDSA")}
METHODS = ["client_secret_basic", "client_secret_post", *(f"private_key_jwt {name}" for name in KEYS)]


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProviderPeer]:
    jwks = {"keys": [key.public_jwk for key in KEYS.values()]}
    with OidcProviderPeer(
        tmp_path_factory.mktemp("peer"), service_secret=SECRET, client_jwks=json.dumps(jwks)
    ) as running:
        yield running


class Client:
    """One of the peer's clients with its credentials."""

    def __init__(self, peer: OidcProviderPeer, method: str) -> None:
        self.peer = peer
        name, _, algorithm = method.partition(" ")
        kind = {"client_secret_basic": "basic", "client_secret_post": "post", "private_key_jwt": "key"}[name]
        self.transport = Transport(timeout=60.0, wall=time.time)
        values: dict[str, Any] = {"id": "peer", "issuer": peer.issuer, "client_id": f"{peer.client_id}-{kind}"}
        self.provider = Provider(**values, scopes=["openid", "offline_access"], local=True)
        self.server = metadata.discover(self.transport, self.provider)
        key = KEYS.get(algorithm)
        secret = None if key else Secret(SECRET)
        self.credentials = ClientCredentials(self.provider.client_id, secret, name, key=key, wall=time.time)

    def sign_in(self) -> TokenSet:
        attempt = authorization.begin(self.provider, self.server, REDIRECT_URI, prompt="consent")
        redirect = self.peer.sign_in(attempt.url, follow=False)
        code = authorization.read_response(attempt, urlsplit(redirect).query)
        return authorization.exchange(self.transport, attempt, code, self.credentials).tokens

    def refresh(self, tokens: TokenSet, credentials: ClientCredentials | None = None) -> TokenSet:
        used = credentials or self.credentials
        return refresh.refresh(self.transport, self.provider, self.server, tokens, used).tokens


@pytest.mark.parametrize("method", METHODS)
def test_CAUTH_1_CAUTH_2_CAUTH_3_a_whole_life(peer: OidcProviderPeer, method: str) -> None:
    client = Client(peer, method)
    tokens = client.refresh(client.sign_in())
    assert tokens.refresh_token is not None
    arguments = (client.transport, client.provider, client.server, tokens.refresh_token, "refresh_token")
    assert revocation.revoke(*arguments, client.credentials) is revocation.Revocation.REVOKED
    with pytest.raises(GrantEnded):
        client.refresh(tokens)


@pytest.mark.parametrize("method", METHODS)
def test_CAUTH_1_the_device_grant(peer: OidcProviderPeer, method: str) -> None:
    client = Client(peer, method)
    codes = device.request_codes(client.transport, client.provider, client.server, client.credentials)
    peer.approve_device(codes.user_code)
    answer = device.poll(client.transport, client.provider, client.server, client.credentials, codes)
    assert answer.tokens.access_token


@pytest.mark.parametrize("method", METHODS)
def test_CAUTH_4_a_wrong_secret_or_key_costs_nothing(peer: OidcProviderPeer, method: str) -> None:
    client = Client(peer, method)
    tokens = client.sign_in()
    wrong = {"secret": Secret("wrong")} if client.credentials.key is None else {"key": SigningKey.make()}
    with pytest.raises(ClientRejected):
        client.refresh(tokens, replace(client.credentials, **wrong))
    assert client.refresh(tokens).access_token != tokens.access_token


def test_CAUTH_1_auto_finds_the_way(peer: OidcProviderPeer) -> None:
    for method in ("client_secret_basic", "private_key_jwt ES256"):
        client = Client(peer, method)
        client.credentials = replace(client.credentials, method="auto")
        client.refresh(client.sign_in())
