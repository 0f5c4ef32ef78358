"""The contract says what the code does, no more and no less."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tokenkeep.api.openapi import document
from tokenkeep.api.routes import ROUTES

METHODS = {"get", "post", "put", "patch", "delete"}
API_TEXT = (Path(__file__).parents[3] / "docs/api.md").read_text()


def operations() -> dict[tuple[str, str], dict[str, object]]:
    return {
        (method.upper(), path): operation
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }


def test_the_contract_has_exactly_the_routes_there_are() -> None:
    assert set(operations()) == {(route.method, route.path) for route in ROUTES}
    assert len(ROUTES) == len({(route.method, route.path) for route in ROUTES})


def test_the_documentation_has_exactly_the_routes_there_are() -> None:
    written = set(re.findall(r"^\| `([A-Z]+) (/v1/[^`?]*)", API_TEXT, re.MULTILINE))
    assert written == {(route.method, route.path) for route in ROUTES}


def test_every_reference_of_the_contract_leads_somewhere() -> None:
    contract = document()
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(contract)))
    assert references <= set(contract["components"]["schemas"])
    assert {"Problem", "Token", "Provider"} <= references


def test_parameters_of_a_path_are_declared_and_operations_have_names_of_their_own() -> None:
    names = []
    for (_, path), operation in operations().items():
        declared = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}  # type: ignore[attr-defined]
        assert declared == set(re.findall(r"{(\w+)}", path))
        names.append(operation["operationId"])
    assert len(names) == len(set(names))


def test_what_needs_manage_says_so() -> None:
    named = {key for key, operation in operations().items() if "manage" in str(operation.get("description"))}
    posts = {("POST", path) for path in ("/v1/quit", "/v1/unlock", "/v1/providers/{id}/sign-out")}
    assert named == posts | {(method, "/v1/providers/{id}") for method in ("PATCH", "DELETE")}
