"""The `resource` fault switch: what the protected resources answer whatever the token is."""

from flask import Response, request

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.store import Token
from tokenkeep.demo.resources.challenge import refuse
from tokenkeep.demo.resources.protection import Protection
from tokenkeep.demo.web.log import note


def guarded(demo: Demo, protection: Protection, scope: str | None = None) -> Token | Response:
    """The token of the request being answered when it opens this URL; else, or by the switch, the refusal."""
    token = protection.token(request, scope=scope)
    fault = demo.faults.take("resource")
    if fault is None:
        return token
    note(fault=f"resource={fault}")
    if fault in ("500", "503"):
        note(outcome=fault)
        return Response("The demo resource was told to fail.\n", int(fault), mimetype="text/plain")
    status, _, rest = fault.partition("_")
    errors = {"400": "invalid_request", "401": "invalid_token", "403": "insufficient_scope"}
    return refuse(demo, request, error=None if rest else errors[status], scope=scope, status=int(status))
