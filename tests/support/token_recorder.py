"""Stands in front of a provider's token and device endpoints and remembers every secret that passes through."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl

import requests

from support.canaries import Canaries
from support.demo_provider import DemoProvider

SECRETS = ("access_token", "refresh_token", "id_token", "code", "code_verifier", "device_code", "token")


class TokenRecorder:
    """Forwards what it gets, byte for byte; use as a context manager."""

    def __init__(self, demo: DemoProvider, canaries: Canaries) -> None:
        """:param canaries: grows with every secret seen."""
        self._demo = demo
        self._canaries = canaries
        self._lock = threading.Lock()
        self.seen: dict[str, set[str]] = {}

    def __enter__(self) -> Self:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                recorder._remember(dict(parse_qsl(body.decode())))
                headers = {"Content-Type": self.headers.get("Content-Type", "")}
                try:
                    answer = requests.post(
                        recorder._demo.issuer + self.path, data=body, headers=headers, allow_redirects=False, timeout=60
                    )
                except requests.RequestException:  # the provider cut the answer off, and so do we
                    self.close_connection = True
                    return
                recorder._remember_json(answer.content)
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "text/plain"))
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_: object) -> None:
                """Nothing on the test's own output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="token-recorder")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(30)
        self._server.server_close()

    def keys(self) -> dict[str, str]:
        """The keys of a provider's entry that lead here."""
        base = f"http://127.0.0.1:{self._server.server_address[1]}"
        return {"token_endpoint": f"{base}/token", "device_authorization_endpoint": f"{base}/device_authorization"}

    def _remember_json(self, content: bytes) -> None:
        try:
            value = json.loads(content)
        except ValueError:
            return
        if isinstance(value, dict):
            self._remember(value)

    def _remember(self, values: dict[str, Any]) -> None:
        for name in SECRETS:
            secret = values.get(name)
            if isinstance(secret, str) and len(secret) >= 8:
                with self._lock:
                    if secret not in self.seen.setdefault(name, set()):
                        self.seen[name].add(secret)
                        self._canaries.add(**{name: secret})
