"""Client credentials at a provider that is not ours."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import requests

from support.engine_bench import EngineBench
from support.fake_clock import FakeClock
from support.oidc_provider import OidcProviderPeer
from tokenkeep.domain.errors import ClientRejected, TokenKeepError
from tokenkeep.domain.provider import Flow, Provider, SecretSource
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.signing_key import SigningKey

pytestmark = pytest.mark.peer

SECRET = "CANARY p@ss w+rd%: 0001"  # what only a client that encodes it gets in with (RFC 6749 §2.3.1)
NOTES = "https://notes.example/api"
KEY = SigningKey.make()
JWKS = json.dumps({"keys": [KEY.public_jwk]})


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("key") / "key.pem"
    file.write_text(KEY.sealed.reveal())
    return str(file)


@pytest.fixture
async def machine_at(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Any]]:
    """Opens an engine with an entry for client credentials."""
    monkeypatch.setenv("A_SECRET", SECRET)
    benches: list[EngineBench] = []

    async def start(peer: OidcProviderPeer, kind: str, **entry: Any) -> EngineBench:
        values: dict[str, Any] = {
            "id": "p",
            "issuer": peer.issuer,
            "flow": Flow.CLIENT_CREDENTIALS,
            "client_id": f"{peer.client_id}-{kind}",
            "client_secret": SecretSource(env="A_SECRET"),
            "client_auth": f"client_secret_{kind}",
            "scopes": ["notes:read"],
            "resource": [NOTES],
            "local": True,
        }
        bench = EngineBench(Provider(**(values | entry)), clock=FakeClock(wall=time.time()))
        benches.append(await bench.opened())
        return bench

    yield start
    for bench in benches:
        await bench.close()


@pytest.mark.parametrize("kind", ["basic", "post", "key"])
async def test_GRANT_1_CAUTH_1_a_token_with_each_proof(start_oidc_provider, machine_at, key_file, kind: str) -> None:
    peer = start_oidc_provider(service_secret=SECRET, client_jwks=JWKS, resource=[NOTES])
    by_key = {"client_secret": None, "private_key": SecretSource(file=key_file), "client_auth": "private_key_jwt"}
    bench = await machine_at(peer, kind, **(by_key if kind == "key" else {}))
    token = await bench.token()
    assert (token.scope, token.resource, token.account) == (("notes:read",), (NOTES,), f"{peer.client_id}-{kind}")
    assert peer.counts()["token:client_credentials"] == 1
    assert bench.vault.session().tokens.refresh_token is None
    await bench.engine.sign_in("p")
    assert (await bench.token()).access_token != token.access_token
    assert peer.counts()["token:client_credentials"] == 2


async def test_REV_1_a_sign_out_ends_the_token_there(start_oidc_provider, machine_at) -> None:
    peer = start_oidc_provider(service_secret=SECRET)
    bench = await machine_at(peer, "basic", scopes=[], resource=[])
    token = (await bench.token()).access_token

    def active() -> bool:
        about = requests.post(
            f"{peer.issuer}/token/introspection",
            data={"token": token.reveal(), "client_id": f"{peer.client_id}-post", "client_secret": SECRET},
            timeout=60,
        )
        found: bool = about.json()["active"]
        return found

    assert active()
    assert (await bench.engine.sign_out("p")).revoked is True
    assert not active()


async def test_CAUTH_4_a_wrong_secret_is_the_registrations_fault(
    start_oidc_provider, machine_at, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = start_oidc_provider(service_secret=SECRET, resource=[NOTES])
    monkeypatch.setenv("A_SECRET", "CANARY-WRONG")
    bench = await machine_at(peer, "post")
    with pytest.raises(ClientRejected) as refused:
        await bench.token()
    assert "service account" in refused.value.hint
    monkeypatch.setenv("A_SECRET", SECRET)
    bench.clock.skip(10)
    assert (await bench.token()).access_token != Secret("")


async def test_GRANT_1_a_scope_that_the_server_does_not_give_is_said(start_oidc_provider, machine_at) -> None:
    peer = start_oidc_provider(service_secret=SECRET, resource=[NOTES])
    bench = await machine_at(peer, "basic", resource=["https://elsewhere.example"])
    with pytest.raises(TokenKeepError) as refused:
        await bench.token()
    assert getattr(refused.value, "error", "") == "invalid_target"
