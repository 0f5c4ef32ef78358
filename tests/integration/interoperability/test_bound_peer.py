"""Tokens bound to a key at a server that is not ours: oidc-provider checks every proof (RFC 9449)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from support.browser_callback import visit
from support.engine_bench import GIT, EngineBench
from support.fake_clock import turn
from support.oidc_provider import OidcProviderPeer
from support.proofs import read
from tokenkeep.domain.errors import DpopRequired
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.session import SignInState
from tokenkeep.domain.tokens import TokenQuery
from tokenkeep.system.clock import SystemClock

pytestmark = pytest.mark.peer


class Bound:
    """One engine at that server."""

    def __init__(self, peer: OidcProviderPeer, bench: EngineBench) -> None:
        self.peer, self.bench = peer, bench

    async def sign_in(self) -> None:
        started = await self.bench.engine.sign_in("p", method="browser")
        assert started.authorization_url is not None
        redirect = await asyncio.to_thread(self.peer.sign_in, started.authorization_url, follow=False)
        await visit(redirect)
        ended = await self.bench.ended(started)
        assert ended.state is SignInState.DONE, ended.error

    async def userinfo(self, headers: dict[str, str]) -> requests.Response:
        url = f"{self.peer.issuer}/me"
        return await asyncio.to_thread(requests.get, url, headers=headers, timeout=60)

    async def use(self) -> requests.Response:
        """What a program does: headers, one request, and once more when the server wants a nonce."""
        url = f"{self.peer.issuer}/me"
        nonce = ""
        for _ in range(2):
            granted = await self.bench.engine.headers("p", "GET", url, TokenQuery(), GIT, nonce=nonce)
            answer = await self.userinfo(granted.as_answer()["headers"])
            nonce = answer.headers.get("DPoP-Nonce", "")
            if answer.status_code != 401:
                break
        return answer

    @property
    def statuses(self) -> list[tuple[str, int]]:
        """Endpoint and status of each request with a proof."""
        names = {"pushed_authorization_request": "pushed", "token": "token", "userinfo": "userinfo"}
        entries = self.peer.log()["entries"]
        return [(names[one["endpoint"]], one["status"]) for one in entries if one["endpoint"] in names]


@pytest.fixture
async def bound(start_oidc_provider: Callable[..., OidcProviderPeer]) -> AsyncIterator[Any]:
    benches: list[EngineBench] = []

    async def start(*, dpop: Any = "required", **options: Any) -> Bound:
        peer = start_oidc_provider(**options)
        entry = Provider(
            id="p",
            name="Peer",
            issuer=peer.issuer,
            client_id=peer.client_id,
            scopes=["openid", "offline_access"],
            local=True,
            redirect_path="/callback",
            authorization_params={"prompt": "consent"},
            dpop=dpop,
        )
        bench = EngineBench(entry, clock=SystemClock())  # type: ignore[arg-type]  # the server's clock is the real one
        benches.append(bench)
        return Bound(peer, await bench.opened())

    yield start
    for bench in benches:
        await bench.close()


async def refresh(stage: Bound) -> None:
    stage.bench.session().pace.reset()
    await asyncio.shield(stage.bench.session().refresh_soon())
    await turn()


@pytest.mark.parametrize("mode", ["required", "auto"])
async def test_DPOP_1_DPOP_2_DPOP_5_sign_in_refresh_and_use(bound: Any, mode: str) -> None:
    stage = await bound(dpop=mode)
    await stage.sign_in()
    assert stage.statuses == [("pushed", 201), ("token", 200), ("userinfo", 200)]
    with pytest.raises(DpopRequired):
        await stage.bench.token()
    before = (await stage.use()).request.headers["Authorization"]
    await refresh(stage)
    answer = await stage.use()
    assert answer.status_code == 200
    sent = answer.request.headers
    assert sent["Authorization"] != before
    stored = stage.bench.vault.session()
    assert read(sent["DPoP"]).jkt == stored.dpop_jkt
    assert stage.statuses[3:] == [("userinfo", 200), ("token", 200), ("userinfo", 200)]


async def test_DPOP_4_nonces_of_the_server_and_of_its_resource(bound: Any) -> None:
    stage = await bound(dpop_nonces=True)
    await stage.sign_in()
    assert stage.statuses == [("pushed", 400), ("pushed", 201), ("token", 200), ("userinfo", 401), ("userinfo", 200)]
    await refresh(stage)
    assert stage.statuses[5:] == [("token", 200)]
    assert (await stage.use()).status_code == 200


async def test_DPOP_2_what_a_thief_of_the_token_gets(bound: Any) -> None:
    stage = await bound()
    await stage.sign_in()
    sent = (await stage.use()).request.headers
    token = sent["Authorization"].split()[1]
    stolen = [
        {"Authorization": f"Bearer {token}"},
        {"Authorization": f"DPoP {token}"},
        {"Authorization": f"DPoP {token}", "DPoP": sent["DPoP"]},  # a proof is good once
    ]
    for headers in stolen:
        assert (await stage.userinfo(headers)).status_code in (400, 401)
    stored = stage.bench.vault.session()
    form = {
        "grant_type": "refresh_token",
        "refresh_token": stored.tokens.refresh_token.reveal(),
        "client_id": stage.peer.client_id,
    }
    refused = requests.post(f"{stage.peer.issuer}/token", data=form, timeout=60)
    assert refused.status_code == 400


async def test_DPOP_1_the_code_is_bound_to_the_key(bound: Any) -> None:
    """A code that somebody else got hold of is of no use to them (RFC 9449 §10)."""
    stage = await bound()
    started = await stage.bench.engine.sign_in("p", method="browser")
    redirect = await asyncio.to_thread(stage.peer.sign_in, started.authorization_url, follow=False)
    code = parse_qs(urlsplit(redirect).query)["code"][0]
    (attempt,) = stage.bench.engine._sign_ins.get(started.id)._requests._all
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": attempt.redirect_uri,
        "client_id": stage.peer.client_id,
        "code_verifier": attempt.verifier.reveal(),
    }
    answer = requests.post(f"{stage.peer.issuer}/token", data=form, timeout=60)
    assert answer.json()["error"] == "invalid_grant"
    await stage.bench.engine.cancel_sign_in(started.id)


async def test_DPOP_5_a_device_sign_in_is_bound_too(bound: Any) -> None:
    stage = await bound(dpop_nonces=True)
    started = await stage.bench.engine.sign_in("p", method="device")
    await asyncio.to_thread(stage.peer.approve_device, started.user_code)
    assert (await stage.bench.ended(started)).state is SignInState.DONE
    assert (await stage.use()).status_code == 200
    assert stage.bench.session().held.tokens.token_type == "DPoP"


async def test_DPOP_5_signing_out_revokes_bound_tokens(bound: Any) -> None:
    stage = await bound()
    await stage.sign_in()
    assert (await stage.bench.engine.sign_out("p")).revoked is True
    assert stage.peer.counts()["revocation"] == 2
