"""Sessions that no person signs in to: acquired on the first query, kept fresh, never refreshed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from support.ci_job import ProjectedVolume, unsigned_jwt
from support.engine_bench import GIT, EngineBench, entry
from support.fake_clock import turn, until
from support.scripted_server import answer
from support.token_server import REVOKE, Gate, TokenServer, oauth_error
from tokenkeep.domain.access import OWN_WINDOW
from tokenkeep.domain.errors import (
    AccessDenied,
    Misconfigured,
    NotAnAccessToken,
    ProviderError,
    ProviderUnreachable,
    SignInRequired,
)
from tokenkeep.domain.provider import Flow, Provider, SecretSource, SubjectToken
from tokenkeep.domain.session import SessionState, SignInState
from tokenkeep.domain.tokens import Secret

HOUR = 3600.0
SECRET = "CANARY-CS-0001"
TYPE = "urn:ietf:params:oauth:token-type:"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", SECRET)


def machine(server: TokenServer, id_: str = "p", **changes: Any) -> Provider:
    """An entry for client credentials, unless the changes say otherwise."""
    values: dict[str, Any] = {"flow": Flow.CLIENT_CREDENTIALS, "client_secret": SecretSource(env="A_SECRET")}
    return entry(server, id_, **(values | changes))


def exchange(server: TokenServer, id_: str = "p", **changes: Any) -> Provider:
    server.rotates = False
    values: dict[str, Any] = {
        "flow": Flow.TOKEN_EXCHANGE,
        "subject_token": SubjectToken(source="env", name="A_SUBJECT"),
    }
    return machine(server, id_, **(values | changes))


def kept(bench: EngineBench) -> str | None:
    stored = bench.vault.session()
    return None if stored is None or stored.tokens is None else stored.tokens.access_token.reveal()


# --- acquiring ---------------------------------------------------------------------------------------------------


async def test_GRANT_1_the_first_query_acquires_and_the_next_ones_are_answered_from_memory(engine_of, server) -> None:
    bench = await engine_of(machine(server))
    assert bench.shown().state is SessionState.SIGNED_OUT
    assert server.token_requests == [], "nothing is asked for before somebody wants it"
    token = await bench.token()
    assert (token.access_token.reveal(), token.account) == ("access-1-canary", "client-1")
    assert server.sent("grant_type") == ["client_credentials"]
    for _ in range(5):
        assert (await bench.token()).access_token.reveal() == "access-1-canary"
    assert len(server.token_requests) == 1
    assert (bench.shown().state, bench.shown().token_usable) == (SessionState.ACTIVE, True)


async def test_GRANT_1_renewal_is_a_new_grant_and_a_refresh_token_that_came_along_is_not_kept(
    engine_of, server
) -> None:
    bench = await engine_of(machine(server))
    assert server.rotates, "the server gives refresh tokens that nobody asked for"
    await bench.token()
    await bench.let(HOUR)
    assert server.sent("grant_type") == ["client_credentials", "client_credentials"]
    assert not any(server.sent("refresh_token"))
    assert bench.vault.session().tokens.refresh_token is None
    assert (await bench.token()).access_token.reveal() == "access-2-canary"


async def test_GRANT_1_a_token_is_renewed_ahead_of_its_end_and_nobody_waits(engine_of, server) -> None:
    bench = await engine_of(machine(server))
    await bench.token()
    await bench.let(HOUR - 601)
    assert len(server.token_requests) == 1
    await bench.let(2)
    assert len(server.token_requests) == 2
    assert (await bench.token(min_valid=1000)).access_token.reveal() == "access-2-canary"
    assert len(server.token_requests) == 2


async def test_REF_3_fifty_queries_at_once_are_one_request(engine_of, server) -> None:
    bench = await engine_of(machine(server))
    tokens = await asyncio.gather(*(bench.token() for _ in range(50)))
    assert {token.access_token.reveal() for token in tokens} == {"access-1-canary"}
    assert len(server.token_requests) == 1


async def test_GRANT_1_without_a_lifetime_each_query_gets_its_own_token(engine_of, server) -> None:
    server.lifetime = None
    bench = await engine_of(machine(server))
    found = [(await bench.token()).access_token.reveal() for _ in range(3)]
    assert found == ["access-1-canary", "access-2-canary", "access-3-canary"]
    assert bench.session().due() is None, "there is no moment at which it would have to be renewed"
    assert bench.shown().state is SessionState.ACTIVE


async def test_GRANT_1_without_a_lifetime_a_kept_token_is_no_answer_to_a_failure(engine_of, server) -> None:
    server.lifetime = None
    bench = await engine_of(machine(server))
    await bench.token()
    server.failing = answer(503)
    for _ in range(3):
        with pytest.raises(ProviderUnreachable):
            await bench.token()
    assert len(server.token_requests) == 2, "a server in trouble is not asked by every query"


async def test_TOK_6_a_token_that_has_run_out_already_makes_no_loop(engine_of, server) -> None:
    server.lifetime = 0.0
    bench = await engine_of(machine(server))
    for _ in range(3):
        with pytest.raises(ProviderError, match="already run out"):
            await bench.token()
    assert len(server.token_requests) == 1


async def test_REF_1_it_is_in_the_vault_before_anybody_gets_it(engine_of, server) -> None:
    bench = await engine_of(machine(server))
    bench.vault.writable.clear()
    asking = asyncio.create_task(bench.token())
    await until(lambda: len(server.token_requests) == 1, "the request")
    await turn()
    assert not asking.done()
    bench.vault.writable.set()
    assert (await asking).access_token.reveal() == kept(bench) == "access-1-canary"


async def test_it_survives_a_restart_and_is_kept_fresh_again(engine_of, server) -> None:
    first = await engine_of(machine(server))
    await first.token()
    second = await engine_of(machine(server), clock=first.clock, vaults=first.storage)
    assert second.shown().state is SessionState.ACTIVE
    assert (await second.token()).access_token.reveal() == "access-1-canary"
    assert len(server.token_requests) == 1
    asked = len(server.token_requests)
    second.clock.skip(HOUR)
    assert (await second.token()).access_token.reveal() != "access-1-canary"
    assert len(server.token_requests) > asked


# --- failures ----------------------------------------------------------------------------------------------------


async def test_REF_5_an_unreachable_server_is_asked_again_with_back_off_also_without_any_token(
    engine_of, server
) -> None:
    bench = await engine_of(machine(server))
    server.failing = answer(503, "", {"Retry-After": "100"})
    with pytest.raises(ProviderUnreachable) as refused:
        await bench.token()
    assert refused.value.retry_after == 100.0
    assert bench.shown().state is SessionState.OFFLINE
    server.failing = None
    await bench.let(99)
    assert len(server.token_requests) == 1
    await bench.let(2)
    assert (bench.shown().state, kept(bench)) == (SessionState.ACTIVE, "access-1-canary")


async def test_REF_5_a_token_that_lives_is_served_while_its_renewal_fails(engine_of, server) -> None:
    bench = await engine_of(machine(server))
    await bench.token()
    server.failing = answer(503)
    await bench.let(HOUR - 500)
    assert bench.shown().state is SessionState.OFFLINE
    assert (await bench.token()).access_token.reveal() == "access-1-canary"


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "invalid_scope"])
async def test_CAUTH_4_a_refusal_asks_for_no_sign_in_and_mends_itself_when_somebody_asks_later(
    engine_of, server, error
) -> None:
    bench = await engine_of(machine(server))
    server.failing = oauth_error(error)
    for _ in range(3):
        with pytest.raises(ProviderError):
            await bench.token()
    assert (bench.shown().state, len(server.token_requests)) == (SessionState.FAILED, 1)
    await bench.let(HOUR)
    assert len(server.token_requests) == 1, "what is refused is not asked for again without being wanted"
    server.failing = None
    assert (await bench.token()).access_token.reveal() == "access-1-canary"
    assert (bench.shown().state, bench.shown().last_error) == (SessionState.ACTIVE, None)


async def test_GRANT_2_a_missing_subject_token_is_a_fault_of_the_setup_until_it_is_there(
    engine_of, server, tmp_path: Path
) -> None:
    volume = ProjectedVolume(tmp_path / "volume")
    source = SubjectToken(source="kubernetes", path=str(volume.path))
    bench = await engine_of(machine(server, flow=Flow.JWT_BEARER, subject_token=source))
    with pytest.raises(Misconfigured) as refused:
        await bench.token()
    assert refused.value.key == "providers.p.subject_token"
    assert server.token_requests == []
    assert bench.shown().state is SessionState.FAILED
    volume.write(unsigned_jwt(1))
    bench.clock.skip(10)
    assert (await bench.token()).account == "repo:octo/app:ref:refs/heads/main"
    volume.write(unsigned_jwt(2))
    await bench.let(HOUR)
    assert server.sent("assertion") == [unsigned_jwt(1), unsigned_jwt(2)], "read anew, never kept"


async def test_LEAK_2_no_subject_token_is_kept_shown_or_logged(engine_of, server, monkeypatch, caplog) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("A_SUBJECT", unsigned_jwt(7))
    monkeypatch.setenv("AN_ACTOR", unsigned_jwt(8))
    server.rotates = False
    server.instead = [server.answer(issued_token_type=f"{TYPE}access_token"), oauth_error("invalid_request")]
    actor = SubjectToken(source="env", name="AN_ACTOR")
    bench = await engine_of(exchange(server, actor_token=actor))
    await bench.token()
    bench.clock.skip(HOUR)
    with pytest.raises(ProviderError):
        await bench.token()
    assert server.sent("subject_token") == [unsigned_jwt(7)] * 2
    everything = repr([bench.engine.snapshot(), bench.events, bench.vault.__dict__, caplog.text])
    for canary in ("CANARY-JWT-0007", "CANARY-JWT-0008", SECRET):
        assert canary not in everything


# --- signing in and out ------------------------------------------------------------------------------------------


async def test_a_sign_in_fetches_a_token_now_and_opens_nothing(engine_of, server) -> None:
    bench = await engine_of(machine(server))
    done = await bench.engine.sign_in("p", application=GIT)
    assert (done.state, done.method, done.account) == (SignInState.DONE, "machine", "client-1")
    assert bench.browser.opened == []
    assert bench.engine.sign_in_snapshot(done.id) == done
    assert await bench.engine.wait_sign_in(done.id, 60.0) == done
    assert await bench.engine.cancel_sign_in(done.id) == done
    assert bench.of("sign_in") == [], "there is no window to be opened for it"
    await bench.engine.sign_in("p", application=GIT)
    assert len(server.token_requests) == 2


async def test_REV_1_a_sign_out_revokes_and_holds_until_somebody_signs_in(engine_of, server) -> None:
    bench = await engine_of(machine(server))
    await bench.token()
    outcome = await bench.engine.sign_out("p")
    assert (outcome.revoked, server.revoked) == (True, ["access-1-canary"])
    assert kept(bench) is None
    bench.clock.skip(60)
    with pytest.raises(SignInRequired, match="was signed out here") as refused:
        await bench.token()
    assert "tokenkeep login p" in refused.value.hint
    with pytest.raises(SignInRequired):
        await bench.token(interactive=True)
    with pytest.raises(SignInRequired):
        await bench.engine.refresh("p", GIT)
    await bench.engine.sign_in("p")
    assert (await bench.token()).access_token.reveal() == "access-2-canary"


async def test_REV_4_a_query_while_a_sign_out_is_written_does_not_undo_it(engine_of, server) -> None:
    bench = await engine_of(machine(server))
    await bench.token()
    bench.clock.skip(60)
    bench.vault.writable.clear()
    leaving = asyncio.create_task(bench.engine.sign_out("p"))
    await until(lambda: bench.session().held is None)
    asking = asyncio.create_task(bench.token())
    await turn()
    bench.vault.writable.set()
    assert (await leaving).revoked is True
    with pytest.raises(SignInRequired):
        await asking
    assert (bench.shown().state, len(server.token_requests)) == (SessionState.SIGNED_OUT, 1)
    assert bench.vault.session().ended is not None


async def test_a_sign_out_outlives_the_process(engine_of, server) -> None:
    first = await engine_of(machine(server))
    await first.token()
    await first.engine.sign_out("p")
    second = await engine_of(machine(server), clock=first.clock, vaults=first.storage)
    assert second.shown().state is SessionState.SIGNED_OUT
    with pytest.raises(SignInRequired):
        await second.token()
    assert len(server.token_requests) == 1
    await second.engine.sign_in("p", application=OWN_WINDOW)
    assert second.shown().state is SessionState.ACTIVE


async def test_a_program_without_the_right_does_not_undo_a_persons_sign_out(engine_of, server) -> None:
    bench = await engine_of(machine(server), access={"default": "allow", "manage": "deny"})
    await bench.token()
    await bench.engine.sign_out("p")
    with pytest.raises(AccessDenied):
        await bench.engine.sign_in("p", application=GIT)
    assert len(server.token_requests) == 1


async def test_REV_4_a_token_that_comes_after_a_sign_out_is_revoked(engine_of, server) -> None:
    gate = Gate()
    server.instead = [gate.before(server.answer())]
    bench = await engine_of(machine(server))
    asking = asyncio.create_task(bench.token())
    await asyncio.to_thread(gate.reached.wait)
    await bench.engine.sign_out("p")
    gate.open()
    with pytest.raises(SignInRequired):
        await asking
    await until(lambda: server.revoked == ["access-1-canary"], "the revocation")
    assert kept(bench) is None
    assert bench.shown().state is SessionState.SIGNED_OUT


async def test_a_refused_token_is_replaced_by_a_new_grant(engine_of, server) -> None:
    bench = await engine_of(machine(server))
    old = (await bench.token()).access_token
    bench.clock.skip(10)
    new = await bench.engine.token_rejected("p", old.sha256, GIT)
    assert new.access_token.reveal() == "access-2-canary"


# --- a changed entry ---------------------------------------------------------------------------------------------


async def test_a_token_for_another_scope_is_let_go(engine_of, server) -> None:
    bench = await engine_of(machine(server))
    await bench.token()
    bench.write(machine(server, scopes=["admin"]))
    await bench.engine.reload()
    assert (await bench.token(scope=("admin",))).access_token.reveal() == "access-2-canary"
    assert server.sent("scope") == ["read write", "admin"]
    await until(lambda: server.revoked == ["access-1-canary"], "the revocation")


async def test_a_token_for_another_scope_is_let_go_after_a_restart_too(engine_of, server) -> None:
    first = await engine_of(machine(server))
    await first.token()
    second = await engine_of(machine(server, scopes=["admin"]), clock=first.clock, vaults=first.storage)
    assert second.shown().state is SessionState.SIGNED_OUT
    assert (await second.token(scope=("admin",))).access_token.reveal() == "access-2-canary"


async def test_a_changed_name_costs_nothing(engine_of, server) -> None:
    bench = await engine_of(machine(server))
    await bench.token()
    bench.write(machine(server, name="Another name", base_url="https://api.example"))
    await bench.engine.reload()
    assert (await bench.token()).access_token.reveal() == "access-1-canary"
    assert server.to(REVOKE) == []


async def test_a_mended_entry_is_tried_at_once(engine_of, server) -> None:
    bench = await engine_of(machine(server, client_secret=SecretSource(env="NOT_SET_ANYWHERE")))
    with pytest.raises(Misconfigured):
        await bench.token()
    bench.write(machine(server))
    await bench.engine.reload()
    assert (await bench.token()).access_token.reveal() == "access-1-canary"


# --- chains ------------------------------------------------------------------------------------------------------


async def test_GRANT_3_another_entrys_session_is_the_subject_token(engine_of, server) -> None:
    with TokenServer() as second:
        second.rotates = False
        second.instead = [second.answer(access_token="exchanged-1", issued_token_type=f"{TYPE}access_token")]
        source = SubjectToken(source="provider", id="first")
        bench = await engine_of(machine(server, "first"), exchange(second, subject_token=source))
        token = await bench.token()
    assert token.access_token.reveal() == "exchanged-1"
    assert second.sent("subject_token") == ["access-1-canary"]
    assert second.sent("subject_token_type") == [f"{TYPE}access_token"]
    assert bench.shown("first").state is SessionState.ACTIVE


async def test_GRANT_3_what_the_other_entry_lacks_is_said_with_its_name(engine_of, server) -> None:
    source = SubjectToken(source="provider", id="first")
    bench = await engine_of(entry(server, "first"), exchange(server, subject_token=source))
    with pytest.raises(SignInRequired, match=r"P needs a token of first first\. Not signed in to FIRST\.") as refused:
        await bench.token()
    assert refused.value.hint == "Sign in there: `tokenkeep login first`."
    assert bench.shown().state is SessionState.FAILED
    assert server.token_requests == []


async def test_GRANT_3_a_chain_goes_on_once_the_first_link_is_there(engine_of, server) -> None:
    source = SubjectToken(source="provider", id="first")
    bench = await engine_of(entry(server, "first"), exchange(server, subject_token=source))
    with pytest.raises(SignInRequired):
        await bench.token()
    server.instead = [server.answer(issued_token_type=f"{TYPE}access_token")]
    await bench.signed_in(server, "first")
    await until(lambda: bench.shown().state is SessionState.ACTIVE, "the chain to go on by itself")
    assert (await bench.token()).account == "ada"
    assert server.sent("subject_token") == ["access-0-first"]


async def test_GRANT_4_what_is_no_access_token_is_kept_for_exchanges_and_never_given_out(
    engine_of, server, monkeypatch
) -> None:
    monkeypatch.setenv("A_SUBJECT", unsigned_jwt(1))
    jwt = f"{TYPE}jwt"
    first = exchange(server, "first", requested_token_type=jwt)
    last = exchange(server, "last", subject_token=SubjectToken(source="provider", id="first"))
    server.instead = [
        server.answer(issued_token_type=jwt, token_type="N_A"),
        server.answer(issued_token_type=f"{TYPE}access_token"),
    ]
    bench = await engine_of(first, last)
    for _ in range(2):
        with pytest.raises(NotAnAccessToken) as refused:
            await bench.token("first")
        assert refused.value.code == "misconfigured"
    assert len(server.token_requests) == 1
    assert bench.vault.session("first").tokens.token_type == "N_A"
    assert (bench.shown("first").state, bench.shown("first").token_usable) == (SessionState.ACTIVE, False)
    with pytest.raises(NotAnAccessToken):
        await bench.engine.copy_token("first")
    assert (await bench.token("last")).access_token.reveal() == "access-2-canary"
    assert server.sent("subject_token_type") == [jwt, jwt], "its type goes along"


# --- pasted tokens -----------------------------------------------------------------------------------------------


def static(server: TokenServer, **changes: Any) -> Provider:
    return entry(server, flow=Flow.STATIC, client_id="", **changes)


async def test_a_pasted_token_is_sealed_served_as_it_is_and_removed_by_a_sign_out(engine_of, server) -> None:
    bench = await engine_of(static(server))
    with pytest.raises(SignInRequired, match="No token of P is kept here") as refused:
        await bench.token()
    assert "--token -" in refused.value.hint
    await bench.engine.paste_token("p", Secret("pasted-canary"))
    token = await bench.token(scope=("read",))
    assert (token.access_token.reveal(), token.token_type, token.expires_at) == ("pasted-canary", "Bearer", None)
    again = await engine_of(static(server), clock=bench.clock, vaults=bench.storage)
    assert (await again.token()).access_token.reveal() == "pasted-canary"
    outcome = await again.engine.sign_out("p")
    assert (outcome.revoked, outcome.detail) == (
        "unsupported",
        "The token was removed here. Revoke it at P if it is of no use now.",
    )
    assert kept(again) is None
    assert server.requests == [], "nobody but the program that uses it ever sees it"


async def test_a_pasted_token_ends_when_it_was_said_to(engine_of, server) -> None:
    bench = await engine_of(static(server))
    await bench.engine.paste_token("p", Secret("pasted-canary"), bench.clock.wall() + HOUR)
    assert (await bench.token()).expires_in == pytest.approx(HOUR)
    await bench.let(HOUR)
    assert bench.shown().state is SessionState.NEEDS_SIGN_IN
    assert bench.shown().last_error.detail == "The pasted token has run out."


async def test_a_pasted_token_that_a_resource_refuses_needs_a_person(engine_of, server) -> None:
    bench = await engine_of(static(server))
    await bench.engine.paste_token("p", Secret("pasted-canary"))
    with pytest.raises(SignInRequired):
        await bench.engine.token_rejected("p", Secret("pasted-canary").sha256, GIT)
    assert bench.shown().state is SessionState.NEEDS_SIGN_IN
    await until(lambda: kept(bench) is None, "the vault to forget it")
    await bench.engine.paste_token("p", Secret("another-canary"))
    assert (bench.shown().state, (await bench.token()).access_token.reveal()) == (SessionState.ACTIVE, "another-canary")


async def test_a_sign_in_says_where_a_token_is_pasted(engine_of, server) -> None:
    bench = await engine_of(static(server))
    with pytest.raises(SignInRequired, match="pasted once"):
        await bench.engine.sign_in("p")
    assert bench.shown().state is SessionState.SIGNED_OUT


@pytest.mark.parametrize("text", ["two words", "", "line\nbreak", "schlüssel"])
async def test_what_is_no_token_is_not_taken(engine_of, server, text) -> None:
    bench = await engine_of(static(server))
    with pytest.raises(Exception, match="no token"):
        await bench.engine.paste_token("p", Secret(text))


async def test_a_token_that_has_run_out_is_not_taken(engine_of, server) -> None:
    bench = await engine_of(static(server))
    with pytest.raises(Exception, match="run out already"):
        await bench.engine.paste_token("p", Secret("x"), bench.clock.wall())


async def test_only_a_static_entry_takes_a_token(engine_of, server) -> None:
    bench = await engine_of(machine(server))
    with pytest.raises(Misconfigured, match="none is pasted"):
        await bench.engine.paste_token("p", Secret("x"))
