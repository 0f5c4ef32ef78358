"""HTTP/1.1 as the socket speaks it, without input or output: requests as bytes, answers from bytes (RFC 9112)."""

from __future__ import annotations

import json

from tokenkeep.client.errors import TokenKeepError, from_problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

CHECK_WAIT = 150.0  # seconds; a check is up to nine requests, each with a limit of its own
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def quote(text: str) -> str:
    """Percent-encode everything but unreserved characters (RFC 3986 §2.3); `urllib` is slow to import."""
    if UNRESERVED.issuperset(text):
        return text
    return "".join(
        char if char in UNRESERVED else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
        for char in text
    )


def target(path: Iterable[str], query: Iterable[tuple[str, str]] = ()) -> str:
    """A request target below `/v1` of path segments and query parameters."""
    pairs = "&".join(f"{quote(name)}={quote(value)}" for name, value in query)
    return "/v1/" + "/".join(quote(segment) for segment in path) + (f"?{pairs}" if pairs else "")


def request(
    method: str, where: str, body: Mapping[str, Any] | None = None, headers: Iterable[tuple[str, str]] = ()
) -> bytes:
    """The bytes of one request."""
    lines = [f"{method} {where} HTTP/1.1", "Host: tokenkeep", *(f"{name}: {value}" for name, value in headers)]
    content = b""
    if body is not None:
        content = json.dumps(body).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    elif method == "POST":
        lines.append("Content-Length: 0")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


class Head:
    """Status and headers of an answer.

    :ivar headers: names in lower case.
    """

    __slots__ = ("headers", "status")

    def __init__(self, raw: bytes) -> None:
        """Read everything before the empty line.

        :raises TokenKeepError: it is not HTTP.
        """
        lines = raw.decode("latin-1").split("\r\n")
        parts = lines[0].split(" ", 2)
        if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
            raise strange("What answers there is not TokenKeep.")
        self.status = int(parts[1])
        self.headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }

    @property
    def length(self) -> int | None:
        """Bytes of the body; None when it is chunked or ends with the connection."""
        if self.status == 204:
            return 0
        length = self.headers.get("content-length")
        return int(length) if length is not None and length.isdigit() else None

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return "chunked" in self.headers.get("transfer-encoding", "")

    @property
    def closes(self) -> bool:
        """Whether the connection ends after this answer."""
        return self.headers.get("connection", "").lower() == "close"


def answer(head: Head, body: bytes) -> Any:
    """The JSON value of a complete answer, None without a body.

    :raises TokenKeepError: it is a problem document, or cannot be read.
    """
    try:
        value = json.loads(body) if body else None
    except ValueError:
        raise strange("Its answer cannot be read.", head.status) from None
    if head.status >= 400:
        raise from_problem(head.status, value if isinstance(value, dict) else {})
    return value


class EventReader:
    """Puts server-sent events together from the pieces of a stream."""

    def __init__(self) -> None:
        self._rest = b""
        self.last_id = ""

    def feed(self, piece: bytes) -> list[tuple[str, str, Any]]:
        """The events that are complete with this piece: id, kind, value."""
        *blocks, self._rest = (self._rest + piece).split(b"\n\n")
        return [event for event in map(self._event, blocks) if event is not None]

    def _event(self, block: bytes) -> tuple[str, str, Any] | None:
        kind, data = "message", []
        for line in block.decode().split("\n"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "id":
                self.last_id = value
            elif name == "event":
                kind = value
            elif name == "data":
                data.append(value)
        return (self.last_id, kind, json.loads("\n".join(data))) if data else None


def strange(detail: str, status: int = 0) -> TokenKeepError:
    """The error for an answer that TokenKeep would not give."""
    return TokenKeepError("failed", "TokenKeep's answer makes no sense", detail, "", status)


def token_query(
    min_valid: float | None,
    scope: str | None,
    resource: Iterable[str],
    audience: str | None,
    wait: float | None,
    *,
    interactive: bool,
) -> list[tuple[str, str]]:
    """The query of the token route; what is None is left to the server's default."""
    pairs = [("min_valid", f"{min_valid:g}")] if min_valid is not None else []
    if scope is not None:
        pairs.append(("scope", scope))
    pairs += [("resource", each) for each in resource]
    if audience is not None:
        pairs.append(("audience", audience))
    if interactive:
        pairs.append(("interactive", "true"))
    if wait is not None:
        pairs.append(("wait", f"{wait:g}"))
    return pairs


def headers_target(provider: str | None, url: str, method: str, query: list[tuple[str, str]]) -> str:
    """Where headers for a request are asked for, with `token_query` behind.

    :param provider: None leaves it to the URL.
    """
    path = ("resources", "headers") if provider is None else ("providers", provider, "headers")
    return target(path, [*([("url", url)] if url else []), ("method", method), *query])


def rejected_body(digest: str, www_authenticate: str, url: str, dpop_nonce: str) -> dict[str, str]:
    """The body of the route for refused tokens: what is known of the refusal."""
    told = {"www_authenticate": www_authenticate, "url": url, "dpop_nonce": dpop_nonce}
    return {"sha256": digest} | {name: value for name, value in told.items() if value}


def worth_another_try(sent: Mapping[str, str], fresh: Mapping[str, str], www_authenticate: str) -> bool:
    """Whether new headers can do what those that were refused could not: another token or scheme, or a wanted nonce."""
    return fresh["Authorization"] != sent["Authorization"] or "use_dpop_nonce" in www_authenticate


def wait_query(wait: float | None) -> list[tuple[str, str]]:
    """How long the server is to wait for a person, as a query."""
    return [] if wait is None else [("wait", f"{wait:g}")]


def check_body(provider: str, issuer: str, url: str) -> dict[str, str]:
    """The body of the check route: what is given."""
    given = {"provider": provider, "issuer": issuer, "url": url}
    return {name: value for name, value in given.items() if value}
