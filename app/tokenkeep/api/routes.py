"""The routes of the socket: what each takes, does and answers, in one table that the contract is generated from."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from tokenkeep.api import models, views
from tokenkeep.api.events_stream import stream
from tokenkeep.api.json_input import Query, read_body
from tokenkeep.domain.errors import BadRequest, TokenKeepError
from tokenkeep.domain.ports import Clock
from tokenkeep.domain.resource import check_resource
from tokenkeep.domain.tokens import GrantedToken, Secret, TokenQuery
from tokenkeep.httpserver import Answer, Request, Response, StreamResponse

if TYPE_CHECKING:
    from tokenkeep.engine.engine import Engine

WAIT_MOST = 300.0  # seconds a token query may wait
SIGN_IN_WAIT_MOST = 60.0
MIN_VALID_MOST = 31_536_000.0  # a year
ACTIVITY_MOST = 1000
SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+( +[\x21\x23-\x5B\x5D-\x7E]+)*")  # RFC 6749 §3.3
JSON_HEADERS = ((b"Content-Type", b"application/json"), (b"Cache-Control", b"no-store"))
STREAM_HEADERS = ((b"Content-Type", b"text/event-stream"), (b"Cache-Control", b"no-store"))
DEFAULT_QUERY = TokenQuery()

Run = Callable[["Context", Request, str], Answer | Awaitable[Answer]]
Result = TypeVar("Result")


class Context:
    """What the routes work with.

    :ivar finishing: changes that are under way; they go on when their caller goes away.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.contract: bytes = b""
        self.finishing: set[asyncio.Task[Any]] = set()

    async def finish(self, change: Coroutine[Any, Any, Result]) -> Result:
        """Wait for a change that must not stop halfway because its caller hung up."""
        task = asyncio.create_task(change)
        self.finishing.add(task)
        task.add_done_callback(self.finishing.discard)
        return await asyncio.shield(task)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter."""

    name: str
    schema: dict[str, Any]
    description: str


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    :param path: `{id}` stands for one segment, always the third.
    :param errors: codes besides those that any request can meet.
    :param manage: needs the right to change things.
    """

    method: str
    path: str
    run: Run
    summary: str
    answer: type[BaseModel] | None = None
    status: int = 200
    body: type[BaseModel] | None = None
    query: tuple[Parameter, ...] = ()
    errors: tuple[str, ...] = ()
    manage: bool = False
    media_type: str = field(default="application/json")


def ok(value: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(status, json.dumps(value).encode(), JSON_HEADERS)


# -- the application


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


def openapi(context: Context, _request: Request, _id: str) -> Answer:
    if not context.contract:
        from tokenkeep.api.openapi import document  # most starts end without anybody asking for it

        context.contract = json.dumps(document()).encode()
    return Response(200, context.contract, JSON_HEADERS)


def events(context: Context, request: Request, _id: str) -> Answer:
    after = (request.get(b"last-event-id") or b"").decode("latin-1") or None
    subscription = context.engine.subscribe(after)
    chunks = stream(subscription, context.engine.snapshot().boot_id, context.clock)
    return StreamResponse(200, chunks, STREAM_HEADERS)


# -- providers and tokens


def providers(context: Context, _request: Request, _id: str) -> Answer:
    return ok({"providers": [views.provider(session) for session in context.engine.snapshot().sessions]})


async def provider(context: Context, _request: Request, id_: str) -> Answer:
    session = context.engine.provider(id_)
    keys: tuple[dict[str, Any], ...] = ()
    if session.signs_assertions:
        with suppress(TokenKeepError):  # the rest is worth showing without them
            keys = await context.engine.public_keys(id_)
    return ok(views.provider(session) | {"jwks": {"keys": list(keys)} if keys else None})


async def change_provider(context: Context, request: Request, id_: str) -> Answer:
    body = read_body(models.ChangeProvider, request.body, request.get(b"content-type"))
    application = request.peer.application
    context.engine.provider(id_)  # an unknown one is said before a person is asked
    given = body.model_dump(include={"client_secret", "initial_access_token", "token"}, exclude_none=True)
    if len(given) != 1:
        raise BadRequest("Give one of client_secret, initial_access_token and token.")
    if body.expires_at is not None and body.token is None:
        raise BadRequest("expires_at belongs to a token.")
    await context.engine.require_manage(application)
    match given.popitem():
        case "client_secret", secret:
            change = context.engine.set_client_secret(id_, Secret(secret), application)
        case "initial_access_token", token:
            change = context.engine.set_initial_access_token(id_, Secret(token), application)
        case _, token:
            change = context.engine.paste_token(id_, Secret(token), body.expires_at, application)
    return ok(views.provider(await context.finish(change)))


async def remove_provider(context: Context, request: Request, id_: str) -> Answer:
    application = request.peer.application
    context.engine.provider(id_)  # an unknown one is said before a person is asked
    await context.engine.require_manage(application)
    await context.finish(context.engine.remove_provider(id_, application))
    return Response(204)


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


async def refresh(context: Context, request: Request, id_: str) -> Answer:
    read_body(models.Empty, request.body, request.get(b"content-type"))
    return ok(views.provider(await context.finish(context.engine.refresh(id_, request.peer.application))))


async def sign_out(context: Context, request: Request, id_: str) -> Answer:
    body = read_body(models.EndSignIn, request.body, request.get(b"content-type"))
    application = request.peer.application
    context.engine.provider(id_)  # an unknown one is said before a person is asked
    await context.engine.require_manage(application)
    change = context.engine.sign_out(id_, revoke=body.revoke, end_session=body.end_session, application=application)
    outcome = await context.finish(change)
    return ok({"revoked": outcome.revoked, "detail": outcome.detail, "end_session": outcome.end_session})


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


# -- sign-ins


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


# -- who may, and who did


def grants(context: Context, _request: Request, _id: str) -> Answer:
    return ok({"grants": [views.grant(grant) for grant in context.engine.grants()]})


async def activity(context: Context, request: Request, _id: str) -> Answer:
    limit = int(Query(request.query).number("limit", 100, ACTIVITY_MOST))
    return ok({"entries": await context.engine.activity(limit)})


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
SIGN_IN_WAIT = (
    Parameter(
        "wait",
        {"type": "number", "minimum": 0, "maximum": SIGN_IN_WAIT_MOST, "default": 0},
        "Seconds to wait for a change of state.",
    ),
)
LIMIT = (Parameter("limit", {"type": "integer", "maximum": ACTIVITY_MOST, "default": 100}, "How many, at most."),)
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
UNKNOWN = ("unknown_provider", "misconfigured")
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
SIGN_IN_ERRORS = (*UNKNOWN, "too_many_requests", "locked", "provider_unreachable", "provider_error")
MANAGE_ERRORS = ("access_denied", "timed_out")

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
    Route("GET", "/v1/providers", providers, "All providers.", models.Providers),
    Route("GET", "/v1/providers/{id}", provider, "One provider.", models.ProviderDetails, errors=("unknown_provider",)),
    Route(
        "PATCH",
        "/v1/providers/{id}",
        change_provider,
        "Give the client secret that is kept in the vault, an initial access token for a registration, "
        "or the token of a static provider.",
        models.Provider,
        body=models.ChangeProvider,
        manage=True,
        errors=(*UNKNOWN, "locked", "storage_failed", *MANAGE_ERRORS),
    ),
    Route(
        "DELETE",
        "/v1/providers/{id}",
        remove_provider,
        "Remove: sign out, delete its registration at the server where that is possible, take it out of config.toml.",
        status=204,
        manage=True,
        errors=(*UNKNOWN, "locked", "storage_failed", *MANAGE_ERRORS),
    ),
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
    Route(
        "POST",
        "/v1/providers/{id}/refresh",
        refresh,
        "Refresh now.",
        models.Provider,
        errors=(
            *UNKNOWN,
            "sign_in_required",
            "too_many_requests",
            "locked",
            "provider_unreachable",
            "provider_error",
        ),
    ),
    Route(
        "POST",
        "/v1/providers/{id}/sign-out",
        sign_out,
        "Sign out.",
        models.SignedOut,
        body=models.EndSignIn,
        manage=True,
        errors=(*UNKNOWN, "locked", *MANAGE_ERRORS),
    ),
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
    Route("GET", "/v1/grants", grants, "Who may get what.", models.Grants),
    Route("GET", "/v1/activity", activity, "Who asked for what.", models.Activity, query=LIMIT),
    Route(
        "GET",
        "/v1/events",
        events,
        "Follow the events, beginning with a full snapshot; Last-Event-ID resumes.",
        media_type="text/event-stream",
    ),
    Route("GET", "/v1/openapi.json", openapi, "This contract."),
)
