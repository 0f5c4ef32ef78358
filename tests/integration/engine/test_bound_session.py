"""Tokens bound to a key, from the vault to the program that uses them (RFC 9449; DPOP-2, 4, 5 and 6)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from integration.engine.conftest import OpenEngine
from support.engine_bench import ADA, GIT, EngineBench, entry
from support.fake_clock import turn
from support.fake_vault import FakeStorage
from support.proofs import read
from support.scripted_server import json_answer
from support.token_server import TokenServer
from tokenkeep.domain.access import Application
from tokenkeep.domain.errors import (
    AccessDenied,
    BadRequest,
    DpopRequired,
    NotFound,
    ResourceNotAllowed,
    SignInRequired,
    TokenKeepError,
)
from tokenkeep.domain.provider import Flow, SecretSource
from tokenkeep.domain.tokens import Secret, TokenQuery, TokenSet
from tokenkeep.oauth import dpop
from tokenkeep.oauth.signing_key import SigningKey

API = "https://api.example/v1/items"
WANTS_NONCE = 'DPoP error="use_dpop_nonce"'
TOKEN = "access-0-p"
HOUR = 3600.0


async def sign_in(
    bench: EngineBench, server: TokenServer, provider: str = "p", *, key: SigningKey | None = None, **changes: Any
) -> SigningKey:
    """A session as after a sign-in with DPoP; the thumbprint is that of the key."""
    session, key = bench.session(provider), key or SigningKey.make()
    await session.client.prepare()
    session.signing_in()
    values: dict[str, Any] = {
        "access_token": Secret(f"access-0-{provider}"),
        "token_type": "DPoP",
        "obtained_at": bench.clock.wall(),
        "lifetime": server.lifetime,
        "scope": ("read", "write"),
        "refresh_token": Secret(f"refresh-0-{provider}"),
    }
    await session.signed_in(TokenSet(**(values | changes)), ADA, "browser", session.client.binding(), key=key)
    await turn()
    return key


@pytest.fixture
async def bench(engine_of: OpenEngine, server: TokenServer) -> EngineBench:
    return await engine_of(entry(server, dpop="required"))


async def headers(
    bench: EngineBench, url: str = API, method: str = "GET", provider: str | None = "p", **query: Any
) -> dict[str, str]:
    nonce = query.pop("nonce", "")
    granted = await bench.engine.headers(provider, method, url, TokenQuery(**query), GIT, nonce=nonce)
    found: dict[str, str] = granted.as_answer()["headers"]
    return found


async def refused(bench: EngineBench, www_authenticate: str, *, token: str = TOKEN, **told: Any) -> None:
    """A program tells of a 401; a bound token is given to nobody bare."""
    with pytest.raises(DpopRequired):
        await bench.engine.token_rejected(
            "p", Secret(token).sha256, GIT, www_authenticate=www_authenticate, **({"url": API} | told)
        )


# --- headers and proofs for programs ------------------------------------------------------------------------------


async def test_DPOP_6_a_bound_token_is_never_given_out_bare(bench: EngineBench, server: TokenServer) -> None:
    await sign_in(bench, server)
    with pytest.raises(DpopRequired):
        bench.engine.token_now("p", TokenQuery(), GIT)
    with pytest.raises(DpopRequired):
        await bench.token()
    with pytest.raises(DpopRequired):
        await bench.engine.copy_token("p")
    with pytest.raises(DpopRequired, match="proof of its own"):
        await headers(bench, "")
    await refused(bench, "")


async def test_DPOP_2_DPOP_6_headers_are_for_one_method_and_url(bench: EngineBench, server: TokenServer) -> None:
    key = await sign_in(bench, server)
    sent = await headers(bench, f"{API}?page=2#top", "POST")
    assert sent["Authorization"] == f"DPoP {TOKEN}"
    proof = read(sent["DPoP"])
    assert (proof.claims["htm"], proof.claims["htu"], proof.jkt) == ("POST", API, key.kid)
    assert proof.claims["ath"] == dpop.token_hash(Secret(TOKEN))
    assert proof.claims["iat"] == int(bench.clock.wall())
    again = await headers(bench, f"{API}?page=2#top", "POST")
    assert read(again["DPoP"]).claims["jti"] != proof.claims["jti"]


async def test_DPOP_6_a_proof_alone_is_for_the_token_that_there_is(bench: EngineBench, server: TokenServer) -> None:
    key = await sign_in(bench, server)
    ath = dpop.token_hash(Secret(TOKEN))
    for given in (None, ath):
        proof = read((await bench.engine.proof("p", "PUT", API, GIT, ath=given, nonce="n-1")).reveal())
        assert (proof.claims["htm"], proof.claims["htu"], proof.claims["ath"]) == ("PUT", API, ath)
        assert (proof.claims["nonce"], proof.jkt) == ("n-1", key.kid)
    with pytest.raises(BadRequest, match="ath"):
        await bench.engine.proof("p", "GET", API, GIT, ath=dpop.token_hash(Secret("another")))


async def test_DPOP_6_no_proof_for_the_providers_own_endpoints(bench: EngineBench, server: TokenServer) -> None:
    await sign_in(bench, server)
    for path in ("/token", "/token?x=1", "/tok%65n", "/x/../token", "/device", "/revoke"):
        with pytest.raises(ResourceNotAllowed, match="TokenKeep alone"):
            await bench.engine.proof("p", "POST", server.origin + path, GIT)
        with pytest.raises(ResourceNotAllowed):
            await headers(bench, server.origin + path, "POST")
    assert await headers(bench, f"{server.origin}/api")


async def test_DPOP_6_no_proof_for_them_after_a_restart_without_network(
    engine_of: OpenEngine, server: TokenServer
) -> None:
    vaults = FakeStorage()
    first = await engine_of(entry(server, dpop="required"), vaults=vaults)
    await sign_in(first, server)
    await first.close()
    second = await engine_of(entry(server, dpop="required"), vaults=vaults)
    assert second.session().client._metadata is None
    with pytest.raises(ResourceNotAllowed):
        await second.engine.proof("p", "POST", f"{server.origin}/token", GIT)


@pytest.mark.parametrize(
    "url", ["http://api.example/", "https://", "ftp://api.example/", "file:///etc/passwd", "x", "https://u:p@h/", "h:x"]
)
async def test_DPOP_6_only_places_that_a_token_may_be_sent_to(
    bench: EngineBench, server: TokenServer, url: str
) -> None:
    await sign_in(bench, server)
    with pytest.raises(BadRequest):
        await bench.engine.proof("p", "GET", url, GIT)
    with pytest.raises(BadRequest):
        await headers(bench, url)


async def test_DPOP_6_loopback_without_tls_is_for_local_providers(engine_of: OpenEngine, server: TokenServer) -> None:
    bench = await engine_of(entry(server, dpop="required"))
    await sign_in(bench, server)
    assert await bench.engine.proof("p", "GET", "http://127.0.0.1:1/api", GIT)
    distant = replace_local(bench)
    bench.session().provider = distant
    with pytest.raises(BadRequest):
        await bench.engine.proof("p", "GET", "http://127.0.0.1:1/api", GIT)


def replace_local(bench: EngineBench) -> Any:
    return bench.session().provider.model_copy(update={"local": False})


async def test_DPOP_6_proofs_are_limited_to_where_the_token_is_for(engine_of: OpenEngine, server: TokenServer) -> None:
    bench = await engine_of(entry(server, dpop="required", audience="https://audience.example/a"))
    await sign_in(bench, server, resource=("https://API.example:443/v1",))
    for url in (API, "https://api.example/other", "https://audience.example/x"):
        assert await headers(bench, url)
    for url in ("https://api.example.evil/", "https://api.example:444/", "https://evil.example/"):
        with pytest.raises(ResourceNotAllowed, match="not for"):
            await headers(bench, url)
        with pytest.raises(ResourceNotAllowed):
            await bench.engine.proof("p", "GET", url, GIT)


async def test_DPOP_6_proofs_go_through_the_access_gate_and_the_activity_list(
    engine_of: OpenEngine, server: TokenServer
) -> None:
    bench = await engine_of(entry(server, dpop="required"), access={"default": "deny", "manage": "deny"})
    await sign_in(bench, server)
    program = Application(executable="/usr/bin/curl", pid=8)
    with pytest.raises(AccessDenied):
        await bench.engine.headers("p", "GET", API, TokenQuery(), program)
    with pytest.raises(AccessDenied):
        await bench.engine.proof("p", "GET", API, program)
    noted = await bench.engine.activity(10)
    assert {(one["event"], one["outcome"], one["program"]) for one in noted} == {("token", "access_denied", "curl")}


async def test_DPOP_6_headers_of_a_bearer_token_are_the_token(engine_of: OpenEngine, server: TokenServer) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    for url in ("", API, "http://localhost:9/x"):
        assert await headers(bench, url) == {"Authorization": f"Bearer {TOKEN}"}
    with pytest.raises(BadRequest):
        await headers(bench, "http://api.example/")
    with pytest.raises(BadRequest, match="not bound"):
        await bench.engine.proof("p", "GET", API, GIT)


async def test_DPOP_6_the_provider_is_found_by_the_url(engine_of: OpenEngine, server: TokenServer) -> None:
    whole = entry(server, "whole", base_url="https://api.example")
    part = entry(server, "part", base_url="https://api.example/v1/")
    exact = entry(server, "exact", resource=["https://api.example/v1/items"])
    bench = await engine_of(whole, part, exact)
    for one in ("whole", "part"):
        await bench.signed_in(server, one)
    await bench.signed_in(server, "exact", resource=("https://api.example/v1/items",))
    for url, expected in {
        "https://api.example/v1/items": "exact",
        "https://api.example/v1/items/2": "exact",
        "https://api.example/v1/itemsmore": "part",
        "https://api.example/v2": "whole",
    }.items():
        assert await headers(bench, url, provider=None) == {"Authorization": f"Bearer access-0-{expected}"}
    with pytest.raises(NotFound, match=r"other\.example"):
        await headers(bench, "https://other.example/", provider=None)
    with pytest.raises(BadRequest):
        await headers(bench, "", provider=None)


async def test_DPOP_6_two_accounts_at_one_place_are_not_mixed_up(engine_of: OpenEngine, server: TokenServer) -> None:
    one, two = (
        entry(server, "one", base_url="https://api.example"),
        entry(server, "two", base_url="https://api.example"),
    )
    bench = await engine_of(one, two)
    await bench.signed_in(server, "two")
    assert await headers(bench, API, provider=None) == {"Authorization": "Bearer access-0-two"}
    await bench.signed_in(server, "one")
    with pytest.raises(BadRequest, match="one, two"):
        await headers(bench, API, provider=None)


# --- what resources answer ------------------------------------------------------------------------------------------


async def test_DPOP_4_a_resources_nonce_is_remembered_and_nothing_refreshed(
    bench: EngineBench, server: TokenServer
) -> None:
    await sign_in(bench, server)
    await refused(bench, WANTS_NONCE, dpop_nonce="rs-1")
    assert not server.token_requests
    assert read((await headers(bench))["DPoP"]).claims["nonce"] == "rs-1"
    assert "nonce" not in read((await headers(bench, "https://other.example/"))["DPoP"]).claims
    assert read((await headers(bench, nonce="rs-2"))["DPoP"]).claims["nonce"] == "rs-2"
    assert read((await headers(bench))["DPoP"]).claims["nonce"] == "rs-2"


async def test_DPOP_4_nonces_never_cross_from_one_server_to_the_other(bench: EngineBench, server: TokenServer) -> None:
    await sign_in(bench, server)
    server.instead = [json_answer(server.tokens(token_type="DPoP"), DPoP_Nonce="as-1")]
    at_server = f"{server.origin}/api"
    await bench.engine.proof("p", "GET", at_server, GIT, nonce="rs-1")
    await bench.engine.refresh("p")
    assert read(server.token_requests[0].header("DPoP")).claims.get("nonce") is None
    assert read((await headers(bench, at_server))["DPoP"]).claims["nonce"] == "rs-1"


async def test_DPOP_4_a_challenge_of_somebody_elses_token_teaches_nothing(
    bench: EngineBench, server: TokenServer
) -> None:
    await sign_in(bench, server)
    await refused(bench, WANTS_NONCE, token="another", dpop_nonce="rs-1")
    await refused(bench, "Bearer", token="another")
    sent = await headers(bench)
    assert "nonce" not in read(sent["DPoP"]).claims
    assert sent["Authorization"].startswith("DPoP ")


async def test_DPOP_2_a_resource_that_knows_bearer_alone_gets_it_so_and_that_is_noted(
    bench: EngineBench, server: TokenServer
) -> None:
    await sign_in(bench, server)
    await refused(bench, 'Bearer realm="x"')
    assert not server.token_requests
    assert await headers(bench, "https://API.example/other") == {"Authorization": f"Bearer {TOKEN}"}
    assert "DPoP" in await headers(bench, "https://other.example/")
    assert ("bearer_only", "git") in {(one["event"], one["program"]) for one in await bench.engine.activity(10)}
    await refused(bench, 'DPoP algs="ES256"')
    assert "DPoP" in await headers(bench)


async def test_DPOP_2_a_refused_token_is_refreshed_with_its_key(bench: EngineBench, server: TokenServer) -> None:
    key = await sign_in(bench, server)
    bench.clock.skip(60)
    server.instead = [server.answer(token_type="DPoP")]
    await refused(bench, 'DPoP error="invalid_token"')
    (request,) = server.token_requests
    assert read(request.header("DPoP")).jkt == key.kid
    assert (await headers(bench))["Authorization"] == "DPoP access-1-canary"


async def test_DPOP_1_the_browsers_request_names_the_key(bench: EngineBench) -> None:
    started = await bench.engine.sign_in("p", method="browser")
    key = bench.engine._sign_ins.get(started.id)._key
    assert key is not None
    assert started.authorization_url is not None
    assert parse_qs(urlsplit(started.authorization_url).query)["dpop_jkt"] == [key.kid]
    await bench.engine.cancel_sign_in(started.id)
    assert bench.engine._sign_ins.get(started.id)._key is None


# --- the key ------------------------------------------------------------------------------------------------------


async def test_DPOP_5_the_key_outlives_the_process(engine_of: OpenEngine, server: TokenServer) -> None:
    vaults = FakeStorage()
    first = await engine_of(entry(server, dpop="required"), vaults=vaults)
    key = await sign_in(first, server)
    await first.close()
    second = await engine_of(entry(server, dpop="required"), vaults=vaults)
    assert read((await headers(second))["DPoP"]).jkt == key.kid
    server.instead = [server.answer(token_type="DPoP")]
    second.clock.skip(60)
    await second.engine.refresh("p")
    assert read(server.token_requests[0].header("DPoP")).jkt == key.kid
    stored = second.vault.session()
    assert stored is not None
    assert (stored.dpop_jkt, stored.tokens and stored.tokens.access_token.reveal()) == (key.kid, "access-1-canary")


async def test_DPOP_5_a_removed_key_ends_the_session_and_nothing_is_tried(
    engine_of: OpenEngine, server: TokenServer
) -> None:
    vaults = FakeStorage()
    first = await engine_of(entry(server, dpop="required"), vaults=vaults)
    await sign_in(first, server)
    stored = first.vault.session()
    assert stored is not None
    first.vault.write_session("p", replace(stored, dpop_key=None))
    await first.close()
    second = await engine_of(entry(server, dpop="required"), vaults=vaults)
    assert second.shown().state.value == "needs_sign_in"
    with pytest.raises(SignInRequired):
        await headers(second)
    with pytest.raises(SignInRequired):
        await second.engine.refresh("p")
    await second.let(2 * HOUR)
    assert not server.token_requests
    assert "key" in str(second.shown().last_error)
    await second.engine.sign_out("p")
    assert server.revoked == ["refresh-0-p", "access-0-p"]


@pytest.mark.parametrize("spoiled", [SigningKey.make().sealed, Secret("no key"), Secret("")])
async def test_DPOP_5_another_key_is_not_used(bench: EngineBench, server: TokenServer, spoiled: Secret) -> None:
    await sign_in(bench, server)
    session = bench.session()
    assert session.stored is not None
    session.record.value = replace(session.stored, dpop_key=spoiled)
    with pytest.raises(SignInRequired):
        await headers(bench)
    bench.clock.skip(60)
    with pytest.raises(SignInRequired):
        await bench.engine.refresh("p")
    assert bench.shown().state.value == "needs_sign_in"
    assert not server.token_requests


async def test_DPOP_5_each_account_has_a_key_of_its_own(engine_of: OpenEngine, server: TokenServer) -> None:
    bench = await engine_of(*(entry(server, id_, dpop="required") for id_ in ("one", "two")))
    keys = [await sign_in(bench, server, id_) for id_ in ("one", "two")]
    found = [read((await headers(bench, provider=id_))["DPoP"]).jkt for id_ in ("one", "two")]
    assert found == [key.kid for key in keys]
    assert len(set(found)) == 2


async def test_DPOP_5_the_end_of_a_session_is_that_of_its_key(bench: EngineBench, server: TokenServer) -> None:
    key = await sign_in(bench, server)
    bench.clock.skip(60)
    server.instead = [json_answer({"error": "invalid_grant"}, 400)]
    with pytest.raises(TokenKeepError):
        await bench.engine.refresh("p")
    assert bench.shown().state.value == "needs_sign_in"
    stored = bench.vault.session()
    assert stored is not None
    assert (stored.dpop_key, stored.dpop_jkt) == (None, "")
    await sign_in(bench, server)
    assert read((await headers(bench))["DPoP"]).jkt != key.kid
    await bench.engine.sign_out("p")
    assert bench.vault.session() is None
    assert bench.session().stored is None


async def test_DPOP_3_a_bearer_session_does_not_serve_an_entry_that_requires_keys(
    engine_of: OpenEngine, server: TokenServer
) -> None:
    bench = await engine_of(entry(server))
    await bench.signed_in(server)
    bench.write(entry(server, dpop="required"))
    await bench.engine.reload()
    for ask in (bench.token(), headers(bench)):
        with pytest.raises(SignInRequired, match="bound to a key"):
            await ask
    bench.write(entry(server))
    await bench.engine.reload()
    assert (await bench.token()).access_token.reveal() == TOKEN


async def test_DPOP_5_a_bound_session_goes_on_bound_when_the_entry_does_not_ask_any_more(
    bench: EngineBench, server: TokenServer
) -> None:
    key = await sign_in(bench, server)
    bench.write(entry(server))
    await bench.engine.reload()
    bench.clock.skip(60)
    server.instead = [server.answer(token_type="DPoP")]
    await bench.engine.refresh("p")
    assert read(server.token_requests[0].header("DPoP")).jkt == key.kid
    assert "DPoP" in await headers(bench)


async def test_DPOP_6_no_picture_of_the_engine_shows_the_key(bench: EngineBench, server: TokenServer) -> None:
    key = await sign_in(bench, server)
    body = key.sealed.reveal().splitlines()[1]
    sent = await headers(bench)
    everything = [
        repr(bench.engine.snapshot()),
        repr(bench.session().stored),
        repr(bench.session().proofs.__dict__),
        *map(repr, bench.events),
        repr(sent),
        repr(await asyncio.gather(bench.engine.activity(100))),
    ]
    assert not [text for text in everything if body in text]


async def test_DPOP_2_RES_2_all_tokens_of_a_machine_are_bound_to_one_key(
    engine_of: OpenEngine, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "CANARY-CS-0001")
    secret = SecretSource(env="A_SECRET")
    bench = await engine_of(entry(server, dpop="required", flow=Flow.CLIENT_CREDENTIALS, client_secret=secret))
    server.instead = [server.answer(token_type="DPoP") for _ in range(3)]
    narrow = await headers(bench, scope=("read",))
    assert len(server.token_requests) == 2, "the main token comes first, whose key it is"
    bench.clock.skip(120)
    await bench.engine.refresh("p", GIT)
    again = await headers(bench, scope=("read",))
    assert again["Authorization"] == narrow["Authorization"]
    proofs = [request.header("DPoP") for request in server.token_requests] + [narrow["DPoP"], again["DPoP"]]
    assert len({read(proof).jkt for proof in proofs}) == 1


async def test_DPOP_5_RES_2_a_nonce_is_learned_from_the_refusal_of_a_narrower_token_too(
    bench: EngineBench, server: TokenServer
) -> None:
    await sign_in(bench, server)
    server.instead = [server.answer(token_type="DPoP")]
    first = await headers(bench, scope=("read",))
    bench.clock.skip(60)
    narrow = first["Authorization"].removeprefix("DPoP ")
    await refused(bench, WANTS_NONCE, token=narrow, dpop_nonce="nonce-1")
    again = await headers(bench, scope=("read",))
    assert (again["Authorization"], read(again["DPoP"]).claims["nonce"]) == (first["Authorization"], "nonce-1")
    assert len(server.token_requests) == 1, "nothing is wrong with the token itself"
