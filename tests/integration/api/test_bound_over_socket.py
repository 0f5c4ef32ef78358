"""Bound tokens over the real socket of a real engine: headers, proofs, refusals, and that no key ever comes out."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from support.engine_bench import ADA, EngineBench, entry
from support.fake_clock import turn
from support.proofs import part, read
from support.scripted_server import Connection, ScriptedServer, json_answer
from support.token_server import TokenServer
from tokenkeep.api.server import ApiServer
from tokenkeep.client import AsyncTokenKeep, TokenKeep, TokenKeepError
from tokenkeep.client.httpx_auth import TokenKeepAuth as HttpxAuth
from tokenkeep.client.requests_auth import TokenKeepAuth
from tokenkeep.domain.tokens import Secret, TokenSet
from tokenkeep.oauth import dpop
from tokenkeep.oauth.signing_key import SigningKey

API = "https://api.example/v1"
GUARD = 60.0
TOKEN = "access-0-canary"
ROUNDS = 1000


class Running:
    """An engine with a bound session behind its socket."""

    def __init__(self, bench: EngineBench, path: Path, key: SigningKey) -> None:
        self.bench, self.path, self.key = bench, path, key
        self.asynchronous = AsyncTokenKeep(path)

    async def ask(self, method: str, where: str, body: dict[str, Any] | None = None) -> Any:
        return await self.asynchronous.ask(method, where, body)

    async def refused(self, method: str, where: str, body: dict[str, Any] | None = None) -> tuple[str, int]:
        with pytest.raises(TokenKeepError) as problem:
            await self.ask(method, where, body)
        return problem.value.code, problem.value.status


@pytest.fixture
async def running(home: Path) -> AsyncIterator[Running]:
    key = SigningKey.make()
    with TokenServer() as server:
        bench = await EngineBench(entry(server, dpop="required", base_url=API), present=False).opened()
        server.failing = server.answer(token_type="DPoP")
        session = bench.session()
        await session.client.prepare()
        session.signing_in()
        tokens = TokenSet(
            Secret(TOKEN), "DPoP", bench.clock.wall(), 3600.0, ("read",), refresh_token=Secret("refresh-canary")
        )
        await session.signed_in(tokens, ADA, "browser", session.client.binding(), key=key)
        await turn()
        api = ApiServer(bench.engine, home / "run/api.sock", clock=bench.clock)
        await api.start()
        yield Running(bench, home / "run/api.sock", key)
        await api.stop()
        await bench.close()


async def test_DPOP_6_the_routes_for_bound_tokens(running: Running) -> None:
    assert await running.refused("GET", "/v1/providers/p/token") == ("dpop_required", 403)
    answer = await running.ask("GET", f"/v1/providers/p/headers?url={API}/x&method=PATCH&nonce=n1")
    assert set(answer) == {"headers", "provider", "expires_at"}
    assert answer["expires_at"] == running.bench.clock.wall() + 3600
    proof = read(answer["headers"]["DPoP"])
    assert answer["headers"]["Authorization"] == f"DPoP {TOKEN}"
    assert (proof.claims["htm"], proof.claims["htu"], proof.claims["nonce"]) == ("PATCH", f"{API}/x", "n1")
    found = await running.ask("GET", f"/v1/resources/headers?url={API}/deep/path")
    assert (found["provider"], read(found["headers"]["DPoP"]).jkt) == ("p", running.key.kid)
    ath = dpop.token_hash(Secret(TOKEN))
    body = {"htm": "POST", "htu": f"{API}/y?z", "nonce": "n2", "ath": ath}
    proof = read((await running.ask("POST", "/v1/providers/p/dpop-proof", body))["proof"])
    assert (proof.claims["htu"], proof.claims["ath"], proof.claims["nonce"]) == (f"{API}/y", ath, "n2")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"htm": "GET"},
        {"htm": "", "htu": API},
        {"htm": "GET /", "htu": API},
        {"htm": "GET", "htu": ""},
        {"htm": "GET", "htu": API, "nonce": ""},
        {"htm": "GET", "htu": API, "nonce": 'a"b'},
        {"htm": "GET", "htu": API, "ath": "short"},
        {"htm": "GET", "htu": API, "ath": "x" * 43},
        {"htm": 1, "htu": API},
        {"htm": "GET", "htu": "http://api.example/"},
    ],
)
async def test_DPOP_6_what_is_no_question_for_a_proof_is_refused(running: Running, body: dict[str, Any]) -> None:
    assert await running.refused("POST", "/v1/providers/p/dpop-proof", body) == ("bad_request", 400)


@pytest.mark.parametrize(
    "query", ["url=x", "url=", f"url={API}&method=a%20b", f"url={API}&nonce=%22", f"url={API}&url={API}", "method=GET"]
)
async def test_DPOP_6_what_is_no_request_gets_no_headers(running: Running, query: str) -> None:
    assert (await running.refused("GET", f"/v1/providers/p/headers?{query}"))[0] in ("bad_request", "dpop_required")


async def test_DPOP_4_a_refusal_with_a_nonce_is_heeded_over_the_socket(running: Running) -> None:
    body = {
        "sha256": Secret(TOKEN).sha256,
        "www_authenticate": 'DPoP error="use_dpop_nonce"',
        "url": API,
        "dpop_nonce": "rs-1",
    }
    assert await running.refused("POST", "/v1/providers/p/token/rejected", body) == ("dpop_required", 403)
    answer = await running.ask("GET", f"/v1/providers/p/headers?url={API}")
    assert read(answer["headers"]["DPoP"]).claims["nonce"] == "rs-1"


# --- the Python client --------------------------------------------------------------------------------------------


class Resource:
    """Wants proofs with its nonce, each once."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.seen: set[str] = set()
        server.reply("/api", self._answer)
        self.url = f"{server.origin}/api"

    def _answer(self, connection: Connection) -> None:
        request = self.server.requests[-1]
        proof = read(request.header("DPoP") or "")
        good = proof.claims.get("nonce") == "rs-1" and proof.claims["jti"] not in self.seen
        self.seen.add(proof.claims["jti"])
        assert (proof.claims["htm"], proof.claims["htu"]) == (request.method, self.url)
        challenge = {"WWW_Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP_Nonce": "rs-1"}
        json_answer({"ok": good}, 200 if good else 401, **({} if good else challenge))(connection)


@pytest.fixture
async def resource(running: Running) -> AsyncIterator[Resource]:
    with ScriptedServer() as server:
        yield Resource(server)


async def test_DPOP_4_DPOP_6_requests_and_httpx_do_it_by_themselves(running: Running, resource: Resource) -> None:
    def with_requests() -> list[int]:
        with TokenKeep(running.path) as client, requests.Session() as session:
            session.trust_env = False
            session.auth = TokenKeepAuth("p", client)
            first = session.post(f"{resource.url}?q=1", data=b"body", timeout=GUARD)
            return [first.status_code, session.get(resource.url, timeout=GUARD).status_code]

    def with_httpx() -> int:
        with httpx.Client(auth=HttpxAuth("p", str(running.path)), trust_env=False) as client:
            return client.put(resource.url, content=b"body").status_code

    assert await asyncio.to_thread(with_requests) == [200, 200]
    assert await asyncio.to_thread(with_httpx) == 200
    async with httpx.AsyncClient(auth=HttpxAuth("p", str(running.path)), trust_env=False) as client:
        assert (await client.get(resource.url)).status_code == 200
    assert [request.method for request in resource.server.requests] == ["POST", "POST", "GET", "PUT", "GET"]
    assert resource.server.requests[1].body == b"body"


async def test_DPOP_6_headers_for_programs_in_python(running: Running) -> None:
    found = await asyncio.to_thread(lambda: TokenKeep(running.path).headers(f"{API}/x", provider="p", method="PUT"))
    assert read(found["DPoP"]).claims["htm"] == "PUT"
    by_url = await running.asynchronous.headers(f"{API}/x")
    assert read(by_url["DPoP"]).claims["htu"] == f"{API}/x"


# --- the key stays --------------------------------------------------------------------------------------------------


def questions(source: random.Random) -> tuple[str, str, dict[str, Any] | None]:
    """Some call of the contract, with likely and unlikely values."""
    words = [
        "p", "..", "d", "jwk", "private", "dpop_key", "*", API, "http://127.0.0.1/x", "use_dpop_nonce", "GET", "POST",
        Secret(TOKEN).sha256, dpop.token_hash(Secret(TOKEN)), "n-1", "true", "all", "\u2028", "", "{}", "0",
        'DPoP error="use_dpop_nonce"', "Bearer", "openid", "read",
    ]  # fmt: skip
    names = ["url", "method", "nonce", "scope", "resource", "audience", "include", "key", "export", "wait", "limit"]
    reads = [
        "status", "providers", "providers/p", "providers/p/token", "providers/p/headers", "resources/headers", "grants",
        "activity", "openapi.json", "providers/p/id-token", "providers/p/claims", "providers/p/key", "config", "export",
    ]  # fmt: skip
    writes = [
        "providers/p/dpop-proof", "providers/p/token/rejected", "providers/p/refresh", "sign-ins/callback", "show",
        "export", "providers/p/dpop-key",
    ]  # fmt: skip
    if source.random() < 0.6:
        pairs = {source.choice(names): source.choice(words) for _ in range(source.randrange(4))}
        if source.random() < 0.5:
            pairs["url"] = API
        query = str(httpx.QueryParams(pairs))
        return "GET", f"/v1/{source.choice(reads)}?{query}", None
    members = ["htm", "htu", "nonce", "ath", "sha256", "www_authenticate", "url", "dpop_nonce", "passphrase", "jwk"]
    body = {source.choice(members): source.choice(words) for _ in range(source.randrange(6))}
    if source.random() < 0.5:
        body |= {"htm": "GET", "htu": API}
    return "POST", f"/v1/{source.choice(writes)}", body


async def test_DPOP_6_no_call_gives_the_private_key_away(running: Running) -> None:
    from joserfc.jwk import ECKey

    pem = running.key.sealed.reveal()
    private = str(ECKey.import_key(pem).as_dict(private=True)["d"])
    secrets = (private, *pem.splitlines()[1:-1])
    source, proofs = random.Random(9449), 0
    for _ in range(ROUNDS):
        method, where, body = questions(source)
        try:
            answer = json.dumps(await running.ask(method, where, body))
        except TokenKeepError as error:
            answer = f"{error} {error.hint} {error.code}"
        assert not [one for one in secrets if one in answer], (method, where)
        for text in answer.split('"'):
            if text.startswith("eyJ") and text.count(".") == 2 and part(text, 0).get("typ") == "dpop+jwt":
                assert set(part(text, 0)["jwk"]) == {"kty", "crv", "x", "y"}
                assert part(text, 1)["ath"]
                proofs += 1
    assert proofs > 20, "the questions were too odd to be answered"
    shown = json.dumps([repr(event) for event in running.bench.events])
    assert not [one for one in secrets if one in shown]
