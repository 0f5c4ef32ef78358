"""A sign-in with a browser from the click to the token, and the secrets of one attempt."""

from __future__ import annotations

import base64
import gc
import hashlib

from support.browser_callback import begin, finish, names_people, redirect, sent, visit
from support.engine_bench import entry
from support.fake_clock import turn, until
from support.scripted_server import answer
from support.token_server import Gate, TokenServer, oauth_error
from tokenkeep.domain.session import SessionState, SignInState
from tokenkeep.domain.tokens import Secret
from tokenkeep.engine.signin import BROWSER_LIMIT


async def test_a_sign_in_from_the_click_to_the_token(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    names_people(server)
    started = await begin(bench)
    assert started.state is SignInState.WAITING_FOR_BROWSER
    assert bench.shown().state is SessionState.SIGNING_IN
    await until(lambda: bench.browser.opened)
    assert bench.browser.opened == [started.authorization_url]
    page = await visit(redirect(started))
    assert page.status_code == 200
    assert "code-canary" not in page.url + page.text
    done = await bench.ended(started)
    assert (done.state, done.account, done.error, done.authorization_url) == (SignInState.DONE, "ada", None, None)
    token = await bench.token()
    assert (token.access_token.reveal(), token.account) == ("access-1-canary", "ada")
    kept = bench.vault.session()
    assert kept.tokens.refresh_token.reveal() == "refresh-1-canary"
    states = [data.state for data in bench.of("sign_in") if data.id == started.id]
    assert [state for state, before in zip(states, [None, *states], strict=False) if state != before] == [
        SignInState.WAITING_FOR_BROWSER,
        SignInState.EXCHANGING,
        SignInState.DONE,
    ]
    form = dict(server.token_requests[0].form)
    assert (form["code"], form["redirect_uri"]) == ("code-canary", sent(started)["redirect_uri"])


async def test_REF_1_nobody_gets_the_first_token_before_its_commit(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    started = await begin(bench)
    bench.vault.writable.clear()
    await visit(redirect(started))
    await until(bench.vault.begun.is_set)
    await turn()
    assert bench.session().held is None
    assert bench.engine.sign_in_snapshot(started.id).state is SignInState.EXCHANGING
    bench.vault.writable.set()
    assert (await bench.ended(started)).state is SignInState.DONE


async def test_AUTHZ_4_after_an_error_everything_is_new(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    first = await begin(bench)
    ended = await finish(bench, first, code=None, error="server_error")
    assert ended.state is SignInState.FAILED
    second = await begin(bench)
    assert second.id != first.id
    assert sent(second)["state"] != sent(first)["state"]
    assert sent(second)["code_challenge"] != sent(first)["code_challenge"]
    await finish(bench, second)
    assert bench.shown().state is SessionState.ACTIVE


def secrets_alive(values: set[str]) -> list[str]:
    gc.collect()
    return [found.reveal() for found in gc.get_objects() if type(found) is Secret and found.reveal() in values]


async def test_PKCE_4_each_attempt_has_its_own_verifier_and_nothing_is_left_of_it(
    engine_of, server: TokenServer
) -> None:
    bench = await engine_of(entry(server, "a"), entry(server, "b"), entry(server, "c"), entry(server, "d"))
    first, second = await begin(bench, "a"), await begin(bench, "b")
    assert sent(first)["redirect_uri"] != sent(second)["redirect_uri"], "LOOP-2: two ports at a time"
    await finish(bench, second, code="code-of-b")
    await finish(bench, first, code="code-of-a")
    failing = await begin(bench, "c")
    server.instead = [oauth_error("invalid_grant")]
    assert (await finish(bench, failing, code="code-of-c")).state is SignInState.FAILED
    cancelled = await begin(bench, "d")
    gate = Gate()
    server.instead = [gate.before(answer(503))]
    await visit(redirect(cancelled, code="code-of-d"))
    await until(gate.reached.is_set)
    await bench.engine.cancel_sign_in(cancelled.id)
    gate.open()
    late = await begin(bench, "c")
    await bench.clock.advance(BROWSER_LIMIT)
    assert (await bench.ended(late)).state is SignInState.EXPIRED
    assert server.sent("code") == ["code-of-b", "code-of-a", "code-of-c", "code-of-d"]
    requests = [sent(started)["redirect_uri"] for started in (second, first, failing, cancelled)]
    assert server.sent("redirect_uri") == requests, "TOK-2: each its own, byte for byte"
    verifiers = set(server.sent("code_verifier"))
    assert len(verifiers) == 4
    for started, verifier in zip((second, first, failing, cancelled), server.sent("code_verifier"), strict=True):
        assert s256(verifier) == sent(started)["code_challenge"]
    await until(lambda: not secrets_alive(verifiers), "the end of the last verifier")
    assert secrets_alive(set(server.sent("code"))) == []


async def test_PKCE_4_nothing_is_left_of_a_verifier_that_was_never_sent(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server, "a"), entry(server, "b"))
    cancelled, late = await begin(bench, "a"), await begin(bench, "b")
    challenges = {sent(one)["code_challenge"] for one in (cancelled, late)}

    def verifiers_alive() -> int:
        gc.collect()
        return sum(type(one) is Secret and s256(one.reveal()) in challenges for one in gc.get_objects())

    assert verifiers_alive() == 2
    await bench.engine.cancel_sign_in(cancelled.id)
    await until(lambda: verifiers_alive() == 1, "the end of the cancelled attempt's verifier")
    await bench.clock.advance(BROWSER_LIMIT)
    assert (await bench.ended(late)).state is SignInState.EXPIRED
    await until(lambda: verifiers_alive() == 0, "the end of the late attempt's verifier")


def s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
