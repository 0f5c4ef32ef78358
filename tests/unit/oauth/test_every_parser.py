"""No reader of foreign input raises anything but our errors, or shows in them what it read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.parsers import PARSERS, Parser, assert_tight_lipped
from tokenkeep.domain.errors import MalformedAnswer
from tokenkeep.oauth import client_metadata

SELECTOR = st.binary(min_size=2, max_size=2)


def inputs(parser: Parser) -> st.SearchStrategy[bytes]:
    """Bytes, texts of the reader's own words, and JSON with its names, behind what chooses status and content type."""
    words = st.sampled_from(parser.words)
    text = st.lists(words | st.text(max_size=4), max_size=20).map("".join)
    leaves = (
        st.none() | st.booleans() | st.floats() | st.integers() | words | st.text(max_size=12) | st.just("CANARY-1234")
    )
    values = st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4), max_leaves=8
    )
    members = st.dictionaries(words | st.text(max_size=3), values, max_size=6).map(json.dumps)
    bodies = st.binary() | (text | members | st.sampled_from(parser.seeds)).map(
        lambda one: one.encode("utf-8", "replace")
    )
    return st.tuples(SELECTOR, bodies).map(b"".join) if parser.form == "answer" else bodies


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_TOK_3_nothing_is_raised_but_our_errors_and_nothing_is_shown(name: str, data: st.DataObject) -> None:
    PARSERS[name].feed(data.draw(inputs(PARSERS[name])))


@pytest.mark.parametrize("name", PARSERS)
def test_seeds_are_read(name: str) -> None:
    for seed in PARSERS[name].seeds:
        PARSERS[name].feed((b"\0\0" if PARSERS[name].form == "answer" else b"") + seed.encode())


def _raised(problem: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise problem from cause
    except Exception as error:
        return error


@pytest.mark.parametrize(
    "error",
    [
        MalformedAnswer("The answer was CANARY-SECRET."),
        _raised(MalformedAnswer("x"), ValueError('{"access_token": "CANARY-SECRET"}')),
        _raised(MalformedAnswer("x"), json.JSONDecodeError("bad", '{"access_token":"CANARY-SECRET"}', 0)),
    ],
)
def test_the_search_for_secrets_finds_them_in_an_error_and_behind_it(error: Any) -> None:
    with pytest.raises(AssertionError):
        assert_tight_lipped(error, b'{"access_token": "CANARY-SECRET"}')


def test_CIMD_1_addresses_that_are_none_are_a_fault_of_the_document() -> None:
    for uri in ("http://[", "http://127.0.0.1:7.0/x"):
        document = {"client_id": "https://client.example/id.json", "redirect_uris": [uri]}
        assert "redirect_uris" in " ".join(client_metadata.faults(document, "https://client.example/id.json"))


def test_OIDC_9_a_signed_userinfo_answer_that_is_no_text_leaves_nothing_on_the_error() -> None:
    PARSERS["userinfo"].feed(bytes([0, 3]) + b'{"sub":"CANARY-1234-1234-1234"}\xff')
