"""One connection: parses, bounds and answers one request after the other, in order."""

from __future__ import annotations

import asyncio
import logging
import select
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote_to_bytes

import httptools

from tokenkeep.httpserver.messages import Answer, Request, Response, StreamResponse

if TYPE_CHECKING:
    from tokenkeep.httpserver.server import HttpServer

log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """One connection: parses, bounds and answers one request after the other, in order."""

    __slots__ = (
        "_body",
        "_body_size",
        "_deadline",
        "_deaf",
        "_finishing",
        "_head_done",
        "_head_size",
        "_headers",
        "_in_request",
        "_limits",
        "_loop",
        "_on_sent",
        "_parser",
        "_peer",
        "_raw",
        "_reading_paused",
        "_resumed",
        "_server",
        "_streaming",
        "_timer",
        "_transport",
        "_url",
        "_waiting",
        "_write_paused",
        "busy",
        "task",
    )

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._limits = server.limits
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._peer: Any = None
        self._waiting: deque[tuple[Request, bool] | int] = deque()  # an int is a refusal with that status
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._head_size = self._body_size = self._raw = 0
        self._in_request = self._head_done = False
        self.busy = False
        self.task: asyncio.Task[None] | None = None
        self._streaming = False
        self._write_paused = False
        self._resumed: asyncio.Future[None] | None = None
        self._reading_paused = False
        self._deaf = False  # nothing more is read: a refusal or the last answer is on its way out
        self._finishing = False
        self._on_sent: Callable[[], None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def streaming(self) -> bool:
        """Whether it carries a stream."""
        return self._streaming

    @property
    def ending(self) -> bool:
        """Whether nothing more is read from it."""
        return self._deaf

    # -- the connection's life

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        try:
            peer = None if self._server.closing else self._server.access(transport)
        except Exception:
            log.exception("nobody knows who is connecting")
            peer = None
        if peer is None:
            self.abort()
            return
        self._peer = peer
        self._parser = httptools.HttpRequestParser(self)
        self._server.opened(self)
        self._set_deadline(self._limits.request)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None
        self._deaf = True
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_exception(ConnectionResetError("the reader is gone"))
            self._resumed.exception()
        if self.task is not None:
            self.task.cancel()
        self._parser = None
        self._tell_sent()
        self._server.closed(self)

    def abort(self) -> None:
        """End the connection now, whatever is unsent."""
        self._deaf = True
        if self._transport is not None:
            self._transport.abort()

    def finish(self) -> None:
        """End the connection after the answer that is due; at once when none is, or when it is a stream."""
        self._finishing = True
        if self._streaming and self.task is not None:
            self.task.cancel()
        elif not self.busy and not self._waiting:
            self._close()

    def eof_received(self) -> bool:
        """Stay open for a client that only finished sending; a client that is gone, or any stream, ends here."""
        if self._deaf or self._streaming or not (self.busy or self._waiting) or self._hung_up():
            return False
        self._finishing = True
        return True

    def _hung_up(self) -> bool:
        """Whether a unix socket's other end is closed and not merely done with sending; TCP cannot tell."""
        assert self._transport is not None
        sock = self._transport.get_extra_info("socket")
        if sock is None or not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(sock.fileno(), 0)
        return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))

    # -- time: one timer per connection, armed lazily

    def _set_deadline(self, seconds: float) -> None:
        self._deadline = when = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= when:
                return  # it fires early and is armed again then
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._transport is None:
            return
        if self.busy and not self._write_paused:
            self._set_deadline(self._limits.idle)  # the handler's time is the handler's business
        elif self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._on_timer)
        else:
            self.abort()

    # -- reading

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._raw += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._deaf = True  # the upgrade is ignored (RFC 9110 §7.8); what follows is not ours to read
        except httptools.HttpParserError:
            self._refuse(400)
        if self._in_request and not self._deaf:
            self._check_unfinished()
        if self._waiting and not self.busy:
            self._advance()
        self._hold_reading()

    def _check_unfinished(self) -> None:
        """Bound what the parser holds back: long header lines, chunk extensions, trailers."""
        limits = self._limits
        if not self._head_done:
            if self._raw > limits.head:
                self._refuse(431 if self._headers else 414)
        elif self._raw > limits.head + 8 * limits.body + 4096:
            self._refuse(413)
        if not self.busy and not self._deaf and self._deadline - self._loop.time() > self._limits.request:
            self._set_deadline(self._limits.request)

    def _refuse(self, status: int) -> None:
        if not self._deaf:
            self._deaf = True
            self._waiting.append(status)

    def on_message_begin(self) -> None:
        self._in_request, self._head_done = True, False
        self._url, self._headers, self._body = b"", [], []
        self._head_size = self._body_size = 0

    def on_url(self, url: bytes) -> None:
        self._head_size += len(url)
        if self._head_size > self._limits.head:
            self._refuse(414)
        else:
            self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_done:
            return  # a trailer; bounded with the raw bytes
        self._head_size += len(name) + len(value) + 4
        if self._head_size > self._limits.head:
            self._refuse(431)
        else:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._head_done = True
        hosts = 0
        for name, value in self._headers:
            if name == b"host":
                hosts += 1
            elif name == b"content-length":
                if int(value) > self._limits.body:
                    self._refuse(413)
            elif name == b"expect" and value.lower() == b"100-continue":
                self._continue()
        if hosts != 1 and (hosts > 1 or self._parser.get_http_version() == "1.1"):
            self._refuse(400)  # RFC 9112 §3.2

    def _continue(self) -> None:
        if self._transport is not None and not self.busy and not self._waiting and not self._deaf:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body_size += len(body)
        if self._body_size > self._limits.body:
            self._refuse(413)
        elif not self._deaf:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self._in_request = False
        self._raw = 0
        if self._deaf:
            return
        target = self._url.decode("latin-1")
        path, _, query = target.partition("?")
        if "%" in path:
            try:
                path = unquote_to_bytes(path).decode()
            except UnicodeDecodeError:
                self._refuse(400)
                return
        if path[:1] != "/" or "\0" in path:
            self._refuse(400)  # only the origin form: we are no proxy
            return
        parser = self._parser
        version = parser.get_http_version()
        keep = version == "1.1" and parser.should_keep_alive() and not parser.should_upgrade()
        body = b"".join(self._body) if self._body else b""
        method = parser.get_method().decode("latin-1")
        self._waiting.append((Request(method, target, path, query, self._headers, body, self._peer, version), keep))

    def _hold_reading(self) -> None:
        """Read on only while nobody waits: a client that sends ahead is held by its own socket buffer."""
        hold = bool(self._waiting) and not self._deaf
        if hold != self._reading_paused and self._transport is not None:
            self._reading_paused = hold
            if hold:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    # -- answering

    def _advance(self) -> None:
        while self._waiting and not self.busy and not self._write_paused and self._transport is not None:
            item = self._waiting.popleft()
            if isinstance(item, int):
                self._respond(self._server.error(item), head_only=False, keep=False, linger=True)
                return
            request, keep = item
            self.busy = True
            try:
                outcome = self._server.handler(request)
            except Exception:
                log.exception("the handler failed")
                outcome = self._server.error(500)
            if type(outcome) is Response:
                self._respond(outcome, head_only=request.method == "HEAD", keep=keep)
            else:
                self.task = self._loop.create_task(self._run(request, keep, outcome))
        if not self._waiting and not self.busy and (self._finishing or self._deaf):
            self._close()

    async def _run(self, request: Request, keep: bool, outcome: StreamResponse | Awaitable[Answer] | Answer) -> None:
        head_only = request.method == "HEAD"
        try:
            try:
                answer = outcome if isinstance(outcome, Response | StreamResponse) else await outcome
            except Exception:
                log.exception("the handler failed")
                answer = self._server.error(500)
            if isinstance(answer, StreamResponse):
                await self._stream(answer, head_only=head_only, chunked=request.version == "1.1")
            else:
                self._respond(answer, head_only=head_only, keep=keep)
        finally:
            self.task = None
        if self._transport is not None:
            self._advance()
            self._hold_reading()

    async def _stream(self, answer: StreamResponse, *, head_only: bool, chunked: bool) -> None:
        self._streaming = True
        extra = b"Transfer-Encoding: chunked\r\n" if chunked else b""
        end = b"0\r\n\r\n" if chunked and not head_only else b""
        try:
            async with aclosing(answer.chunks) as chunks:
                self._write(_head(answer.status, answer.headers, extra + b"Connection: close\r\n"))
                if not head_only:
                    async for chunk in chunks:
                        if chunk:
                            self._write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
                        if self._write_paused:
                            await self._drained()
                self._write(end)
        except ConnectionError:
            pass
        except asyncio.CancelledError:
            self._write(end)  # the server ends, which is a proper end of the stream
            raise
        except Exception:
            log.exception("a stream failed")  # its end is missing, so the reader sees that it was cut
        finally:
            self.busy = False
            self._close()

    async def _drained(self) -> None:
        self._resumed = self._loop.create_future()
        try:
            await self._resumed
        finally:
            self._resumed = None

    def _respond(self, response: Response, *, head_only: bool, keep: bool, linger: bool = False) -> None:
        self.busy = False
        keep = keep and not response.close and not self._finishing
        status, body = response.status, response.body
        extra = b"" if status in (204, 304) else b"Content-Length: %d\r\n" % len(body)
        head = _head(status, response.headers, extra if keep else extra + b"Connection: close\r\n")
        self._on_sent = response.on_sent
        self._write(head if head_only or not body else head + body)
        if not keep:
            if linger:
                self._linger()
            else:
                self._close()
            return
        if self._write_paused:
            return
        self._tell_sent()
        if self._in_request:  # the beginning of the next one came along
            self._set_deadline(self._limits.request)
        else:
            self._deadline = self._loop.time() + self._limits.idle

    def _tell_sent(self) -> None:
        if self._on_sent is not None:
            told, self._on_sent = self._on_sent, None
            told()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(data)

    def pause_writing(self) -> None:
        self._write_paused = True
        self._set_deadline(self._limits.write)

    def resume_writing(self) -> None:
        self._write_paused = False
        self._set_deadline(self._limits.idle)
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)
        if not self._deaf:
            self._tell_sent()
            if not self.busy:
                self._advance()
                self._hold_reading()

    # -- ending

    def _close(self) -> None:
        """Close once everything written is out; a reader that takes nothing is cut after the write limit."""
        self._deaf = True
        self._waiting.clear()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
            if self._transport is not None:
                self._set_deadline(self._limits.write)

    def _linger(self) -> None:
        """After a refusal, swallow a little of what is still being sent: else the reset could overtake the answer."""
        if self._transport is None or not self._transport.can_write_eof():
            self._close()
            return
        self._transport.write_eof()
        self._set_deadline(self._limits.linger)


def _head(status: int, headers: Iterable[tuple[bytes, bytes]], extra: bytes) -> bytes:
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    return b"%b%b%b\r\n" % (_STATUS_LINES[status], lines, extra)


_STATUS_LINES = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus}
