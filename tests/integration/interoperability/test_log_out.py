"""Logging out, revoking and asking about tokens at a server that is not ours, as clients of three kinds."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import requests

from support.engine_bench import EngineBench
from support.fake_clock import FakeClock
from support.logging_out import form_of, open_page
from support.oidc_provider import OidcProviderPeer, StartOidcProvider
from tokenkeep.domain.access import OWN_WINDOW
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.session import SignInState

pytestmark = pytest.mark.peer

SECRET = "peer-secret:+%&/" + "x" * 32
Open = Callable[..., Awaitable[EngineBench]]


@pytest.fixture
def peer(start_oidc_provider: StartOidcProvider) -> OidcProviderPeer:
    return start_oidc_provider(service_secret=SECRET, post_logout_path=["/signed-out"])


@pytest.fixture
async def signed_in(peer: OidcProviderPeer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Open]:
    """Opens an engine whose client of that kind is signed in."""
    monkeypatch.setenv("PEER_SECRET", SECRET)
    opened: list[EngineBench] = []

    async def start(kind: str = "", **entry: Any) -> EngineBench:
        secret = {"client_secret": {"env": "PEER_SECRET"}, "client_auth": f"client_secret_{kind}"} if kind else {}
        values: dict[str, Any] = {
            "id": "p",
            "name": "Peer",
            "issuer": peer.issuer,
            "client_id": peer.client_id + (f"-{kind}" if kind else ""),
            "scopes": ["openid", "profile", "offline_access"],
            "authorization_params": {"prompt": "consent"},
            "local": True,
            "redirect_path": "/callback",
        }
        bench = EngineBench(Provider(**(values | secret | entry)), clock=FakeClock(wall=time.time()))
        opened.append(await bench.opened())
        begun = await bench.engine.sign_in("p", method="browser")
        await asyncio.to_thread(peer.sign_in, begun.authorization_url or "", login="ada")
        assert (await bench.ended(begun)).state is SignInState.DONE
        return bench

    yield start
    for bench in opened:
        await bench.close()


@pytest.mark.parametrize("kind", ["", "basic", "post"])
async def test_REV_1_every_kind_of_client_revokes_as_it_authenticates(
    signed_in: Open, peer: OidcProviderPeer, kind: str
) -> None:
    bench = await signed_in(kind)
    assert (await bench.engine.sign_out("p")).revoked is True
    asked = [entry["status"] for entry in peer.log()["entries"] if entry["endpoint"] == "revocation"]
    assert asked == [200, 200]


@pytest.mark.parametrize("kind", ["basic", "post"])
async def test_INTRO_1_a_client_that_proves_itself_is_told(signed_in: Open, kind: str) -> None:
    bench = await signed_in(kind)
    seen = await bench.engine.seen_tokens("p", OWN_WINDOW, introspect=True)
    assert seen.id_token is not None
    assert (seen.id_token["signature"], seen.id_token["claims"]["sub"]) == ("verified", "ada")
    assert seen.access_token is not None
    assert seen.access_token["kind"] == "opaque"
    assert seen.introspection is not None
    assert seen.introspection["state"] == "active"
    assert set(seen.introspection["scope"]) == {"openid", "profile", "offline_access"}
    assert abs(seen.introspection["expires_at"] - bench.clock.wall() - 3600) < 60


async def test_OUT_1_the_server_checks_the_hint_and_says_so(signed_in: Open) -> None:
    bench = await signed_in(quirks=["logout_by_get"])  # this server takes no logout by POST unless it is set to
    outcome = await bench.engine.sign_out("p", end_session=True)
    assert outcome.end_session == "opened"
    page = await asyncio.to_thread(open_page, bench.browser.opened[-1], requests.Session())
    assert '<form method="get"' in page.text
    action, fields = form_of(page)
    http = requests.Session()
    answer = await asyncio.to_thread(http.get, action, params=fields, timeout=60)
    confirm, hidden = form_of(answer)  # nobody is logged in with this browser: it goes on by itself
    done = await asyncio.to_thread(http.post, confirm, data=hidden, timeout=60)
    assert done.status_code == 200
    assert re.search(r'id="logged-out"', done.text), done.text
    forged = fields | {"id_token_hint": fields["id_token_hint"][:-8] + "AAAAAAAA"}
    refused = await asyncio.to_thread(http.get, action, params=forged, timeout=60)
    assert refused.status_code == 400
