"""LOOP-13: another local process read the authorization URL and answers in the browser's place."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from support.browser_callback import begin, redirect, sent, visit
from support.demo_provider import DemoProvider
from support.engine_bench import EngineBench
from support.fake_clock import FakeClock, until
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.session import SessionState, SignInSnapshot, SignInState


@pytest.fixture
async def bench(engine_of, demo_provider: DemoProvider) -> EngineBench:
    """Ada is signed in at the demo provider, which takes no pushed requests here: their address shows nothing."""
    demo_provider.faults(metadata="no_par")
    entry = Provider(
        id="p",
        issuer=demo_provider.issuer,
        client_id=demo_provider.client_id,
        scopes=demo_provider.description["scopes"],
        local=True,
    )
    bench = await engine_of(entry, clock=FakeClock(wall=time.time()))
    started = await begin(bench)
    assert (
        await answered(bench, started, await person(bench, demo_provider, started, "ada"))
    ).state is SignInState.DONE
    return bench


async def person(bench: EngineBench, demo: DemoProvider, started: SignInSnapshot, user: str, **changes: str) -> str:
    """Somebody goes through that authorization request, or one with changes; the address they would come back to."""
    parts = urlsplit(started.authorization_url or "")
    query = urlencode(sent(started) | changes)
    return await bench.engine._context.net.run(demo.sign_in, parts._replace(query=query).geturl(), user)


async def answered(bench: EngineBench, started: SignInSnapshot, url: str) -> SignInSnapshot:
    await visit(url)
    return await bench.ended(started)


def code_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["code"][0]


def signed_in_as(bench: EngineBench) -> str:
    account = bench.session().account
    assert account is not None
    return account.subject


async def test_LOOP_13_a_random_state_is_ignored(bench: EngineBench, demo_provider: DemoProvider) -> None:
    started = await begin(bench)
    stolen = code_of(await person(bench, demo_provider, started, "grace", state="attackers"))
    for state in ("attackers", secrets.token_urlsafe(32)):
        forged = redirect(started, code=stolen, state=state, iss=demo_provider.issuer)
        assert (await visit(forged)).status_code == 400
    assert demo_provider.count("/token.authorization_code") == 1, "that of the first sign-in alone"
    genuine = await person(bench, demo_provider, started, "ada")
    assert (await answered(bench, started, genuine)).state is SignInState.DONE
    assert signed_in_as(bench) == "demo-ada"


async def test_LOOP_13_a_code_of_the_attackers_own_challenge_is_refused_by_the_server(
    bench: EngineBench, demo_provider: DemoProvider
) -> None:
    before = bench.session().held
    started = await begin(bench)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 64).digest()).rstrip(b"=").decode()
    forged = await person(bench, demo_provider, started, "grace", code_challenge=challenge)
    assert parse_qs(urlsplit(forged).query)["state"] == [sent(started)["state"]], "everything else is right"
    ended = await answered(bench, started, forged)
    assert ended.state is SignInState.FAILED
    assert ended.error is not None
    assert getattr(ended.error, "error", None) == "invalid_grant"
    assert (bench.shown().state, bench.session().held) == (SessionState.ACTIVE, before), "the old tokens are kept"
    assert signed_in_as(bench) == "demo-ada"


async def test_LOOP_13_another_persons_code_for_our_challenge_is_stopped_by_the_nonce(
    bench: EngineBench, demo_provider: DemoProvider
) -> None:
    before = bench.session().held
    started = await begin(bench)
    ended = await answered(bench, started, await person(bench, demo_provider, started, "grace", nonce="attackers"))
    assert ended.state is SignInState.FAILED
    assert ended.error is not None
    assert "another sign-in" in ended.error.detail
    assert bench.session().held is before


async def test_LOOP_13_AUTHZ_7_with_the_nonce_too_it_is_a_question_about_another_account(
    bench: EngineBench, demo_provider: DemoProvider
) -> None:
    before = bench.session().held
    started = await begin(bench)
    await visit(await person(bench, demo_provider, started, "grace"))
    await until(lambda: bench.engine.sign_in_snapshot(started.id).other_account, "the question")
    assert bench.engine.sign_in_snapshot(started.id).other_account == "grace"
    assert (await bench.token()).account == "ada", "until then nothing has changed"
    ended = await bench.engine.settle_account(started.id, accept=False)
    assert ended.state is SignInState.FAILED
    assert (bench.session().held, signed_in_as(bench)) == (before, "demo-ada")
    assert demo_provider.count("/revoke") >= 1, "what came back is not left alive"
