"""The loopback listener with real sockets: what completes an attempt, what cannot, and how it ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

import pytest

from tokenkeep import assets
from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.provider import Provider
from tokenkeep.engine.loopback import LoopbackListener

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
    ):
        assert status(await redirect.get(target)) == 404, target
    assert status(await redirect.get(headers="Sec-Purpose: prefetch\r\n")) == 503
    assert status(await redirect.get(headers="Purpose: prefetch\r\n")) == 503
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
    twice = f"{target}Host: {redirect.netloc}\r\nHost: evil.test\r\n\r\n"
    assert status(await redirect.send(twice.encode())) == 400
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
        "Sec-Fetch-Mode: cors\r\n",
        "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n",
        "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
    ):
        answer = await redirect.get(headers=headers)
        assert status(answer) == 403, headers
        assert b"Access-Control" not in answer
    assert redirect.attempt.queries == []
    navigation = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Site: cross-site\r\n"
    assert status(await redirect.get(headers=navigation)) == 303


async def test_LOOP_7_silent_slow_oversized_and_reset_connections_delay_nobody(start) -> None:
    redirect = await start()
    silent = [await redirect.connect() for _ in range(20)]
    _, dripping = await redirect.connect()
    dripping.write(b"G")
    reset = socket.create_connection((redirect.host, redirect.port))
    reset.sendall(b"GET /half")
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    reset.close()
    assert status(await redirect.send(b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\n\r\n")) in (414, 431)
    assert status(await redirect.get()) == 303
    for _, writer in [*silent, (None, dripping)]:
        writer.close()


async def test_LOOP_1_LOOP_5_bound_to_loopback_without_reuse(start) -> None:
    redirect = await start()
    for sock in redirect.listener._sockets:
        assert sock.getsockname()[0] in ("127.0.0.1", "::1")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 0
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) == 0
        assert not sock.get_inheritable()
    second = socket.socket()
    second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with pytest.raises(OSError, match="in use"):
        second.bind(("127.0.0.1", redirect.port))
    second.close()


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


async def test_LOOP_3_without_ipv4_the_listener_is_at_the_other_family(start, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket.bind

    def bind(self: socket.socket, address: tuple) -> None:
        if self.family == socket.AF_INET:
            raise OSError(99, "Cannot assign requested address")
        real(self, address)

    monkeypatch.setattr(socket.socket, "bind", bind)
    redirect = await start()
    assert redirect.uri.startswith("http://[::1]:")
    assert status(await redirect.get()) == 303


async def test_LOOP_4_localhost_means_both_families_of_one_port(start) -> None:
    redirect = await start(redirect_host="localhost")
    assert redirect.uri.startswith("http://localhost:")
    assert {sock.getsockname()[0] for sock in redirect.listener._sockets} == {"127.0.0.1", "::1"}
    assert len({sock.getsockname()[1] for sock in redirect.listener._sockets}) == 1


async def test_LOOP_4_a_port_whose_other_family_belongs_to_someone_else_is_skipped(start) -> None:
    squatter = socket.socket(socket.AF_INET6)
    squatter.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    squatter.bind(("::1", 0))
    squatter.listen()
    taken = squatter.getsockname()[1]
    spare = await start()
    await spare.listener.close()
    redirect = await start(redirect_host="localhost", redirect_port=[taken, spare.port])
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
