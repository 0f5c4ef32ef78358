"""OIDC-10 through a session: a refreshed id_token that is not this sign-in's, at the demo provider."""

from __future__ import annotations

import asyncio
import time

import pytest
import requests

from support.demo_provider import DemoProvider
from support.engine_bench import GIT
from support.fake_clock import FakeClock
from tokenkeep.domain.errors import SignInRequired
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.session import SessionState
from tokenkeep.domain.tokens import TokenQuery


def entry(demo: DemoProvider, **changes) -> Provider:
    values = {"id": "p", "name": "Demo", "issuer": demo.issuer, "client_id": demo.client_id, "local": True}
    return Provider(**(values | {"scopes": demo.description["scopes"]} | changes))


async def sign_in(bench, demo: DemoProvider, user: str = "ada"):
    started = await bench.engine.sign_in("p", method="browser")
    callback = await bench.engine._context.net.run(demo.sign_in, started.authorization_url, user)
    await bench.engine._context.net.run(requests.get, callback, timeout=60)
    return await bench.ended(started)


@pytest.mark.parametrize("fault", ["other_sub", "wrong_aud", "bad_signature", "wrong_nonce", "other_auth_time"])
async def test_OIDC_10_a_wrong_id_token_is_not_used_and_its_refresh_token_not_lost(
    engine_of, demo_provider: DemoProvider, fault: str
) -> None:
    bench = await engine_of(entry(demo_provider), clock=FakeClock(wall=time.time()))
    await sign_in(bench, demo_provider)
    before = bench.vault.session()
    demo_provider.faults(id_token=fault)
    with pytest.raises(SignInRequired):
        await bench.engine.refresh("p", GIT)
    assert bench.shown().state is SessionState.NEEDS_SIGN_IN
    assert bench.session().held is None
    with pytest.raises(SignInRequired):
        await bench.token()
    kept = bench.vault.session()
    assert kept.ended
    assert kept.tokens.refresh_token != before.tokens.refresh_token, "the rotated one is kept"
    await bench.let(600)
    assert demo_provider.count("/token.refresh_token") == 1, "and not used"
    assert (await bench.engine.sign_out("p")).revoked is True
    assert demo_provider.refresh(kept.tokens.refresh_token.reveal()).status_code == 400


@pytest.mark.parametrize("fault", ["html", "503", "redirect"])
async def test_OIDC_10_keys_that_cannot_be_had_do_not_end_a_sign_in(
    engine_of, demo_provider: DemoProvider, fault: str
) -> None:
    bench = await engine_of(entry(demo_provider), clock=FakeClock(wall=time.time()))
    await sign_in(bench, demo_provider)
    first = bench.session().held.tokens
    demo_provider.faults(jwks=fault, id_token="unknown_kid")
    bench.clock.skip(61)  # the keys may be asked for again
    await bench.engine.refresh("p", GIT)
    after = bench.session().held.tokens
    assert bench.shown().state is SessionState.ACTIVE
    assert after.access_token != first.access_token
    assert after.id_token == first.id_token, "what was not checked is not kept"


async def test_REF_3_thirty_queries_on_an_expired_token_are_one_request(engine_of, demo_provider: DemoProvider) -> None:
    bench = await engine_of(
        entry(demo_provider, scopes=["offline_access", "notes:read"]), clock=FakeClock(wall=time.time())
    )
    await sign_in(bench, demo_provider)
    bench.clock.skip(3600)
    tokens = await asyncio.gather(*(bench.engine.token("p", TokenQuery(), GIT) for _ in range(30)))
    assert len({token.access_token for token in tokens}) == 1
    assert demo_provider.count("/token.refresh_token") == 1
    assert demo_provider.call(tokens[0].access_token.reveal()).status_code == 200
