"""A provider of a few lines on loopback: rotating refresh tokens, an endless life, and any answer a test wants."""

from __future__ import annotations

import threading
from typing import Any, Self

from support.scripted_server import JOIN_LIMIT, Connection, Recorded, Reply, ScriptedServer, json_answer
from tokenkeep.domain.provider import Provider

TOKEN, DEVICE, REVOKE = "/token", "/device", "/revoke"


class TokenServer(ScriptedServer):
    """Gives `access-1-canary`, `access-2-canary`, … and as many refresh tokens; `instead` goes before that, in order.

    :param lifetime: `expires_in` of its answers; None leaves it out.
    """

    lifetime: float | None = 3600.0
    rotates = True

    def __enter__(self) -> Self:
        super().__enter__()
        self.number = 0
        self.instead: list[Reply] = []
        self.failing: Reply | None = None
        self.reply(TOKEN, self._give)
        self.reply(REVOKE, json_answer({}))
        return self

    def _give(self, connection: Connection) -> None:
        if self.instead:
            self.instead.pop(0)(connection)
        elif self.failing is not None:
            self.failing(connection)
        else:
            json_answer(self.tokens())(connection)

    def tokens(self, **changes: Any) -> dict[str, Any]:
        """The next answer; a None leaves a member out."""
        self.number += 1
        members: dict[str, Any] = {"access_token": f"access-{self.number}-canary", "token_type": "Bearer"}
        members |= {"expires_in": self.lifetime}
        if self.rotates:
            members["refresh_token"] = f"refresh-{self.number}-canary"
        return {name: value for name, value in (members | changes).items() if value is not None}

    def answer(self, **changes: Any) -> Reply:
        """The next answer with changes."""

        def reply(connection: Connection) -> None:
            json_answer(self.tokens(**changes))(connection)

        return reply

    @property
    def token_requests(self) -> list[Recorded]:
        """What came to the token endpoint."""
        return self.to(TOKEN)

    def sent(self, name: str) -> list[str]:
        """One form field of all token requests, in order."""
        return [dict(request.form).get(name, "") for request in self.token_requests]

    @property
    def revoked(self) -> list[str]:
        """The tokens that came to the revocation endpoint, in order."""
        return [dict(request.form)["token"] for request in self.to(REVOKE)]

    def provider(self, **changes: Any) -> Provider:
        """An entry for it; complete, so that nothing is discovered."""
        values: dict[str, Any] = {
            "id": "p",
            "name": "Provider P",
            "issuer": self.origin,
            "client_id": "client-1",
            "scopes": ["read", "write"],
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": self.origin + TOKEN,
            "local": True,
        }
        return Provider(**(values | changes))

    def publish(self, **changes: Any) -> None:
        """Publish metadata, for entries that give no endpoints: with device and revocation endpoints."""
        document = {
            "issuer": self.origin,
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": self.origin + TOKEN,
            "device_authorization_endpoint": self.origin + DEVICE,
            "revocation_endpoint": self.origin + REVOKE,
            "code_challenge_methods_supported": ["S256"],
            "response_types_supported": ["code"],
        }
        reply = json_answer({name: value for name, value in (document | changes).items() if value is not None})
        self.reply("/.well-known/oauth-authorization-server", reply)

    def discovered(self, **changes: Any) -> Provider:
        """An entry that has to be discovered."""
        self.publish()
        return self.provider(**({"authorization_endpoint": "", "token_endpoint": ""} | changes))


def oauth_error(error: str, status: int = 400, **headers: str) -> Reply:
    """An OAuth error answer."""
    return json_answer({"error": error}, status, **headers)


class Gate:
    """Holds answers back until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()

    def before(self, reply: Reply) -> Reply:
        """That answer, once the gate is open."""

        def held(connection: Connection) -> None:
            self.reached.set()
            self._open.wait(JOIN_LIMIT)
            reply(connection)

        return held

    def open(self) -> None:
        self._open.set()
