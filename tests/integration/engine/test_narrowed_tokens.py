"""Tokens for part of a sign-in: asked for at the server, kept apart from each other, gone with the sign-in."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from support.engine_bench import GIT, EngineBench, entry
from support.fake_clock import turn, until
from support.scripted_server import answer
from support.token_server import Gate, TokenServer, oauth_error
from tokenkeep.domain.access import OWN_WINDOW, Application, Decision, Holding
from tokenkeep.domain.configuration import AccessRuleEntry
from tokenkeep.domain.errors import (
    AccessDenied,
    GrantEnded,
    InsufficientScope,
    ProviderUnreachable,
    ResourceNotAllowed,
    SignInRequired,
    TooManyRequests,
)
from tokenkeep.domain.session import SessionState

A, B, C = "https://a.example", "https://b.example", "https://c.example"
OTHER = Application(executable="/usr/bin/other", pid=9)
HOUR = 3600.0


@pytest.fixture
async def bench(engine_of: Any, server: TokenServer) -> EngineBench:
    """Signed in for A and B, with the scopes read and write."""
    bench: EngineBench = await engine_of(entry(server, resource=[A, B]))
    await bench.signed_in(server, resource=(A, B))
    return bench


def forms(server: TokenServer) -> list[list[tuple[str, str]]]:
    """Scope and resources of each token request."""
    return [[pair for pair in one.form if pair[0] in ("scope", "resource")] for one in server.token_requests]


async def value(bench: EngineBench, **query: Any) -> str:
    return (await bench.token(**query)).access_token.reveal()


async def test_RES_2_each_resource_and_scope_set_has_its_own_token(bench: EngineBench, server: TokenServer) -> None:
    wishes: list[dict[str, Any]] = [
        {},
        {"resource": (A,)},
        {"resource": (B,)},
        {"scope": ("read",)},
        {"scope": ("read",), "resource": (B,)},
    ]
    tokens = [await value(bench, **wish) for wish in wishes]
    assert len(set(tokens)) == len(wishes)
    assert forms(server) == [
        [("resource", A)],
        [("resource", B)],
        [("scope", "read"), ("resource", A), ("resource", B)],
        [("scope", "read"), ("resource", B)],
    ]
    assert [await value(bench, **wish) for wish in wishes] == tokens, "each comes from memory now"
    assert len(server.token_requests) == 4
    granted = await bench.token(scope=("read",), resource=(B,))
    assert (granted.scope, granted.resource) == (("read",), (B,))


async def test_RES_2_all_of_it_in_other_words_is_the_main_token(bench: EngineBench, server: TokenServer) -> None:
    for query in ({"resource": (B, A)}, {"scope": ("write", "read")}, {"resource": (B + "/", "HTTPS://A.example")}):
        assert await value(bench, **query) == "access-0-p"
    assert server.token_requests == []


async def test_RES_1_a_resource_is_sent_to_the_byte_as_it_is_configured(
    bench: EngineBench, server: TokenServer
) -> None:
    await value(bench, resource=("https://B.EXAMPLE/",))
    assert forms(server) == [[("resource", B)]]


async def test_RES_2_what_the_sign_in_is_not_for_is_refused_without_a_request(
    bench: EngineBench, server: TokenServer
) -> None:
    for query in ({"resource": (C,)}, {"resource": (A, C)}, {"audience": "other"}):
        with pytest.raises(ResourceNotAllowed):
            await bench.token(**query)
    with pytest.raises(InsufficientScope):
        await bench.token(scope=("read", "admin"), resource=(A,))
    assert server.token_requests == []


async def test_RES_2_a_sign_in_for_no_resource_is_for_none_in_particular(engine_of, server: TokenServer) -> None:
    """Some servers use up the refresh token before they refuse a resource: they are not even asked."""
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    with pytest.raises(ResourceNotAllowed) as caught:
        await bench.token(resource=(C,))
    assert "`resource`" in caught.value.hint
    assert server.token_requests == []
    assert await value(bench) == "access-0-p"


async def test_RES_2_without_a_refresh_token_there_is_no_token_for_one_resource(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server, resource=(A, B), refresh_token=None)
    with pytest.raises(ResourceNotAllowed):
        await bench.token(resource=(A,))
    granted = await bench.token(scope=("read",))
    assert granted.scope == ("read", "write"), "the one token there is, and it says what it carries"


async def test_RES_2_before_a_sign_in_one_is_required(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    with pytest.raises(SignInRequired):
        await bench.token(resource=(A,))


async def test_RES_2_REF_3_thirty_callers_cause_one_request(bench: EngineBench, server: TokenServer) -> None:
    tokens = await asyncio.gather(*(value(bench, resource=(A,)) for _ in range(30)))
    assert set(tokens) == {"access-1-canary"}
    assert len(server.token_requests) == 1


async def test_RES_2_REF_3_requests_with_the_refresh_token_follow_each_other(
    bench: EngineBench, server: TokenServer
) -> None:
    """A refresh token that rotates may be sent once: each request shows what the one before it brought."""
    gate = Gate()
    server.instead = [gate.before(server.answer())]
    narrowed = asyncio.create_task(value(bench, resource=(A,)))
    await until(gate.reached.is_set)
    other = asyncio.create_task(value(bench, resource=(B,)))
    main = bench.session().refresh_soon()
    await turn()
    assert len(server.token_requests) == 1
    gate.open()
    await asyncio.gather(narrowed, other, main)
    sent = server.sent("refresh_token")
    assert sent == ["refresh-0-p", "refresh-1-canary", "refresh-2-canary"]
    kept = bench.vault.session()
    assert kept.tokens.refresh_token.reveal() == "refresh-3-canary"


async def test_RES_2_REF_1_a_rotated_refresh_token_is_committed_before_anybody_gets_the_token(
    bench: EngineBench, server: TokenServer
) -> None:
    gate = Gate()
    server.instead = [gate.before(server.answer())]
    call = asyncio.create_task(value(bench, resource=(A,)))
    await until(gate.reached.is_set)
    bench.vault.writable.clear()
    bench.vault.begun.clear()
    gate.open()
    await until(bench.vault.begun.is_set)
    await turn()
    assert not call.done()
    bench.vault.writable.set()
    assert await call == "access-1-canary"
    kept = bench.vault.session()
    assert kept.tokens.refresh_token.reveal() == "refresh-1-canary"
    assert kept.tokens.access_token.reveal() == "access-0-p", "the main token is what it was"
    assert not kept.answer_lost
    assert "access-1-canary" not in repr(kept)
    assert await value(bench) == "access-0-p"


async def test_RES_2_a_narrower_token_that_ran_out_is_asked_for_again(bench: EngineBench, server: TokenServer) -> None:
    server.lifetime = 100.0
    first = await value(bench, resource=(A,))
    bench.clock.skip(40)
    assert await value(bench, resource=(A,)) == first, "more than half of its life"
    bench.clock.skip(55)
    assert await value(bench, resource=(A,)) != first
    assert len(server.token_requests) == 2


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (oauth_error("invalid_target"), ResourceNotAllowed),
        (oauth_error("invalid_scope"), InsufficientScope),
        (answer(503), ProviderUnreachable),
    ],
)
async def test_RES_2_a_wish_that_fails_leaves_the_sign_in_alone_and_is_not_tried_at_once(
    bench: EngineBench, server: TokenServer, reply, error
) -> None:
    server.failing = reply
    for _ in range(5):
        with pytest.raises(error):
            await bench.token(resource=(A,))
    assert len(server.token_requests) == 1
    assert (bench.shown().state, bench.shown().last_error) == (SessionState.ACTIVE, None)
    assert await value(bench) == "access-0-p"
    server.failing = None
    bench.clock.skip(400)
    if error is not ProviderUnreachable:  # else the refresh token may be used up: see below
        assert await value(bench, resource=(A,)) == "access-1-canary"


async def test_RES_2_REF_8_after_a_lost_answer_the_refresh_token_is_not_sent_for_a_wish(
    bench: EngineBench, server: TokenServer
) -> None:
    server.failing = answer(503)
    with pytest.raises(ProviderUnreachable):
        await bench.token(resource=(A,))
    assert bench.vault.session().answer_lost
    server.failing = None
    bench.clock.skip(400)
    with pytest.raises(ProviderUnreachable):
        await bench.token(resource=(B,))
    assert len(server.token_requests) == 1
    assert await value(bench) == "access-0-p"
    bench.clock.skip(HOUR)
    await bench.token()
    assert await value(bench, resource=(B,)) == "access-2-canary"


async def test_RES_2_REF_4_an_invalid_grant_for_a_wish_is_believed_when_the_main_refresh_says_so_too(
    bench: EngineBench, server: TokenServer
) -> None:
    server.instead = [oauth_error("invalid_grant")]
    with pytest.raises(ResourceNotAllowed):
        await bench.token(resource=(A,))
    assert (bench.shown().state, await value(bench)) == (SessionState.ACTIVE, "access-1-canary")
    server.failing = oauth_error("invalid_grant")
    with pytest.raises(GrantEnded):
        await bench.token(resource=(B,))
    assert bench.shown().state is SessionState.NEEDS_SIGN_IN


async def test_RES_2_REV_1_a_sign_out_revokes_the_narrower_tokens_too(bench: EngineBench, server: TokenServer) -> None:
    await bench.token(resource=(A,))
    await bench.token(scope=("read",))
    await bench.engine.sign_out("p")
    assert server.revoked == ["refresh-2-canary", "access-0-p", "access-1-canary", "access-2-canary"]
    with pytest.raises(SignInRequired):
        await bench.token(resource=(A,))


async def test_RES_2_a_new_sign_in_begins_without_the_old_ones_narrower_tokens(
    bench: EngineBench, server: TokenServer
) -> None:
    before = await value(bench, resource=(A,))
    await bench.signed_in(server, resource=(A, B))
    assert await value(bench, resource=(A,)) != before


async def test_RES_2_a_sign_out_meanwhile_lets_nobody_have_the_token(bench: EngineBench, server: TokenServer) -> None:
    gate = Gate()
    server.instead = [gate.before(server.answer())]
    call = asyncio.create_task(bench.token(resource=(A,)))
    await until(gate.reached.is_set)
    await bench.engine.sign_out("p")
    gate.open()
    with pytest.raises(SignInRequired):
        await call
    await until(lambda: "refresh-1-canary" in server.revoked and "access-1-canary" in server.revoked)
    assert bench.vault.session() is None


async def test_RES_2_WWW_3_a_refused_narrower_token_is_replaced_by_one_for_the_same(
    bench: EngineBench, server: TokenServer
) -> None:
    granted = await bench.token(resource=(A,), scope=("read",))
    refusal = granted.access_token.sha256
    same = await bench.engine.token_rejected("p", refusal, GIT)
    assert same.access_token == granted.access_token, "it was obtained a moment ago"
    bench.clock.skip(60)
    new = await bench.engine.token_rejected("p", refusal, GIT)
    assert new.access_token != granted.access_token
    assert (new.scope, new.resource) == (("read",), (A,))
    assert await value(bench) == "access-0-p"
    assert forms(server)[0] == forms(server)[1]


async def test_RES_2_WWW_3_a_refusal_is_about_nothing_when_a_sign_out_came_before_the_answer(
    engine_of, server: TokenServer
) -> None:
    bench = await engine_of(entry(server, resource=[A, B]), access={"default": Decision.ASK}, present=True)
    await bench.signed_in(server, resource=(A, B))
    granted = await bench.token(application=OWN_WINDOW, resource=(A,))
    call = asyncio.create_task(bench.engine.token_rejected("p", granted.access_token.sha256, GIT))
    await until(lambda: bench.engine.snapshot().access_requests)
    (question,) = bench.engine.snapshot().access_requests
    await bench.engine.sign_out("p")
    bench.engine.answer_access(question.id, Decision.ALLOW, Holding.ONCE)
    await until(lambda: [one.id for one in bench.engine.snapshot().access_requests] not in ([], [question.id]))
    (other,) = bench.engine.snapshot().access_requests  # the token is another one now, good for all of the entry
    bench.engine.answer_access(other.id, Decision.ALLOW, Holding.ONCE)
    with pytest.raises(SignInRequired):
        await call


async def test_RES_2_the_narrower_tokens_of_a_session_are_few(bench: EngineBench, server: TokenServer) -> None:
    await bench.signed_in(server, scope=tuple(f"s{number}" for number in range(50)))
    for number in range(50):
        bench.clock.skip(30)
        await bench.token(scope=(f"s{number}",))
    assert len(bench.session().narrowing._all) == 32


async def test_RES_2_a_program_cannot_have_one_asked_for_after_the_other(
    bench: EngineBench, server: TokenServer
) -> None:
    await bench.signed_in(server, scope=tuple(f"s{number}" for number in range(50)))
    outcomes = await asyncio.gather(
        *(bench.token(scope=(f"s{number}",)) for number in range(50)), return_exceptions=True
    )
    assert len(server.token_requests) == 10
    assert {type(one) for one in outcomes[10:]} == {TooManyRequests}
    assert await value(bench, scope=("s0",)) == "access-1-canary", "what is here costs nothing"
    assert await value(bench, application=OTHER, scope=("s49",))


# --- who may have which part -----------------------------------------------------------------------------------


async def narrow(engine_of: Any, server: TokenServer, *, present: bool = False, **rule: Any) -> EngineBench:
    rules = [AccessRuleEntry(app="/usr/bin/git", provider="p", decision=Decision.ALLOW, **rule)]
    bench: EngineBench = await engine_of(
        entry(server), access={"rule": rules, "default": Decision.ASK}, present=present
    )
    await bench.signed_in(server, resource=(A, B))
    return bench


async def test_RES_2_a_rule_for_a_scope_gives_a_token_narrowed_to_it(engine_of, server: TokenServer) -> None:
    bench = await narrow(engine_of, server, scope="read")
    granted = await bench.token()
    assert (granted.scope, granted.resource) == (("read",), (A, B))
    assert await value(bench) == await value(bench, scope=("read",)) == granted.access_token.reveal()
    assert forms(server) == [[("scope", "read"), ("resource", A), ("resource", B)]]
    with pytest.raises(AccessDenied):
        await bench.token(scope=("write",))
    with pytest.raises(AccessDenied):
        await bench.token(application=OTHER)


async def test_RES_2_a_rule_for_a_resource_gives_a_token_for_it_alone(engine_of, server: TokenServer) -> None:
    bench = await narrow(engine_of, server, resource=[A])
    granted = await bench.token()
    assert (granted.resource, granted.access_token.reveal()) == ((A,), "access-1-canary")
    with pytest.raises(AccessDenied):
        await bench.token(resource=(B,))
    with pytest.raises(AccessDenied):
        await bench.token(resource=(A, B))


async def test_RES_2_a_server_that_does_not_narrow_leaves_insufficient_scope(engine_of, server: TokenServer) -> None:
    bench = await narrow(engine_of, server, scope="read")
    server.failing = server.answer(scope="read write")
    for query in ({}, {"scope": ("read",)}):
        with pytest.raises(InsufficientScope):
            await bench.token(**query)
    assert bench.shown().state is SessionState.ACTIVE


async def test_RES_2_a_person_is_asked_about_the_part_that_is_asked_for(engine_of, server: TokenServer) -> None:
    bench = await narrow(engine_of, server, present=True, scope="other")
    call = asyncio.create_task(bench.token(scope=("read",), resource=(A,)))
    await until(lambda: bool(bench.engine.snapshot().access_requests), "the question")
    (request,) = bench.engine.snapshot().access_requests
    assert (request.scope, request.resource) == (("read",), (A,))
    bench.engine.answer_access(request.id, Decision.ALLOW, Holding.UNTIL_QUIT)
    assert (await call).scope == ("read",)
    again = await bench.token()
    assert (again.scope, again.resource) == (("read",), (A,)), "the answer holds for that part, and gives it"
