"""Signing in, and looking at a server before."""

from __future__ import annotations

from tokenkeep.api import models, views
from tokenkeep.api.json_input import Query, read_body
from tokenkeep.api.route import UNKNOWN, Context, Parameter, Route, ok
from tokenkeep.httpserver import Answer, Request, Response

SIGN_IN_WAIT_MOST = 60.0


async def start_sign_in(context: Context, request: Request, _id: str) -> Answer:
    body = read_body(models.StartSignIn, request.body, request.get(b"content-type"))
    change = context.engine.sign_in(
        body.provider, method=body.method, open_browser=body.open_browser, application=request.peer.application
    )
    return ok(views.sign_in(await context.finish(change)), 201)


async def get_sign_in(context: Context, request: Request, id_: str) -> Answer:
    wait = Query(request.query).number("wait", 0.0, SIGN_IN_WAIT_MOST)
    if not wait:
        return ok(views.sign_in(context.engine.sign_in_snapshot(id_)))
    return ok(views.sign_in(await context.engine.wait_sign_in(id_, wait)))


async def sign_in_callback(context: Context, request: Request, id_: str) -> Answer:
    body = read_body(models.Callback, request.body, request.get(b"content-type"))
    return ok(views.sign_in(await context.finish(context.engine.sign_in_callback(body.url, id_ or None))))


async def cancel_sign_in(context: Context, request: Request, id_: str) -> Answer:
    await context.finish(context.engine.cancel_sign_in(id_, request.peer.application))
    return Response(204)


async def check(context: Context, request: Request, _id: str) -> Answer:
    body = read_body(models.CheckServer, request.body, request.get(b"content-type"))
    report = await context.engine.check(provider=body.provider, issuer=body.issuer, url=body.url)
    return ok(report.as_answer())


SIGN_IN_WAIT = (
    Parameter(
        "wait",
        {"type": "number", "minimum": 0, "maximum": SIGN_IN_WAIT_MOST, "default": 0},
        "Seconds to wait for a change of state.",
    ),
)
SIGN_IN_ERRORS = (*UNKNOWN, "too_many_requests", "locked", "provider_unreachable", "provider_error")

ROUTES = (
    Route(
        "POST",
        "/v1/sign-ins",
        start_sign_in,
        "Start a sign-in; a pending one for that provider is joined.",
        models.SignIn,
        status=201,
        body=models.StartSignIn,
        errors=SIGN_IN_ERRORS,
    ),
    Route(
        "POST",
        "/v1/sign-ins/callback",
        sign_in_callback,
        "Hand in a redirect; its sign-in is found by its state.",
        models.SignIn,
        body=models.Callback,
    ),
    Route("GET", "/v1/sign-ins/{id}", get_sign_in, "State of a sign-in.", models.SignIn, query=SIGN_IN_WAIT),
    Route(
        "DELETE",
        "/v1/sign-ins/{id}",
        cancel_sign_in,
        "Cancel a sign-in.",
        status=204,
        errors=("too_many_requests",),
    ),
    Route(
        "POST",
        "/v1/sign-ins/{id}/callback",
        sign_in_callback,
        "Hand in the redirect of this sign-in.",
        models.SignIn,
        body=models.Callback,
    ),
    Route(
        "POST",
        "/v1/check",
        check,
        "Look at a server rule by rule; only unauthenticated GET requests are sent.",
        models.Checked,
        body=models.CheckServer,
        errors=(*UNKNOWN, "too_many_requests"),
    ),
)
