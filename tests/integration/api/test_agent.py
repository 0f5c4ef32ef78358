"""The rules of the local socket, against the real server (AGENT-1 to AGENT-6)."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.api_server import Served, served
from support.app import ask_socket
from support.processes import wait_for
from tokenkeep.api.problems import SocketUnusable
from tokenkeep.api.unix_socket import UnixSocket
from tokenkeep.httpserver import Limits

GUARD = 60.0  # seconds
NOBODY = 65534
TOKEN = b"GET /v1/providers/github/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

DESCRIPTORS = """
import os
for number in os.listdir("/proc/self/fd"):
    if int(number) > 2 and os.path.lexists(f"/proc/self/fd/{number}"):
        print(os.readlink(f"/proc/self/fd/{number}"))
"""

unprivileged = pytest.mark.unprivileged


@pytest.fixture
def path(home: Path) -> Path:
    return home / "run/api.sock"


@pytest.fixture
def server(path: Path) -> Iterator[Served]:
    with served(path) as running:
        yield running


def connect(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(GUARD)
    sock.connect(str(path))
    return sock


def send(path: Path, *pieces: bytes) -> bytes:
    """Everything that comes until the server closes."""
    received = b""
    with connect(path) as sock:
        try:
            for piece in pieces:
                sock.sendall(piece)
            while chunk := sock.recv(65536):
                received += chunk
        except (BrokenPipeError, ConnectionResetError):
            pass
    return received


def post(path: Path, where: str, body: bytes, kind: str = "application/json") -> bytes:
    head = f"POST {where} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return send(path, head.encode() + body)


# -- AGENT-1


@unprivileged
def test_AGENT_1_folder_and_socket_are_ours_alone_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        with served(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)


@unprivileged
def test_AGENT_1_folders_made_on_the_way_are_ours_alone_too(home: Path) -> None:
    before = os.umask(0)
    try:
        with served(home / "state/tokenkeep/run/api.sock"):
            assert stat.S_IMODE((home / "state").stat().st_mode) == 0o700
    finally:
        os.umask(before)


@unprivileged
@pytest.mark.parametrize("mode", [0o777, 0o755, 0o710, 0o701])
def test_AGENT_1_a_folder_that_others_may_enter_is_refused(path: Path, mode: int) -> None:
    path.parent.mkdir()
    path.parent.chmod(mode)
    with pytest.raises(SocketUnusable, match="Others may enter"), served(path):
        pass
    assert not path.exists()


def test_AGENT_1_another_owners_folder_is_refused(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    path.parent.mkdir(mode=0o700)
    os.chown(path.parent, NOBODY, NOBODY)
    with pytest.raises(SocketUnusable, match="somebody else"), served(path):
        pass


@unprivileged
def test_AGENT_1_a_folder_that_is_a_link_is_refused(path: Path, home: Path) -> None:
    (home / "real").mkdir(mode=0o700)
    path.parent.symlink_to(home / "real")
    with pytest.raises(SocketUnusable, match="is a link"), served(path):
        pass


@unprivileged
def test_AGENT_1_a_path_that_the_system_would_cut_is_a_clear_error(home: Path) -> None:
    path = home / ("d" * 120) / "api.sock"
    with pytest.raises(SocketUnusable, match=r"bytes, the system takes 10") as caught, served(path):
        pass
    assert "TOKENKEEP_SOCKET" in caught.value.hint
    assert not path.parent.exists()


@unprivileged
def test_AGENT_1_the_longest_path_the_system_takes_works(home: Path) -> None:
    path = home / ("d" * (107 - len(os.fsencode(home)) - len("//api.sock"))) / "api.sock"
    assert len(os.fsencode(path)) == 107
    with served(path):
        assert ask_socket(path, "GET", "/v1/status").status == 200


@unprivileged
def test_AGENT_1_a_child_inherits_no_descriptor_of_ours(server: Served, path: Path) -> None:
    with connect(path):
        child = subprocess.run(
            [sys.executable, "-c", DESCRIPTORS], close_fds=False, capture_output=True, text=True, check=True
        )
    assert "socket:" not in child.stdout
    assert "api.sock" not in child.stdout


@unprivileged
def test_AGENT_1_there_is_no_abstract_socket(server: Served, path: Path) -> None:
    names = [line.split()[-1] for line in Path("/proc/net/unix").read_text().splitlines() if "tokenkeep" in line]
    assert not [name for name in names if name.startswith("@")]


# -- AGENT-2


def test_AGENT_2_another_user_is_closed_without_a_byte(server: Served, path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    for folder in (path.parent.parent, path.parent):
        folder.chmod(0o755)  # the folder's mode would stop them before the check that is tested here
    path.chmod(0o666)
    ready, result = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(result, b"answer:" + send(path, TOKEN))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(result)
    with os.fdopen(ready, "rb") as answer:
        assert answer.read() == b"answer:"
    assert not server.engine.calls
    assert ask_socket(path, "GET", "/v1/status").status == 200


@unprivileged
def test_AGENT_2_our_own_user_is_answered(server: Served, path: Path) -> None:
    assert ask_socket(path, "GET", "/v1/status").status == 200


# -- AGENT-3


@unprivileged
def test_AGENT_3_a_live_socket_is_not_stolen(server: Served, path: Path) -> None:
    with pytest.raises(SocketUnusable, match="Another process serves"), served(path):
        pass
    assert ask_socket(path, "GET", "/v1/status").status == 200


@unprivileged
def test_AGENT_3_a_live_socket_is_not_stolen_even_without_its_lock(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(SocketUnusable, match="Another process serves"):
            UnixSocket(path).bind()
        other.settimeout(GUARD)
        assert path.exists()


@unprivileged
def test_AGENT_3_while_another_process_is_starting_there_nothing_is_touched(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    before = path.lstat().st_ino
    with Path(f"{path}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SocketUnusable, match="Another process serves"):
            UnixSocket(path).bind()
        assert path.lstat().st_ino == before
    with served(path):
        assert ask_socket(path, "GET", "/v1/status").status == 200


@unprivileged
def test_AGENT_3_what_a_dead_process_left_is_replaced(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    before = path.stat().st_ino
    with served(path):
        assert ask_socket(path, "GET", "/v1/status").status == 200
        assert path.stat().st_ino != before or stat.S_IMODE(path.stat().st_mode) == 0o600


@unprivileged
@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "folder"])
def test_AGENT_3_anything_else_in_the_way_stays_where_it_is(path: Path, home: Path, kind: str) -> None:
    path.parent.mkdir(mode=0o700)
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
    else:
        (home / "target").write_text("precious") if kind == "link" else None
        path.symlink_to(home / "target")
    before = path.lstat()
    with pytest.raises(SocketUnusable, match="Something else"), served(path):
        pass
    assert path.lstat().st_ino == before.st_ino


@unprivileged
def test_AGENT_3_of_many_that_start_at_once_exactly_one_serves(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    code = (
        "import sys; from pathlib import Path; from tokenkeep.api.unix_socket import UnixSocket\n"
        "from tokenkeep.api.problems import SocketUnusable\n"
        "try: sock = UnixSocket(Path(sys.argv[1])).bind(); sock.listen(); print('serving', flush=True)\n"
        "except SocketUnusable: print('not', flush=True)\n"
        "sys.stdin.read()\n"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=-1, stdout=-1, text=True) for _ in range(6)
    ]
    said = [child.stdout.readline().strip() for child in children if child.stdout is not None]
    for child in children:
        child.communicate()
    assert sorted(said) == ["not"] * 5 + ["serving"]


@unprivileged
def test_AGENT_3_the_socket_is_removed_at_the_end_unless_it_is_anothers_by_then(path: Path) -> None:
    with served(path):
        pass
    assert not path.exists()
    with served(path):
        path.unlink()
        path.write_text("another's")
    assert path.read_text() == "another's"


# -- AGENT-4


@unprivileged
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1000 + b"]" * 1000,
        b'{"provider": "github", "x": ' + b"[" * 1000 + b"]" * 1000 + b"}",
        b'{"provider": "github\\u0000"}',
        b'{"provider": "git\0hub"}',
        b'{"provider": "\xff\xfe"}',
        b'{"provider": "github", "provider": "github"}',
        b'{"provider": "github", "x": NaN}',
        b'{"provider": ["github"]}',
        b"",
    ],
)
def test_AGENT_4_a_body_that_is_not_as_it_must_be_is_refused_and_the_connection_closed(
    server: Served, path: Path, body: bytes
) -> None:
    answer = post(path, "/v1/sign-ins", body)  # returns, so the connection was closed
    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    problem = json.loads(content)
    assert problem["code"] == "bad_request"
    assert problem["status"] == 400
    assert not server.engine.asked("sign_in")


@unprivileged
def test_AGENT_4_one_byte_more_than_64_kib_is_too_large(server: Served, path: Path) -> None:
    fitting = b'{"provider": "github", "x": "' + b"a" * (65_536 - 31) + b'"}'
    assert len(fitting) == 65_536
    assert post(path, "/v1/sign-ins", fitting + b" ").startswith(b"HTTP/1.1 413 ")
    assert not server.engine.asked("sign_in")
    kept = ask_socket(path, "POST", "/v1/sign-ins", {"provider": "github", "x": "a" * (65_536 - 31)})
    assert kept.status == 201


@unprivileged
def test_AGENT_4_memory_stays_flat_whatever_is_sent(server: Served, path: Path) -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    attacks = [
        b"POST /v1/sign-ins HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + b"a" * 4_000_000,
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 4_000_000,
        b"GET /" + b"a" * 4_000_000,
    ]
    for attack in attacks:
        send(path, attack)
    before = resident()
    for _ in range(10):
        for attack in attacks:
            assert send(path, attack).split(b" ", 2)[1] in (b"413", b"400", b"")
    assert resident() - before < 20_000_000


@unprivileged
def test_AGENT_4_the_version_is_answered(server: Served, path: Path) -> None:
    assert ask_socket(path, "GET", "/v1/status").json["api"] == 1


@unprivileged
@pytest.mark.parametrize("origin", ["https://evil.test", "null", ""])
def test_a_web_page_is_refused_and_no_answer_has_a_cors_header(server: Served, path: Path, origin: str) -> None:
    answer = ask_socket(path, "GET", "/v1/providers/github/token", headers={"Origin": origin})
    assert answer.status == 403
    assert answer.json["code"] == "access_denied"
    for each in (answer, ask_socket(path, "GET", "/v1/status")):
        assert not [name for name in each.headers if name.lower().startswith("access-control")]
    assert not server.engine.calls


# -- AGENT-5


@unprivileged
def test_AGENT_5_silent_and_dripping_clients_delay_nobody(path: Path) -> None:
    with served(path, Limits(request=GUARD)), contextlib.ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(connect(path))
        dripping = stack.enter_context(connect(path))
        for byte in TOKEN[:20]:
            dripping.sendall(bytes([byte]))
            assert ask_socket(path, "GET", "/v1/providers/github/token").status == 200


@unprivileged
def test_AGENT_5_without_a_full_request_in_time_the_connection_is_closed(path: Path) -> None:
    with served(path, Limits(request=0.2)):
        assert send(path) == b""
        assert send(path, TOKEN[:10]) == b""
    assert Limits().request == 5.0


@unprivileged
def test_AGENT_5_a_reader_that_never_reads_is_closed(path: Path) -> None:
    with served(path, Limits(write=0.2)) as server, connect(path) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sock.sendall(b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 500)
        wait_for(lambda: not server.connections(), "the end of the connection")


@unprivileged
def test_AGENT_5_a_follower_of_events_that_never_reads_is_closed(path: Path) -> None:
    with served(path, Limits(write=0.2)) as server, connect(path) as sock:
        sock.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: server.connections() == 1, "the connection")

        def flood() -> bool:
            for _ in range(100):
                server.engine.bus.publish("session", server.engine.sessions["github"])
            return True

        wait_for(lambda: server.call(flood) and not server.connections(), "the end of the connection", step=0.001)


@unprivileged
def test_AGENT_5_a_query_that_waits_holds_up_no_other(server: Served, path: Path) -> None:
    import asyncio

    server.engine.now = False
    server.engine.gate = server.call(asyncio.Event)
    answers: list[int] = []
    waiting = threading.Thread(
        target=lambda: answers.append(ask_socket(path, "GET", "/v1/providers/github/token").status)
    )
    waiting.start()
    wait_for(lambda: server.engine.asked("token"), "the query")
    assert ask_socket(path, "GET", "/v1/status").status == 200
    assert not answers
    server.call(server.engine.gate.set)
    waiting.join(GUARD)
    assert answers == [200]


# -- AGENT-6


@unprivileged
def test_AGENT_6_no_answer_of_any_route_has_more_than_the_access_token(server: Served, path: Path) -> None:
    from tokenkeep.api import models
    from tokenkeep.api.routes import ROUTES

    known = {
        "provider": "github",
        "url": "http://127.0.0.1/x?code=CANARY-CODE&state=s",
        "sha256": "0" * 64,
        "passphrase": "CANARY-PASS",
        "client_secret": "CANARY-CS",
        "htm": "GET",
        "htu": "http://127.0.0.1/x",
    }
    ask_socket(path, "POST", "/v1/sign-ins", known)
    for route in sorted(ROUTES, key=lambda route: route.method == "DELETE"):  # the provider goes last
        if route.path in ("/v1/events", "/v1/openapi.json", "/v1/quit"):
            continue
        where = route.path.replace("{id}", "s1" if "sign-ins" in route.path else "github")
        members = () if route.body is None else route.body.model_fields
        body = None if route.method in ("GET", "DELETE") else {name: known[name] for name in members if name in known}
        answer = ask_socket(path, route.method, where, body)
        assert answer.status == route.status, (route.path, answer.body)
        if route.answer is not None:
            route.answer.model_validate_json(answer.body)
        assert b"CANARY-AT" not in answer.body or route.answer in (models.Token, models.Headers)
        assert b"CANARY-CODE" not in answer.body
        for forbidden in (b"refresh_token", b"client_secret", b"private_key", b"assertion", b"id_token"):
            assert forbidden not in answer.body or (
                forbidden == b"id_token" and route.path.endswith(("/id-token", "/claims"))
            )


@unprivileged
def test_a_fault_of_ours_is_answered_without_a_word_of_the_inside(
    server: Served, path: Path, log_errors: list[object]
) -> None:
    server.engine.fail = RuntimeError("CANARY-RT-1 in /home/ada/secret.py")
    for method, where in (("POST", "/v1/providers/github/refresh"), ("GET", "/v1/providers/github/token")):
        answer = ask_socket(path, method, where)
        assert answer.status == 500
        assert answer.json["title"] == "Something in TokenKeep went wrong"
        assert b"CANARY" not in answer.body
        assert b"secret" not in answer.body
        assert b"Traceback" not in answer.body
    assert len(log_errors) == 2
