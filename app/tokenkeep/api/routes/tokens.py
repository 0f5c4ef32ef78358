"""Tokens for programs: the token, ready headers, proofs, and the word that one was rejected."""

from __future__ import annotations

import re
from collections.abc import Awaitable

from tokenkeep.api import models
from tokenkeep.api.json_input import Query, read_body
from tokenkeep.api.route import (
    DEFAULT_QUERY,
    UNKNOWN,
    WAIT_MOST,
    Context,
    Parameter,
    Route,
    ok,
)
from tokenkeep.domain.errors import BadRequest
from tokenkeep.domain.resource import check_resource
from tokenkeep.domain.tokens import GrantedToken, TokenQuery
from tokenkeep.httpserver import Answer, Request, Response

MIN_VALID_MOST = 31_536_000.0  # a year
SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+( +[\x21\x23-\x5B\x5D-\x7E]+)*")  # RFC 6749 §3.3


def token(context: Context, request: Request, id_: str) -> Answer | Awaitable[Answer]:
    query = token_query(request.query) if request.query else DEFAULT_QUERY
    application = request.peer.application
    granted = context.engine.token_now(id_, query, application)
    if granted is not None:
        return _token_answer(granted)
    return _later(context.engine.token(id_, query, application))


async def rejected(context: Context, request: Request, id_: str) -> Answer:
    body = read_body(models.Rejected, request.body, request.get(b"content-type"))
    granted = await context.engine.token_rejected(
        id_,
        body.sha256,
        request.peer.application,
        www_authenticate=body.www_authenticate,
        url=body.url,
        dpop_nonce=body.dpop_nonce,
    )
    return _token_answer(granted)


async def headers(context: Context, request: Request, id_: str) -> Answer:
    query = Query(request.query)
    method = query.text("method", "GET")
    if not re.fullmatch(models.METHOD, method):
        raise BadRequest("method is the method of the request, as GET.")
    nonce = query.text("nonce")
    if nonce and not re.fullmatch(models.NONCE, nonce):
        raise BadRequest("nonce is the value of a header DPoP-Nonce.")
    granted = await context.engine.headers(
        id_ or None, method, query.text("url"), token_query(request.query), request.peer.application, nonce=nonce
    )
    return ok(granted.as_answer())


async def dpop_proof(context: Context, request: Request, id_: str) -> Answer:
    body = read_body(models.AskProof, request.body, request.get(b"content-type"))
    proof = await context.engine.proof(
        id_, body.htm, body.htu, request.peer.application, nonce=body.nonce or "", ath=body.ath
    )
    return ok({"proof": proof.reveal()})


def token_query(text: str) -> TokenQuery:
    """The query of the token route.

    :raises BadRequest: naming the parameter that is wrong.
    """
    query = Query(text)
    scope, resource = query.text("scope"), query.all("resource")
    if scope and not SCOPE.fullmatch(scope):
        raise BadRequest("scope is words separated by spaces.")
    for each in resource:
        try:
            check_resource(each)
        except ValueError as reason:
            raise BadRequest(f"A resource cannot be used: {reason}.") from None
    return TokenQuery(
        min_valid=query.number("min_valid", DEFAULT_QUERY.min_valid, MIN_VALID_MOST),
        scope=tuple(scope.split()),
        resource=resource,
        audience=query.text("audience"),
        interactive=query.flag("interactive"),
        wait=query.number("wait", DEFAULT_QUERY.wait, WAIT_MOST),
    )


def _token_answer(granted: GrantedToken) -> Response:
    return ok(granted.as_answer())


async def _later(granted: Awaitable[GrantedToken]) -> Answer:
    return _token_answer(await granted)


TOKEN_PARAMETERS = (
    Parameter("min_valid", {"type": "number", "minimum": 0, "default": 60}, "Seconds it should still be valid."),
    Parameter("scope", {"type": "string"}, "Space-separated; the sign-in's own when left out."),
    Parameter("resource", {"type": "array", "items": {"type": "string"}}, "Resource of RFC 8707; repeatable."),
    Parameter("audience", {"type": "string"}, "Audience, for servers that know no resources."),
    Parameter("interactive", {"type": "boolean", "default": False}, "Start a sign-in when one is needed."),
    Parameter(
        "wait",
        {"type": "number", "minimum": 0, "maximum": WAIT_MOST, "default": 30},
        "Seconds to wait for a refresh, a person's consent or an interactive sign-in.",
    ),
)
REQUEST_PARAMETERS = (
    Parameter("url", {"type": "string"}, "Address of the request; needed where the token is bound to a key."),
    Parameter("method", {"type": "string", "default": "GET"}, "Method of the request."),
    Parameter("nonce", {"type": "string"}, "The last DPoP-Nonce of the resource; it is remembered for its server."),
    *TOKEN_PARAMETERS,
)
TOKEN_ERRORS = (
    *UNKNOWN,
    "sign_in_required",
    "access_denied",
    "timed_out",
    "too_many_requests",
    "dpop_required",
    "insufficient_scope",
    "resource_not_allowed",
    "locked",
    "provider_unreachable",
    "provider_error",
)

ROUTES = (
    Route(
        "GET",
        "/v1/providers/{id}/token",
        token,
        "A valid access token.",
        models.Token,
        query=TOKEN_PARAMETERS,
        errors=TOKEN_ERRORS,
    ),
    Route(
        "POST",
        "/v1/providers/{id}/token/rejected",
        rejected,
        "The resource said 401: one refresh if that is still our token, then the token that holds now.",
        models.Token,
        body=models.Rejected,
        errors=TOKEN_ERRORS,
    ),
    Route(
        "GET",
        "/v1/providers/{id}/headers",
        headers,
        "Headers for one request: the token, and a proof where it is bound to a key.",
        models.Headers,
        query=REQUEST_PARAMETERS,
        errors=TOKEN_ERRORS,
    ),
    Route(
        "GET",
        "/v1/resources/headers",
        headers,
        "The same, the provider found by the URL.",
        models.Headers,
        query=REQUEST_PARAMETERS,
        errors=TOKEN_ERRORS,
    ),
    Route(
        "POST",
        "/v1/providers/{id}/dpop-proof",
        dpop_proof,
        "A proof for one request with the token that is bound to a key.",
        models.Proof,
        body=models.AskProof,
        errors=TOKEN_ERRORS,
    ),
)
