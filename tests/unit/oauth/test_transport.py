"""The fence around every request."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import tracemalloc

import pytest

from support.oauth_values import NOW
from support.scripted_server import (
    JOIN_LIMIT,
    ScriptedServer,
    answer,
    cut,
    drip,
    hang,
    json_answer,
    raw,
    run_out_of_time,
)
from tokenkeep.domain.errors import MalformedAnswer, ProviderError, ProviderUnreachable
from tokenkeep.oauth.adapter import BODY_LIMIT, CutAnswer
from tokenkeep.oauth.transport import Answer, Request, Transport


def get(transport: Transport, url: str) -> Answer:
    return transport.send(Request("GET", url), local=True)


def test_TOK_1_form_is_utf8_and_accepts_json(server, transport):
    server.reply("/t", json_answer({}))
    form = (("code", "a+b/c=d%e&f ü"), ("resource", "https://a"), ("resource", "https://b"))
    transport.send(Request("POST", f"{server.origin}/t?keep=a%2Fb", form), local=True)
    (request,) = server.requests
    assert request.form == list(form)
    assert request.target == "/t?keep=a%2Fb"
    assert request.header("Content-Type") == "application/x-www-form-urlencoded"
    assert request.header("Accept") == "application/json"


def test_answer_tells_status_headers_and_when_it_was_sent(server, transport, wall):
    server.reply("/t", json_answer({"a": 1}, status=418, x_thing="y"))
    wall.now = NOW + 7
    given = get(transport, f"{server.origin}/t")
    assert (given.status, given.headers["X-THING"], given.json(), given.sent_at) == (418, "y", {"a": 1}, NOW + 7)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_NET_4_redirect_is_not_followed_and_target_is_named(server, transport, status, method):
    with ScriptedServer() as other:
        server.reply("/t", answer(status, headers={"Location": f"{other.origin}/x?code=CANARY"}))
        with pytest.raises(ProviderError, match="redirects") as caught:
            transport.send(Request(method, f"{server.origin}/t", (("code", "c"),)), local=True)
        assert other.connections == 0
    assert f"{other.origin}/x" in caught.value.detail
    assert "CANARY" not in caught.value.detail


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1.evil.test/",
        "http://localhost.evil.test/",
        "http://127.0.0.1@evil.test/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0.0.0.0/",
        "http://[::ffff:127.0.0.1]/",
        "http://example.com/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
    ],
)
def test_NET_2_plain_http_is_for_true_loopback_only(transport, url):
    with pytest.raises(ProviderError, match="not sent"):
        get(transport, url)


def test_NET_2_loopback_needs_the_mark(server, transport):
    with pytest.raises(ProviderError, match="local = true"):
        transport.send(Request("GET", f"{server.origin}/t"), local=False)
    assert server.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_NET_2_loopback_with_the_mark_is_reached(transport, host):
    with ScriptedServer(host="::1" if host == "[::1]" else "127.0.0.1") as server:
        server.reply("/t", json_answer({}))
        assert get(transport, f"http://{host}:{server.port}/t").status == 200


def test_NET_2_localhost_is_loopback_whatever_a_resolver_says(server, transport, monkeypatch):
    server.reply("/t", json_answer({}))
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: pytest.fail("a resolver was asked"))
    assert get(transport, f"http://localhost:{server.port}/t").status == 200


def test_NET_5_netrc_does_not_touch_our_authorization(server, transport, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login evil password evil\ndefault login evil password evil\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server.reply("/t", json_answer({}))
    transport.send(Request("GET", f"{server.origin}/t", headers={"Authorization": "Bearer abc"}), local=True)
    get(transport, f"{server.origin}/t")
    assert [request.header("Authorization") for request in server.requests] == ["Bearer abc", None]


def test_NET_5_no_cookie_comes_back(server, transport):
    server.reply("/t", answer(headers={"Set-Cookie": "a=b; Path=/"}))
    get(transport, f"{server.origin}/t")
    get(transport, f"{server.origin}/t")
    assert [request.header("Cookie") for request in server.requests] == [None, None]


@pytest.mark.parametrize("how", ["environment", "configured"])
def test_NET_5_loopback_is_never_asked_for_through_a_proxy(server, wall, monkeypatch, how):
    with ScriptedServer() as proxy:
        monkeypatch.delenv("NO_PROXY", raising=False)
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.origin)
        configured = "system" if how == "environment" else proxy.origin
        transport = Transport(
            proxy=configured, wall=wall, resolver=lambda _, port: [(socket.AF_INET, ("127.0.0.1", port))]
        )
        server.reply("/t", json_answer({}))
        assert get(transport, f"{server.origin}/t").status == 200
        with ScriptedServer() as gone:
            pass
        for host in ("127.0.0.2", "[::1]", "localhost", "localhost.", "x.localhost"):
            url = f"https://{host}:{gone.port}/t"
            with pytest.raises(ProviderUnreachable):
                transport.starting_at([url]).send(Request("GET", url), local=True)
        assert proxy.connections == 0


@pytest.mark.parametrize("how", ["environment", "configured"])
def test_NET_5_other_hosts_go_through_the_proxy(wall, monkeypatch, how):
    with ScriptedServer() as proxy:
        monkeypatch.delenv("NO_PROXY", raising=False)
        if how == "environment":
            monkeypatch.setenv("https_proxy", proxy.origin)
        transport = Transport(proxy="system" if how == "environment" else proxy.origin, wall=wall)
        with pytest.raises(ProviderUnreachable, match="proxy") as caught:
            transport.send(Request("GET", "https://auth.example.com/t"))
        assert not caught.value.maybe_sent
        assert [request.target for request in proxy.requests] == ["auth.example.com:443"]
        direct = Transport(proxy="none", wall=wall)
        with pytest.raises(ProviderUnreachable):
            direct.send(Request("GET", "https://auth.invalid/t"))
        assert proxy.connections == 1


def test_socks_proxy_is_refused_in_words(wall):
    transport = Transport(proxy="socks5://127.0.0.1:1", wall=wall)
    with pytest.raises(ProviderUnreachable, match="SOCKS"):
        transport.send(Request("GET", "https://auth.example.com/t"))


def test_NET_5_body_is_limited(server, transport):
    server.reply("/t", answer(body=b"x" * (BODY_LIMIT + 1)), answer(body=b"x" * BODY_LIMIT))
    with pytest.raises(MalformedAnswer, match="too large"):
        get(transport, f"{server.origin}/t")
    assert len(get(transport, f"{server.origin}/t").body) == BODY_LIMIT


def test_NET_5_gzip_is_read_and_a_bomb_is_cut(server, transport):
    packed = gzip.compress(b'{"a":1}')
    bomb = gzip.compress(b"0" * (64 * BODY_LIMIT))
    headers = {"Content-Encoding": "gzip"}
    server.reply("/t", answer(200, packed, headers), answer(200, bomb, headers), answer(200, b"no gzip", headers))
    assert get(transport, f"{server.origin}/t").json() == {"a": 1}
    with pytest.raises(MalformedAnswer, match="too large"):
        get(transport, f"{server.origin}/t")
    with pytest.raises(MalformedAnswer, match="decompress"):
        get(transport, f"{server.origin}/t")


PACKED = gzip.compress(b'{"a":1}')
NOT_UNPACKED = {
    "two layers": ("gzip, gzip", gzip.compress(gzip.compress(b"0" * (64 * BODY_LIMIT)))),
    "twice named": ("gzip,gzip", gzip.compress(PACKED)),
    "not asked for": ("br", b"x"),
    "deflate": ("deflate", b"x"),
    "cut off": ("gzip", PACKED[:-9]),
    "two members": ("gzip", PACKED + PACKED),
    "something behind": ("gzip", PACKED + b"x"),
    "nothing": ("gzip", b""),
}


@pytest.mark.parametrize(("encoding", "body"), NOT_UNPACKED.values(), ids=NOT_UNPACKED.keys())
def test_NET_5_what_was_not_asked_for_is_not_unpacked(server, transport, encoding, body):
    server.reply("/t", answer(200, body, {"Content-Encoding": encoding}))
    with pytest.raises(MalformedAnswer, match="compress"):
        get(transport, f"{server.origin}/t")
    assert server.requests[0].header("Accept-Encoding") == "gzip"


def test_NET_5_a_bomb_never_unpacks_further_than_the_limit(server, transport):
    """A thousand times its size, in one chunk of what is read at a time."""
    bomb = gzip.compress(b"0" * (60 * BODY_LIMIT))
    assert len(bomb) < 64 * 1024
    server.reply("/t", answer(200, bomb, {"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        with pytest.raises(MalformedAnswer, match="too large"):
            get(transport, f"{server.origin}/t")
        assert tracemalloc.get_traced_memory()[1] < 8 * BODY_LIMIT
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("line", [b"0" * 70_000, b"1;x=" + b"y" * 70_000])
def test_NET_5_a_chunk_size_without_end_is_refused(server, transport, line):
    server.reply("/t", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + line))
    with pytest.raises((ProviderUnreachable, MalformedAnswer)):
        get(transport, f"{server.origin}/t")


@pytest.mark.parametrize("extra", [b"X: " + b"y" * 70_000 + b"\r\n", b"X: y\r\n" * 200])
def test_NET_5_the_head_of_an_answer_is_limited(server, transport, extra):
    server.reply("/t", raw(b"HTTP/1.1 200 OK\r\n" + extra + b"Content-Length: 0\r\n\r\n"))
    with pytest.raises((ProviderUnreachable, MalformedAnswer)):
        get(transport, f"{server.origin}/t")


def test_NET_5_a_chunked_body_is_limited_too(server, transport):
    chunk = b"%x\r\n" % (BODY_LIMIT // 4) + b"x" * (BODY_LIMIT // 4) + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.reply("/t", raw(head + chunk * 4 + b"0\r\n\r\n"), raw(head + chunk * 5 + b"0\r\n\r\n"))
    assert len(get(transport, f"{server.origin}/t").body) == BODY_LIMIT
    with pytest.raises(MalformedAnswer, match="too large"):
        get(transport, f"{server.origin}/t")


def test_NET_4_a_304_that_nobody_asked_for_is_refused(server, transport):
    server.reply("/t", answer(304))
    with pytest.raises(ProviderError):
        get(transport, f"{server.origin}/t")
    asked = Request("GET", f"{server.origin}/t", headers={"If-None-Match": '"x"'})
    assert transport.send(asked, local=True).status == 304


DRIPS = [
    drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
    drip(b"HTTP/1.1 200 OK\r\n\r\n{}"),  # a body that ends with its connection
    drip(b"HTTP/1.1 200 OK\r\nX: "),
    drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n"),
    drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    hang(),
]


@pytest.mark.parametrize("reply", DRIPS)
def test_NET_5_the_deadline_is_for_the_whole_answer(server, wall, reply):
    server.reply("/t", reply)
    with pytest.raises(ProviderUnreachable, match=r"within 0\.3 seconds"):
        get(Transport(timeout=0.3, wall=wall), f"{server.origin}/t")


def test_TOK_9_a_request_that_ran_out_of_time_may_have_been_sent(server, transport):
    server.reply("/t", run_out_of_time(transport))
    with pytest.raises(ProviderUnreachable, match="within") as caught:
        get(transport, f"{server.origin}/t")
    assert caught.value.maybe_sent


@pytest.mark.parametrize("reply", DRIPS)
@pytest.mark.parametrize("how", ["cancel", "close"])
def test_NET_5_cancel_ends_a_blocked_call_at_once(server, transport, reply, how):
    server.reply("/t", reply)
    raised: list[BaseException] = []

    def call() -> None:
        try:
            get(transport, f"{server.origin}/t")
        except ProviderUnreachable as error:
            raised.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    server.wait_for_request()
    getattr(transport, how)()
    thread.join(JOIN_LIMIT / 2)  # the transport's own time-out is longer
    assert [error.args[0] for error in raised] == ["The request was cancelled."]


def test_closed_transport_sends_nothing(server, transport):
    transport.close()
    with pytest.raises(ProviderUnreachable) as caught:
        get(transport, f"{server.origin}/t")
    assert not caught.value.maybe_sent
    assert server.connections == 0


def test_cancelled_transport_goes_on_working(server, transport):
    server.reply("/t", json_answer({}))
    transport.cancel()
    assert get(transport, f"{server.origin}/t").status == 200


def test_TOK_9_refused_connection_means_nothing_was_sent(transport):
    with ScriptedServer() as gone:
        pass
    with pytest.raises(ProviderUnreachable, match="connection") as caught:
        get(transport, f"{gone.origin}/t")
    assert not caught.value.maybe_sent


def test_TOK_9_unknown_name_means_nothing_was_sent(transport):
    with pytest.raises(ProviderUnreachable, match=r"no\.such\.host\.invalid is not found") as caught:
        transport.send(Request("GET", "https://no.such.host.invalid/"))
    assert not caught.value.maybe_sent


def test_TOK_9_cut_connection_means_it_may_have_been_sent(server, transport):
    server.reply("/t", cut())
    with pytest.raises(ProviderUnreachable) as caught:
        get(transport, f"{server.origin}/t")
    assert caught.value.maybe_sent
    assert len(server.requests) == 1


def test_second_address_is_tried(server, transport, monkeypatch):
    with ScriptedServer() as gone:
        pass
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", one)) for one in (gone.port, server.port)]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: addresses)
    server.reply("/t", json_answer({}))
    assert get(transport, f"http://127.0.0.1:{server.port}/t").status == 200


def test_an_address_that_never_answers_leaves_time_for_the_next(server, transport, monkeypatch):
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)  # what does not fit into the queue is neither accepted nor refused
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        # Forty addresses share the time-out, so the first one gets a fortieth of it.
        addresses = [full.getsockname(), *[("127.0.0.1", server.port)] * 39]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in addresses]
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
        monkeypatch.setattr("tokenkeep.oauth.connection.CONNECT_MIN", 0.1)
        monkeypatch.setattr(transport, "timeout", 30.0)
        server.reply("/t", json_answer({}))
        assert get(transport, f"http://127.0.0.1:{server.port}/t").status == 200


def test_deadline_ends_the_search_for_an_address(wall, monkeypatch):
    """All addresses together get the time-out, not each of them."""
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", full.getsockname())] * 1000
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
        with pytest.raises(ProviderUnreachable, match="within") as caught:
            get(Transport(timeout=0.3, wall=wall), "http://127.0.0.1:1/t")
        assert not caught.value.maybe_sent


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_TOK_3_truncated_body_is_malformed(server, transport, data):
    server.reply("/t", raw(data))
    with pytest.raises(CutAnswer):
        get(transport, f"{server.origin}/t")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX: y\r\n\r\n"


@pytest.mark.parametrize("length", [0, 5, 17, 20, 40, 50, len(HEAD) - 2, len(HEAD) - 1])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_TOK_9_a_head_that_is_cut_off_is_no_answer(server, transport, length, method):
    """The library takes the end of the connection for the end of the head: status 200 and nothing in it."""
    server.reply("/t", raw(HEAD[:length]))
    with pytest.raises(ProviderUnreachable) as caught:
        transport.send(Request(method, f"{server.origin}/t"), local=True)
    assert caught.value.maybe_sent
    server.reply("/t", raw(HEAD))
    assert transport.send(Request(method, f"{server.origin}/t"), local=True).body == b""


@pytest.mark.parametrize("data", [b"\x00\x01\x02 not http\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_answer_that_is_no_http_is_transient(server, transport, data):
    server.reply("/t", raw(data))
    with pytest.raises((ProviderUnreachable, MalformedAnswer)):
        get(transport, f"{server.origin}/t")


def test_OIDC_5_the_servers_clock_is_remembered(server, transport):
    assert transport.clock_offset(server.origin) is None
    server.reply("/t", answer(headers={"Date": "Tue, 14 Nov 2023 22:18:20 GMT"}))
    get(transport, f"{server.origin}/t")
    assert transport.clock_offset(f"{server.origin}/other") == 300.0


def test_many_threads_share_a_transport(server, transport):
    server.reply("/t", json_answer({"a": 1}))
    results: list[object] = []
    threads = [
        threading.Thread(target=lambda: results.append(json.loads(get(transport, f"{server.origin}/t").body)))
        for _ in range(32)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(JOIN_LIMIT)
    assert results == [{"a": 1}] * 32
