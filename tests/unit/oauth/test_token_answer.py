"""Token answers, good and bad."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from support.oauth_values import NOW, TOKENS, b64
from tokenkeep.domain.errors import (
    AccessDenied,
    ClientRejected,
    GrantEnded,
    MalformedAnswer,
    ProviderError,
    ProviderUnreachable,
    TokenKeepError,
)
from tokenkeep.oauth.answer import Answer
from tokenkeep.oauth.quirks import Quirks, github
from tokenkeep.oauth.texts import TEXT_LIMIT
from tokenkeep.oauth.token_answer import LIFETIME_MAX, TokenAnswer, error_of, parse


def make(body: object, status: int = 200, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, CaseInsensitiveDict(named), content, NOW, "https://auth.example.com/token")


def read(body: object, status: int = 200, quirks: Quirks | None = None, **headers: str) -> TokenAnswer:
    return parse(make(body, status, **headers), requested=("openid", "profile"), resource=("https://r",), quirks=quirks)


def test_TOK_3_good_answer():
    answer = read(
        TOKENS | {"refresh_token": "CANARY-RT-0001", "id_token": "a.b.c", "scope": "openid", "made_up": [1]},
        Date="Tue, 14 Nov 2023 22:13:21 GMT",
    )
    tokens = answer.tokens
    assert tokens.access_token.reveal() == "CANARY-AT-0001"
    assert tokens.refresh_token is not None
    assert tokens.refresh_token.reveal() == "CANARY-RT-0001"
    assert tokens.id_token is not None
    assert (tokens.token_type, tokens.obtained_at, tokens.lifetime) == ("Bearer", NOW, 3600.0)
    assert (tokens.scope, tokens.resource) == (("openid",), ("https://r",))
    assert answer.date == NOW + 1
    assert "CANARY" not in repr(answer)


BAD_BODIES: dict[str, Any] = {
    "array": [TOKENS],
    "null": None,
    "text": "hello",
    "no access_token": {"token_type": "Bearer"},
    "number": TOKENS | {"access_token": 7},
    "empty": TOKENS | {"access_token": ""},
    "line break": TOKENS | {"access_token": "CANARY\r\nX: y"},
    "not ASCII": TOKENS | {"access_token": "CANARYé"},
    "surrogate": TOKENS | {"access_token": "CANARY\ud800"},
    "no token_type": {"access_token": "CANARY"},
    "empty token_type": TOKENS | {"token_type": ""},
    "number token_type": TOKENS | {"token_type": 1},
    "list scope": TOKENS | {"scope": ["openid"]},
    "odd scope": TOKENS | {"scope": "a\nb"},
    "odd refresh_token": TOKENS | {"refresh_token": ["CANARY"]},
    "byte order mark": b"\xef\xbb\xbf" + json.dumps(TOKENS).encode(),
    "bad UTF-8": json.dumps(TOKENS).encode()[:-1] + b',"x":"\xff"}',
    "duplicate": json.dumps(TOKENS).encode()[:-1] + b',"access_token":"CANARY-2"}',
    "NaN": json.dumps(TOKENS | {"expires_in": float("nan")}).encode(),
    "HTML": b"<!doctype html><title>Hotel</title><a href='?x=1&error=invalid_grant&y=2'>CANARY</a>",
    "form": urlencode(TOKENS).encode(),
    "truncated": json.dumps(TOKENS).encode()[:-3],
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_TOK_3_anything_else_is_malformed_and_not_quoted(body):
    with pytest.raises(MalformedAnswer) as caught:
        read(body)
    assert "CANARY" not in repr(caught.value) + repr(vars(caught.value))


@pytest.mark.parametrize("status", [201, 202, 204, 206])
def test_TOK_3_only_status_200_is_a_success(status):
    with pytest.raises(MalformedAnswer):
        read(TOKENS, status)


@pytest.mark.parametrize(
    ("sent", "known"), [("bearer", "Bearer"), ("BEARER", "Bearer"), ("DPoP", "DPoP"), ("dpop", "DPoP")]
)
def test_TOK_4_token_type_is_compared_without_case(sent, known):
    assert read(TOKENS | {"token_type": sent}).tokens.token_type == known


@pytest.mark.parametrize("sent", ["mac", "N_A", "bearer "])
def test_TOK_4_unknown_token_type_is_never_used(sent):
    with pytest.raises(ProviderError, match="unknown type"):
        read(TOKENS | {"token_type": sent})


def test_TOK_3_missing_token_type_is_tolerated_by_a_quirk_alone():
    assert read({"access_token": "a"}, quirks=Quirks(token_type_optional=True)).tokens.token_type == "Bearer"


LIFETIMES = [
    (3600, 3600.0),
    ("3600", 3600.0),
    ("3600.5", 3600.5),
    (3600.5, 3600.5),
    (0, 0.0),
    (-1, 0.0),
    ("-1", 0.0),
    (None, None),
    ("abc", None),
    ("", None),
    ("1e3", None),
    ("٣", None),
    (True, None),
    (False, None),
    ([], None),
    ({}, None),
    (1e12, LIFETIME_MAX),
    (10**400, LIFETIME_MAX),
]


@pytest.mark.parametrize(("value", "seconds"), LIFETIMES)
def test_TOK_6_every_lifetime_has_a_defined_result(value, seconds):
    assert read(TOKENS | {"expires_in": value}).tokens.lifetime == seconds


def test_TOK_6_a_lifetime_too_large_for_a_float_is_cut():
    assert read(b'{"access_token":"a","token_type":"Bearer","expires_in":1e999}').tokens.lifetime == LIFETIME_MAX


def test_TOK_6_absence_means_unknown():
    assert read({"access_token": "a", "token_type": "Bearer"}).tokens.expires_at is None


@pytest.mark.parametrize(
    ("members", "granted"),
    [
        ({}, ("openid", "profile")),
        ({"scope": None}, ("openid", "profile")),
        ({"scope": ""}, ()),
        ({"scope": "openid"}, ("openid",)),
        ({"scope": " a  b a "}, ("a", "b")),
    ],
)
def test_TOK_7_granted_scope_is_remembered(members, granted):
    assert read(TOKENS | members).tokens.scope == granted


def test_TOK_7_github_separates_scopes_with_commas():
    assert read(TOKENS | {"scope": "repo,gist"}, quirks=github.QUIRKS).tokens.scope == ("repo", "gist")


JWT_FROM_LONG_AGO = f"{b64(json.dumps({'alg': 'RS256'}).encode())}.{b64(json.dumps({'exp': 1}).encode())}.x"


@pytest.mark.parametrize("token", [JWT_FROM_LONG_AGO, "a.%%%.c"])
def test_TOK_8_access_tokens_are_opaque(token):
    assert read(TOKENS | {"access_token": token}).tokens.lifetime == 3600.0


def error(code: object = "invalid_grant", **members: object) -> bytes:
    return json.dumps({"error": code, **members}).encode()


CLASSES: list[tuple[str, Answer, type[TokenKeepError]]] = [
    ("400", make(error(), 400), GrantEnded),
    ("text/plain", make(error(), 400, Content_Type="text/plain"), GrantEnded),
    ("charset", make(error(), 400, Content_Type="application/json;charset=UTF-8"), GrantEnded),
    ("text/html", make(error(), 400, Content_Type="text/html"), GrantEnded),
    ("form", make(b"error=invalid_grant&error_description=gone", 400), GrantEnded),
    (
        "form by type",
        make(b"x=y&error=invalid_grant", 400, Content_Type="Application/X-WWW-form-urlencoded; a=b"),
        GrantEnded,
    ),
    ("200 with an error", make(error()), GrantEnded),
    ("200 with error and token", make(TOKENS | {"error": "invalid_grant"}), GrantEnded),
    ("401 invalid_grant", make(error(), 401, WWW_Authenticate="Basic"), GrantEnded),
    ("401 challenge only", make(b"", 401, WWW_Authenticate="Basic"), ClientRejected),
    ("401 nothing", make(b"", 401), MalformedAnswer),
    ("403 HTML", make(b"<html>", 403), MalformedAnswer),
    ("400 empty", make(b"", 400), MalformedAnswer),
    ("error is a number", make(error(7), 400), MalformedAnswer),
    ("error is empty", make(error(""), 400), MalformedAnswer),
    ("form with bad UTF-8", make(b"error=x\xff", 400), MalformedAnswer),
    ("invalid_client", make(error("invalid_client"), 401), ClientRejected),
    ("unauthorized_client", make(error("unauthorized_client"), 400), ClientRejected),
    ("access_denied", make(error("access_denied"), 400), AccessDenied),
    ("invalid_scope", make(error("invalid_scope"), 400), ProviderError),
    ("made up", make(error("made_up"), 400), ProviderError),
    ("server_error", make(error("server_error"), 400), ProviderUnreachable),
    ("temporarily_unavailable", make(error("temporarily_unavailable")), ProviderUnreachable),
    ("500 invalid_grant", make(error(), 500), ProviderUnreachable),
    *[(str(status), make(b"<html>", status), ProviderUnreachable) for status in (408, 425, 429, 500, 502, 503, 504)],
]


@pytest.mark.parametrize(("answer", "kind"), [one[1:] for one in CLASSES], ids=[one[0] for one in CLASSES])
def test_TOK_5_errors_are_recognised_from_the_body(answer, kind):
    with pytest.raises(TokenKeepError) as caught:
        parse(answer, requested=())
    assert type(caught.value) is kind
    if kind is MalformedAnswer:
        assert str(answer.status) in caught.value.detail


def test_REF_5_retry_after_is_kept():
    with pytest.raises(ProviderUnreachable) as caught:
        read(error("temporarily_unavailable"), 503, Retry_After="17")
    assert (caught.value.retry_after, caught.value.maybe_sent) == (17.0, True)


def test_TOK_5_description_is_cut_and_cleaned():
    body = error("invalid_scope", error_description="\x1b[31m\x00\u202e" + "long \r\n" * 2000, error_uri="x")
    with pytest.raises(ProviderError) as caught:
        read(body, 400)
    text = caught.value.description
    assert text is not None
    assert text.startswith("[31mlong long")
    assert len(text) == TEXT_LIMIT
    assert text.isprintable()
    assert caught.value.error == "invalid_scope"


def test_CAUTH_4_names_of_github_mean_the_same():
    with pytest.raises(ClientRejected):
        read(error("incorrect_client_credentials"), quirks=github.QUIRKS)
    with pytest.raises(GrantEnded):
        read(error("bad_refresh_token"), quirks=github.QUIRKS)
    with pytest.raises(ProviderError) as caught:
        read(error("bad_refresh_token"))
    assert type(caught.value) is ProviderError


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from([*TOKENS, "refresh_token", "scope", "id_token", "error", "error_description", "x"])


@given(
    st.binary() | st.dictionaries(names, json_values).map(lambda members: json.dumps(members).encode()),
    st.sampled_from([200, 204, 400, 401, 429, 500]),
    st.sampled_from(["application/json", "application/x-www-form-urlencoded", ""]),
)
def test_TOK_3_no_answer_raises_anything_but_our_errors(body, status, kind):
    try:
        answer = parse(make(body, status, Content_Type=kind), requested=())
    except TokenKeepError:
        return
    assert answer.tokens.access_token
    assert answer.tokens.lifetime is None or 0 <= answer.tokens.lifetime <= LIFETIME_MAX


def test_error_of_a_good_answer_is_none():
    assert error_of(make(TOKENS)) is None
