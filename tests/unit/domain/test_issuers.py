"""One issuer has one set of endpoints."""

from __future__ import annotations

from typing import Any

import pytest

from support.oauth_values import ISSUER, make_provider
from tokenkeep.domain.configuration import Configuration
from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.issuers import issuer_conflicts
from tokenkeep.domain.provider import BrokenProvider, Provider

TOKEN, EVIL = f"{ISSUER}/token", "https://evil.example/token"
AUTHORIZE, DEVICE = f"{ISSUER}/authorize", f"{ISSUER}/device"
COMPLETE = {"authorization_endpoint": AUTHORIZE, "token_endpoint": TOKEN}
BY_CODE = {"device_authorization_endpoint": DEVICE, "token_endpoint": TOKEN, "flow": "device_code"}

REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"token_endpoint": EVIL}, "token_endpoint"),
    ({}, {"authorization_endpoint": AUTHORIZE}, "authorization_endpoint"),
    ({}, {"device_authorization_endpoint": EVIL}, "device_authorization_endpoint"),
    (COMPLETE, {}, "issuer"),
    (COMPLETE, COMPLETE | {"token_endpoint": EVIL}, "token_endpoint"),
    (COMPLETE, COMPLETE | {"authorization_endpoint": "https://evil.example/a"}, "authorization_endpoint"),
    (COMPLETE, BY_CODE | {"token_endpoint": EVIL}, "token_endpoint"),
]
ALLOWED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    (COMPLETE, COMPLETE),
    (COMPLETE, BY_CODE),
    ({}, {"issuer": f"{ISSUER}/", "token_endpoint": EVIL}),
    (COMPLETE, {"issuer": "https://other.example", "token_endpoint": EVIL}),
    ({"issuer": "", **COMPLETE}, {"issuer": "", **COMPLETE, "token_endpoint": EVIL}),
]


def two(first: dict[str, Any], second: dict[str, Any]) -> tuple[Provider, Provider]:
    return make_provider(id="a", **first), make_provider(id="b", **({"client_id": "client-2"} | second))


@pytest.mark.parametrize(("first", "second", "key"), REFUSED)
def test_META_8_the_second_with_other_endpoints_is_refused(first, second, key):
    a, b = two(first, second)
    configuration = Configuration(providers={"a": a, "b": b})
    refused = configuration.providers["b"]
    assert configuration.providers["a"] == a
    assert isinstance(refused, BrokenProvider)
    assert refused.key == f"providers.b.{key}"
    assert "`a` has the same issuer" in refused.reason


@pytest.mark.parametrize(("first", "second", "key"), REFUSED)
def test_META_8_adding_or_changing_it_is_refused_before_anything_is_written(first, second, key):
    a, b = two(first, second)
    with pytest.raises(Misconfigured, match="same issuer") as caught:
        Configuration(providers={"a": a}).check_addition(b)
    assert (caught.value.key, caught.value.provider) == (f"providers.b.{key}", "b")
    good = make_provider(id="b", issuer="https://other.example")
    with pytest.raises(Misconfigured):
        Configuration(providers={"b": good, "a": a}).check_addition(b)
    Configuration(providers={"a": a}).check_addition(b.model_copy(update={"id": "a"}))


@pytest.mark.parametrize(("first", "second"), ALLOWED)
def test_META_8_the_same_endpoints_and_another_client_are_allowed(first, second):
    a, b = two(first, second)
    configuration = Configuration(providers={"a": a})
    configuration.check_addition(b)
    both = Configuration(providers={"a": a, "b": b})
    assert both.providers == {"a": a, "b": b}


def test_META_8_every_pair_counts_and_a_refused_entry_claims_nothing():
    a, evil = two(COMPLETE, COMPLETE | {"token_endpoint": EVIL})
    others = [
        make_provider(id="c", **BY_CODE),
        make_provider(id="d", **(BY_CODE | {"device_authorization_endpoint": EVIL})),
        make_provider(id="e", **(COMPLETE | {"token_endpoint": EVIL})),
        make_provider(id="f", **COMPLETE),
    ]
    found = issuer_conflicts([a, evil, *others])
    assert {id_: one.other for id_, one in found.items()} == {"b": "a", "d": "c", "e": "a"}


def test_META_8_each_entry_is_looked_at_once():
    """A second pass over them, or one for each entry, finds nothing left to look at."""
    many = (make_provider(id=f"p{number}", client_id=str(number)) for number in range(1000))
    assert issuer_conflicts(many) == {}
    with_one = [make_provider(id=f"p{number}") for number in range(1000)]
    with_one.append(make_provider(id="last", token_endpoint=EVIL))
    assert issuer_conflicts(iter(with_one))["last"].other == "p0"
