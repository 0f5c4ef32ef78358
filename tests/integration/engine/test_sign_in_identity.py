"""Whose sign-in it is: the checks between the token answer and the account, with everything around them."""

from __future__ import annotations

import pytest

from support.browser_callback import begin, finish, redirect, sent, visit
from support.engine_bench import GIT, EngineBench
from support.oauth_values import key, public
from support.openid_server import JWKS, USERINFO, OpenIdServer, nothing_kept, sign_in
from support.scripted_server import answer
from tokenkeep.domain.errors import ProviderUnreachable
from tokenkeep.domain.session import SessionState, SignInState


async def test_OIDC_6_an_id_token_of_another_attempt_is_refused(openid: EngineBench, op: OpenIdServer) -> None:
    first = await begin(openid)
    await openid.engine.cancel_sign_in(first.id)
    second = await begin(openid)
    assert sent(first)["nonce"] != sent(second)["nonce"]
    op.expect(first)
    assert (await finish(openid, second)).state is SignInState.FAILED
    assert nothing_kept(openid)


async def test_AUTHZ_4_state_nonce_and_challenge_are_new_after_an_error(openid: EngineBench, op: OpenIdServer) -> None:
    first = await begin(openid)
    assert (await finish(openid, first, code=None, error="server_error")).state is SignInState.FAILED
    second = await begin(openid)
    for name in ("state", "nonce", "code_challenge"):
        assert sent(first)[name] != sent(second)[name]


async def test_OIDC_6_nobody_gets_the_access_token_while_the_keys_are_fetched(
    openid: EngineBench, op: OpenIdServer
) -> None:
    started = await begin(openid)
    op.expect(started)
    op.reply(JWKS, answer(503, headers={"Retry-After": "7"}))
    ended = await finish(openid, started)
    assert isinstance(ended.error, ProviderUnreachable), "OIDC-7: the sign-in can be tried again"
    assert nothing_kept(openid)
    op.reply(JWKS, op._publish_keys)
    assert (await sign_in(openid, op)).state is SignInState.DONE


@pytest.mark.parametrize(("offset", "words"), [(300, "300 seconds behind"), (-400, "400 seconds ahead of")])
async def test_OIDC_5_a_wrong_clock_of_this_computer_is_named(
    openid: EngineBench, op: OpenIdServer, offset: float, words: str
) -> None:
    op.wall = lambda: openid.clock.wall() + offset
    ended = await sign_in(openid, op)
    assert ended.state is SignInState.FAILED
    assert words in ended.error.detail
    assert nothing_kept(openid)
    op.wall = lambda: openid.clock.wall() + (50 if offset > 0 else -50)
    assert (await sign_in(openid, op)).state is SignInState.DONE, "a minute is tolerated"


async def test_OIDC_8_a_second_account_is_a_second_entry_of_the_same_issuer_and_client(
    engine_of, op: OpenIdServer
) -> None:
    bench = await engine_of(op.entry("home"), op.entry("work"))
    op.profile = {"email": "shared@example.com"}
    op.claims = {"sub": "subject-1"}
    home = await begin(bench, "home")
    work = await begin(bench, "work")  # both wait at the same time
    op.expect(home, "code-of-home")
    op.expect(work, "code-of-work")
    assert (await finish(bench, home, code="code-of-home")).state is SignInState.DONE
    op.claims = {"sub": "subject-2"}
    assert (await finish(bench, work, code="code-of-work")).state is SignInState.DONE
    accounts = [bench.session(id_).account for id_ in ("home", "work")]
    assert [account.label for account in accounts] == ["shared@example.com", "shared@example.com"]
    assert [account.subject for account in accounts] == ["subject-1", "subject-2"]
    tokens = {(await bench.token(id_)).access_token.reveal() for id_ in ("home", "work")}
    assert len(tokens) == 2
    await bench.engine.sign_out("home")
    assert bench.shown("work").state is SessionState.ACTIVE


async def test_OIDC_8_the_same_mail_with_another_subject_is_another_account(
    openid: EngineBench, op: OpenIdServer
) -> None:
    op.profile = {"email": "shared@example.com"}
    await sign_in(openid, op)
    op.claims = {"sub": "subject-2"}
    openid.window.present = False
    ended = await sign_in(openid, op)
    assert ended.error.code == "access_denied", "AUTHZ-7: no silent swap because the e-mail is the same"
    assert openid.session().account.subject == "subject-1"


@pytest.mark.parametrize(
    "fault", [answer(401), answer(500), answer(200, "<html>"), answer(302, "", {"Location": "/x"})]
)
async def test_OIDC_9_without_userinfo_there_is_an_account_without_a_profile(
    openid: EngineBench, op: OpenIdServer, fault
) -> None:
    op.reply(USERINFO, fault)
    ended = await sign_in(openid, op)
    assert (ended.state, ended.account) == (SignInState.DONE, "subject-1")
    assert (await openid.token()).access_token.reveal() == "access-1-canary"


@pytest.mark.parametrize(
    ("claims", "accepted"),
    [
        ({"auth_time": 1_800_000_000 - 59, "acr": "gold"}, True),
        ({"auth_time": None, "acr": "gold"}, False),
        ({"auth_time": 1_800_000_000 - 121, "acr": "gold"}, False),
        ({"acr": "bronze"}, False),
        ({}, False),
    ],
)
async def test_OIDC_11_what_was_demanded_of_the_login_must_come_back(
    engine_of, op: OpenIdServer, claims: dict[str, object], accepted: bool
) -> None:
    bench = await engine_of(op.entry(authorization_params={"max_age": "60", "acr_values": "gold"}))
    op.wall = bench.clock.wall
    op.claims = claims
    ended = await sign_in(bench, op)
    assert (ended.state is SignInState.DONE) is accepted
    assert nothing_kept(bench) is not accepted


async def test_OIDC_11_a_refresh_is_no_new_login(engine_of, op: OpenIdServer) -> None:
    bench = await engine_of(op.entry(authorization_params={"max_age": "60", "acr_values": "gold"}))
    op.wall = bench.clock.wall
    op.claims = {"auth_time": bench.clock.wall(), "acr": "gold"}
    await sign_in(bench, op)
    bench.clock.skip(3000)
    op.claims = {"auth_time": bench.clock.wall() - 3000}
    await bench.engine.refresh("p", GIT)
    assert bench.shown().state is SessionState.ACTIVE


async def test_OIDC_1_an_id_token_that_nobody_asked_for_is_not_looked_at(engine_of, op: OpenIdServer) -> None:
    bench = await engine_of(op.entry(scopes=["read"], client_id="client-1"))
    op.publish()
    op.reply("/.well-known/oauth-authorization-server", *op._replies["/.well-known/openid-configuration"])
    op.encode = lambda _: "forged.id.token"
    started = await begin(bench)
    assert "nonce" not in sent(started)
    assert (await finish(bench, started)).state is SignInState.DONE
    assert op.to(JWKS) == []
    assert bench.session().account.issuer == op.origin, "userinfo alone names the account"


async def test_OIDC_1_openid_granted_without_being_asked_for_is_checked_without_a_nonce(
    engine_of, op: OpenIdServer
) -> None:
    bench = await engine_of(op.entry(scopes=["read"]))
    op.wall = bench.clock.wall
    op.reply("/.well-known/oauth-authorization-server", *op._replies["/.well-known/openid-configuration"])
    for signer, state in ((key("RSA other"), SignInState.FAILED), (key("RSA"), SignInState.DONE)):
        op.signed_by = (signer, "RS256")
        started = await begin(bench)
        op.instead = [op.answer(scope="openid read")]
        assert (await finish(bench, started)).state is state
        bench.clock.skip(61)


async def test_OIDC_7_a_hundred_made_up_key_ids_cost_one_request_a_minute(
    openid: EngineBench, op: OpenIdServer
) -> None:
    await sign_in(openid, op)
    for number in range(100):
        op.header = {"kid": f"made-up-{number}"}
        assert (await sign_in(openid, op)).state is SignInState.FAILED
    assert len(op.to(JWKS)) == 2, "the first, and one more"
    openid.clock.skip(61)
    op.header, op.keys = {"kid": "k2"}, [public(key("RSA"), kid="k2")]
    assert (await sign_in(openid, op)).state is SignInState.DONE, "a real rotation is still followed"


async def test_RESP_6_nothing_of_an_unbelieved_error_is_logged_or_shown(
    openid: EngineBench, op: OpenIdServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1, "tokenkeep")
    said = {"code": None, "error": "access_denied", "error_description": "CANARY-TEXT", "error_uri": "https://CANARY"}
    started = await begin(openid)
    page = await visit(redirect(started, **said, state="bad"))
    assert "CANARY" not in page.text
    assert openid.engine.sign_in_snapshot(started.id).state.pending
    ended = await finish(openid, started, **said, iss="https://evil.example")
    assert "CANARY" not in f"{ended} {ended.error} {vars(ended.error)} {openid.shown()}"
    assert "CANARY" not in caplog.text
    assert op.token_requests == []
