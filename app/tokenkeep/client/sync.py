"""The synchronous client: one small HTTP/1.1 conversation over a unix socket or a named pipe."""

from __future__ import annotations

import os
import sys

from tokenkeep.client import wire
from tokenkeep.client.errors import NotRunning, TokenKeepError
from tokenkeep.client.paths import socket_path
from tokenkeep.client.values import Event, Token, token_sha256

try:
    import _socket as socket  # the half of `socket` that is needed: the whole costs more to import than a token query
except ImportError:
    import socket  # type: ignore[no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from tokenkeep.client.windows import Pipe

DEFAULT_WAIT = 30.0  # seconds; the server's own default for `wait`
GUARD = 15.0  # seconds the answer may take beyond what was asked to wait


class TokenKeep:
    """Asks the running TokenKeep. Safe to use from several threads; connections are kept and used again.

    Every method raises `TokenKeepError` with the socket's code, `NotRunning` when nobody listens.

    :param socket_file: path of the socket; found by the usual rule when left out.
    """

    def __init__(self, socket_file: str | os.PathLike[str] | None = None) -> None:
        self._idle: list[socket.socket | Pipe] = []  # list operations are atomic, so this needs no lock
        self._path = os.fspath(socket_file) if socket_file is not None else socket_path()
        self._pid = os.getpid()

    def __enter__(self) -> TokenKeep:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connections; the client stays usable."""
        while self._idle:
            self._idle.pop().close()

    # -- tokens

    def token(
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
        """A valid access token.

        :param min_valid: seconds it should still be valid; 60 when left out.
        :param scope: space-separated; the sign-in's own when left out.
        :param interactive: start a sign-in when one is needed.
        :param wait: seconds to wait for a refresh, a person's consent or the sign-in; at most 300.
        """
        query = wire.token_query(min_valid, scope, resource, audience, wait, interactive=interactive)
        where = wire.target(("providers", provider, "token"), query)
        return Token(self.ask("GET", where, wait=wait))

    def headers(
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
        """Headers for one request: `Authorization`, and a `DPoP` proof where the token is bound to a key (RFC 9449).

        :param url: of the request. It finds the provider where none is named; for a bearer token of a named one it may
            be left out.
        :param provider: its id.

        The other parameters as of `token`. A proof is good for one request with that method and address.
        """
        query = wire.token_query(min_valid, scope, resource, audience, wait, interactive=interactive)
        where = wire.headers_target(provider, url, method, query)
        found: dict[str, str] = self.ask("GET", where, wait=wait)["headers"]
        return found

    def headers_after_refusal(
        self,
        sent: Mapping[str, str],
        url: str,
        provider: str,
        *,
        method: str,
        answer: Mapping[str, str],
        **options: Any,
    ) -> dict[str, str] | None:
        """Tell that a request was answered with 401, and get the headers for one more try.

        :param sent: the headers that were refused.
        :param answer: the headers of the answer, looked up without case.
        :param options: as `headers` takes them.
        :returns: None when another try would end the same way.
        """
        refusal = answer.get("WWW-Authenticate", "")
        token = sent["Authorization"].partition(" ")[2]
        try:
            self.rejected(token, provider, www_authenticate=refusal, url=url, dpop_nonce=answer.get("DPoP-Nonce", ""))
        except TokenKeepError as error:
            if error.code != "dpop_required":  # that a bound token is not given without a proof is no failure here
                raise
        fresh = self.headers(url, provider=provider, method=method, **options)
        return fresh if wire.worth_another_try(sent, fresh, refusal) else None

    def rejected(
        self,
        token: Token | str,
        provider: str | None = None,
        *,
        www_authenticate: str = "",
        url: str = "",
        dpop_nonce: str = "",
    ) -> Token:
        """Tell that a resource answered 401 to a token, and get the one that holds now.

        :param provider: its id; needed when `token` is a string.
        :param www_authenticate: the header of the answer.
        :param url: of the request.
        :param dpop_nonce: the answer's header `DPoP-Nonce`.
        :raises TokenKeepError: `dpop_required`: it was heeded, but the token is given as `headers` only.
        """
        if isinstance(token, Token):
            provider, digest = provider or token.provider, token.sha256
        else:
            digest = token_sha256(token)
        if not provider:
            raise ValueError("name the provider of the token")
        body = wire.rejected_body(digest, www_authenticate, url, dpop_nonce)
        return Token(self.ask("POST", wire.target(("providers", provider, "token", "rejected")), body))

    # -- providers

    def providers(self) -> list[dict[str, Any]]:
        """All providers, each with the members of `Provider`."""
        found: list[dict[str, Any]] = self.ask("GET", "/v1/providers")["providers"]
        return found

    def provider(self, provider: str) -> dict[str, Any]:
        """One provider."""
        return self._object("GET", wire.target(("providers", provider)))

    def set_client_secret(self, provider: str, secret: str) -> dict[str, Any]:
        """Give the client secret that TokenKeep keeps sealed; needs the right `manage`. The provider afterwards."""
        return self._object("PATCH", wire.target(("providers", provider)), {"client_secret": secret}, wait=90.0)

    def paste_token(self, provider: str, token: str, *, expires_at: float | None = None) -> dict[str, Any]:
        """Give the token of a `static` provider; needs the right `manage`. The provider afterwards.

        :param expires_at: seconds since the epoch; left out when it is not known.
        """
        body = {"token": token} | ({} if expires_at is None else {"expires_at": expires_at})
        return self._object("PATCH", wire.target(("providers", provider)), body, wait=90.0)

    def id_token(self, provider: str, *, wait: float | None = None) -> dict[str, Any]:
        """The verified id_token: `{id_token, claims, expires_at}`; a permission of its own.

        :param wait: seconds to wait for that; 30 when left out.
        """
        return self._object("GET", wire.target(("providers", provider, "id-token"), wire.wait_query(wait)), wait=wait)

    def claims(self, provider: str, *, introspect: bool = False, wait: float | None = None) -> dict[str, Any]:
        """What the tokens of a sign-in say, without the tokens; needs the permission of `id_token`.

        :param introspect: also ask the provider what it knows of the access token.
        """
        query = [*wire.wait_query(wait), *([("introspect", "true")] if introspect else [])]
        return self._object("GET", wire.target(("providers", provider, "claims"), query), wait=wait)

    def set_initial_access_token(self, provider: str, token: str) -> dict[str, Any]:
        """Give what the server wants to see before it registers a client; needs the right `manage`."""
        body = {"initial_access_token": token}
        return self._object("PATCH", wire.target(("providers", provider)), body, wait=90.0)

    def remove(self, provider: str) -> None:
        """Sign out, delete the registration where the server lets TokenKeep, take the entry out of `config.toml`.

        Needs the right `manage`. The newest `remove` of `activity` says what came of it.
        """
        self.ask("DELETE", wire.target(("providers", provider)), wait=90.0)

    def refresh(self, provider: str) -> dict[str, Any]:
        """Refresh now; the provider afterwards."""
        return self._object("POST", wire.target(("providers", provider, "refresh")))

    def sign_out(self, provider: str, *, revoke: bool = True, end_session: bool = False) -> dict[str, Any]:
        """Sign out: `{revoked, detail, end_session}`; needs the right `manage`, which a person may be asked for.

        :param end_session: also ask the browser to log out at the provider.
        """
        body = {"revoke": revoke, "end_session": end_session}
        return self._object("POST", wire.target(("providers", provider, "sign-out")), body, wait=90.0)

    def unlock(self, passphrase: str) -> None:
        """Open the sign-ins that are sealed with a passphrase; needs the right `manage`."""
        self.ask("POST", "/v1/unlock", {"passphrase": passphrase}, wait=90.0)

    def check(self, *, provider: str = "", issuer: str = "", url: str = "") -> dict[str, Any]:
        """The report on a server, rule by rule; give exactly one of the three."""
        body = wire.check_body(provider, issuer, url)
        return self._object("POST", "/v1/check", body, wait=wire.CHECK_WAIT)

    # -- sign-ins

    def sign_in(self, provider: str, *, method: str = "auto", open_browser: bool = True) -> dict[str, Any]:
        """Start a sign-in, or join the pending one: the members of `SignIn`.

        :param method: `auto`, `browser` or `device`.
        """
        body = {"provider": provider, "method": method, "open_browser": open_browser}
        return self._object("POST", "/v1/sign-ins", body)

    def sign_in_state(self, sign_in: str, *, wait: float = 0.0) -> dict[str, Any]:
        """One sign-in, after its next change or after `wait` seconds (at most 60)."""
        return self._object("GET", wire.target(("sign-ins", sign_in), [("wait", f"{wait:g}")]), wait=wait)

    def wait_sign_in(self, sign_in: str) -> dict[str, Any]:
        """Wait until a sign-in has ended, whatever comes of it."""
        while True:
            state = self.sign_in_state(sign_in, wait=60.0)
            if state["state"] not in ("waiting_for_browser", "waiting_for_code", "exchanging"):
                return state

    def cancel_sign_in(self, sign_in: str) -> None:
        """Cancel a sign-in."""
        self.ask("DELETE", wire.target(("sign-ins", sign_in)))

    def sign_in_callback(self, url: str, sign_in: str | None = None) -> dict[str, Any]:
        """Hand in the address that a browser ended on."""
        path = ("sign-ins", "callback") if sign_in is None else ("sign-ins", sign_in, "callback")
        return self._object("POST", wire.target(path), {"url": url})

    # -- the application

    def status(self) -> dict[str, Any]:
        """Version, overall state, counts."""
        return self._object("GET", "/v1/status")

    def show(self) -> None:
        """Raise the window."""
        self.ask("POST", "/v1/show")

    def quit(self) -> None:
        """Stop the application; needs the right `manage`."""
        self.ask("POST", "/v1/quit", wait=90.0)

    def grants(self) -> list[dict[str, Any]]:
        """Who may get what."""
        found: list[dict[str, Any]] = self.ask("GET", "/v1/grants")["grants"]
        return found

    def activity(self, limit: int = 100) -> list[dict[str, Any]]:
        """Who got what, newest first."""
        found: list[dict[str, Any]] = self.ask("GET", f"/v1/activity?limit={limit}")["entries"]
        return found

    def events(self, after: str | None = None) -> Iterator[Event]:
        """Follow the events, beginning with a snapshot; ends when TokenKeep ends.

        :param after: id of the last event that was read before.
        """
        headers = [("Last-Event-ID", after)] if after else []
        connection = self._connect()
        try:
            connection.settimeout(None)
            connection.sendall(wire.request("GET", "/v1/events", headers=headers))
            buffer = _Reader(connection)
            head = buffer.head()
            if head.status != 200:
                wire.answer(head, buffer.body(head))
            reader = wire.EventReader()
            for piece in buffer.pieces(head):
                for event in reader.feed(piece):
                    yield Event(*event)
        except OSError as error:
            raise _lost(error) from None
        finally:
            connection.close()

    # -- the conversation

    def _object(
        self, method: str, where: str, body: Mapping[str, Any] | None = None, *, wait: float | None = None
    ) -> dict[str, Any]:
        found: dict[str, Any] = self.ask(method, where, body, wait=wait)
        return found

    def ask(self, method: str, where: str, body: Mapping[str, Any] | None = None, *, wait: float | None = None) -> Any:
        """Send one request and give the JSON value of its answer.

        :param where: the target, such as `/v1/status`.
        :param wait: seconds the server was asked to wait.
        """
        message = wire.request(method, where, body)
        limit = (DEFAULT_WAIT if wait is None else wait) + GUARD
        if self._pid != os.getpid():
            self._idle, self._pid = [], os.getpid()  # a forked child must not talk on its parent's connections
        while True:
            try:
                connection, kept = self._idle.pop(), True
            except IndexError:
                connection, kept = self._connect(), False
            reader = _Reader(connection)
            try:
                connection.settimeout(limit)
                connection.sendall(message)
                head = reader.head()
                content = reader.body(head)
            except BaseException as error:
                connection.close()
                if isinstance(error, TimeoutError):
                    title = "TokenKeep did not answer in time"
                    raise TokenKeepError("timed_out", title, hint="Ask again.") from None
                if isinstance(error, OSError):
                    if kept and not reader.heard:
                        continue  # the server ended a kept connection just now; it has not read the request
                    raise _lost(error) from None
                raise
            if head.closes:
                connection.close()
            else:
                self._idle.append(connection)
            return wire.answer(head, content)

    def _connect(self) -> socket.socket | Pipe:
        if sys.platform == "win32":
            from tokenkeep.client.windows import Pipe

            try:
                return Pipe(self._path)
            except FileNotFoundError:
                raise NotRunning from None
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(self._path)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            connection.close()
            raise NotRunning from None
        except OSError as error:
            connection.close()
            raise _lost(error) from None
        return connection


class _Reader:
    """Reads one answer from a connection."""

    def __init__(self, connection: socket.socket | Pipe) -> None:
        self._connection = connection
        self._buffer = b""
        self.heard = False

    def _more(self) -> bool:
        piece = self._connection.recv(65536)
        self.heard = self.heard or bool(piece)
        self._buffer += piece
        return bool(piece)

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            if not self._more():
                raise ConnectionResetError("the connection ended")
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def head(self) -> wire.Head:
        while True:
            head = wire.Head(self._until(b"\r\n\r\n"))
            if head.status >= 200:
                return head

    def body(self, head: wire.Head) -> bytes:
        length = head.length
        if length is None:
            return b"".join(self.pieces(head))
        while len(self._buffer) < length:
            if not self._more():
                raise ConnectionResetError("the connection ended")
        return self._buffer[:length]

    def pieces(self, head: wire.Head) -> Iterator[bytes]:
        """The body as it comes, without the chunks' framing."""
        if not head.chunked:
            while self._buffer or self._more():
                piece, self._buffer = self._buffer, b""
                yield piece
            return
        while size := int(self._until(b"\r\n"), 16):
            while len(self._buffer) < size + 2:
                if not self._more():
                    raise ConnectionResetError("the connection ended")
            piece, self._buffer = self._buffer[:size], self._buffer[size + 2 :]
            yield piece


def _lost(error: OSError) -> TokenKeepError:
    if isinstance(error, PermissionError):
        return TokenKeepError("access_denied", "The socket belongs to somebody else", hint="Ask as its own user.")
    if isinstance(error, ConnectionError):
        hint = "It may have just quit; it also does so to other users."
        return TokenKeepError("failed", "TokenKeep closed the connection", hint=hint)
    return TokenKeepError("failed", "TokenKeep's socket cannot be used", error.strerror or "")
