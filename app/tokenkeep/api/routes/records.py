"""Who may get what, and who did."""

from __future__ import annotations

from tokenkeep.api import models, views
from tokenkeep.api.json_input import Query
from tokenkeep.api.route import Context, Parameter, Route, ok
from tokenkeep.httpserver import Answer, Request

ACTIVITY_MOST = 1000


def grants(context: Context, _request: Request, _id: str) -> Answer:
    return ok({"grants": [views.grant(grant) for grant in context.engine.grants()]})


async def activity(context: Context, request: Request, _id: str) -> Answer:
    limit = int(Query(request.query).number("limit", 100, ACTIVITY_MOST))
    return ok({"entries": await context.engine.activity(limit)})


LIMIT = (Parameter("limit", {"type": "integer", "maximum": ACTIVITY_MOST, "default": 100}, "How many, at most."),)

ROUTES = (
    Route("GET", "/v1/grants", grants, "Who may get what.", models.Grants),
    Route("GET", "/v1/activity", activity, "Who asked for what.", models.Activity, query=LIMIT),
)
