"""The application itself: its state, its window, its end, its events, its contract."""

from __future__ import annotations

import json

from tokenkeep.api import models, views
from tokenkeep.api.events_stream import stream
from tokenkeep.api.json_input import read_body
from tokenkeep.api.route import JSON_HEADERS, MANAGE_ERRORS, Context, Route, ok
from tokenkeep.domain.tokens import Secret
from tokenkeep.httpserver import Answer, Request, Response, StreamResponse

STREAM_HEADERS = ((b"Content-Type", b"text/event-stream"), (b"Cache-Control", b"no-store"))


def get_status(context: Context, _request: Request, _id: str) -> Answer:
    return ok(views.status(context.engine.snapshot()))


def show(context: Context, _request: Request, _id: str) -> Answer:
    context.engine.show()
    return Response(204)


async def leave(context: Context, request: Request, _id: str) -> Answer:
    await context.engine.require_manage(request.peer.application)
    return Response(204, close=True, on_sent=context.engine.quit)


async def unlock(context: Context, request: Request, _id: str) -> Answer:
    body = read_body(models.Unlock, request.body, request.get(b"content-type"))
    await context.engine.require_manage(request.peer.application)
    await context.finish(context.engine.unlock(Secret(body.passphrase)))
    return Response(204)


def events(context: Context, request: Request, _id: str) -> Answer:
    after = (request.get(b"last-event-id") or b"").decode("latin-1") or None
    subscription = context.engine.subscribe(after)
    chunks = stream(subscription, context.engine.snapshot().boot_id, context.clock)
    return StreamResponse(200, chunks, STREAM_HEADERS)


def openapi(context: Context, _request: Request, _id: str) -> Answer:
    if not context.contract:
        from tokenkeep.api.openapi import document  # most starts end without anybody asking for it

        context.contract = json.dumps(document()).encode()
    return Response(200, context.contract, JSON_HEADERS)


ROUTES = (
    Route("GET", "/v1/status", get_status, "Health, version and overall state.", models.Status),
    Route("POST", "/v1/show", show, "Raise the window.", status=204),
    Route("POST", "/v1/quit", leave, "Stop.", status=204, manage=True, errors=MANAGE_ERRORS),
    Route(
        "POST",
        "/v1/unlock",
        unlock,
        "Open the sign-ins that are sealed with a passphrase.",
        status=204,
        body=models.Unlock,
        manage=True,
        errors=("locked", "storage_failed", *MANAGE_ERRORS),
    ),
    Route(
        "GET",
        "/v1/events",
        events,
        "Follow the events, beginning with a full snapshot; Last-Event-ID resumes.",
        media_type="text/event-stream",
    ),
    Route("GET", "/v1/openapi.json", openapi, "This contract."),
)
