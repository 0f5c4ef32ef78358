"""WWW-Authenticate, as servers write it and as attackers would (RFC 9110 §11.6.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenkeep.oauth import dpop
from tokenkeep.oauth.challenges import parse

CASES = {
    "Bearer": [("Bearer", {})],
    "bearer ERROR=invalid_token": [("bearer", {"error": "invalid_token"})],
    'Basic realm="x", bearer ERROR="invalid_token", Resource_Metadata="https://h/x", DPoP algs="ES256 PS256"': [
        ("Basic", {"realm": "x"}),
        ("bearer", {"error": "invalid_token", "resource_metadata": "https://h/x"}),
        ("DPoP", {"algs": "ES256 PS256"}),
    ],
    "Negotiate YWJj==, Bearer": [("Negotiate", {}), ("Bearer", {})],
    "Negotiate, Bearer realm=x": [("Negotiate", {}), ("Bearer", {"realm": "x"})],
    ',, Bearer ,\trealm = "a" ,, error\t=\tx ,': [("Bearer", {"realm": "a", "error": "x"})],
    r'Bearer realm="a\"b, DPoP error=\"use_dpop_nonce\"", x=y': [
        ("Bearer", {"realm": 'a"b, DPoP error="use_dpop_nonce"', "x": "y"})
    ],
    'Bearer realm="a", REALM="b", DPoP algs=ES256': [("DPoP", {"algs": "ES256"})],
    'Bearer realm="a", error="unended, DPoP x=y': [("Bearer", {"realm": "a"})],
    'Bearer realm="a\x01b", DPoP': [("Bearer", {})],
    'Bearer realm="a\\\x00b", DPoP': [("Bearer", {})],
    "Bearer a=b c=d, DPoP": [("Bearer", {})],
    "=x": [],
    '"Bearer"': [],
    "": [],
}


@pytest.mark.parametrize("header", CASES, ids=range(len(CASES)))
def test_WWW_1_challenges_are_told_apart(header: str) -> None:
    assert [(one.scheme, dict(one.parameters)) for one in parse(header)] == CASES[header]


@given(st.text(max_size=80))
def test_WWW_1_any_text_can_be_read(header: str) -> None:
    for challenge in parse(header):
        assert challenge.scheme
        assert all(name == name.lower() for name in challenge.parameters)


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters='"\\', exclude_categories=["Cc"]), max_size=60))
def test_WWW_1_nothing_in_a_string_is_a_challenge(text: str) -> None:
    (only,) = parse(f'Bearer realm="{text}"')
    assert only.parameters == {"realm": text}


@pytest.mark.parametrize(
    ("header", "nonce", "bearer_only"),
    [
        ('DPoP error="use_dpop_nonce", error_description="x"', True, False),
        ("dpop ERROR=use_dpop_nonce, Bearer", True, False),
        ('Bearer error="use_dpop_nonce"', False, True),
        ('Bearer realm="DPoP error=use_dpop_nonce"', False, True),
        ('Bearer, DPoP algs="ES256"', False, False),
        ("Bearer", False, True),
        ('Basic realm="x"', False, False),
        ("", False, False),
    ],
)
def test_DPOP_2_DPOP_4_what_a_resource_asks_for(header: str, *, nonce: bool, bearer_only: bool) -> None:
    assert dpop.asks_for_nonce(header) is nonce
    assert dpop.asks_for_bearer_only(header) is bearer_only
