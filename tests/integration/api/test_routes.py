"""What each route takes, does and answers, over the real socket."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.api_server import Served, served
from support.app import ask_socket
from support.fake_engine import CHECKED, TOKEN
from support.processes import program, wait_for
from tokenkeep.domain.errors import (
    InsufficientScope,
    Locked,
    ProviderUnreachable,
    SignInRequired,
    TimedOut,
    TokenKeepError,
)
from tokenkeep.domain.tokens import Secret, TokenQuery

GUARD = 60.0


@pytest.fixture
def path(home: Path) -> Path:
    return home / "run/api.sock"


@pytest.fixture
def server(path: Path) -> Iterator[Served]:
    with served(path) as running:
        yield running


def follow(path: Path, last: str = "") -> tuple[http.client.HTTPResponse, Any]:
    """The event stream, and what closes it."""
    import socket

    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(GUARD)
    connection.sock.connect(str(path))
    connection.request("GET", "/v1/events", headers={"Last-Event-ID": last} if last else {})
    return connection.getresponse(), connection


def next_event(stream: http.client.HTTPResponse) -> tuple[str, str, Any]:
    """Id, kind and value of the next event."""
    fields = {}
    while (line := stream.readline().decode().rstrip("\n")) or not fields:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
    return fields["id"], fields["event"], json.loads(fields["data"])


def test_status_has_every_member_of_the_contract(server: Served, path: Path) -> None:
    status = ask_socket(path, "GET", "/v1/status").json
    members = {"version", "api", "pid", "boot_id", "started_at", "state", "storage", "counts", "notices"}
    assert set(status) == members
    assert status["counts"]["providers"] == 2
    assert status["counts"]["active"] == 1


def test_providers_one_and_all(server: Served, path: Path) -> None:
    everything = ask_socket(path, "GET", "/v1/providers").json["providers"]
    assert [each["id"] for each in everything] == ["github", "example-ai"]
    assert ask_socket(path, "GET", "/v1/providers/github").json == everything[0] | {"jwks": None}
    assert everything[0]["scope"] == "repo user"


def test_CAUTH_3_the_public_keys_of_a_client_are_shown_with_its_provider(server: Served, path: Path) -> None:
    signing = replace(server.engine.sessions["github"], signs_assertions=True)
    server.call(lambda: server.engine.sessions.update(github=signing))
    shown = ask_socket(path, "GET", "/v1/providers/github").json
    assert shown["jwks"] == {"keys": [{"kty": "EC", "kid": "k1"}]}
    server.engine.fail = Locked("It is sealed.")
    assert ask_socket(path, "GET", "/v1/providers/github").json["jwks"] is None, "the rest is still shown"


SECRET = {"client_secret": "CANARY-CS-1"}


def test_CAUTH_4_a_client_secret_is_taken_and_never_given_back(server: Served, path: Path) -> None:
    answer = ask_socket(path, "PATCH", "/v1/providers/github", SECRET)
    assert (answer.status, answer.json["id"]) == (200, "github")
    assert server.engine.asked("set_client_secret") == [("set_client_secret", "github", Secret("CANARY-CS-1"))]
    assert server.engine.asked("require_manage")
    for method, where in (("GET", "/v1/providers/github"), ("GET", "/v1/providers"), ("GET", "/v1/activity")):
        assert b"CANARY-CS-1" not in ask_socket(path, method, where).body
    assert b"CANARY-CS-1" not in answer.body


def test_CAUTH_4_a_program_that_may_not_manage_changes_no_secret(server: Served, path: Path) -> None:
    server.engine.manage = False
    assert ask_socket(path, "PATCH", "/v1/providers/github", SECRET).json["code"] == "access_denied"
    assert not server.engine.asked("set_client_secret")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"client_secret": ""},
        {"client_secret": 7},
        {"client_secret": None},
        {"client_secret": "x" * 4097},
        {"client_secret": "x", "name": "cannot be changed here"},
    ],
)
def test_a_change_that_cannot_be_made_is_a_bad_request(server: Served, path: Path, body: dict[str, Any]) -> None:
    answer = ask_socket(path, "PATCH", "/v1/providers/github", body)
    assert (answer.status, answer.json["code"]) == (400, "bad_request")
    assert not server.engine.asked("set_client_secret")
    assert not server.engine.asked("require_manage"), "nobody is asked about nonsense"


def test_a_check_is_answered_with_every_rule(server: Served, path: Path) -> None:
    answered = ask_socket(path, "POST", "/v1/check", {"provider": "github"})
    assert answered.status == 200
    assert answered.json == CHECKED.as_answer()
    assert set(answered.json["rules"][0]) == {"id", "outcome", "detail", "asks", "standard", "advice"}
    ask_socket(path, "POST", "/v1/check", {"url": "https://api.example.com/mcp"})
    assert server.engine.asked("check")[-1] == ("check", "", "", "https://api.example.com/mcp")
    assert ask_socket(path, "POST", "/v1/check", {"provider": "nope"}).json["code"] == "unknown_provider"
    assert ask_socket(path, "POST", "/v1/check", {"url": "x" * 2049}).json["code"] == "bad_request"


def test_an_unknown_provider_is_named_with_near_ones(server: Served, path: Path) -> None:
    for method, where in (("GET", ""), ("PATCH", ""), ("GET", "/token"), ("POST", "/refresh"), ("POST", "/sign-out")):
        body = SECRET if method == "PATCH" else None
        answer = ask_socket(path, method, f"/v1/providers/gihub{where}", body)
        assert (answer.status, answer.json["code"]) == (404, "unknown_provider")
        assert "github" in answer.json["hint"]
    assert not server.engine.asked("require_manage")  # nobody is asked for the right to do nothing


def test_a_cached_token_is_answered_without_waiting_for_anything(server: Served, path: Path) -> None:
    answer = ask_socket(path, "GET", "/v1/providers/github/token")
    assert answer.json == TOKEN.as_answer()
    assert answer.headers["Cache-Control"] == "no-store"
    assert not server.engine.asked("token")


def test_a_token_that_is_not_at_hand_is_waited_for(server: Served, path: Path) -> None:
    server.engine.now = False
    assert ask_socket(path, "GET", "/v1/providers/github/token").json == TOKEN.as_answer()
    assert server.engine.asked("token") == [("token", "github", TokenQuery())]


def test_the_query_of_a_token_reaches_the_engine_as_values(server: Served, path: Path) -> None:
    query = (
        "min_valid=5.5&scope=a+b%20c&resource=https://r.example/x&resource=urn:x:y&audience=z&interactive=true&wait=0"
    )
    ask_socket(path, "GET", f"/v1/providers/github/token?{query}")
    assert server.engine.asked("token_now")[0][2] == TokenQuery(
        min_valid=5.5,
        scope=("a", "b", "c"),
        resource=("https://r.example/x", "urn:x:y"),
        audience="z",
        interactive=True,
        wait=0.0,
    )


@pytest.mark.parametrize(
    "query",
    ["min_valid=-1", "wait=301", "wait=x", "interactive=1", "scope=a%22b", "scope=a&scope=b", "resource=r",
     "resource=https://r.example/%23x", "audience=%00", "min_valid=nan"],
)  # fmt: skip
def test_a_wrong_parameter_is_a_bad_request(server: Served, path: Path, query: str) -> None:
    answer = ask_socket(path, "GET", f"/v1/providers/github/token?{query}")
    assert (answer.status, answer.json["code"]) == (400, "bad_request")
    assert not server.engine.calls


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (SignInRequired(provider="github", sign_in="s9"), 409, "sign_in_required"),
        (TimedOut(), 504, "timed_out"),
        (Locked(), 423, "locked"),
        (InsufficientScope(), 403, "insufficient_scope"),
        (ProviderUnreachable(retry_after=2.2), 503, "provider_unreachable"),
    ],
)
@pytest.mark.parametrize("now", [True, False])
def test_AGENT_9_an_error_leaves_as_a_problem_with_its_code(
    server: Served, path: Path, error: TokenKeepError, status: int, code: str, now: bool
) -> None:
    server.engine.fail, server.engine.now = error, now
    answer = ask_socket(path, "GET", "/v1/providers/github/token")
    assert (answer.status, answer.json["status"], answer.json["code"]) == (status, status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["title"] == error.title
    assert answer.json["hint"] == error.hint
    assert answer.headers.get("Retry-After") == ("3" if error.retry_after else None)
    assert answer.json.get("sign_in") == error.sign_in


def test_a_refused_token_is_named_by_its_digest(server: Served, path: Path) -> None:
    where = "/v1/providers/github/token/rejected"
    fresh = ask_socket(path, "POST", where, {"sha256": TOKEN.access_token.sha256, "www_authenticate": "Bearer"})
    assert fresh.json["access_token"] == "CANARY-AT-2"
    assert ask_socket(path, "POST", where, {"sha256": "f" * 64}).json["access_token"] == "CANARY-AT-1"


def test_a_sign_in_is_started_followed_and_cancelled(server: Served, path: Path) -> None:
    started = ask_socket(path, "POST", "/v1/sign-ins", {"provider": "github", "method": "device"})
    assert started.status == 201
    assert started.json["user_code"] == "WDJB-MJHT"
    where = f"/v1/sign-ins/{started.json['id']}"
    assert ask_socket(path, "GET", where).json == started.json
    assert not server.engine.asked("wait_sign_in")
    ask_socket(path, "GET", f"{where}?wait=60")
    assert server.engine.asked("wait_sign_in") == [("wait_sign_in", "s1", 60.0)]
    assert ask_socket(path, "GET", f"{where}?wait=61").status == 400
    assert ask_socket(path, "DELETE", where).status == 204
    assert ask_socket(path, "GET", where).json["state"] == "cancelled"
    assert ask_socket(path, "GET", "/v1/sign-ins/s9").status == 404


def test_a_callback_is_taken_with_and_without_the_sign_ins_id(server: Served, path: Path) -> None:
    body = {"url": "http://127.0.0.1:1/callback/x?code=c&state=s"}
    assert ask_socket(path, "POST", "/v1/sign-ins/callback", body).status == 404
    ask_socket(path, "POST", "/v1/sign-ins", {"provider": "github"})
    assert ask_socket(path, "POST", "/v1/sign-ins/callback", body).json["state"] == "exchanging"
    assert ask_socket(path, "POST", "/v1/sign-ins/s1/callback", body).status == 200
    assert [call[2] for call in server.engine.asked("sign_in_callback")] == [None, None, "s1"]


def test_what_changes_something_needs_manage(server: Served, path: Path) -> None:
    server.engine.manage = False
    for where in ("/v1/quit", "/v1/providers/github/sign-out"):
        answer = ask_socket(path, "POST", where)
        assert (answer.status, answer.json["code"]) == (403, "access_denied")
    assert not server.engine.asked("quit")
    assert not server.engine.asked("sign_out")


def test_signing_out_says_what_the_provider_made_of_it(server: Served, path: Path) -> None:
    answer = ask_socket(path, "POST", "/v1/providers/github/sign-out", {"revoke": False})
    assert answer.json == {"revoked": False, "detail": "GitHub has revoked the tokens.", "end_session": ""}
    assert server.engine.asked("sign_out") == [("sign_out", "github", False)]


def test_the_id_token_is_asked_for_with_the_callers_patience(server: Served, path: Path) -> None:
    answer = ask_socket(path, "GET", "/v1/providers/github/id-token?wait=5")
    assert answer.json == {
        "id_token": "CANARY-ID-1", "claims": {"sub": "s-1", "exp": 1_800_000_000}, "expires_at": 1_800_000_000.0
    }  # fmt: skip
    assert ask_socket(path, "GET", "/v1/providers/nobody/id-token").json["code"] == "unknown_provider"
    ask_socket(path, "GET", "/v1/providers/github/claims?introspect=true")
    assert server.engine.asked("id_token") == [("id_token", "github", 5.0)]
    assert server.engine.asked("seen_tokens") == [("seen_tokens", "github", True, 30.0)]


def test_OUT_1_the_browser_is_asked_for_a_log_out_only_when_that_is_said(server: Served, path: Path) -> None:
    answer = ask_socket(path, "POST", "/v1/providers/github/sign-out", {"end_session": True})
    assert answer.json["end_session"] == "opened"
    assert server.engine.asked("sign_out") == [("sign_out", "github", True, True)]


def test_a_change_goes_on_when_its_caller_hangs_up(server: Served, path: Path) -> None:
    import socket

    server.engine.gate = server.call(asyncio.Event)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(b"POST /v1/providers/github/sign-out HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        wait_for(lambda: server.engine.asked("sign_out"), "the sign-out")
    wait_for(lambda: not server.connections(), "the end of the connection")
    server.call(server.engine.gate.set)
    wait_for(lambda: server.engine.sessions["github"].state == "signed_out", "the end of the sign-out")


def test_quitting_answers_first(server: Served, path: Path) -> None:
    assert ask_socket(path, "POST", "/v1/quit").status == 204
    wait_for(lambda: server.engine.asked("quit"), "the end")


def test_showing_raises_the_window(server: Served, path: Path) -> None:
    assert ask_socket(path, "POST", "/v1/show").status == 204
    assert server.engine.asked("show")


def test_grants_and_activity(server: Served, path: Path) -> None:
    grant = ask_socket(path, "GET", "/v1/grants").json["grants"][0]
    assert (grant["application"], grant["decision"], grant["holding"]) == ("/usr/bin/git", "allow", "always")
    assert ask_socket(path, "GET", "/v1/activity?limit=7").json["entries"][0]["provider"] == "github"
    assert server.engine.asked("activity") == [("activity", 7)]
    assert ask_socket(path, "GET", "/v1/activity?limit=1001").status == 400


@pytest.mark.parametrize(
    "where",
    ["/", "/v1", "/v1/", "/v2/status", "/v1/status/", "/v1/providers/", "/v1/providers/a/b", "/v1/providers//token",
     "/v1/providers/{id}", "/v1/providers/a%2Ftoken", "//v1/status", "/v1/../v1/status"],
)  # fmt: skip
def test_an_address_that_is_none_is_not_found(server: Served, path: Path, where: str) -> None:
    answer = ask_socket(path, "GET", where)
    assert answer.status == 404
    assert not server.engine.calls


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "DELETE", "POST"])
def test_another_method_is_told_which_there_are(server: Served, path: Path, method: str) -> None:
    answer = ask_socket(path, method, "/v1/status")
    assert (answer.status, answer.json["code"], answer.headers["Allow"]) == (405, "method_not_allowed", "GET")


def test_the_contract_is_served(server: Served, path: Path) -> None:
    contract = ask_socket(path, "GET", "/v1/openapi.json").json
    assert contract["openapi"] == "3.1.0"
    assert "/v1/providers/{id}/token" in contract["paths"]


def test_who_asks_is_found_by_the_kernel(server: Served, path: Path) -> None:
    curl = program("curl")
    command = [curl, "-sS", "--unix-socket", str(path), "http://x/v1/providers/github/token"]
    subprocess.run(command, check=True, capture_output=True)
    application = server.engine.asked("token_now")[-1][3]
    assert application.executable == str(Path(curl).resolve())
    assert application.identified


@pytest.mark.parametrize("has_pidfs", [True, False])
def test_a_process_that_became_another_program_is_asked_again(server: Served, path: Path, has_pidfs: bool) -> None:
    server.server._peers._pidfs = has_pidfs and server.server._peers._pidfs
    curl = program("curl")
    ask = f"{curl} -sS --unix-socket {path} http://x/v1/providers/github/token"
    # bash asks by itself, then becomes curl: the same process, another program
    script = f"exec 3<>/dev/null; {program('python3')} -c '' ; exec {ask}"
    first = (
        "import os, socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.sendall(b'GET /v1/providers/github/token HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n');"
        "s.recv(9999); s.close(); os.execv('/bin/sh', ['sh', '-c', sys.argv[2]])"
    )
    subprocess.run([program("python3"), "-c", first, str(path), script], check=True, capture_output=True)
    applications = [call[3] for call in server.engine.asked("token_now")]
    assert len(applications) == 2
    assert applications[0].pid == applications[1].pid
    assert "python" in applications[0].executable
    assert applications[1].executable == str(Path(curl).resolve())


def test_every_command_of_the_documentation_works(server: Served, path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs/api.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("curl ") and "/v1/events" not in line]
    assert len(lines) >= 6
    for line in lines:
        answer = subprocess.run(
            ["sh", "-c", line.replace("curl ", "curl -sS --fail-with-body ", 1)],
            env={"PATH": os.environ["PATH"], "SOCKET": str(path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, (line, answer)
        json.loads(answer.stdout)


# -- events


def test_events_begin_with_everything_and_go_on_with_what_happens(server: Served, path: Path) -> None:
    stream, connection = follow(path)
    try:
        assert stream.headers["Content-Type"] == "text/event-stream"
        identity, kind, data = next_event(stream)
        assert (identity, kind) == ("b007:0", "snapshot")
        assert set(data) == {"status", "providers", "sign_ins", "access_requests"}
        server.call(lambda: server.engine.bus.publish("session", server.engine.sessions["github"]))
        server.call(server.engine.show)  # between engine and window only
        server.call(lambda: server.engine.bus.publish("status", server.engine.snapshot()))
        assert next_event(stream)[:2] == ("b007:1", "session")
        assert next_event(stream)[:2] == ("b007:3", "status")
    finally:
        connection.close()


def test_events_go_on_after_the_last_one_that_was_read(server: Served, path: Path) -> None:
    for _ in range(3):
        server.call(lambda: server.engine.bus.publish("session", server.engine.sessions["github"]))
    for last, expected in (("b007:1", "b007:2"), ("other:1", "b007:3"), ("b007:99", "b007:3"), ("junk", "b007:3")):
        stream, connection = follow(path, last)
        identity, kind, _ = next_event(stream)
        connection.close()
        assert identity == expected
        assert kind == ("session" if last == "b007:1" else "snapshot")


def test_a_quiet_stream_has_a_comment_every_15_seconds(server: Served, path: Path) -> None:
    stream, connection = follow(path)
    try:
        next_event(stream)
        for _ in range(2):
            wait_for(lambda: server.clock.sleepers, "the beat")
            server.call(server.clock.wake)
            assert stream.readline() == b": still here\n"
            assert stream.readline() == b"\n"
    finally:
        connection.close()
    from tokenkeep.api.events_stream import BEAT

    assert BEAT == 15.0


def test_a_follower_that_goes_away_is_forgotten(server: Served, path: Path) -> None:
    stream, connection = follow(path)
    next_event(stream)
    assert len(server.engine.bus._subscriptions) == 1
    stream.close()
    connection.close()
    wait_for(lambda: not server.engine.bus._subscriptions, "the end of the subscription")


def test_the_server_ends_although_somebody_follows_and_somebody_waits(path: Path) -> None:
    answers: list[Any] = []
    with served(path) as server:
        server.engine.now = False
        server.engine.gate = server.call(asyncio.Event)
        stream, connection = follow(path)
        next_event(stream)

        def ask() -> None:
            try:
                answers.append(ask_socket(path, "GET", "/v1/providers/github/token"))
            except (OSError, http.client.HTTPException) as error:
                answers.append(error)

        waiting = threading.Thread(target=ask)
        waiting.start()
        wait_for(lambda: server.engine.asked("token"), "the query")
    assert stream.read() == b""
    connection.close()
    waiting.join(GUARD)
    assert len(answers) == 1
    assert not path.exists()
