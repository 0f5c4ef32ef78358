"""The load generator where there is no C compiler; arguments and output as of load.c, figures a little higher."""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from pathlib import Path


class Client:
    """One request at a time, on a kept connection or on a new one each."""

    def __init__(self, path: str, request: bytes, *, keep: bool, until_eof: bool) -> None:
        self._path, self._request, self._keep, self._until_eof = path, request, keep, until_eof
        self.sock: socket.socket | None = None
        self._answer = b""
        self.started = 0.0

    def send(self) -> None:
        self.started = time.perf_counter()
        self._answer = b""
        if self.sock is None:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.connect(self._path)
        self.sock.send(self._request)

    def receive(self) -> bool:
        """Read once; whether the answer is complete now."""
        assert self.sock is not None
        piece = self.sock.recv(65536)
        self._answer += piece
        if self._until_eof:
            if not piece and b"success" not in self._answer:
                sys.exit(f"not the answer that was awaited: {self._answer[:300]!r}")
            return not piece
        head, mark, body = self._answer.partition(b"\r\n\r\n")
        if not mark and piece:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            sys.exit(f"not the answer that was awaited: {self._answer[:300]!r}")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return len(body) >= int(length[15:])

    def finish(self) -> None:
        if not self._keep and self.sock is not None:
            self.sock.close()
            self.sock = None


def main() -> None:
    path, request_file, mode, count_text, clients_text, end = sys.argv[1:]
    count, request = int(count_text), Path(request_file).read_bytes()
    clients = [
        Client(path, request, keep=mode == "kept", until_eof=end == "eof") for _ in range(min(int(clients_text), count))
    ]
    times: list[float] = []
    began = time.perf_counter()
    if len(clients) == 1:
        one = clients[0]
        while len(times) < count:
            one.send()
            while not one.receive():
                pass
            times.append(time.perf_counter() - one.started)
            one.finish()
    else:
        _many(clients, times, count)
    seconds = time.perf_counter() - began
    times = sorted(each * 1e6 for each in times)
    figures = {"p50": times[count // 2], "p99": times[int(count * 0.99)], "max": times[-1]}
    print(json.dumps(figures | {"per_second": count / seconds}))


def _many(clients: list[Client], times: list[float], count: int) -> None:
    selector = selectors.DefaultSelector()
    for client in clients:
        client.send()
        assert client.sock is not None
        selector.register(client.sock, selectors.EVENT_READ, client)
    sent = len(clients)
    while len(times) < count:
        for key, _ in selector.select():
            client = key.data
            if not client.receive():
                continue
            times.append(time.perf_counter() - client.started)
            selector.unregister(key.fileobj)
            client.finish()
            if sent < count:
                sent += 1
                client.send()
                selector.register(client.sock, selectors.EVENT_READ, client)


main()
