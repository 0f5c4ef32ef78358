"""The asynchronous client: the same questions over asyncio streams, a connection for each."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from tokenkeep.client import wire
from tokenkeep.client.errors import NotRunning, TokenKeepError
from tokenkeep.client.paths import socket_path
from tokenkeep.client.values import Event, Token, token_sha256

DEFAULT_WAIT = 30.0  # seconds; the server's own default for `wait`
GUARD = 15.0  # seconds the answer may take beyond what was asked to wait
LINE_LIMIT = 1 << 20  # bytes of a head or chunk line


class AsyncTokenKeep:
    """Asks the running TokenKeep; methods and errors as `TokenKeep`."""

    def __init__(self, socket_file: str | os.PathLike[str] | None = None) -> None:
        self._path = os.fspath(socket_file) if socket_file is not None else socket_path()

    async def token(
        self,
        provider: str,
        *,
        min_valid: float | None = None,
        scope: str | None = None,
        resource: Iterable[str] = (),
        audience: str | None = None,
        interactive: bool = False,
        wait: float | None = None,
    ) -> Token:
        """A valid access token; parameters as `TokenKeep.token`."""
        query = wire.token_query(min_valid, scope, resource, audience, wait, interactive=interactive)
        where = wire.target(("providers", provider, "token"), query)
        return Token(await self.ask("GET", where, wait=wait))

    async def headers(
        self,
        url: str = "",
        *,
        provider: str | None = None,
        method: str = "GET",
        min_valid: float | None = None,
        scope: str | None = None,
        resource: Iterable[str] = (),
        audience: str | None = None,
        interactive: bool = False,
        wait: float | None = None,
    ) -> dict[str, str]:
        """Headers for one request; parameters as `TokenKeep.headers`."""
        query = wire.token_query(min_valid, scope, resource, audience, wait, interactive=interactive)
        where = wire.headers_target(provider, url, method, query)
        found: dict[str, str] = (await self.ask("GET", where, wait=wait))["headers"]
        return found

    async def headers_after_refusal(
        self,
        sent: Mapping[str, str],
        url: str,
        provider: str,
        *,
        method: str,
        answer: Mapping[str, str],
        **options: Any,
    ) -> dict[str, str] | None:
        """Headers for one more try after a 401; as `TokenKeep.headers_after_refusal`."""
        refusal = answer.get("WWW-Authenticate", "")
        token = sent["Authorization"].partition(" ")[2]
        try:
            await self.rejected(
                token, provider, www_authenticate=refusal, url=url, dpop_nonce=answer.get("DPoP-Nonce", "")
            )
        except TokenKeepError as error:
            if error.code != "dpop_required":  # that a bound token is not given without a proof is no failure here
                raise
        fresh = await self.headers(url, provider=provider, method=method, **options)
        return fresh if wire.worth_another_try(sent, fresh, refusal) else None

    async def rejected(
        self,
        token: Token | str,
        provider: str | None = None,
        *,
        www_authenticate: str = "",
        url: str = "",
        dpop_nonce: str = "",
    ) -> Token:
        """Tell that a resource answered 401 to a token, and get the one that holds now; as `TokenKeep.rejected`."""
        digest = token.sha256 if isinstance(token, Token) else token_sha256(token)
        provider = provider or (token.provider if isinstance(token, Token) else "")
        if not provider:
            raise ValueError("name the provider of the token")
        where = wire.target(("providers", provider, "token", "rejected"))
        body = wire.rejected_body(digest, www_authenticate, url, dpop_nonce)
        return Token(await self.ask("POST", where, body))

    async def providers(self) -> list[dict[str, Any]]:
        """All providers."""
        found: list[dict[str, Any]] = (await self.ask("GET", "/v1/providers"))["providers"]
        return found

    async def provider(self, provider: str) -> dict[str, Any]:
        """One provider."""
        return await self._object("GET", wire.target(("providers", provider)))

    async def status(self) -> dict[str, Any]:
        """Version, overall state, counts."""
        return await self._object("GET", "/v1/status")

    async def id_token(self, provider: str, *, wait: float | None = None) -> dict[str, Any]:
        """The verified id_token: `{id_token, claims, expires_at}`; as `TokenKeep.id_token`."""
        where = wire.target(("providers", provider, "id-token"), wire.wait_query(wait))
        return await self._object("GET", where, wait=wait)

    async def claims(self, provider: str, *, introspect: bool = False, wait: float | None = None) -> dict[str, Any]:
        """What the tokens of a sign-in say, without the tokens; as `TokenKeep.claims`."""
        query = [*wire.wait_query(wait), *([("introspect", "true")] if introspect else [])]
        return await self._object("GET", wire.target(("providers", provider, "claims"), query), wait=wait)

    async def refresh(self, provider: str) -> dict[str, Any]:
        """Refresh now; the provider afterwards."""
        return await self._object("POST", wire.target(("providers", provider, "refresh")))

    async def sign_out(self, provider: str, *, revoke: bool = True, end_session: bool = False) -> dict[str, Any]:
        """Sign out: `{revoked, detail, end_session}`."""
        where = wire.target(("providers", provider, "sign-out"))
        return await self._object("POST", where, {"revoke": revoke, "end_session": end_session}, wait=90.0)

    async def unlock(self, passphrase: str) -> None:
        """Open the sign-ins that are sealed with a passphrase."""
        await self.ask("POST", "/v1/unlock", {"passphrase": passphrase}, wait=90.0)

    async def check(self, *, provider: str = "", issuer: str = "", url: str = "") -> dict[str, Any]:
        """The report on a server, rule by rule; give exactly one of the three."""
        body = wire.check_body(provider, issuer, url)
        return await self._object("POST", "/v1/check", body, wait=wire.CHECK_WAIT)

    async def sign_in(self, provider: str, *, method: str = "auto", open_browser: bool = True) -> dict[str, Any]:
        """Start a sign-in, or join the pending one."""
        body = {"provider": provider, "method": method, "open_browser": open_browser}
        return await self._object("POST", "/v1/sign-ins", body)

    async def wait_sign_in(self, sign_in: str) -> dict[str, Any]:
        """Wait until a sign-in has ended, whatever comes of it."""
        while True:
            state = await self._object("GET", wire.target(("sign-ins", sign_in), [("wait", "60")]), wait=60.0)
            if state["state"] not in ("waiting_for_browser", "waiting_for_code", "exchanging"):
                return state

    async def events(self, after: str | None = None) -> AsyncIterator[Event]:
        """Follow the events, beginning with a snapshot.

        :param after: id of the last event that was read before.
        """
        reader, writer = await self._connect()
        try:
            headers = [("Last-Event-ID", after)] if after else []
            writer.write(wire.request("GET", "/v1/events", headers=headers))
            head = await _head(reader)
            if head.status != 200:
                wire.answer(head, await _body(reader, head))
            events = wire.EventReader()
            async for piece in _pieces(reader, head):
                for event in events.feed(piece):
                    yield Event(*event)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise _lost() from error
        finally:
            writer.close()

    async def _object(
        self, method: str, where: str, body: Mapping[str, Any] | None = None, *, wait: float | None = None
    ) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask(method, where, body, wait=wait)
        return found

    async def ask(
        self, method: str, where: str, body: Mapping[str, Any] | None = None, *, wait: float | None = None
    ) -> Any:
        """Send one request and give the JSON value of its answer.

        :param wait: seconds the server was asked to wait.
        """
        reader, writer = await self._connect()
        try:
            async with asyncio.timeout((DEFAULT_WAIT if wait is None else wait) + GUARD):
                writer.write(wire.request(method, where, body))
                head = await _head(reader)
                content = await _body(reader, head)
        except TimeoutError:
            raise TokenKeepError("timed_out", "TokenKeep did not answer in time", hint="Ask again.") from None
        except (OSError, asyncio.IncompleteReadError):
            raise _lost() from None
        finally:
            writer.close()
        return wire.answer(head, content)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.open_unix_connection(self._path, limit=LINE_LIMIT)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise NotRunning from None
        except OSError:
            raise _lost() from None


async def _head(reader: asyncio.StreamReader) -> wire.Head:
    return wire.Head((await reader.readuntil(b"\r\n\r\n"))[:-4])


async def _body(reader: asyncio.StreamReader, head: wire.Head) -> bytes:
    if head.length is not None:
        return await reader.readexactly(head.length)
    return b"".join([piece async for piece in _pieces(reader, head)])


async def _pieces(reader: asyncio.StreamReader, head: wire.Head) -> AsyncIterator[bytes]:
    if not head.chunked:
        while piece := await reader.read(65536):
            yield piece
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield (await reader.readexactly(size + 2))[:-2]


def _lost() -> TokenKeepError:
    return TokenKeepError("failed", "TokenKeep closed the connection", hint="It may have just quit.")
