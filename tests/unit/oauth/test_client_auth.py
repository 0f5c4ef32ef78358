"""Client authentication."""

from __future__ import annotations

import base64

import pytest

from support.oauth_values import make_metadata
from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.client_auth import ClientCredentials, authenticate
from tokenkeep.oauth.quirks import Quirks

SECRET = Secret("p@ss w+rd%:é")
PUBLIC = ((("client_id", "a:b"),), {})
POST = ((("client_id", "a:b"), ("client_secret", "p@ss w+rd%:é")), {})


def basic(pair: str) -> tuple[object, dict[str, str]]:
    return (), {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


BASIC = basic("a%3Ab:p%40ss+w%2Brd%25%3A%C3%A9")


@pytest.mark.parametrize(
    ("secret", "method", "offered", "expected"),
    [
        (None, "auto", None, PUBLIC),
        (None, "auto", ("client_secret_basic",), PUBLIC),
        (Secret(""), "auto", None, PUBLIC),
        (SECRET, "none", None, PUBLIC),
        (SECRET, "auto", None, BASIC),
        (SECRET, "auto", ("client_secret_post", "client_secret_basic"), BASIC),
        (SECRET, "auto", ("none", "client_secret_post"), POST),
        (SECRET, "client_secret_post", ("client_secret_basic",), POST),
        (SECRET, "client_secret_basic", ("client_secret_post",), BASIC),
    ],
)
def test_CAUTH_1_exactly_one_method(secret, method, offered, expected):
    metadata = make_metadata(token_endpoint_auth_methods_supported=offered)
    assert authenticate((), {}, ClientCredentials("a:b", secret, method), metadata, Quirks()) == expected


def test_CAUTH_1_what_was_there_stays():
    form, headers = authenticate(
        (("token", "t"),), {"X": "y"}, ClientCredentials("a:b", SECRET), make_metadata(), Quirks()
    )
    assert form == (("token", "t"),)
    assert headers == {"X": "y"} | BASIC[1]


def test_CAUTH_2_quirk_sends_the_raw_pair():
    credentials = ClientCredentials("a:b", SECRET)
    assert authenticate((), {}, credentials, make_metadata(), Quirks(basic_unencoded=True)) == basic("a:b:p@ss w+rd%:é")


def test_client_id_in_the_body_beside_basic_by_quirk():
    form, headers = authenticate(
        (), {}, ClientCredentials("a:b", SECRET), make_metadata(), Quirks(client_id_in_body=True)
    )
    assert (form, headers) == (PUBLIC[0], BASIC[1])


@pytest.mark.parametrize(
    ("secret", "method", "offered"),
    [
        (None, "client_secret_basic", None),
        (None, "client_secret_post", None),
        (SECRET, "private_key_jwt", None),
        (SECRET, "auto", ("private_key_jwt", "none")),
    ],
)
def test_CAUTH_1_impossible_method_is_a_configuration_fault(secret, method, offered):
    metadata = make_metadata(token_endpoint_auth_methods_supported=offered)
    with pytest.raises(Misconfigured) as caught:
        authenticate((), {}, ClientCredentials("a:b", secret, method), metadata, Quirks())
    assert caught.value.key in ("client_secret", "client_auth", "private_key")


def test_LEAK_5_credentials_do_not_print():
    assert "p@ss" not in repr(ClientCredentials("a", SECRET))
