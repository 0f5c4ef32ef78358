"""The page about checks shows what the program prints, and names every rule."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterable
from email.utils import formatdate
from typing import Self

from requests.structures import CaseInsensitiveDict

import tokenkeep.oauth.check
from support.checked_site import good
from support.markdown import document, words
from support.oauth_values import NOW, key, public
from tokenkeep.domain.check import as_text
from tokenkeep.oauth.answer import Answer, Request
from tokenkeep.oauth.check import check_issuer
from tokenkeep.oauth.check.rule import Rule
from tokenkeep.oauth.reach import Reach

ISSUER = "https://sso.example.com/realms/staff"
PAGE = document("docs/check.md")


class Pages:
    """A transport whose server is a handful of documents."""

    def __init__(self, pages: dict[str, object]) -> None:
        self.pages, self.reach = pages, Reach()

    def starting_at(self, _written: Iterable[str]) -> Self:
        return self

    def send(self, request: Request, **_: object) -> Answer:
        found = self.pages.get(request.url)
        headers = {"Content-Type": "application/json", "Date": formatdate(NOW, usegmt=True)}
        body = json.dumps(found).encode()
        return Answer(404 if found is None else 200, CaseInsensitiveDict(headers), body, NOW, request.url)


def example() -> str:
    metadata = good(ISSUER) | {"issuer": ISSUER, "code_challenge_methods_supported": ["plain", "S256"]}
    metadata["authorization_response_iss_parameter_supported"] = "true"
    missing = ("registration_endpoint", "pushed_authorization_request_endpoint", "dpop_signing_alg_values_supported")
    for name in (*missing, "client_id_metadata_document_supported"):
        del metadata[name]
    pages: dict[str, object] = {
        f"{ISSUER}/.well-known/openid-configuration": metadata,
        f"{ISSUER}/jwks": {"keys": [public(key("RSA"))]},
    }
    return as_text(check_issuer(Pages(pages), ISSUER, wall=NOW))  # type: ignore[arg-type]


def test_the_example_is_what_the_program_prints() -> None:
    (shown,) = [block for block in PAGE.blocks("text") if block.startswith("TokenKeep checked")]
    assert shown.strip() == example().strip()


def rules() -> dict[str, Rule]:
    package = tokenkeep.oauth.check
    modules = [
        importlib.import_module(f"{package.__name__}.{each.name}") for each in pkgutil.iter_modules(package.__path__)
    ]
    return {value.id: value for module in modules for value in vars(module).values() if isinstance(value, Rule)}


def test_the_table_has_every_rule_with_its_standard() -> None:
    written = {words(row[0])[0]: row[2] for row in PAGE.table("The rules")}
    assert written == {id_: rule.standard for id_, rule in rules().items()}


def test_ids_are_words_that_scripts_can_look_for() -> None:
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)?", id_) for id_ in rules())
