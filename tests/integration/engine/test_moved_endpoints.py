"""A server whose metadata change while TokenKeep runs: what is told, what goes on where it began."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.browser_callback import DEVICE_CODES, begin, finish
from support.engine_bench import EngineBench, SessionBench, entry
from support.fake_clock import turn, until
from support.scripted_server import answer, json_answer
from support.token_server import DEVICE, TOKEN, TokenServer, oauth_error
from tokenkeep.domain.errors import SignInRequired
from tokenkeep.domain.session import SessionState, SignInState

METADATA = "/.well-known/oauth-authorization-server"
HOUR, DAY = 3600.0, 86_400.0


@pytest.fixture
def other() -> Iterator[TokenServer]:
    """Where the endpoints move to."""
    with TokenServer() as running:
        yield running


async def test_META_7_another_host_for_the_token_endpoint_is_told_and_gets_nothing(
    bench: SessionBench, other: TokenServer
) -> None:
    await bench.signed_in(lifetime=2 * DAY)
    bench.server.publish(token_endpoint=other.origin + TOKEN)
    await bench.let(2 * DAY)
    (notice,) = [one for one in bench.bus.of("notice") if one.kind == "info"]
    assert notice.provider == "p"
    assert "Provider P" in notice.title
    was, now = (one.origin.removeprefix("http://") for one in (bench.server, other))
    assert f"token endpoint was at {was} and is now at {now}" in notice.body
    assert other.connections == 0
    assert bench.server.token_requests == []
    assert bench.shown.state is SessionState.NEEDS_SIGN_IN
    with pytest.raises(SignInRequired):
        await bench.token()


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("authorization_endpoint", "sign-in page"),
        ("revocation_endpoint", "revocation endpoint"),
        ("device_authorization_endpoint", "sign-in by code"),
    ],
)
async def test_META_7_any_other_endpoint_that_moves_is_told_too(
    bench: SessionBench, other: TokenServer, member: str, words: str
) -> None:
    await bench.signed_in()
    bench.server.publish(**{member: f"{other.origin}/x"})
    await bench.session.client.prepare(fresh=True)
    (notice,) = bench.bus.of("notice")
    assert f"Its {words} was at" in notice.body
    await bench.session.client.prepare(fresh=True)
    assert len(bench.bus.of("notice")) == 1, "once for each move"
    bench.server.publish()
    await bench.session.client.prepare(fresh=True)
    assert len(bench.bus.of("notice")) == 2, "moving back is a move"


async def test_META_7_several_that_move_are_one_notice(bench: SessionBench, other: TokenServer) -> None:
    await bench.signed_in()
    bench.server.publish(revocation_endpoint=f"{other.origin}/r", authorization_endpoint=f"{other.origin}/a")
    await bench.session.client.prepare(fresh=True)
    (notice,) = bench.bus.of("notice")
    assert "sign-in page" in notice.body
    assert "1 more moved" in notice.body


async def test_META_7_another_path_or_a_new_endpoint_is_no_move(bench: SessionBench, other: TokenServer) -> None:
    await bench.signed_in()
    bench.server.publish(authorization_endpoint=f"{bench.server.origin}/v2", userinfo_endpoint=f"{other.origin}/me")
    await bench.session.client.prepare(fresh=True)
    bench.server.publish(revocation_endpoint=None)
    await bench.session.client.prepare(fresh=True)
    assert bench.bus.of("notice") == []


async def test_META_7_who_wants_no_notices_gets_none(engine_of: Any, server: TokenServer, other: TokenServer) -> None:
    bench: EngineBench = await engine_of(entry(server), app={"notifications": "none"})
    await bench.signed_in(server)
    server.publish(token_endpoint=other.origin + TOKEN)
    await bench.session().client.prepare(fresh=True)
    await turn()
    assert bench.of("notice") == []


async def test_META_7_the_age_that_the_server_names_is_kept_by_the_engine(bench: SessionBench) -> None:
    """Every refresh begins with the metadata; only an old copy costs a request."""
    await bench.signed_in(lifetime=600.0)
    bench.server.lifetime = 600.0
    before = len(bench.server.to(METADATA))
    await bench.let(6 * HOUR)
    assert len(bench.server.token_requests) > 30
    assert len(bench.server.to(METADATA)) == before
    await bench.let(20 * HOUR)
    assert len(bench.server.to(METADATA)) == before + 1


async def test_META_7_refreshes_go_on_while_the_metadata_cannot_be_had(bench: SessionBench) -> None:
    await bench.signed_in()
    bench.server.reply(METADATA, answer(503))
    await bench.let(3 * DAY)
    assert bench.shown.state is SessionState.ACTIVE
    assert len(bench.server.token_requests) > 70


async def test_RESP_10_META_7_a_pending_browser_sign_in_keeps_its_snapshot(
    engine_of: Any, server: TokenServer, other: TokenServer
) -> None:
    """Token endpoint and profile of the metadata it began with, whatever a refresh learns meanwhile."""
    me = json_answer({"sub": "subject-1", "preferred_username": "ada"})
    server.reply("/me", me)
    other.reply("/me", me)
    provider = entry(server)
    server.publish(userinfo_endpoint=f"{server.origin}/me")
    bench: EngineBench = await engine_of(provider)
    sign_in = await begin(bench)
    server.publish(token_endpoint=other.origin + TOKEN, userinfo_endpoint=f"{other.origin}/me")
    await bench.session().client.prepare(fresh=True)
    assert bench.session().client.metadata.token_endpoint == other.origin + TOKEN
    await until(lambda: [one.kind for one in bench.of("notice")] == ["info"])
    ended = await finish(bench, sign_in)
    assert ended.state is SignInState.DONE, ended.error
    assert server.sent("code") == ["code-canary"]
    assert len(server.to("/me")) == 1
    assert other.connections == 0


async def test_META_7_a_pending_device_sign_in_keeps_its_snapshot(
    engine_of: Any, server: TokenServer, other: TokenServer
) -> None:
    server.reply(DEVICE, json_answer(DEVICE_CODES))
    server.instead = [oauth_error("authorization_pending")]
    bench: EngineBench = await engine_of(entry(server))
    sign_in = await bench.engine.sign_in("p", method="device")
    server.publish(token_endpoint=other.origin + TOKEN)
    await bench.session().client.prepare(fresh=True)
    interval = DEVICE_CODES["interval"]
    for polls in (1, 2):
        await until(lambda: interval in bench.clock.pending, "the pause before the next poll")
        await bench.clock.advance(interval)
        await until(lambda count=polls: len(server.token_requests) >= count)
    assert (await bench.ended(sign_in)).state is SignInState.DONE
    assert len(server.token_requests) == 2
    assert other.connections == 0


async def test_REF_9_META_7_metadata_that_change_within_a_refresh_do_not_get_the_refresh_token(
    bench: SessionBench, other: TokenServer
) -> None:
    """Between the first check and the request lie a note in the vault and the client's secret: time for a sign-in."""
    await bench.signed_in()
    client, held = bench.session.client, bench.session.held
    assert held is not None
    binding = client.binding()
    bench.server.publish(token_endpoint=other.origin + TOKEN)
    await client.prepare(fresh=True)
    with pytest.raises(SignInRequired, match="changed since"):
        await client.refresh(held.tokens, binding, background=False)
    assert other.connections == 0
    assert bench.server.token_requests == []


async def test_A1_12_a_provider_with_all_its_endpoints_is_never_asked_for_metadata(
    engine_of: Any, server: TokenServer
) -> None:
    server.publish()
    bench: EngineBench = await engine_of(server.provider())
    sign_in = await begin(bench)
    assert (await finish(bench, sign_in)).state is SignInState.DONE
    await bench.let(3 * DAY)
    assert len(server.token_requests) > 70
    assert {request.path for request in server.requests} == {TOKEN}
