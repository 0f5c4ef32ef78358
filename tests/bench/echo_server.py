"""Floors in Python: servers on a unix socket that answer whatever comes with the same bytes.

    echo_server.py selectors|httptools SOCKET ANSWER_FILE

`selectors` only reads and writes; `httptools` parses HTTP on uvloop, as TokenKeep's front does, and nothing more. Each
prints a line when it listens and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import sys
from pathlib import Path

BACKLOG = 1024


def serve_selectors(listener: socket.socket, answer: bytes) -> None:
    """One thread, one epoll."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                return
            if key.fileobj is listener:
                connection, _ = listener.accept()
                selector.register(connection, selectors.EVENT_READ)
                continue
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            try:
                if connection.recv(65536):
                    connection.send(answer)
                    continue
            except ConnectionError:
                pass
            selector.unregister(connection)
            connection.close()


async def serve_httptools(listener: socket.socket, answer: bytes) -> None:
    """A protocol of the least that HTTP needs."""
    import httptools

    class Connection(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport
            self.parser = httptools.HttpRequestParser(self)

        def data_received(self, data: bytes) -> None:
            self.parser.feed_data(data)

        def on_message_complete(self) -> None:
            self.transport.write(answer)

    listener.setblocking(False)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    server = await loop.create_unix_server(Connection, sock=listener, backlog=BACKLOG)
    await ended.wait()
    server.close()


def main() -> None:
    kind, path, answer_file = sys.argv[1:]
    answer = Path(answer_file).read_bytes()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(BACKLOG)
    print("listening", flush=True)
    if kind == "selectors":
        serve_selectors(listener, answer)
    else:
        import uvloop

        uvloop.run(serve_httptools(listener, answer))


main()
