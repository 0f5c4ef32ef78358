"""HTTP as bytes: requests out, answers in."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenkeep.client import wire
from tokenkeep.client.errors import TokenKeepError


@given(st.text(max_size=40))
def test_what_is_quoted_is_what_the_server_reads(text: str) -> None:
    from urllib.parse import quote

    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert wire.quote(text) == quote(text, safe="")


def test_a_segment_cannot_leave_its_place() -> None:
    where = wire.target(("providers", "../status?x#y z\r\n", "token"), [("scope", "a b&c=d")])
    assert where == "/v1/providers/..%2Fstatus%3Fx%23y%20z%0D%0A/token?scope=a%20b%26c%3Dd"


def test_a_request_with_and_without_a_body() -> None:
    assert wire.request("GET", "/v1/status") == b"GET /v1/status HTTP/1.1\r\nHost: tokenkeep\r\n\r\n"
    message = wire.request("POST", "/v1/x", {"a": "é"})
    head, _, body = message.partition(b"\r\n\r\n")
    assert json.loads(body) == {"a": "é"}
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"Content-Length: 0" in wire.request("POST", "/v1/show")


def test_an_error_becomes_an_exception_with_all_it_says() -> None:
    problem = {
        "code": "sign_in_required", "title": "A sign-in is needed", "detail": "It ended.", "hint": "Sign in",
        "status": 409, "provider": "github", "sign_in": "s1", "retry_after": 5, "type": "x", "later": True,
    }  # fmt: skip
    with pytest.raises(TokenKeepError) as caught:
        wire.answer(wire.Head(b"HTTP/1.1 409 Conflict"), json.dumps(problem).encode())
    error = caught.value
    assert (error.code, error.status, error.provider, error.sign_in) == ("sign_in_required", 409, "github", "s1")
    assert error.retry_after == 5
    assert str(error) == "A sign-in is needed. It ended. Sign in."


@pytest.mark.parametrize("raw", [b"SSH-2.0-x", b"", b"HTTP/1.1", b"HTTP/2 200", b"HTTP/1.1 abc"])
def test_another_servers_greeting_is_a_plain_error(raw: bytes) -> None:
    with pytest.raises(TokenKeepError):
        wire.Head(raw)


def test_an_answer_that_is_no_json_is_a_plain_error() -> None:
    with pytest.raises(TokenKeepError):
        wire.answer(wire.Head(b"HTTP/1.1 200 OK"), b"<html>")


@given(cuts=st.lists(st.integers(0, 120), max_size=8))
def test_events_are_put_together_from_any_pieces(cuts: list[int]) -> None:
    stream = (
        b': still here\n\nid: b:1\nevent: session\ndata: {"a": "\xc3\xa9"}\n\n'
        b'id: b:2\ndata: {"two":\ndata: 2}\n\nevent: status\ndata: 3\n\n'
    )
    reader, events = wire.EventReader(), []
    places = [0, *sorted(cuts), len(stream)]
    for start, end in itertools.pairwise(places):
        events += reader.feed(stream[start:end])
    assert events == [("b:1", "session", {"a": "é"}), ("b:2", "message", {"two": 2}), ("b:2", "status", 3)]
