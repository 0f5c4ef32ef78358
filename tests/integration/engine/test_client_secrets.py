"""Secrets and keys in the vault: typed in, missed, made, shown by half, carried along and removed."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest

from support.engine_bench import EngineBench, entry
from support.fake_clock import until
from support.fake_vault import FakeStorage
from support.fault_rows import NEVER
from support.token_server import TokenServer, oauth_error
from tokenkeep.domain.errors import ClientRejected, Locked, Misconfigured, SecretMissing, StorageFailed, UnknownProvider
from tokenkeep.domain.provider import SecretSource
from tokenkeep.domain.session import SessionState, StorageState
from tokenkeep.domain.tokens import Secret
from tokenkeep.engine.left_behind import KEPT
from tokenkeep.engine.secret_sources import vault_name
from tokenkeep.oauth import jws
from tokenkeep.oauth.signing_key import SigningKey

CANARY = "canary-client-secret"
IN_THE_VAULT = SecretSource(vault=True)
DAY = 86_400.0


async def with_secret(engine_of: Any, server: TokenServer, **changes: Any) -> EngineBench:
    """An engine whose provider keeps its secret here; nobody typed it in yet."""
    bench: EngineBench = await engine_of(entry(server, client_secret=IN_THE_VAULT, **changes))
    return bench


def sent_secrets(server: TokenServer) -> list[str]:
    """The secrets of the token requests, in order."""
    headers = [request.header("Authorization") or "" for request in server.token_requests]
    return [base64.b64decode(one.removeprefix("Basic ")).decode().partition(":")[2] for one in headers]


# --- typing it in -------------------------------------------------------------------------------------------------


async def test_CAUTH_4_a_secret_that_nobody_typed_in_is_said_at_once(engine_of, server: TokenServer) -> None:
    bench = await with_secret(engine_of, server)
    shown = bench.shown()
    assert shown.state is SessionState.FAILED
    assert isinstance(shown.last_error, SecretMissing)
    assert "tokenkeep edit p --client-secret -" in shown.last_error.hint
    assert (shown.secret_kept, shown.secret_wanted) == (True, True)
    for method in ("device", "browser"):
        with pytest.raises(SecretMissing):
            await bench.engine.sign_in("p", method=method)
    assert server.to("/device") == []
    assert bench.browser.opened == [], "the sign-in could not come to a good end"
    await bench.engine.set_client_secret("p", Secret(CANARY))
    assert bench.shown().state is SessionState.SIGNED_OUT
    assert not bench.shown().secret_wanted
    assert bench.vault.secrets == {vault_name(entry(server)): Secret(CANARY)}


async def test_CAUTH_4_a_new_entry_without_its_secret_is_said_at_once(engine_of, server: TokenServer) -> None:
    bench = await engine_of()
    bench.write(entry(server, client_secret=IN_THE_VAULT))
    await bench.engine.reload()
    await until(lambda: bench.shown().state is SessionState.FAILED, "the word that it is missing")
    assert isinstance(bench.shown().last_error, SecretMissing)


async def test_REF_9_a_typed_secret_never_goes_to_another_server_or_client(engine_of, server: TokenServer) -> None:
    bench = await with_secret(engine_of, server)
    await bench.engine.set_client_secret("p", Secret(CANARY))
    with TokenServer() as elsewhere:
        for other in (
            entry(elsewhere, client_secret=IN_THE_VAULT),
            entry(server, client_id="other", client_secret=IN_THE_VAULT),
        ):
            bench.write(other)
            await bench.engine.reload()
            await until(lambda: isinstance(bench.shown().last_error, SecretMissing), "the question for its own secret")
            with pytest.raises(SecretMissing):
                await bench.engine.sign_in("p")
            bench.write(entry(server, client_secret=IN_THE_VAULT))
            await bench.engine.reload()
            await until(lambda: not bench.shown().secret_wanted, "the return of the first entry")
        assert elsewhere.to("/token") == []


async def rejected(bench: EngineBench, server: TokenServer, error: str) -> None:
    """A session whose last refresh ended with that error."""
    bench.vault.secrets[vault_name(entry(server))] = Secret("wrong")
    await bench.signed_in(server)
    server.failing = oauth_error(error, 401)
    with pytest.raises(ClientRejected):
        await bench.engine.refresh("p")
    assert bench.shown().state is SessionState.FAILED


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
async def test_CAUTH_4_a_typed_secret_is_tried_at_once_with_the_old_refresh_token(
    engine_of, server: TokenServer, error: str
) -> None:
    bench = await with_secret(engine_of, server)
    await bench.engine.set_client_secret("p", Secret("first"))
    await rejected(bench, server, error)
    assert bench.shown().secret_wanted
    kept = bench.vault.session()
    assert kept is not None
    assert kept.tokens is not None
    assert kept.tokens.refresh_token == Secret("refresh-0-p")
    server.failing = None
    await bench.engine.set_client_secret("p", Secret(CANARY))
    await bench.let(0)
    assert bench.shown().state is SessionState.ACTIVE
    assert sent_secrets(server) == ["wrong", CANARY]
    assert server.sent("refresh_token") == ["refresh-0-p"] * 2
    assert bench.shown().last_error is None


async def test_CAUTH_4_a_wrong_secret_that_was_typed_is_asked_for_again(engine_of, server: TokenServer) -> None:
    bench = await with_secret(engine_of, server)
    await rejected(bench, server, "invalid_client")
    await bench.engine.set_client_secret("p", Secret("wrong again"))
    await bench.let(0)
    assert bench.shown().state is SessionState.FAILED
    assert bench.shown().secret_wanted
    assert len(server.token_requests) == 2, "once for each secret"


async def test_CAUTH_4_a_missing_secret_leaves_the_sign_in_and_typing_it_serves_on(
    engine_of, server: TokenServer
) -> None:
    vaults = FakeStorage()
    first = await engine_of(entry(server), vaults=vaults)
    await first.signed_in(server)
    await first.engine.stop()
    bench = await engine_of(entry(server, client_secret=IN_THE_VAULT), vaults=vaults)
    assert bench.shown().state is SessionState.FAILED
    assert (await bench.token()).access_token == Secret("access-0-p"), "it is still good"
    await bench.engine.set_client_secret("p", Secret(CANARY))
    await bench.let(0)
    assert bench.shown().state is SessionState.ACTIVE
    assert sent_secrets(server) == [CANARY]


async def test_changing_a_secret_that_works_asks_the_provider_nothing(engine_of, server: TokenServer) -> None:
    bench = await with_secret(engine_of, server)
    await bench.engine.set_client_secret("p", Secret("old"))
    await bench.signed_in(server)
    await bench.engine.set_client_secret("p", Secret("new"))
    await bench.let(0)
    assert server.token_requests == []
    assert bench.shown().state is SessionState.ACTIVE
    await bench.engine.refresh("p")
    assert sent_secrets(server) == ["new"]


@pytest.mark.parametrize("source", [None, SecretSource(env="X")])
async def test_a_secret_of_another_place_cannot_be_typed_in(engine_of, server: TokenServer, source: Any) -> None:
    bench = await engine_of(entry(server, client_secret=source))
    with pytest.raises(Misconfigured, match="not kept by TokenKeep") as refused:
        await bench.engine.set_client_secret("p", Secret(CANARY))
    assert "client_secret = { vault = true }" in refused.value.hint
    assert bench.vault.secrets == {}
    with pytest.raises(UnknownProvider):
        await bench.engine.set_client_secret("nobody", Secret(CANARY))


async def test_a_secret_that_cannot_be_written_changes_nothing(engine_of, server: TokenServer) -> None:
    bench = await with_secret(engine_of, server)
    bench.vault.failing = True
    with pytest.raises(StorageFailed):
        await bench.engine.set_client_secret("p", Secret(CANARY))
    assert bench.shown().state is SessionState.FAILED


async def test_with_a_locked_vault_nothing_is_missing_and_nothing_is_taken(engine_of, server: TokenServer) -> None:
    vaults = FakeStorage()
    vaults.problems["passphrase"] = Locked("It wants its passphrase.")
    bench = await engine_of(entry(server, client_secret=IN_THE_VAULT), vaults=vaults, storage={"key": "passphrase"})
    assert bench.shown().state is SessionState.SIGNED_OUT
    with pytest.raises(Locked):
        await bench.engine.set_client_secret("p", Secret(CANARY))


async def test_LEAK_1_a_typed_secret_is_shown_nowhere(
    engine_of, server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    bench = await with_secret(engine_of, server)
    await bench.engine.set_client_secret("p", Secret(CANARY))
    await bench.signed_in(server)
    await bench.engine.refresh("p")
    shown = repr(bench.engine.snapshot()) + repr(bench.events) + repr(await bench.engine.activity(100))
    for text in (shown, caplog.text):
        assert not [one for one in (CANARY, *NEVER) if one in text]


# --- keys ---------------------------------------------------------------------------------------------------------

SIGNING = {"client_auth": "private_key_jwt", "private_key": IN_THE_VAULT}


def assertions(server: TokenServer) -> list[str]:
    return server.sent("client_assertion")


async def test_CAUTH_3_a_key_is_made_at_first_need_and_stays(engine_of, server: TokenServer) -> None:
    vaults = FakeStorage()
    bench = await engine_of(entry(server, **SIGNING), vaults=vaults)
    assert bench.vault.secrets == {}
    await bench.signed_in(server)
    await bench.engine.refresh("p")
    (name,) = bench.vault.secrets
    assert name == "p/private_key/ES256"
    (shown,) = await bench.engine.public_keys("p")
    await bench.engine.stop()
    again = await engine_of(entry(server, **SIGNING), vaults=vaults)
    await again.engine.refresh("p")
    for one in assertions(server):
        jws.verify(jws.parse(one, ["ES256"]), [shown])
    assert len(set(assertions(server))) == 2


async def test_CAUTH_3_the_key_that_is_shown_first_is_the_one_that_signs(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server, client_auth="private_key_jwt"))  # the vault is the default
    (shown,) = await bench.engine.public_keys("p")
    assert await bench.engine.public_keys("p") == (shown,)
    assert bench.shown().signs_assertions
    assert "d" not in shown
    await bench.signed_in(server)
    await bench.engine.refresh("p")
    jws.verify(jws.parse(assertions(server)[0], ["ES256"]), [shown])


@pytest.mark.parametrize(("listed", "algorithm"), [(["RS256"], "RS256"), (["EdDSA", "HS256"], "EdDSA")])
async def test_CAUTH_3_a_key_is_made_for_what_the_server_lists(
    engine_of, server: TokenServer, listed: list[str], algorithm: str
) -> None:
    provider = entry(server, **SIGNING)
    server.publish(token_endpoint_auth_signing_alg_values_supported=listed)
    bench = await engine_of(provider)
    (shown,) = await bench.engine.public_keys("p")
    await bench.signed_in(server)
    await bench.engine.refresh("p")
    token = jws.parse(assertions(server)[0], [algorithm])
    jws.verify(token, [shown])
    assert (token.algorithm, token.header["kid"]) == (algorithm, shown["kid"])


async def test_CAUTH_3_a_key_is_kept_as_long_as_the_server_takes_it(engine_of, server: TokenServer) -> None:
    provider = entry(server, **SIGNING)
    server.publish(token_endpoint_auth_signing_alg_values_supported=["RS256"])
    bench = await engine_of(provider)
    (shown,) = await bench.engine.public_keys("p")
    server.publish(token_endpoint_auth_signing_alg_values_supported=["ES256", "RS256"])
    bench.write(entry(server, **SIGNING, name="Another"))
    server.publish(token_endpoint_auth_signing_alg_values_supported=["ES256", "RS256"])
    await bench.engine.reload()
    await bench.signed_in(server)
    await bench.engine.refresh("p")
    jws.verify(jws.parse(assertions(server)[0], ["RS256"]), [shown])


async def test_CAUTH_3_a_server_that_takes_no_safe_signature_is_refused(engine_of, server: TokenServer) -> None:
    provider = entry(server, **SIGNING)
    server.publish(token_endpoint_auth_signing_alg_values_supported=["HS256", "none"])
    bench = await engine_of(provider)
    await bench.signed_in(server)
    with pytest.raises(Misconfigured, match="HS256, none"):
        await bench.engine.refresh("p")
    assert server.token_requests == []
    assert bench.vault.secrets == {}


async def test_a_key_of_a_file_signs_and_its_public_half_is_shown(engine_of, server: TokenServer, tmp_path) -> None:
    made = SigningKey.make()
    (tmp_path / "key.pem").write_text(made.sealed.reveal())
    source = SecretSource(file=str(tmp_path / "key.pem"))
    bench = await engine_of(entry(server, private_key=source))
    assert await bench.engine.public_keys("p") == (made.public_jwk,)
    await bench.signed_in(server)
    await bench.engine.refresh("p")
    jws.verify(jws.parse(assertions(server)[0], ["ES256"]), [made.public_jwk])
    assert bench.vault.secrets == {}
    (tmp_path / "key.pem").write_text("canary-no-key")
    await bench.let(10)
    with pytest.raises(Misconfigured, match="neither PEM nor a JWK") as refused:
        await bench.engine.refresh("p")
    assert refused.value.key == "providers.p.private_key"
    assert "canary" not in repr(refused.value)
    assert bench.shown().state is SessionState.FAILED
    (tmp_path / "key.pem").unlink()
    with pytest.raises(Misconfigured, match="not where the configuration says"):
        await bench.engine.public_keys("p")


async def test_a_client_without_a_key_has_none_to_show(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    assert await bench.engine.public_keys("p") == ()
    assert not bench.shown().signs_assertions


async def test_CAUTH_3_the_assertion_goes_by_the_servers_clock(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server, **SIGNING))
    await bench.signed_in(server)
    ahead = bench.clock.wall() + 500
    bench.engine._context.transport._clock_offsets[server.origin] = 500.0
    await bench.engine.refresh("p")
    claims = jws.claims_of(assertions(server)[0])
    assert abs(claims["iat"] - ahead) < 60


async def test_REV_1_a_revocation_is_signed_too(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server, **SIGNING))
    await bench.signed_in(server)
    await bench.engine.sign_out("p")
    (shown,) = await bench.engine.public_keys("p")
    forms = [dict(request.form) for request in server.to("/revoke")]
    assert len(forms) == 2
    for form in forms:
        token = jws.parse(form["client_assertion"], ["ES256"])
        jws.verify(token, [shown])
        assert token.claims["aud"] == server.origin


# --- another vault, and the end -----------------------------------------------------------------------------------


async def test_secrets_and_keys_go_along_into_another_vault(engine_of, server: TokenServer) -> None:
    vaults = FakeStorage()
    bench = await engine_of(entry(server, client_secret=IN_THE_VAULT, **SIGNING), vaults=vaults)
    await bench.engine.set_client_secret("p", Secret(CANARY))
    keys = await bench.engine.public_keys("p")
    await bench.engine.choose_storage("keyring")
    assert vaults.vaults[StorageState.KEYRING].secrets.keys() == {vault_name(entry(server)), "p/private_key/ES256"}
    assert await bench.engine.public_keys("p") == keys
    assert bench.shown().state is SessionState.SIGNED_OUT


def left_at(bench: EngineBench) -> str:
    """Since when the entry is gone, as noted in the vault."""
    noted = bench.vault.secrets.get("p/left_at")
    return "" if noted is None else noted.reveal()


async def minutes_until(bench: EngineBench, condition: Callable[[], object]) -> None:
    """Let minutes pass, at each of which the engine looks around, until something has come of it."""
    for _ in range(200):
        await bench.let(61)
        await asyncio.sleep(0.002)  # the vault has a thread of its own
        if condition():
            return
    raise AssertionError("it did not come about")


async def test_an_entry_that_is_gone_for_a_moment_keeps_its_secret(engine_of, server: TokenServer) -> None:
    provider = entry(server, client_secret=IN_THE_VAULT)
    bench = await engine_of(provider)
    await bench.engine.set_client_secret("p", Secret(CANARY))
    bench.write()
    await minutes_until(bench, lambda: left_at(bench))
    bench.clock.skip(KEPT - DAY)
    bench.write(provider)
    await minutes_until(bench, lambda: not left_at(bench))
    bench.write()
    await minutes_until(bench, lambda: left_at(bench))
    bench.clock.skip(2 * DAY)
    for _ in range(5):
        await bench.let(61)
    assert bench.vault.secrets[vault_name(entry(server))] == Secret(CANARY), "the week began anew"


async def test_LEAK_5_a_removed_entry_takes_its_secret_and_keys_along(engine_of, server: TokenServer) -> None:
    bench = await engine_of(entry(server, client_secret=IN_THE_VAULT, **SIGNING), entry(server, "q", **SIGNING))
    await bench.engine.set_client_secret("p", Secret(CANARY))
    await bench.engine.public_keys("p")
    await bench.engine.public_keys("q")
    bench.write(entry(server, "q", **SIGNING))
    await minutes_until(bench, lambda: left_at(bench))
    bench.clock.skip(KEPT)
    await minutes_until(bench, lambda: set(bench.vault.secrets) == {"q/private_key/ES256"})


async def test_LEAK_5_a_removed_provider_takes_its_secret_and_keys_along_at_once(
    engine_of, server: TokenServer
) -> None:
    bench = await engine_of(entry(server, client_secret=IN_THE_VAULT, **SIGNING), entry(server, "q", **SIGNING))
    await bench.engine.set_client_secret("p", Secret(CANARY))
    await bench.engine.public_keys("p")
    await bench.engine.public_keys("q")
    await bench.engine.remove_provider("p")
    assert set(bench.vault.secrets) == {"q/private_key/ES256"}


async def test_LEAK_5_signing_out_of_a_removed_provider_ends_its_secrets_at_once(
    engine_of, server: TokenServer
) -> None:
    bench = await with_secret(engine_of, server)
    await bench.engine.set_client_secret("p", Secret(CANARY))
    await bench.signed_in(server)
    bench.write()
    await bench.engine.reload()
    outcome = await bench.engine.sign_out("p")
    assert outcome.revoked is True, "the secret was still there for that"
    assert bench.vault.secrets == {}
