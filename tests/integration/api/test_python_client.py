"""The Python client against the real server."""

from __future__ import annotations

import asyncio
import http.server
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from support.api_server import Served, served
from support.fake_engine import TOKEN
from support.processes import unmeasured, wait_for
from tokenkeep.client import AsyncTokenKeep, NotRunning, Token, TokenKeep, TokenKeepError
from tokenkeep.client.httpx_auth import TokenKeepAuth as HttpxAuth
from tokenkeep.client.requests_auth import TokenKeepAuth
from tokenkeep.domain.errors import SignInRequired
from tokenkeep.domain.session import SignInState
from tokenkeep.domain.tokens import TokenQuery
from tokenkeep.httpserver import Limits

GUARD = 60.0


@pytest.fixture
def path(home: Path) -> Path:
    return home / "run/api.sock"


@pytest.fixture
def server(path: Path) -> Iterator[Served]:
    with served(path) as running:
        yield running


@pytest.fixture
def client(server: Served, path: Path) -> Iterator[TokenKeep]:
    with TokenKeep(path) as one:
        yield one


def test_a_token_and_what_is_known_of_it(server: Served, client: TokenKeep) -> None:
    token = client.token("github", min_valid=5, scope="a b", resource=["https://r.example"], audience="z", wait=1.5)
    assert (token.access_token, token.authorization) == ("CANARY-AT-1", "Bearer CANARY-AT-1")
    assert token.sha256 == TOKEN.access_token.sha256
    assert (token.account, token.scope, token.min_valid_met) == ("ada", "repo user", True)
    assert "CANARY" not in repr(token)
    assert server.engine.asked("token_now")[0][2] == TokenQuery(
        min_valid=5.0, scope=("a", "b"), resource=("https://r.example",), audience="z", wait=1.5
    )


def test_a_refused_token_is_exchanged_for_the_next(client: TokenKeep) -> None:
    token = client.token("github")
    assert client.rejected(token).access_token == "CANARY-AT-2"
    assert client.rejected(token.access_token, "github").access_token == "CANARY-AT-2"
    with pytest.raises(ValueError):
        client.rejected("CANARY-AT-1")


def test_everything_else_that_can_be_asked(server: Served, client: TokenKeep) -> None:
    assert client.status()["api"] == 1
    assert [each["id"] for each in client.providers()] == ["github", "example-ai"]
    assert client.provider("github")["account"] == "ada"
    assert client.refresh("github")["id"] == "github"
    assert client.grants()[0]["name"] == "git"
    assert client.activity(3)[0]["event"] == "token"
    assert client.check(provider="github")["summary"] == {"pass": 1, "warn": 0, "fail": 1, "skip": 0}
    started = client.sign_in("github", method="device", open_browser=False)
    assert client.sign_in_callback("http://127.0.0.1/x?code=c&state=s", started["id"])["state"] == "exchanging"
    server.call(lambda: server.engine.end_sign_in(started["id"], SignInState.DONE))
    assert client.wait_sign_in(started["id"])["state"] == "done"
    client.cancel_sign_in(started["id"])
    assert client.sign_out("github", revoke=False)["revoked"] is False
    client.show()
    client.quit()
    wait_for(lambda: server.engine.asked("quit"), "the end")


def test_errors_carry_code_and_next_step(server: Served, client: TokenKeep) -> None:
    server.engine.fail = SignInRequired("It ran out.", provider="github", sign_in="s1")
    with pytest.raises(TokenKeepError) as caught:
        client.token("github")
    assert (caught.value.code, caught.value.status, caught.value.sign_in) == ("sign_in_required", 409, "s1")
    assert "tokenkeep login" in caught.value.hint


def test_nobody_listening_is_an_error_of_its_own(home: Path) -> None:
    for path in (home / "missing.sock", home / "file/x.sock"):
        (home / "file").touch()
        with pytest.raises(NotRunning):
            TokenKeep(path).status()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(home / "dead.sock"))
        with pytest.raises(NotRunning):
            TokenKeep(home / "dead.sock").status()


def test_a_connection_is_kept_and_used_again_by_several_threads(server: Served, client: TokenKeep) -> None:
    for _ in range(5):
        client.token("github")
    assert server.connections() == 1
    threads = [threading.Thread(target=lambda: [client.token("github") for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(GUARD)
    assert len(server.engine.asked("token_now")) == 205
    assert server.connections() <= 4


def test_a_kept_connection_that_the_server_has_ended_is_replaced(path: Path) -> None:
    with served(path, Limits(idle=0.05)) as server, TokenKeep(path) as client:
        client.token("github")
        wait_for(lambda: not server.connections(), "the end of the idle connection")
        assert client.token("github").access_token == "CANARY-AT-1"


def test_a_forked_child_uses_connections_of_its_own(server: Served, client: TokenKeep) -> None:
    client.token("github")
    child = os.fork()
    if child == 0:
        os._exit(0 if client.token("github").access_token == "CANARY-AT-1" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert client.token("github").access_token == "CANARY-AT-1"
    assert len({call[3].pid for call in server.engine.asked("token_now")}) == 2


def test_events_are_followed_and_resumed(server: Served, client: TokenKeep) -> None:
    events = client.events()
    assert next(events).kind == "snapshot"
    server.call(lambda: server.engine.bus.publish("session", server.engine.sessions["github"]))
    server.call(lambda: server.engine.bus.publish("session", server.engine.sessions["example-ai"]))
    first = next(events)
    assert (first.kind, first.data["id"]) == ("session", "github")
    events.close()  # type: ignore[attr-defined]
    assert next(client.events(after=first.id)).data["id"] == "example-ai"


def test_events_end_when_the_application_ends(path: Path) -> None:
    with served(path):
        events = TokenKeep(path).events()
        next(events)
    assert list(events) == []


def test_the_asynchronous_client_asks_the_same(server: Served, path: Path) -> None:
    async def scenario() -> None:
        client = AsyncTokenKeep(path)
        tokens = await asyncio.gather(*(client.token("github") for _ in range(5)))
        assert {token.access_token for token in tokens} == {"CANARY-AT-1"}
        assert (await client.rejected(tokens[0])).access_token == "CANARY-AT-2"
        assert (await client.status())["api"] == 1
        assert len(await client.providers()) == 2
        assert (await client.provider("github"))["id"] == "github"
        started = await client.sign_in("github", method="device")
        server.engine.end_sign_in(started["id"], SignInState.DONE)
        assert (await client.wait_sign_in(started["id"]))["state"] == "done"
        assert (await client.refresh("github"))["id"] == "github"
        assert (await client.check(issuer="https://github.example"))["reachable"] is True
        assert (await client.sign_out("github"))["revoked"] is True
        events = client.events()
        assert (await anext(events)).kind == "snapshot"
        await events.aclose()  # type: ignore[attr-defined]
        with pytest.raises(TokenKeepError) as caught:
            await client.token("nope")
        assert caught.value.code == "unknown_provider"
        with pytest.raises(NotRunning):
            await AsyncTokenKeep(path.parent / "missing").status()

    asyncio.run(asyncio.wait_for(scenario(), GUARD))


def test_importing_the_client_imports_nothing_else_of_ours_and_nothing_slow() -> None:
    code = "import sys; import tokenkeep.client; print(*sys.modules)"
    command, environment = [sys.executable, "-c", code], unmeasured(os.environ)
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    names = set(answer.stdout.split())
    ours = {name for name in names if name.startswith("tokenkeep.")}
    assert all(name.startswith("tokenkeep.client") for name in ours)
    assert not names & {"asyncio", "http.client", "dataclasses", "typing", "argparse", "urllib.request", "pydantic"}


class Resource(http.server.BaseHTTPRequestHandler):
    """A protected resource that knows one token."""

    good = "CANARY-AT-1"
    seen: list[tuple[str, bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        token = self.headers["Authorization"].removeprefix("Bearer ")
        self.seen.append((token, body))
        self.send_response(200 if token == self.good else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - the handler's own naming

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def resource() -> Iterator[str]:
    Resource.seen, Resource.good = [], "CANARY-AT-1"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Resource)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join(GUARD)


def test_requests_gets_a_token_and_one_more_try_after_401(server: Served, client: TokenKeep, resource: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.auth = TokenKeepAuth("github", client)
        assert session.get(resource, timeout=GUARD).status_code == 200
        assert not server.engine.asked("token_rejected")
        Resource.good = "CANARY-AT-2"
        answer = session.post(resource, data=b"body", timeout=GUARD)
        assert answer.status_code == 200
        assert Resource.seen[-2:] == [("CANARY-AT-1", b"body"), ("CANARY-AT-2", b"body")]
        Resource.good = "nobody's"
        count = len(Resource.seen)
        assert session.get(resource, timeout=GUARD).status_code == 401
        assert len(Resource.seen) == count + 2  # once more, not for ever


def test_httpx_gets_a_token_and_one_more_try_after_401(server: Served, path: Path, resource: str) -> None:
    auth = HttpxAuth("github", str(path))

    async def ask() -> int:
        async with httpx.AsyncClient(auth=auth, trust_env=False) as client:
            return (await client.post(resource, content=b"body")).status_code

    with httpx.Client(auth=auth, trust_env=False) as client:
        assert client.get(resource).status_code == 200
        assert not server.engine.asked("token_rejected")
        Resource.good = "CANARY-AT-2"
        assert client.post(resource, content=b"body").status_code == 200
    assert asyncio.run(ask()) == 200
    assert Resource.seen[-2:] == [("CANARY-AT-1", b"body"), ("CANARY-AT-2", b"body")]
    Resource.good = "nobody's"
    count = len(Resource.seen)
    assert asyncio.run(ask()) == 401
    assert len(Resource.seen) == count + 2


def test_a_token_is_built_from_the_answer_alone() -> None:
    assert isinstance(Token({"access_token": "x", "token_type": "DPoP"}), Token)
    assert Token({"access_token": "x", "token_type": "DPoP"}).authorization == "DPoP x"
