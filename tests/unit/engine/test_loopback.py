"""The loopback listener with real sockets: what completes an attempt, what cannot, and how it ends."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from tokenkeep import assets
from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.provider import Provider
from tokenkeep.engine import loopback
from tokenkeep.engine.loopback import LIMITS, LoopbackListener

GUARD = 20.0  # seconds; against hanging only


class Attempt:
    """Takes the query that says `good`, as a sign-in takes the one with its state."""

    def __init__(self) -> None:
        self.queries: list[str] = []

    def take(self, query: str) -> bool:
        self.queries.append(query)
        return query == "good"


class Redirect:
    """A started listener and its address in parts."""

    def __init__(self, listener: LoopbackListener, uri: str, attempt: Attempt) -> None:
        self.listener, self.uri, self.attempt = listener, uri, attempt
        parts = urlsplit(uri)
        assert parts.hostname
        assert parts.port
        self.host, self.port, self.path, self.netloc = parts.hostname, parts.port, parts.path, parts.netloc

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port)

    async def send(self, head: bytes) -> bytes:
        reader, writer = await self.connect()
        writer.write(head)
        async with asyncio.timeout(GUARD):
            answer = await reader.read()
        writer.close()
        return answer

    async def get(self, target: str = "", *, method: str = "GET", host: str = "", headers: str = "") -> bytes:
        target = target or f"{self.path}?good"
        head = f"{method} {target} HTTP/1.1\r\nHost: {host or self.netloc}\r\n{headers}Connection: close\r\n\r\n"
        return await self.send(head.encode())


def provider(**keys: object) -> Provider:
    return Provider(id="p", issuer="https://i.example", client_id="c", **keys)  # type: ignore[arg-type]


Start = Callable[..., object]


@pytest.fixture
async def start() -> AsyncIterator[Callable]:
    started: list[LoopbackListener] = []

    async def begin(**keys: object) -> Redirect:
        attempt = Attempt()
        listener = LoopbackListener(provider(**keys), attempt.take)
        started.append(listener)
        return Redirect(listener, await listener.start(), attempt)

    yield begin
    for listener in started:
        listener._page_sent.set()  # nobody fetches the last page in these tests
        await listener.close()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


async def test_the_answer_that_is_waited_for_leads_to_the_page_without_the_code(start) -> None:
    redirect = await start()
    answer = await redirect.get()
    assert status(answer) == 303
    assert f"Location: {redirect.path}/done\r\n".encode() in answer
    page = await redirect.get(f"{redirect.path}/done")
    assert status(page) == 200
    assert b"Go back to TokenKeep" in page


async def test_LOOP_11_the_page_is_neutral_static_and_fenced(start) -> None:
    redirect = await start()
    await redirect.get()
    head, _, body = (await redirect.get(f"{redirect.path}/done")).partition(b"\r\n\r\n")
    assert body == assets.path("callback/done.html").read_bytes()
    for header in (
        b"Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
        b"Referrer-Policy: no-referrer",
        b"Cache-Control: no-store",
        b"X-Content-Type-Options: nosniff",
        b"Connection: close",
    ):
        assert header in head, header
    for claim in (b"success", b"signed in", b"Signed in", b"failed", b"good"):
        assert claim not in body
    assert b"<script" not in body


async def test_LOOP_11_the_listener_waits_for_the_last_page_to_be_fetched(start) -> None:
    redirect = await start()
    await redirect.get()
    closing = asyncio.create_task(redirect.listener.close())
    for _ in range(50):
        await asyncio.sleep(0)
    assert not closing.done()
    assert status(await redirect.get(f"{redirect.path}/done?code=x")) == 404
    assert not closing.done(), "that was not the page"
    assert status(await redirect.get(f"{redirect.path}/done")) == 200
    async with asyncio.timeout(GUARD):
        await closing
    with pytest.raises(ConnectionRefusedError):
        await redirect.connect()


async def test_LOOP_11_a_browser_that_never_fetches_it_is_not_waited_for(start, monkeypatch) -> None:
    assert loopback.PAGE_LIMIT == 2.0
    monkeypatch.setattr(loopback, "PAGE_LIMIT", 0.01)
    redirect = await start()
    await redirect.get()
    async with asyncio.timeout(GUARD):
        await redirect.listener.close()
    with pytest.raises(ConnectionRefusedError):
        await redirect.connect()


@pytest.mark.parametrize("target", ["?good", "?bad", "/favicon.ico", "?x=" + "a" * 20_000])
async def test_LOOP_11_every_answer_is_fenced(start, target: str) -> None:
    redirect = await start()
    answer = await redirect.get(f"{redirect.path}{target}" if target.startswith("?") else target)
    head = answer.partition(b"\r\n\r\n")[0]
    for header in (b"Content-Security-Policy: default-src 'none'; frame-ancestors 'none'", b"no-store", b"no-referrer"):
        assert header in head
    assert b"Server:" not in head


async def test_LOOP_11_there_is_no_last_page_before_an_answer(start) -> None:
    redirect = await start()
    assert status(await redirect.get(f"{redirect.path}/done")) == 404


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS", "PUT", "DELETE"])
async def test_LOOP_8_only_a_get_completes_an_attempt(start, method: str) -> None:
    redirect = await start()
    assert status(await redirect.get(method=method)) == 405
    assert redirect.attempt.queries == []
    assert status(await redirect.get()) == 303


async def test_LOOP_8_RESP_9_other_paths_and_prefetches_do_not_complete_an_attempt(start) -> None:
    redirect = await start()
    for target in (
        "/favicon.ico?good",
        "/?good",
        "/cb/?good",
        f"{redirect.path}/?good",
        f"{redirect.path.upper()}?good",
        f"{redirect.path.replace('c', '%63', 1)}?good",
        f"{redirect.path}/../callback?good",
    ):
        assert status(await redirect.get(target)) == 404, target
    for purpose in ("Sec-Purpose: prefetch", "Sec-Purpose: prefetch;prerender", "Purpose: prefetch", "X-Moz: prefetch"):
        assert status(await redirect.get(headers=f"{purpose}\r\n")) == 503, purpose
    assert redirect.attempt.queries == []
    assert status(await redirect.get()) == 303


async def test_LOOP_9_a_repeated_callback_is_never_handed_on_again(start) -> None:
    redirect = await start()
    answers = await asyncio.gather(*(redirect.get() for _ in range(5)))
    assert sorted(map(status, answers)) == [200, 200, 200, 200, 303]
    assert sum(b"already finished" in answer for answer in answers) == 4
    assert redirect.attempt.queries == ["good"]


async def test_LOOP_10_a_foreign_host_header_is_refused(start) -> None:
    redirect = await start()
    for host in ("evil.test", f"evil.test:{redirect.port}", "127.0.0.1", f"127.0.0.1:{redirect.port + 1}", "localhost"):
        assert status(await redirect.get(host=host)) == 421, host
    target = f"GET {redirect.path}?good HTTP/1.1\r\n"
    assert status(await redirect.send(f"{target}\r\n".encode())) in (400, 421)
    assert status(await redirect.send(f"GET {redirect.path}?good HTTP/1.0\r\n\r\n".encode())) == 421
    for second in ("evil.test", redirect.netloc):
        twice = f"{target}Host: {redirect.netloc}\r\nHost: {second}\r\n\r\n"
        assert status(await redirect.send(twice.encode())) == 400
    absolute = f"GET http://evil.test{redirect.path}?good HTTP/1.1\r\nHost: {redirect.netloc}\r\n\r\n"
    assert status(await redirect.send(absolute.encode())) == 400
    assert redirect.attempt.queries == []
    assert status(await redirect.get()) == 303


@pytest.mark.parametrize(
    "query",
    [
        "error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E",
        "next=https://evil.test/",
        "a=%0d%0aSet-Cookie:x=1",
    ],
)
async def test_LOOP_12_nothing_of_the_query_comes_back(start, query: str) -> None:
    redirect = await start()
    answer = await redirect.get(f"{redirect.path}?{query}")
    assert status(answer) == 400
    assert answer.endswith(b"\r\n\r\nBad Request")
    for word in (b"script", b"evil", b"Set-Cookie", b"Location"):
        assert word not in answer


async def test_LOOP_12_nothing_of_the_answer_that_counts_comes_back(start) -> None:
    redirect = await start()
    for expected in (303, 200):
        answer = await redirect.get(f"{redirect.path}?good")
        assert status(answer) == expected
        assert b"good" not in answer
        if expected == 303:
            assert f"\r\nLocation: {redirect.path}/done\r\n".encode() in answer


async def test_LOOP_14_requests_that_pages_make_do_not_complete_an_attempt(start) -> None:
    redirect = await start()
    for headers in (
        "Origin: https://evil.test\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Mode: cors\r\n",
        "Sec-Fetch-Mode: no-cors\r\n",
        "Sec-Fetch-Dest: image\r\n",
        "Sec-Fetch-Dest: empty\r\n",
        "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n",
        "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
    ):
        answer = await redirect.get(headers=headers)
        assert status(answer) == 403, headers
        assert b"Access-Control" not in answer
    assert redirect.attempt.queries == []
    navigation = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Site: cross-site\r\n"
    for target in (f"{redirect.path}?good", f"{redirect.path}/done"):
        answer = await redirect.get(target, headers=navigation)
        assert status(answer) in (200, 303)
        assert b"Access-Control" not in answer


@pytest.mark.parametrize("headers", ["", "Sec-Fetch-Mode: navigate\r\n", "Sec-Fetch-Dest: document\r\n"])
async def test_LOOP_14_a_browser_that_does_not_say_what_it_does_completes_an_attempt(start, headers: str) -> None:
    redirect = await start()
    assert status(await redirect.get(headers=headers)) == 303
    assert redirect.attempt.queries == ["good"]


async def test_LOOP_14_a_preflight_gets_no_permission(start) -> None:
    redirect = await start()
    asked = "Origin: https://evil.test\r\nAccess-Control-Request-Method: GET\r\n"
    asked += "Access-Control-Request-Private-Network: true\r\n"
    answer = await redirect.get(method="OPTIONS", headers=asked)
    assert status(answer) == 405
    assert b"Access-Control" not in answer


async def test_LOOP_7_silent_slow_oversized_and_reset_connections_delay_nobody(start) -> None:
    redirect = await start()
    silent = [await redirect.connect() for _ in range(20)]
    reader, dripping = await redirect.connect()
    head = f"GET {redirect.path}?good HTTP/1.1\r\nHost: {redirect.netloc}\r\n\r\n".encode()
    for byte in head[:-1]:
        dripping.write(bytes([byte]))
        await asyncio.sleep(0)
    reset = socket.create_connection((redirect.host, redirect.port))
    reset.sendall(b"GET /half")
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    reset.close()
    assert status(await redirect.send(b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\n\r\n")) == 414
    assert status(await redirect.send(head[:-2] + b"X: " + b"a" * (1 << 20) + b"\r\n\r\n")) == 431
    assert status(await redirect.get()) == 303
    assert redirect.attempt.queries == ["good"], "the slow one has not finished its request"
    for quiet, _ in [*silent, (reader, dripping)]:
        assert not quiet.at_eof(), "they hang still"
    dripping.write(head[-1:])
    async with asyncio.timeout(GUARD):
        assert b"200" in await reader.readline(), "and the slow one is answered in its own time"
    for _, writer in [*silent, (None, dripping)]:
        writer.close()


async def test_LOOP_7_more_silent_connections_than_are_kept_do_not_keep_the_browser_out(start) -> None:
    redirect = await start()
    silent = [await redirect.connect() for _ in range(LIMITS.connections + 20)]
    assert status(await redirect.get()) == 303
    for _, writer in silent:
        writer.close()


async def test_LOOP_1_LOOP_5_bound_to_loopback_without_reuse(start) -> None:
    redirect = await start()
    for sock in redirect.listener._sockets:
        assert sock.getsockname()[0] in ("127.0.0.1", "::1")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 0
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) == 0
        assert not sock.get_inheritable()
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        second = socket.socket()
        second.setsockopt(socket.SOL_SOCKET, option, 1)
        with pytest.raises(OSError, match="in use"):
            second.bind(("127.0.0.1", redirect.port))
        second.close()


def own_addresses() -> set[str]:
    """Addresses of this machine that are not the listener's: one of the loopback net, and what a LAN would use."""
    found = {"127.0.0.2"}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # a documentation address (RFC 5737); nothing is sent
        found.add(probe.getsockname()[0])
    return found - {"127.0.0.1"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_LOOP_1_no_other_address_of_this_machine_leads_to_it(start, monkeypatch, host: str) -> None:
    real = os.path.exists
    monkeypatch.setattr("os.path.exists", lambda path: str(path) == "/.dockerenv" or real(path))
    monkeypatch.setenv("container", "docker")
    redirect = await start(redirect_host=host)
    for address in own_addresses():
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(address, redirect.port)
    assert status(await redirect.get()) == 303


async def test_LOOP_5_on_windows_the_port_is_taken_exclusively(start, monkeypatch: pytest.MonkeyPatch) -> None:
    set_options: list[tuple[int, int, object]] = []

    def note(_: socket.socket, level: int, option: int, value: object) -> None:
        set_options.append((level, option, value))

    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", -5, raising=False)
    monkeypatch.setattr(socket.socket, "setsockopt", note)
    with monkeypatch.context() as windows:
        windows.setattr(loopback.sys, "platform", "win32")
        loopback._listen(socket.AF_INET, 0).close()
    assert set_options == [(socket.SOL_SOCKET, -5, 1)]


async def test_LOOP_2_two_attempts_have_two_ports_and_a_busy_port_leads_to_the_next(start) -> None:
    first, second = await start(), await start()
    assert first.port != second.port
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    spare = free.getsockname()[1]
    free.close()
    third = await start(redirect_port=[first.port, spare])
    assert third.port == spare
    with pytest.raises(Misconfigured, match=f"port {first.port}, {second.port}"):
        await start(redirect_port=[first.port, second.port])


async def test_LOOP_2_the_port_stays_bound_from_its_choice_to_its_use(start, monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[int] = []
    real = socket.socket.bind

    def bind(self: socket.socket, address: tuple) -> None:
        bound.append(address[1])
        real(self, address)

    monkeypatch.setattr(socket.socket, "bind", bind)
    await start()
    assert bound == [0], "not closed and bound again"


def without(monkeypatch: pytest.MonkeyPatch, missing: socket.AddressFamily, code: int = errno.EADDRNOTAVAIL) -> None:
    """A machine that does not have that IP family."""
    real = socket.socket.bind

    def bind(self: socket.socket, address: tuple) -> None:
        if self.family == missing:
            raise OSError(code, "not here")
        real(self, address)

    monkeypatch.setattr(socket.socket, "bind", bind)


@pytest.mark.parametrize(
    ("missing", "host", "begins"),
    [
        (socket.AF_INET, "127.0.0.1", "http://[::1]:"),
        (socket.AF_INET6, "127.0.0.1", "http://127.0.0.1:"),
        (socket.AF_INET, "::1", "http://[::1]:"),
        (socket.AF_INET6, "::1", "http://127.0.0.1:"),
        (socket.AF_INET, "localhost", "http://localhost:"),
        (socket.AF_INET6, "localhost", "http://localhost:"),
    ],
)
@pytest.mark.parametrize("code", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
async def test_LOOP_3_either_family_may_be_missing(start, monkeypatch, missing, host, begins, code) -> None:
    without(monkeypatch, missing, code)
    redirect = await start(redirect_host=host)
    assert redirect.uri.startswith(begins)
    assert {sock.family for sock in redirect.listener._sockets} == {socket.AF_INET, socket.AF_INET6} - {missing}
    redirect.host = redirect.listener._sockets[0].getsockname()[0]  # whatever the resolver thinks of localhost
    assert status(await redirect.get()) == 303


async def test_LOOP_3_the_other_family_is_taken_where_it_is_wished(start) -> None:
    redirect = await start(redirect_host="::1")
    assert redirect.uri.startswith("http://[::1]:")
    assert status(await redirect.get()) == 303


async def test_LOOP_3_a_machine_without_loopback_says_so(start, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EADDRNOTAVAIL, "not here")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(Misconfigured, match="no loopback address"):
        await start()


async def test_LOOP_4_localhost_means_both_families_of_one_port(start) -> None:
    redirect = await start(redirect_host="localhost")
    assert redirect.uri.startswith("http://localhost:")
    assert {sock.getsockname()[0] for sock in redirect.listener._sockets} == {"127.0.0.1", "::1"}
    assert len({sock.getsockname()[1] for sock in redirect.listener._sockets}) == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_LOOP_4_a_browser_may_take_either_family_for_localhost(start, address: str) -> None:
    redirect = await start(redirect_host="localhost")
    redirect.host = address
    assert status(await redirect.get(host=f"{address if ':' not in address else '[::1]'}:{redirect.port}")) == 421
    assert status(await redirect.get()) == 303
    assert status(await redirect.get(f"{redirect.path}/done")) == 200


def squat(family: socket.AddressFamily, port: int = 0) -> socket.socket:
    """Somebody else's listener."""
    squatter = socket.socket(family)
    if family == socket.AF_INET6:
        squatter.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    squatter.bind(("127.0.0.1" if family == socket.AF_INET else "::1", port))
    squatter.listen()
    return squatter


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
async def test_LOOP_4_a_chosen_port_whose_other_family_belongs_to_someone_else_is_skipped(
    start, monkeypatch: pytest.MonkeyPatch, family: socket.AddressFamily
) -> None:
    squatters: list[socket.socket] = []
    real = loopback._listen

    def listen(wished: socket.AddressFamily, port: int) -> socket.socket:
        if port and not squatters:  # the first port that the system chose: somebody is there before us
            squatters.append(squat(socket.AF_INET6, port))
        return real(wished, port)

    def listen_later(wished: socket.AddressFamily, port: int) -> socket.socket:
        if not squatters:
            squatters.append(squat(socket.AF_INET))
            raise OSError(errno.EADDRINUSE, "as if the system had chosen that one")
        return real(wished, port)

    monkeypatch.setattr(loopback, "_listen", listen if family == socket.AF_INET6 else listen_later)
    redirect = await start(redirect_host="localhost")
    (squatter,) = squatters
    assert redirect.port != squatter.getsockname()[1]
    assert len(redirect.listener._sockets) == 2
    squatter.close()


async def test_LOOP_4_when_every_port_is_half_taken_there_is_an_error_and_no_listener(start, monkeypatch) -> None:
    opened: list[socket.socket] = []
    real = loopback._listen

    def listen(family: socket.AddressFamily, port: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EADDRINUSE, "somebody else's")
        opened.append(real(family, port))
        return opened[-1]

    monkeypatch.setattr(loopback, "_listen", listen)
    with pytest.raises(Misconfigured):
        await start(redirect_host="localhost")
    assert {sock.fileno() for sock in opened} == {-1}, "every half is closed again"


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
async def test_LOOP_4_a_port_whose_other_family_belongs_to_someone_else_is_skipped(start, family) -> None:
    squatter = squat(family)
    spare = await start()
    await spare.listener.close()
    redirect = await start(redirect_host="localhost", redirect_port=[squatter.getsockname()[1], spare.port])
    assert redirect.port == spare.port
    squatter.close()


async def test_LOOP_6_closing_frees_the_port_also_with_an_open_connection(start) -> None:
    redirect = await start()
    _, writer = await redirect.connect()
    await redirect.listener.close()
    with pytest.raises(ConnectionRefusedError):
        await redirect.connect()
    writer.close()


async def test_LOOP_6_fifty_attempts_leave_nothing_behind(start) -> None:
    from pathlib import Path

    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = None
    for _ in range(50):
        redirect = await start()
        await redirect.get()
        await redirect.get(f"{redirect.path}/done")
        await redirect.listener.close()
        before = before or descriptors()
    assert descriptors() <= before
