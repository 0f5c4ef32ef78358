"""Who somebody is: the id_token, and what tokens say, for people."""

from __future__ import annotations

from dataclasses import asdict

from tokenkeep.api import models
from tokenkeep.api.json_input import Query
from tokenkeep.api.route import (
    DEFAULT_QUERY,
    UNKNOWN,
    WAIT_MOST,
    Context,
    Parameter,
    Route,
    ok,
)
from tokenkeep.httpserver import Answer, Request


async def id_token(context: Context, request: Request, id_: str) -> Answer:
    wait = Query(request.query).number("wait", DEFAULT_QUERY.wait, WAIT_MOST)
    granted = await context.engine.id_token(id_, request.peer.application, wait=wait)
    return ok(granted.as_answer())


async def claims(context: Context, request: Request, id_: str) -> Answer:
    query = Query(request.query)
    found = await context.engine.seen_tokens(
        id_,
        request.peer.application,
        introspect=query.flag("introspect"),
        wait=query.number("wait", DEFAULT_QUERY.wait, WAIT_MOST),
    )
    return ok(asdict(found))


CONSENT_WAIT = (
    Parameter(
        "wait",
        {"type": "number", "minimum": 0, "maximum": WAIT_MOST, "default": 30},
        "Seconds to wait for a person's consent.",
    ),
)
CLAIMS_PARAMETERS = (
    Parameter("introspect", {"type": "boolean", "default": False}, "Also ask the provider about the access token."),
    *CONSENT_WAIT,
)
IDENTITY_ERRORS = (
    *UNKNOWN,
    "sign_in_required",
    "access_denied",
    "timed_out",
    "too_many_requests",
    "insufficient_scope",
    "locked",
    "provider_unreachable",
    "provider_error",
)

ROUTES = (
    Route(
        "GET",
        "/v1/providers/{id}/id-token",
        id_token,
        "The verified id_token; a permission of its own.",
        models.IdToken,
        query=CONSENT_WAIT,
        errors=IDENTITY_ERRORS,
    ),
    Route(
        "GET",
        "/v1/providers/{id}/claims",
        claims,
        "The tokens of a sign-in, taken apart for people; needs the permission for the id_token.",
        models.Claims,
        query=CLAIMS_PARAMETERS,
        errors=IDENTITY_ERRORS,
    ),
)
