"""The switches of the connection and of HTTP, applied to whatever address is asked for."""

import gzip
from functools import cache

from flask import Flask, Response, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.web.log import note
from tokenkeep.demo.web.wire import WIRE, Wire, WireFault

# The addresses that switch faults off again.
SPARED = ("/faults", "/log", "/static/")
# What the gzip bomb unpacks to: more than any client should.
BOMB = 64 * 1024 * 1024
COOKIE = "demo_trap"


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * BOMB)


def _packed(how: str, body: bytes) -> bytes:
    match how:
        case "good":
            return gzip.compress(body)
        case "bomb":
            return _bomb()
    return b"\x1f\x8b\x08 this is not gzip"


def _is_spared() -> bool:
    return request.path.startswith(SPARED)


def install_answers(app: Flask, demo: Demo) -> None:
    """Add what changes finished answers. Called before all other hooks are added, so that it comes after them."""

    @app.after_request
    def change(response: Response) -> Response:
        if _is_spared():
            return response
        faults, path = demo.faults, request.path
        if (ahead := faults.take("date", path) or faults.value("clock")) is not None:
            wire: Wire = request.environ[WIRE]
            wire.ahead = float(ahead)
        if faults.take("set_cookie", path):
            response.set_cookie(COOKIE, "on", httponly=True, samesite="Lax")
        if response.status_code == 200 and (raw := faults.take("cache_control", path)) is not None:
            response.headers["Cache-Control"] = raw
            response.add_etag()
            response.make_conditional(request)
        if (how := faults.take("gzip", path)) is not None:
            response.set_data(_packed(how, response.get_data()))
            response.headers["Content-Encoding"] = "gzip"
        return response


def install_requests(app: Flask, demo: Demo) -> None:
    """Add what happens to requests before they are looked at. Called after the log's hooks were added."""

    @app.before_request
    def disturb() -> Response | None:
        if _is_spared():
            return None
        if COOKIE in request.cookies:
            demo.log.progress(request.path, "cookie_replayed")
        if (drawn := demo.faults.draw("network", request.path)) is not None and drawn[0] != "refuse":
            value, changes = drawn
            wire: Wire = request.environ[WIRE]
            wire.fault = WireFault.read(value, changes)
            note(fault=f"network={value}")
            if WireFault.spares_processing(value):
                request.get_data()
                note(outcome=wire.fault.kind)
                return Response()
        if (where := demo.faults.take("redirect", request.path)) is not None:
            note(fault=f"redirect={where}", outcome="redirect")
            status, _, same = where.partition(":")
            return Response("", int(status), {"Location": (demo.origin if same else demo.trap) + "/moved"})
        return None
