"""The HTTP front: what it reads, what it refuses, how it ends."""

from __future__ import annotations

import asyncio
import itertools
import logging
import resource
import socket
import struct
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.http_front import front, raw, run, until
from tokenkeep.httpserver import Answer, Connection, HttpServer, Limits, Request, Response, StreamResponse

GET = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"
CLOSE = b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

both_loops = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


def echo(request: Request) -> Response:
    return Response(200, f"{request.method} {request.path} {request.query} ".encode() + request.body)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


@both_loops
def test_pipelined_requests_are_answered_in_order_one_at_a_time(home: Path, loop: str) -> None:
    active, most = 0, 0

    async def slow(request: Request) -> Answer:
        nonlocal active, most
        active += 1
        most = max(most, active)
        for _ in range(5):
            await asyncio.sleep(0)
        active -= 1
        return Response(200, request.path.encode())

    async def scenario() -> bytes:
        async with front(home, slow) as (_, path):
            return await raw(path, GET % b"/1" + GET % b"/2" + GET % b"/3" + CLOSE % b"/4")

    answer = run(scenario(), loop)
    assert [part[-2:] for part in answer.split(b"HTTP/1.1 200 OK")[1:]] == [b"/1", b"/2", b"/3", b"/4"]
    assert most == 1


@both_loops
def test_a_kept_connection_answers_again_and_again(home: Path, loop: str) -> None:
    async def scenario() -> None:
        async with front(home, echo) as (_, path):
            reader, writer = await asyncio.open_unix_connection(path)
            for number in range(100):
                writer.write(GET % b"/%d?a=b" % number)
                head = await reader.readuntil(b"\r\n\r\n")
                assert b"Connection: close" not in head
                assert b"Server" not in head
                assert await reader.readexactly(len(b"GET /%d a=b " % number)) == b"GET /%d a=b " % number
            writer.close()

    run(scenario(), loop)


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http://evil.test/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT evil.test:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 20_000, 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a" * 20_000, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 4_000 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n" + b"a" * 65_537, 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 70_000, 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: " + b"a" * 700_000, 413),
    ],
)
@both_loops
def test_AGENT_4_what_is_not_plain_http_is_refused_and_closed(
    home: Path, request_bytes: bytes, expected: int, loop: str
) -> None:
    async def scenario() -> bytes:
        async with front(home, echo) as (_, path):
            return await raw(path, request_bytes)

    answer = run(scenario(), loop)
    assert status(answer) == expected
    assert b"Connection: close" in answer


def test_AGENT_4_a_body_of_exactly_the_limit_is_taken_in_either_framing(home: Path) -> None:
    body = b"a" * 65_536

    async def scenario() -> None:
        async with front(home, lambda request: Response(200, b"%d" % len(request.body), close=True)) as (_, path):
            plain = await raw(path, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n" + body)
            chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n%b\r\n0\r\n\r\n"
            assert plain.endswith(b"65536")
            assert (await raw(path, chunked % body)).endswith(b"65536")

    run(scenario())


def test_a_good_request_before_a_broken_one_still_gets_its_answer(home: Path) -> None:
    async def scenario() -> bytes:
        async with front(home, echo) as (_, path):
            return await raw(path, GET % b"/good" + b"broken\r\n\r\n")

    answer = run(scenario())
    assert b"GET /good" in answer
    assert answer.count(b"HTTP/1.1 400") == 1


@pytest.mark.parametrize(
    ("request_bytes", "closed"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", True),
        (CLOSE % b"/", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", True),
    ],
)
def test_old_closing_and_upgrading_clients_get_one_plain_answer(home: Path, request_bytes: bytes, closed: bool) -> None:
    async def scenario() -> bytes:
        async with front(home, echo) as (_, path):
            return await raw(path, request_bytes)

    answer = run(scenario())
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (b"Connection: close" in answer) is closed


def test_HEAD_gives_the_length_and_no_body_and_204_gives_neither(home: Path) -> None:
    def handler(request: Request) -> Response:
        return Response(200, b"12345") if request.method == "HEAD" else Response(204)

    async def scenario() -> bytes:
        async with front(home, handler) as (_, path):
            return await raw(path, b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + CLOSE % b"/")

    first, second = run(scenario()).split(b"HTTP/1.1 ")[1:]
    assert first == b"200 OK\r\nContent-Length: 5\r\n\r\n"
    assert b"Content-Length" not in second
    assert second.endswith(b"\r\n\r\n")


def test_expect_continue_is_answered_before_the_body_comes(home: Path) -> None:
    async def scenario() -> None:
        async with front(home, echo) as (_, path):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"ab")
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(11) == b"POST /p  ab"
            writer.close()

    run(scenario())


@both_loops
def test_a_client_that_only_finished_sending_gets_its_answer(home: Path, loop: str) -> None:
    async def slow(request: Request) -> Answer:
        for _ in range(20):
            await asyncio.sleep(0)
        return echo(request)

    async def scenario() -> bytes:
        async with front(home, slow) as (_, path):
            return await raw(path, GET % b"/half", half_close=True)

    assert b"GET /half" in run(scenario(), loop)


@both_loops
def test_a_client_that_goes_away_cancels_what_it_waited_for(home: Path, loop: str) -> None:
    async def scenario() -> None:
        started, cancelled = asyncio.Event(), asyncio.Event()

        async def forever(_: Request) -> Answer:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
            raise AssertionError

        async with front(home, forever) as (server, path):
            _, writer = await asyncio.open_unix_connection(path)
            writer.write(GET % b"/")
            await started.wait()
            writer.close()
            await cancelled.wait()
            await until(lambda: not server.connections)

    run(scenario(), loop)


@both_loops
def test_AGENT_5_a_request_that_is_not_complete_in_time_is_closed(home: Path, loop: str) -> None:
    async def scenario() -> None:
        limits = Limits(request=0.2, idle=60)
        async with front(home, echo, limits) as (server, path):
            assert await raw(path) == b""  # silent
            assert await raw(path, b"GET / HTTP/1.1\r\nHo") == b""  # stalled
            assert await raw(path, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab") == b""
            after_one = await raw(path, GET % b"/first" + b"GET /second")  # a kept connection stalls too
            assert after_one.count(b"HTTP/1.1") == 1
            await until(lambda: not server.connections)

    run(scenario(), loop)


@both_loops
def test_AGENT_5_a_dripping_client_is_closed_although_it_never_pauses(home: Path, loop: str) -> None:
    async def scenario() -> None:
        async with front(home, echo, Limits(request=0.3)) as (server, path):
            _, writer = await asyncio.open_unix_connection(path)
            writer.write(b"GET / HTTP/1.1\r\nA: ")
            await until(lambda: bool(server.connections))
            drops = itertools.count()
            while server.connections:
                writer.write(b"a" if next(drops) < 5_000 else b"")
                await asyncio.sleep(0)
            writer.close()

    run(scenario(), loop)


def test_an_idle_kept_connection_is_closed_in_the_end(home: Path) -> None:
    async def scenario() -> bytes:
        async with front(home, echo, Limits(idle=0.1)) as (_, path):
            return await raw(path, GET % b"/")

    assert status(run(scenario())) == 200


@both_loops
def test_AGENT_5_a_reader_that_never_reads_is_cut_and_costs_bounded_memory(home: Path, loop: str) -> None:
    answered = itertools.count()

    def big(_: Request) -> Response:
        next(answered)
        return Response(200, b"a" * 50_000)

    async def scenario() -> None:
        async with front(home, big, Limits(write=0.3)) as (server, path):
            _, writer = await asyncio.open_unix_connection(path)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await until(lambda: bool(server.connections))
            writer.write(GET % b"/" * 2_000)
            await until(lambda: not server.connections)
            writer.transport.abort()

    run(scenario(), loop)
    assert next(answered) < 100  # of 2,000 asked: the rest was never computed


@both_loops
def test_AGENT_5_a_client_that_sends_ahead_is_held_by_its_own_buffer(home: Path, loop: str) -> None:
    async def scenario() -> None:
        go = asyncio.Event()

        async def handler(request: Request) -> Answer:
            await go.wait()
            return Response(204)

        async with front(home, handler) as (server, path):
            _, writer = await asyncio.open_unix_connection(path)
            writer.write(GET % b"/" * 200_000)
            await until(lambda: any(connection._reading_paused for connection in server.connections))
            assert len(next(iter(server.connections))._waiting) < 20_000
            writer.transport.abort()

    run(scenario(), loop)


@both_loops
def test_AGENT_5_a_stream_waits_for_its_reader_and_ends_without_one(home: Path, loop: str) -> None:
    given = itertools.count()
    closed = []

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                next(given)
                yield b"a" * 50_000
        finally:
            closed.append(True)

    async def scenario() -> None:
        async with front(home, lambda _: StreamResponse(200, endless()), Limits(write=0.3)) as (server, path):
            _, writer = await asyncio.open_unix_connection(path)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(GET % b"/")
            await until(lambda: bool(closed))
            await until(lambda: not server.connections)
            writer.transport.abort()

    run(scenario(), loop)
    assert next(given) < 100


@both_loops
@pytest.mark.parametrize(
    ("version", "ending"), [(b"1.1", b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"), (b"1.0", b"\r\n\r\nonetwo")]
)
def test_a_stream_is_framed_for_the_clients_version(home: Path, loop: str, version: bytes, ending: bytes) -> None:
    async def two() -> AsyncGenerator[bytes, None]:
        yield b"one"
        yield b"two"

    async def scenario() -> bytes:
        async with front(home, lambda _: StreamResponse(200, two())) as (_, path):
            return await raw(path, b"GET / HTTP/%b\r\nHost: x\r\n\r\n" % version)

    assert run(scenario(), loop).endswith(ending)


@both_loops
def test_a_peer_that_is_not_let_in_is_closed_without_a_byte(
    home: Path, loop: str, log_errors: list[logging.LogRecord]
) -> None:
    def raising(_: object) -> object:
        raise OSError("no credentials")

    async def scenario() -> None:
        async with front(home, echo, access=lambda _: None) as (_, path):
            assert await raw(path, GET % b"/") == b""

    run(scenario(), loop)

    async def broken() -> None:
        (home / "front.sock").unlink()
        async with front(home, echo, access=raising) as (_, path):
            assert await raw(path, GET % b"/") == b""

    run(broken(), loop)
    assert [record.getMessage() for record in log_errors] == ["nobody knows who is connecting"]


def test_a_failing_handler_gives_500_without_a_word_of_why(home: Path, log_errors: list[object]) -> None:
    async def later(_: Request) -> Answer:
        raise RuntimeError("secret inside")

    def now(_: Request) -> Answer:
        raise RuntimeError("secret inside")

    async def scenario(handler: object) -> bytes:
        async with front(home, handler) as (_, path):  # type: ignore[arg-type]
            return await raw(path, CLOSE % b"/")

    for handler in (later, now):
        answer = run(scenario(handler))
        assert status(answer) == 500
        assert b"secret" not in answer
        (home / "front.sock").unlink()
    assert len(log_errors) == 2


@both_loops
def test_on_sent_is_told_after_the_connection_ended(home: Path, loop: str) -> None:
    async def scenario() -> None:
        sent = asyncio.Event()
        async with front(home, lambda _: Response(200, b"page", close=True, on_sent=sent.set)) as (server, path):
            assert (await raw(path, GET % b"/")).endswith(b"page")
            await sent.wait()
            assert not server.connections

    run(scenario(), loop)


@both_loops
def test_closing_ends_idle_and_streams_at_once_and_lets_an_answer_out(home: Path, loop: str) -> None:
    async def scenario() -> None:
        go, waiting = asyncio.Event(), asyncio.Event()

        async def never() -> AsyncGenerator[bytes, None]:
            yield b"first"
            await asyncio.Event().wait()

        async def handler(request: Request) -> Answer:
            if request.path == "/stream":
                return StreamResponse(200, never())
            waiting.set()
            await go.wait()
            return Response(200, b"answered")

        async with front(home, handler) as (server, path):
            idle = asyncio.create_task(raw(path))
            stream = asyncio.create_task(raw(path, GET % b"/stream"))
            busy = asyncio.create_task(raw(path, GET % b"/busy"))
            await waiting.wait()
            await until(lambda: len(server.connections) == 3)
            closing = asyncio.create_task(server.close(30))
            assert await idle == b""
            assert (await stream).endswith(b"first\r\n0\r\n\r\n")
            go.set()
            assert (await busy).endswith(b"answered")
            await closing

    run(scenario(), loop)


@both_loops
def test_closing_cuts_a_handler_that_takes_longer_than_the_grace(home: Path, loop: str) -> None:
    async def scenario() -> None:
        waiting, ended = asyncio.Event(), asyncio.Event()

        async def handler(_: Request) -> Answer:
            waiting.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            raise AssertionError

        async with front(home, handler) as (server, path):
            busy = asyncio.create_task(raw(path, GET % b"/"))
            await waiting.wait()
            await server.close(0.05)
            assert ended.is_set()
            assert await busy == b""

    run(scenario(), loop)


@both_loops
def test_AGENT_5_running_out_of_file_descriptors_is_survived(home: Path, loop: str) -> None:
    async def scenario() -> None:
        escaped: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: escaped.append(context))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        async with front(home, echo) as (_, path):
            clients = [socket.socket(socket.AF_UNIX) for _ in range(50)]
            lowest = max(client.fileno() for client in clients)
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 10, hard))
            try:
                for client in clients:
                    client.connect(path)
                for _ in range(50):
                    await asyncio.sleep(0)
            finally:
                for client in clients:
                    client.close()
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert b"GET /after" in await raw(path, CLOSE % b"/after")

    run(scenario(), loop)


def test_beyond_the_limit_the_longest_waiting_connection_makes_room(home: Path) -> None:
    async def scenario() -> None:
        async with front(home, echo, Limits(connections=3)) as (server, path):
            first = asyncio.create_task(raw(path))
            await until(lambda: len(server.connections) == 1)
            others = [asyncio.create_task(raw(path)) for _ in range(2)]
            await until(lambda: len(server.connections) == 3)
            assert b"GET /new" in await raw(path, CLOSE % b"/new")
            assert await first == b""
            assert not any(task.done() for task in others)

    run(scenario())


def test_a_tcp_client_that_sends_too_much_still_reads_why() -> None:
    async def scenario() -> bytes:
        listener = socket.create_server(("127.0.0.1", 0))
        server = HttpServer(echo, Limits(body=0))
        await server.serve(listener)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n" + b"a" * 500_000)
        answer = await reader.read()
        writer.close()
        await server.close(1)
        return answer

    assert status(run(scenario())) == 413


def test_a_reset_in_the_middle_of_a_head_is_nobody_elses_business() -> None:
    async def scenario() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        server = HttpServer(echo)
        await server.serve(listener)
        client = socket.create_connection(listener.getsockname())
        client.send(b"GET / HT")
        await until(lambda: bool(server.connections))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        await until(lambda: not server.connections)
        await server.close(0)

    run(scenario())


class Wire(asyncio.Transport):
    """A transport without a network: what was written, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.protocol: Connection

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.written += bytes(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close


pieces = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"GET / HTTP/1.1\r\n", b"POST /a%20b?c=%ff HTTP/1.1\r\n", b"Host: x\r\n", b"\r\n", b"Content-Length: 5\r\n",
            b"Content-Length: -1\r\n", b"Content-Length:\r\n", b"Transfer-Encoding: chunked\r\n", b"5\r\nabcde\r\n",
            b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"hello", b"Upgrade: x\r\nConnection: upgrade\r\n", b"\0",
            b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"GET " + b"/" * 300 + b" HTTP/1.1\r\n",
        ]
    ),
)  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stream=st.lists(pieces, max_size=14).map(b"".join), cuts=st.lists(st.integers(0, 400), max_size=12))
def test_AGENT_4_no_bytes_in_any_split_break_a_connection(stream: bytes, cuts: list[int]) -> None:
    async def later(request: Request) -> Answer:
        await asyncio.sleep(0)
        return echo(request)

    def handler(request: Request) -> object:
        return later(request) if len(request.path) % 2 else echo(request)

    async def feed(limits: list[int]) -> bytes:
        server = HttpServer(handler, Limits(head=200, body=64))  # type: ignore[arg-type]
        connection, wire = server.connection(), Wire()
        connection.connection_made(wire)
        for start, end in itertools.pairwise([0, *sorted(limits), len(stream)]):
            if not wire.closed and stream[start:end]:
                connection.data_received(stream[start:end])
        while connection.task is not None:
            await asyncio.sleep(0)
        if not wire.closed and not connection.eof_received():
            wire.close()
        connection.connection_lost(None)
        assert not server.connections
        return wire.written

    whole, split = run(feed([])), run(feed(cuts))
    for written in (whole, split):
        assert written == b"" or written.startswith(b"HTTP/1.1 ")
        assert b" 500 " not in written.split(b"\r\n", 1)[0]


@both_loops
def test_AGENT_5_a_hoard_of_connections_leaves_room_for_the_next(home: Path, loop: str) -> None:
    """Silent ones go first, then streams, the oldest before the others; one that is being answered stays."""

    async def scenario() -> None:
        answered, release = asyncio.Event(), asyncio.Event()

        async def stream() -> AsyncGenerator[bytes, None]:
            yield b"begin"
            await asyncio.Event().wait()

        async def handle(request: Request) -> Answer:
            if request.path == "/stream":
                return StreamResponse(200, stream())
            if request.path == "/slow":
                answered.set()
                await release.wait()
            return echo(request)

        async with front(home, handle, Limits(connections=4)) as (server, path):
            slow = asyncio.create_task(raw(path, CLOSE % b"/slow"))
            await answered.wait()
            streams = []
            for number in range(3):
                reader, writer = await asyncio.open_unix_connection(path)
                writer.write(GET % b"/stream")
                await reader.readuntil(b"begin\r\n")
                streams.append((number, reader, writer))
            assert len(server.connections) == 4
            assert status(await raw(path, CLOSE % b"/next")) == 200
            assert await streams[0][1].read() == b"", "the oldest stream made room"
            silent, hoarder = await asyncio.open_unix_connection(path)
            await until(lambda: len(server.connections) == 4)
            assert status(await raw(path, CLOSE % b"/next")) == 200
            assert await silent.read() == b""
            assert all(not reader.at_eof() for _, reader, _ in streams[1:])
            release.set()
            assert status(await slow) == 200
            for writer in (hoarder, *(writer for _, _, writer in streams)):
                writer.close()

    run(scenario(), loop)


@both_loops
def test_AGENT_5_where_all_are_being_answered_one_more_is_closed(home: Path, loop: str) -> None:
    async def scenario() -> None:
        busy, release = asyncio.Semaphore(0), asyncio.Event()

        async def handle(request: Request) -> Answer:
            busy.release()
            await release.wait()
            return echo(request)

        async with front(home, handle, Limits(connections=2)) as (_, path):
            calls = [asyncio.create_task(raw(path, CLOSE % b"/")) for _ in range(2)]
            for _ in calls:
                await busy.acquire()
            assert await raw(path, CLOSE % b"/more") == b""
            release.set()
            assert [status(await call) for call in calls] == [200, 200]

    run(scenario(), loop)


@pytest.mark.parametrize("upgrade", [b"", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"])
@both_loops
def test_an_answer_that_takes_longer_than_a_request_may_still_comes(home: Path, loop: str, upgrade: bytes) -> None:
    """Also to clients that offer another protocol, as curl does when told to, and nothing more is read of them."""

    async def scenario() -> None:
        serving: list[HttpServer] = []

        async def slow(_: Request) -> Answer:
            (connection,) = serving[0].connections
            connection._deadline = 0.0  # long ago
            connection._on_timer()
            return Response(200, b"late")

        async with front(home, slow) as (server, path):
            serving.append(server)
            answer = await raw(path, b"GET / HTTP/1.1\r\nHost: x\r\n" + upgrade + b"\r\n", half_close=True)
        assert answer.endswith(b"late")

    run(scenario(), loop)
