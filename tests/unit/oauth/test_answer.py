"""Answers as values: strict JSON, Retry-After."""

from __future__ import annotations

import pytest

from support.oauth_values import NOW
from tokenkeep.domain.errors import MalformedAnswer
from tokenkeep.oauth.transport import Answer

STRICT = {
    "byte order mark": b'\xef\xbb\xbf{"a":1}',
    "bad UTF-8": b'{"a":"\xff"}',
    "duplicate": b'{"a":1,"a":1}',
    "nested duplicate": b'{"x":{"a":1,"a":2}}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "nothing": b"",
    "half": b'{"a":',
    "HTML": b"<html>CANARY-BODY",
    "deep": b"[" * 100_000,
    "huge number": b'{"a":' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("body", STRICT.values(), ids=STRICT.keys())
def test_TOK_3_json_is_strict_and_errors_hold_nothing_of_it(body):
    given = Answer(200, {}, body, NOW, "https://h/")
    with pytest.raises(MalformedAnswer) as caught:
        given.json()
    seen: BaseException | None = caught.value
    while seen is not None:
        assert "CANARY" not in repr(seen) + repr(vars(seen))
        seen = seen.__context__


RETRY_AFTER = [
    ("120", 120.0),
    ("0", 0.0),
    (" 7 ", 7.0),
    ("99999999999999999999", 86_400.0),
    ("Tue, 14 Nov 2023 22:15:20 GMT", 120.0),
    ("Tue, 14 Nov 2023 22:13:00 GMT", 0.0),
    ("-5", None),
    ("1.5", None),
    ("soon", None),
    ("²", None),
    ("", None),
]


@pytest.mark.parametrize(("value", "seconds"), RETRY_AFTER)
def test_REF_5_retry_after_in_seconds_or_as_a_date(value, seconds):
    assert Answer(503, {"Retry-After": value}, b"", NOW, "https://h/").retry_after == seconds


def test_REF_5_retry_after_date_counts_from_the_servers_own_clock():
    headers = {"Retry-After": "Tue, 14 Nov 2023 23:15:20 GMT", "Date": "Tue, 14 Nov 2023 23:13:20 GMT"}
    assert Answer(503, headers, b"", NOW, "https://h/").retry_after == 120.0
