"""A scripted identity provider that answers every token request after a fixed time and counts what it does.

    provider.py HOSTS MILLISECONDS

Listens on HOSTS loopback ports, prints them as one JSON list, ends with its standard input. `POST /token` gives a new
access token, `GET /stats` the number of token answers and the monotonic times of the first request and the last answer,
`GET /.well-known/openid-configuration` the metadata that oidc-agent wants.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import sys
import time
from urllib.parse import parse_qs


class Provider:
    """All ports share the counters."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._numbers = itertools.count(1)
        self._began: float | None = None
        self._ended = 0.0
        self._tokens = 0
        self._most_at_once = self._at_once = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                target = head.split(" ", 2)[1]
                headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
                answer = json.dumps(await self._answer(target, f"http://{headers['host']}", body))
                lines = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store"
                writer.write(f"{lines}\r\nContent-Length: {len(answer)}\r\n\r\n{answer}".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, target: str, origin: str, body: str) -> object:
        if target == "/stats":
            return {"tokens": self._tokens, "began": self._began, "ended": self._ended, "at_once": self._most_at_once}
        if target != "/token":
            supported = {"scopes_supported": ["openid", "offline_access"], "grant_types_supported": ["refresh_token"]}
            return {"issuer": origin, "token_endpoint": f"{origin}/token", **supported} | {
                f"{name}_endpoint": f"{origin}/{name}" for name in ("authorization", "userinfo", "revocation")
            }
        self._began = self._began or time.monotonic()
        self._at_once += 1
        self._most_at_once = max(self._most_at_once, self._at_once)
        await asyncio.sleep(self._delay)
        self._at_once -= 1
        self._tokens += 1
        self._ended = time.monotonic()
        form = parse_qs(body)
        return {
            "access_token": f"{next(self._numbers)}-{secrets.token_urlsafe(600)}",
            "token_type": "Bearer",
            "expires_in": 86400,
            "refresh_token": form.get("refresh_token", [""])[0],
            "scope": "read write",
        }


async def main() -> None:
    hosts, milliseconds = int(sys.argv[1]), float(sys.argv[2])
    provider = Provider(milliseconds / 1000)
    servers = [await asyncio.start_server(provider.serve, "127.0.0.1", 0) for _ in range(hosts)]
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await ended.wait()


asyncio.run(main())
