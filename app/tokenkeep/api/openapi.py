"""The contract as OpenAPI 3.1, generated from the table of routes and its models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import tokenkeep
from tokenkeep.api import models
from tokenkeep.api.route import Route
from tokenkeep.api.routes import ROUTES
from tokenkeep.domain import errors

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
ALWAYS = ("bad_request", "payload_too_large")  # what any request can meet


def document() -> dict[str, Any]:
    """The whole contract."""
    used = {model for route in ROUTES for model in (route.answer, route.body) if model is not None} | {models.Problem}
    ordered = sorted(used, key=lambda model: model.__name__)
    _, schemas = models_json_schema(
        [(model, "validation" if issubclass(model, models.Body) else "serialization") for model in ordered],
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "TokenKeep",
            "version": tokenkeep.__version__,
            "description": "Spoken over a unix socket or a named pipe of this user; the server's host has no meaning.",
        },
        "servers": [{"url": "http://tokenkeep"}],
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }


def _operation(route: Route) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": each.name, "in": "query", "schema": each.schema, "description": each.description}
        for each in route.query
    ]
    if "{id}" in route.path:
        parameters.insert(0, {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}})
    operation: dict[str, Any] = {"summary": route.summary, "operationId": _operation_id(route)}
    if route.manage:
        operation["description"] = "Needs the right `manage`."
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        required = any(member.is_required() for member in route.body.model_fields.values())
        operation["requestBody"] = {"required": required, "content": {"application/json": _reference(route.body)}}
    operation["responses"] = {str(route.status): _success(route)} | _failures(route)
    return operation


def _success(route: Route) -> dict[str, Any]:
    if route.status == 204:
        return {"description": "Done."}
    content: dict[str, Any] = {} if route.answer is None else _reference(route.answer)
    return {"description": "Done.", "content": {route.media_type: content}}


def _failures(route: Route) -> dict[str, Any]:
    """One entry for each status, naming the codes that come with it."""
    codes: dict[str, list[str]] = {}
    for code in (*ALWAYS, *(("not_found",) if route.path.startswith("/v1/sign-ins/") else ()), *route.errors):
        codes.setdefault(str(STATUS_OF[code]), []).append(code)
    return {
        status: {"description": ", ".join(f"`{code}`" for code in named), "content": PROBLEM}
        for status, named in sorted(codes.items())
    }


def _reference(model: type[BaseModel]) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}


def _operation_id(route: Route) -> str:
    words = route.path.removeprefix("/v1/").replace("{id}", "one").replace(".", "-").replace("/", "-")
    return f"{route.method.lower()}-{words}"


STATUS_OF = {
    each.code: each.status
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, errors.TokenKeepError)
}
