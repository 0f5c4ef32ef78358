"""Pushed requests and resource indicators against two servers that check both: the demo provider and oidc-provider."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from support.browser_callback import visit
from support.demo_provider import DemoProvider
from support.engine_bench import EngineBench
from support.fake_clock import FakeClock, until
from support.oidc_provider import OidcProviderPeer
from tokenkeep.domain.errors import ResourceNotAllowed
from tokenkeep.domain.provider import Flow, Provider
from tokenkeep.domain.session import SignInSnapshot, SignInState

API = "https://api.example.test"
OTHER = "https://other.example.test"
CONSENT = {"prompt": "consent"}  # or that server gives no refresh token


@pytest.fixture
async def open_bench() -> AsyncIterator[Callable[..., Any]]:
    """Engines on a fake clock that begins now."""
    benches: list[EngineBench] = []

    async def start(**entry: Any) -> EngineBench:
        bench = EngineBench(Provider(id="p", local=True, **entry), clock=FakeClock(wall=time.time()))
        benches.append(bench)
        return await bench.opened()

    yield start
    for bench in benches:
        await bench.close()


async def opened(bench: EngineBench) -> SignInSnapshot:
    """A sign-in whose page the browser was asked to open."""
    started = await bench.engine.sign_in("p", method="browser")
    await until(lambda: bench.browser.opened)
    return started


def shown(bench: EngineBench) -> list[str]:
    """The parameters in the browser's argument."""
    return sorted(parse_qs(urlsplit(bench.browser.opened[-1]).query))


async def came_back(bench: EngineBench, started: SignInSnapshot, sign_in: Callable[[str], str]) -> None:
    redirect = await bench.engine._context.net.run(sign_in, bench.browser.opened[-1])
    await visit(redirect)
    assert (await bench.ended(started)).state is SignInState.DONE


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def notes(peer: OidcProviderPeer, **changes: Any) -> dict[str, Any]:
    values = {"issuer": peer.issuer, "client_id": peer.client_id, "redirect_path": "/callback"}
    values |= {"scopes": ["openid", "offline_access", "notes:read", "notes:write"], "authorization_params": CONSENT}
    return values | changes


@pytest.mark.peer
async def test_PAR_1_PAR_2_RES_1_a_server_that_demands_pushed_requests(start_oidc_provider, open_bench) -> None:
    peer = start_oidc_provider(require_par=1, resource=[API, OTHER])
    bench = await open_bench(**notes(peer, resource=[API]))
    started = await opened(bench)
    assert shown(bench) == ["client_id", "request_uri"]
    await came_back(bench, started, lambda url: peer.sign_in(url, follow=False))
    token = claims((await bench.token()).access_token.reveal())
    assert token["aud"] == API
    await bench.session().refresh_soon()
    assert claims((await bench.token()).access_token.reveal())["aud"] == API
    assert peer.counts()["pushed_authorization_request"] == 1


@pytest.mark.peer
async def test_RES_2_REF_7_oidc_provider_narrows_a_token_and_the_sign_in_goes_on(
    start_oidc_provider, open_bench
) -> None:
    peer = start_oidc_provider(resource=[API, OTHER])
    bench = await open_bench(**notes(peer, resource=[API]))
    await came_back(bench, await opened(bench), lambda url: peer.sign_in(url, follow=False))
    narrow = await bench.token(scope=("notes:read",))
    assert (narrow.scope, claims(narrow.access_token.reveal())["scope"]) == (("notes:read",), "notes:read")
    with pytest.raises(ResourceNotAllowed):
        await bench.token(resource=(OTHER,))
    await bench.session().refresh_soon()
    whole = await bench.token()
    assert {"notes:read", "notes:write"} <= set(whole.scope)
    assert claims(whole.access_token.reveal())["scope"].split() == ["notes:read", "notes:write"]
    assert (await bench.token(scope=("notes:read",))).access_token == narrow.access_token


@pytest.mark.peer
async def test_RES_2_oidc_provider_is_not_asked_for_a_resource_that_nobody_consented_to(
    start_oidc_provider, open_bench
) -> None:
    peer = start_oidc_provider(resource=[API, OTHER])
    bench = await open_bench(**notes(peer, scopes=["openid", "offline_access"]))
    await came_back(bench, await opened(bench), lambda url: peer.sign_in(url, follow=False))
    with pytest.raises(ResourceNotAllowed):
        await bench.token(resource=(OTHER,))
    assert bench.shown().state.value == "active"
    await bench.session().refresh_soon()
    assert bench.shown().state.value == "active", "this server uses up the refresh token before it refuses"


def resources(demo: DemoProvider) -> tuple[str, str]:
    return demo.resource, f"{demo.origin}/v1"


def at_demo(demo: DemoProvider, **changes: Any) -> dict[str, Any]:
    values = {"issuer": demo.issuer, "client_id": demo.client_id, "scopes": demo.description["scopes"]}
    return values | {"resource": list(resources(demo))} | changes


def status(demo: DemoProvider, token: str, path: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(demo.origin + path, headers=headers, timeout=60).status_code


async def opens(bench: EngineBench, demo: DemoProvider, **query: Any) -> tuple[int, int]:
    """What both resources answer to the token of a query."""
    token = (await bench.token(**query)).access_token.reveal()
    run = bench.engine._context.net.run
    return await run(status, demo, token, "/api/whoami"), await run(status, demo, token, "/v1/models")


async def test_PAR_1_RES_1_the_demo_provider_when_it_demands_pushed_requests(start_demo, open_bench) -> None:
    demo = start_demo(require_par=True)
    bench = await open_bench(**at_demo(demo))
    started = await opened(bench)
    assert shown(bench) == ["client_id", "request_uri"]
    await came_back(bench, started, demo.sign_in)
    assert await opens(bench, demo) == (200, 200)


async def test_PAR_3_a_used_address_is_refused_and_the_next_one_taken(demo_provider: DemoProvider, open_bench) -> None:
    bench = await open_bench(**at_demo(demo_provider))
    started = await opened(bench)
    run = bench.engine._context.net.run
    await run(demo_provider.sign_in, bench.browser.opened[0])  # somebody else was quicker, and keeps the answer
    with pytest.raises(AssertionError, match="used before"):
        await run(demo_provider.sign_in, bench.browser.opened[0])
    await bench.engine.reopen_browser(started.id)
    assert len(set(bench.browser.opened)) == 2
    await came_back(bench, started, demo_provider.sign_in)


@pytest.mark.parametrize("flow", [Flow.AUTHORIZATION_CODE, Flow.DEVICE_CODE])
async def test_RES_1_RES_2_a_token_for_one_resource_opens_no_other(
    demo_provider: DemoProvider, open_bench, flow: Flow
) -> None:
    api, models = resources(demo_provider)
    bench = await open_bench(**at_demo(demo_provider, flow=flow))
    if flow is Flow.AUTHORIZATION_CODE:
        await came_back(bench, await opened(bench), demo_provider.sign_in)
    else:
        started = await bench.engine.sign_in("p")
        await bench.engine._context.net.run(demo_provider.approve_device, started.user_code)
        await bench.let(10)
        assert (await bench.ended(started)).state is SignInState.DONE
    assert await opens(bench, demo_provider) == (200, 200)
    assert await opens(bench, demo_provider, resource=(api,)) == (200, 401)
    assert await opens(bench, demo_provider, resource=(models,)) == (401, 200)
    await bench.session().refresh_soon()
    assert await opens(bench, demo_provider) == (200, 200)
    assert await opens(bench, demo_provider, resource=(api,)) == (200, 401)
    with pytest.raises(ResourceNotAllowed):
        await bench.token(resource=(demo_provider.origin,))


async def test_RES_1_RES_2_a_machine_acquires_a_token_for_each_resource(
    demo_provider: DemoProvider, open_bench, tmp_path
) -> None:
    api, models = resources(demo_provider)
    machine = demo_provider.description["clients"]["service"]
    secret = tmp_path / "secret"
    secret.write_text(machine["client_secret"])
    secret.chmod(0o600)
    bench = await open_bench(
        issuer=demo_provider.issuer,
        client_id=machine["client_id"],
        client_secret={"file": str(secret)},
        flow=Flow.CLIENT_CREDENTIALS,
        scopes=["notes:read", "models:use"],
        resource=[api, models],
    )
    run = bench.engine._context.net.run
    whole = (await bench.token()).access_token.reveal()
    one = (await bench.token(resource=(models,))).access_token.reveal()
    assert one != whole
    assert await run(status, demo_provider, whole, "/v1/models") == 200
    assert await run(status, demo_provider, one, "/v1/models") == 200
    assert await run(status, demo_provider, one, "/api/whoami") == 401
    assert (await bench.token(resource=(models,))).access_token.reveal() == one
    assert demo_provider.count("/token.client_credentials") == 2
    narrow = await bench.token(scope=("models:use",))
    assert narrow.scope == ("models:use",)
