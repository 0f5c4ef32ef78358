"""The providers: what they are, what is typed in for them, their removal, refresh and sign-out."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from tokenkeep.api import models, views
from tokenkeep.api.json_input import read_body
from tokenkeep.api.route import MANAGE_ERRORS, UNKNOWN, Context, Route, ok
from tokenkeep.domain.errors import BadRequest, TokenKeepError
from tokenkeep.domain.tokens import Secret
from tokenkeep.httpserver import Answer, Request, Response


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


ROUTES = (
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
)
