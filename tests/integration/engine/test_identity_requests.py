"""The id_token for programs, and tokens taken apart for people: who may, what they get, and what it never changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.engine_bench import GIT, EngineBench
from support.fake_clock import turn, until
from support.oauth_values import key, sign
from support.openid_server import OpenIdServer, sign_in
from support.scripted_server import answer, json_answer
from tokenkeep.domain.access import Decision, Holding
from tokenkeep.domain.errors import AccessDenied, InsufficientScope, SignInRequired, TokenKeepError
from tokenkeep.domain.provider import Provider
from tokenkeep.domain.tokens import Secret

INTROSPECT = "/introspect"


@pytest.fixture
def server() -> Any:
    with OpenIdServer() as one:
        yield one


def entry(server: OpenIdServer, **changes: Any) -> Provider:
    """An entry of a server that can be asked about its tokens."""
    written = server.entry(**changes)
    server.publish(introspection_endpoint=server.origin + INTROSPECT)
    return written


def rule(**values: Any) -> dict[str, Any]:
    return {"app": GIT.executable, "decision": "allow", **values}


async def opened(server: OpenIdServer, *, present: bool = False, **access: Any) -> EngineBench:
    settings = {"default": "allow", "manage": "allow", **access}
    bench = EngineBench(entry(server), present=present, access=settings)
    server.wall = bench.clock.wall
    return await bench.opened()


@pytest.fixture
async def bench(server: OpenIdServer) -> AsyncIterator[EngineBench]:
    """Signed in; the program GIT may have the id_token by a rule."""
    one = await opened(server, rule=[rule(id_token=True)])
    await sign_in(one, server)
    yield one
    await one.close()


async def seen(bench: EngineBench, **options: Any) -> Any:
    return await bench.engine.seen_tokens("p", GIT, **options)


async def test_a_program_that_may_gets_the_id_token_its_claims_and_its_end(
    bench: EngineBench, server: OpenIdServer
) -> None:
    granted = await bench.engine.id_token("p", GIT)
    stored = bench.vault.session()
    assert stored is not None
    assert stored.tokens is not None
    assert granted.id_token == stored.tokens.id_token
    assert granted.claims["sub"] == "subject-1"
    assert granted.claims["iss"] == server.origin
    assert granted.expires_at == granted.claims["exp"]
    assert granted.id_token.reveal() not in repr(granted)
    [entry] = [one for one in await bench.engine.activity(10) if one["event"] == "id_token"]
    assert entry["outcome"] == "ok"


NARROW = rule(provider="p", scope="openid profile email read write")


@pytest.mark.parametrize("access", [{}, {"rule": [rule()]}, {"rule": [NARROW]}])
async def test_a_yes_to_tokens_is_none_to_the_id_token(server: OpenIdServer, access: dict[str, Any]) -> None:
    bench = await opened(server, **access)
    try:
        await sign_in(bench, server)
        assert (await bench.token()).access_token
        for asked in (bench.engine.id_token("p", GIT), bench.engine.seen_tokens("p", GIT)):
            with pytest.raises(AccessDenied, match="may not know who you are"):
                await asked
    finally:
        await bench.close()


async def test_a_no_to_tokens_is_one_to_the_id_token(server: OpenIdServer) -> None:
    bench = await opened(server, rule=[rule(decision="deny"), rule(id_token=True)])
    try:
        await sign_in(bench, server)
        with pytest.raises(AccessDenied):
            await bench.engine.id_token("p", GIT)
    finally:
        await bench.close()


async def test_a_person_is_asked_who_may_know_and_the_grant_is_for_that_alone(server: OpenIdServer) -> None:
    bench = await opened(server, present=True, default="ask")
    try:
        await sign_in(bench, server)
        asking = asyncio.create_task(bench.engine.id_token("p", GIT))
        await until(lambda: bench.engine.snapshot().access_requests, "the question")
        [request] = bench.engine.snapshot().access_requests
        assert (request.purpose, request.account) == ("id_token", "ada")
        assert any("know who you are" in notice.body for notice in bench.of("notice"))
        bench.engine.answer_access(request.id, Decision.ALLOW, Holding.UNTIL_QUIT)
        assert (await asking).claims["sub"] == "subject-1"
        assert [grant.purpose for grant in bench.engine.grants()] == ["id_token"]
        await bench.engine.id_token("p", GIT)
        asking_token = asyncio.create_task(bench.token())
        await until(lambda: bench.engine.snapshot().access_requests, "the question about tokens")
        [request] = bench.engine.snapshot().access_requests
        assert request.purpose == "token"
        bench.engine.answer_access(request.id, Decision.DENY, Holding.ONCE)
        with pytest.raises(AccessDenied):
            await asking_token
    finally:
        await bench.close()


async def test_an_id_token_that_was_never_verified_is_given_to_nobody(server: OpenIdServer) -> None:
    bench = EngineBench(
        server.entry(scopes=["read"]), access={"default": "allow", "manage": "allow", "rule": [rule(id_token=True)]}
    )
    server.wall = bench.clock.wall
    await bench.opened()
    try:
        forged = sign({"iss": server.origin, "sub": "somebody-else"}, key("P-256"), "ES256")
        await bench.signed_in(server, id_token=Secret(forged), scope=("read",))
        with pytest.raises(InsufficientScope, match="no id_token"):
            await bench.engine.id_token("p", GIT)
    finally:
        await bench.close()


async def test_without_a_sign_in_there_is_nobody_to_know(bench: EngineBench) -> None:
    await bench.engine.sign_out("p")
    for asked in (bench.engine.id_token("p", GIT), bench.engine.seen_tokens("p", GIT)):
        with pytest.raises(SignInRequired):
            await asked


async def test_REF_9_an_id_token_of_another_set_up_is_given_to_nobody(bench: EngineBench, server: OpenIdServer) -> None:
    with OpenIdServer() as other:
        for changed in (entry(other), entry(server, client_id="another")):
            bench.write(changed)
            await bench.engine.reload()
            with pytest.raises(SignInRequired, match="changed since the last sign-in"):
                await bench.engine.id_token("p", GIT)


async def test_an_id_token_that_has_run_out_is_renewed_with_the_access_token(
    bench: EngineBench, server: OpenIdServer
) -> None:
    before = await bench.engine.id_token("p", GIT)
    bench.clock.skip(400)
    after = await bench.engine.id_token("p", GIT)
    assert before.expires_at is not None
    assert after.expires_at is not None
    assert after.expires_at > bench.clock.wall() > before.expires_at


async def test_what_is_seen_of_tokens_holds_no_token(bench: EngineBench) -> None:
    found = await seen(bench)
    assert found.id_token["signature"] == "verified"
    assert found.id_token["claims"]["sub"] == "subject-1"
    assert found.access_token["kind"] == "opaque"
    assert found.introspection is None
    stored = bench.vault.session()
    assert stored is not None
    assert stored.tokens is not None
    for secret in (stored.tokens.access_token, stored.tokens.id_token, stored.tokens.refresh_token):
        assert secret is not None
        assert secret.reveal() not in repr(found)


async def test_TOK_8_a_pasted_token_is_taken_apart_without_asking_anybody(server: OpenIdServer) -> None:
    pasted = Provider(id="p", flow="static", client_id="")
    bench = EngineBench(pasted, access={"default": "allow", "manage": "allow", "rule": [rule(id_token=True)]})
    await bench.opened()
    try:
        await bench.session().paste(Secret(sign({"scp": "a"}, key("RSA"))), None)
        found = await seen(bench, introspect=True)
        assert (found.id_token, found.introspection) == (None, None)
        assert (found.access_token["signature"], found.access_token["claims"]) == ("not_verifiable", {"scp": "a"})
    finally:
        await bench.close()


# --- introspection --------------------------------------------------------------------------------------------


async def said(bench: EngineBench, server: OpenIdServer, reply: Any) -> dict[str, Any]:
    """What is told of an introspection answer; nothing about the session changes by it."""
    server.reply(INTROSPECT, reply)
    shown, kept = bench.shown(), bench.vault.session()
    found = (await seen(bench, introspect=True)).introspection
    await turn()
    assert (bench.shown(), bench.vault.session()) == (shown, kept)
    assert await bench.token()
    members: dict[str, Any] = found
    return members


async def test_INTRO_1_only_the_boolean_true_is_believed(bench: EngineBench, server: OpenIdServer) -> None:
    end = bench.clock.wall() + 600
    members = {"active": True, "scope": "a b", "exp": end, "aud": "https://api.example", "client_id": "c", "sub": "s"}
    found = await said(bench, server, json_answer(members))
    assert found == {
        "state": "active",
        "reason": "",
        "scope": ("a", "b"),
        "expires_at": end,
        "audience": ("https://api.example",),
        "client_id": "c",
        "subject": "s",
    }


@pytest.mark.parametrize(
    "reply",
    [
        json_answer({"active": "true", "scope": "a"}),
        json_answer({"active": 1}),
        json_answer({"active": None}),
        json_answer({"scope": "a"}),
        json_answer([{"active": True}]),
        json_answer({}),
        answer(200, "<!doctype html><p>active", {"Content-Type": "text/html"}),
        answer(200, ""),
        answer(401, json.dumps({"error": "invalid_client"})),
        answer(401, "no", {"WWW-Authenticate": "Basic"}),
        answer(400, json.dumps({"error": "invalid_request"})),
        answer(403, ""),
        answer(429, ""),
        answer(500, json.dumps({"active": True})),
        answer(503, ""),
        answer(302, "", {"Location": "https://other.example/"}),
    ],
    ids=str,
)
async def test_INTRO_1_anything_else_is_unknown_and_changes_nothing(
    bench: EngineBench, server: OpenIdServer, reply: Any
) -> None:
    found = await said(bench, server, reply)
    assert found["state"] == "unknown"
    assert found["reason"].endswith(".")
    assert (found["scope"], found["expires_at"], found["subject"]) == ((), None, "")


async def test_INTRO_1_inactive_is_told_and_signs_nobody_out(bench: EngineBench, server: OpenIdServer) -> None:
    assert (await said(bench, server, json_answer({"active": False})))["state"] == "inactive"


async def test_INTRO_1_the_token_is_posted_to_the_issuers_endpoint_and_stands_in_no_address(
    bench: EngineBench, server: OpenIdServer
) -> None:
    await said(bench, server, json_answer({"active": True}))
    [asked] = server.to(INTROSPECT)
    token = (await bench.token()).access_token.reveal()
    assert asked.method == "POST"
    assert asked.target == INTROSPECT
    form = dict(asked.form)
    assert (form["token"], form["token_type_hint"], form["client_id"]) == (token, "access_token", "client-1")


async def test_INTRO_1_a_server_without_the_endpoint_is_not_asked(bench: EngineBench, server: OpenIdServer) -> None:
    server.publish()
    await bench.session().client.prepare(fresh=True)
    found = (await seen(bench, introspect=True)).introspection
    assert found["state"] == "unsupported"
    assert not server.to(INTROSPECT)


async def test_INTRO_1_nobody_is_asked_unless_it_is_wanted(bench: EngineBench, server: OpenIdServer) -> None:
    await seen(bench)
    assert not server.to(INTROSPECT)


async def test_INTRO_1_REF_9_a_token_is_never_shown_to_another_server(bench: EngineBench, server: OpenIdServer) -> None:
    with OpenIdServer() as other:
        bench.write(entry(other))
        await bench.engine.reload()
        with pytest.raises(TokenKeepError):
            await seen(bench, introspect=True)
        assert not other.to(INTROSPECT)
