"""The one HTTP/1.1 front: a small asyncio protocol on httptools for the socket API, the loopback listener, the gateway.

Strict about what it reads, bounded in size and time, and one connection never waits for another. It knows no route.
"""

from tokenkeep.httpserver.connection import Connection
from tokenkeep.httpserver.messages import Access, Answer, Handler, Headers, Limits, Request, Response, StreamResponse
from tokenkeep.httpserver.server import HttpServer

__all__ = [
    "Access",
    "Answer",
    "Connection",
    "Handler",
    "Headers",
    "HttpServer",
    "Limits",
    "Request",
    "Response",
    "StreamResponse",
]
