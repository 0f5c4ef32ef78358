"""Strict reading of bodies and query strings."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenkeep.api.json_input import Query, parse, read_body
from tokenkeep.api.models import Rejected, StartSignIn
from tokenkeep.domain.errors import BadRequest

JSON = b"application/json"


@pytest.mark.parametrize(
    "body",
    [
        b'{"provider": "a", "provider": "b"}',
        b'{"provider": "a", "x": {"y": 1, "y": 1}}',
        b'{"provider": NaN}',
        b'{"provider": Infinity}',
        b'{"provider": -Infinity}',
        b'{"provider": "a", "x": NaN}',
        b'{"provider": "a", "x": -Infinity}',
        b'{"provider": "a", "x": 1e999}',
        b'{"provider": "\\u0000"}',
        b'{"provider": "a\\ud800"}',
        b'{"provider": "a", "\\udfff": 1}',
        b'{"provider": "\xff"}',
        b'\xef\xbb\xbf{"provider": "a"}',
        b'{"provider": "a"} x',
        b"{'provider': 'a'}",
        b"[" * 1000 + b"]" * 1000,
        b"[" * 60_000,
        b'{"provider": "a", "x": ' + b"[" * 20 + b"]" * 20 + b"}",
        b'{"provider": "a", "x": ' + b"9" * 60_000 + b"}",
        b"\0",
        b"{",
    ],
)
def test_AGENT_4_json_that_others_would_accept_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_body(StartSignIn, body, JSON)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"provider": 5}', "provider"),
        (b'{"provider": null}', "provider"),
        (b'{"provider": "a", "open_browser": "true"}', "open_browser"),
        (b'{"provider": "a", "open_browser": 1}', "open_browser"),
        (b'{"provider": "a", "method": "implicit"}', "method"),
        (b"{}", "provider"),
        (b"", "provider"),
        (b"[]", "body"),
        (b'"a"', "body"),
        (b"null", "body"),
    ],
)
def test_AGENT_4_wrong_types_are_refused_and_named(body: bytes, named: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_body(StartSignIn, body, JSON if body else None)
    assert named in caught.value.detail


def test_AGENT_4_unknown_members_are_ignored() -> None:
    body = read_body(StartSignIn, b'{"provider": "a", "new": {"in": ["later", "versions"]}}', JSON)
    assert body == StartSignIn(provider="a")


@pytest.mark.parametrize("kind", [None, b"", b"text/plain", b"application/json; charset=latin-1", b"application/jsonx"])
def test_a_body_of_another_type_is_refused(kind: bytes | None) -> None:
    with pytest.raises(BadRequest) as caught:
        read_body(StartSignIn, b'{"provider": "a"}', kind)
    assert "application/json" in caught.value.detail


@pytest.mark.parametrize("kind", [JSON, b"application/json; charset=utf-8", b'APPLICATION/JSON;charset="UTF-8"'])
def test_the_right_type_may_be_spelled_as_the_standard_lets(kind: bytes) -> None:
    assert read_body(StartSignIn, b'{"provider": "a"}', kind).provider == "a"


@pytest.mark.parametrize("digest", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n"])
def test_a_digest_is_64_lower_case_hexadecimal_digits(digest: str) -> None:
    import json

    with pytest.raises(BadRequest):
        read_body(Rejected, json.dumps({"sha256": digest}).encode(), JSON)


@given(st.binary(max_size=200))
def test_AGENT_4_no_body_breaks_the_reading(body: bytes) -> None:
    with contextlib.suppress(BadRequest):
        parse(body)


@pytest.mark.parametrize("query", ["a=1&a=2", "a=%ff", "a=%00", "&".join(f"b{n}=1" for n in range(65)), "a=%ed%a0%80"])
def test_AGENT_4_an_odd_query_is_refused(query: str) -> None:
    with pytest.raises(BadRequest):
        Query(query).text("a")


@pytest.mark.parametrize("text", ["-1", "1e3", "nan", "inf", "", "61", "0x1", "1.", " 1", "٣"])
def test_a_number_is_plain_and_in_its_bounds(text: str) -> None:
    from urllib.parse import quote

    with pytest.raises(BadRequest):
        Query(f"wait={quote(text)}").number("wait", 0, 60)


def test_a_query_gives_numbers_flags_and_repeated_values() -> None:
    query = Query("wait=1.5&interactive=true&resource=a&resource=b&unknown=x")
    assert (query.number("wait", 0, 60), query.flag("interactive"), query.all("resource")) == (1.5, True, ("a", "b"))
    with pytest.raises(BadRequest):
        Query("interactive=yes").flag("interactive")
