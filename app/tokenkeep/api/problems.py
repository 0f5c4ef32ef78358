"""Errors as answers: problem documents (RFC 9457) that say what happened and what to do, and nothing of the inside."""

from __future__ import annotations

import json
import math

from tokenkeep.domain.errors import BadRequest, MethodNotAllowed, PayloadTooLarge, StorageFailed, TokenKeepError
from tokenkeep.httpserver import Headers, Response

PROBLEM_HEADERS: Headers = ((b"Content-Type", b"application/problem+json"), (b"Cache-Control", b"no-store"))


class Unexpected(TokenKeepError):
    """A fault of ours; the log has the rest."""

    title = "Something in TokenKeep went wrong"
    default_hint = "The log says more: it is a page of the window, and a file."


class SocketUnusable(StorageFailed):
    """The socket cannot be where it should be. Said at the start, in the terminal; paths are named."""

    title = "The socket cannot be made"


def problem(error: TokenKeepError, headers: Headers = ()) -> Response:
    """The answer for an error. What could not be read ends the connection too: nobody knows what follows it."""
    body = json.dumps(error.as_problem()).encode()
    if error.retry_after is not None:
        headers = (*headers, (b"Retry-After", b"%d" % max(1, math.ceil(error.retry_after))))
    close = isinstance(error, BadRequest | PayloadTooLarge)
    return Response(error.status, body, (*PROBLEM_HEADERS, *headers), close=close)


def method_not_allowed(allowed: list[str]) -> Response:
    """405 with the methods that there are (RFC 9110 §15.5.6)."""
    methods = ", ".join(sorted(allowed))
    return problem(MethodNotAllowed(hint=f"It takes {methods}."), ((b"Allow", methods.encode()),))


def for_status(status: int) -> Response:
    """The answer to what the HTTP front refuses by itself, or to a fault of ours."""
    if status in (413, 414, 431):
        return problem(PayloadTooLarge("A request head has at most 16 KiB, a body at most 64 KiB."))
    if status == 400:
        return problem(BadRequest("It is no valid HTTP/1.1 request.", hint="Is the client speaking plain HTTP/1.1?"))
    return problem(Unexpected())
