"""The client assertion of private_key_jwt (RFC 7523 §2.2, §3, rfc7523bis)."""

from __future__ import annotations

from typing import Any

import pytest

from support.oauth_values import NOW, make_metadata
from tokenkeep.domain.errors import Misconfigured
from tokenkeep.oauth import jws
from tokenkeep.oauth.client_auth import ASSERTION_TYPE, ClientCredentials, authenticate
from tokenkeep.oauth.quirks import Quirks
from tokenkeep.oauth.signing_key import SigningKey

KEY = SigningKey.make()


def credentials(key: SigningKey = KEY, method: str = "private_key_jwt") -> ClientCredentials:
    return ClientCredentials("client-1", None, method, key=key, wall=lambda: NOW + 0.75)


def asserted(quirks: Quirks | None = None, key: SigningKey = KEY, **metadata: Any) -> jws.SignedToken:
    """The assertion of one request, its signature verified."""
    form, headers = authenticate((), {}, credentials(key), make_metadata(**metadata), quirks or Quirks())
    assert headers == {}
    fields = dict(form)
    assert len(fields) == len(form)
    assert fields.keys() == {"client_id", "client_assertion_type", "client_assertion"}
    assert fields["client_id"] == "client-1"
    assert fields["client_assertion_type"] == ASSERTION_TYPE
    parsed = jws.parse(fields["client_assertion"], jws.ALGORITHMS)
    jws.verify(parsed, [key.public_jwk])
    return parsed


def test_CAUTH_3_the_claims_are_those_of_the_standard() -> None:
    token = asserted()
    claims = dict(token.claims)
    assert len(claims.pop("jti")) >= 22, "at least 128 bits"
    assert claims == {
        "iss": "client-1",
        "sub": "client-1",
        "aud": "https://auth.example.com",
        "iat": int(NOW),
        "exp": int(NOW) + 60,
    }
    assert isinstance(claims["aud"], str)
    assert token.header == {"alg": "ES256", "typ": "client-authentication+jwt", "kid": KEY.kid}


def test_CAUTH_3_each_request_has_its_own_assertion() -> None:
    assert len({asserted().claims["jti"] for _ in range(50)}) == 50


def test_CAUTH_3_the_issuer_of_the_metadata_is_named_to_the_letter() -> None:
    assert asserted(issuer="https://auth.example.com/").claims["aud"] == "https://auth.example.com/"


def test_CAUTH_3_without_an_issuer_the_token_endpoint_is_named() -> None:
    assert asserted(issuer="").claims["aud"] == "https://auth.example.com/token"


def test_CAUTH_3_quirk_the_token_endpoint_is_the_audience() -> None:
    token = asserted(Quirks(assertion_to_token_endpoint=True))
    assert token.claims["aud"] == "https://auth.example.com/token"
    assert token.header["typ"] == "client-authentication+jwt"


def test_CAUTH_3_quirk_no_type() -> None:
    token = asserted(Quirks(assertion_untyped=True))
    assert token.header == {"alg": "ES256", "kid": KEY.kid}
    assert token.claims["aud"] == "https://auth.example.com"


def test_CAUTH_3_the_algorithm_is_one_that_the_server_lists() -> None:
    rsa = SigningKey.make("RS256")
    listed = ("PS512", "HS256")
    assert asserted(key=rsa, token_endpoint_auth_signing_alg_values_supported=listed).algorithm == "PS512"
    with pytest.raises(Misconfigured, match="does not take signatures of this private key") as refused:
        asserted(token_endpoint_auth_signing_alg_values_supported=("RS256",))
    assert refused.value.key == "private_key"
    assert "RS256" in refused.value.hint


@pytest.mark.parametrize("listed", [("HS256",), ("none",), ()])
def test_CAUTH_3_nothing_symmetric_and_nothing_unsigned(listed: tuple[str, ...]) -> None:
    with pytest.raises(Misconfigured):
        asserted(token_endpoint_auth_signing_alg_values_supported=listed)


@pytest.mark.parametrize("offered", [None, ("private_key_jwt",), ("client_secret_basic", "private_key_jwt")])
def test_CAUTH_1_auto_uses_the_key_that_there_is(offered: tuple[str, ...] | None) -> None:
    metadata = make_metadata(token_endpoint_auth_methods_supported=offered)
    form, _ = authenticate((), {}, credentials(method="auto"), metadata, Quirks())
    assert "client_assertion" in dict(form)


def test_CAUTH_1_auto_does_not_sign_for_a_server_that_does_not_take_it() -> None:
    metadata = make_metadata(token_endpoint_auth_methods_supported=("client_secret_basic",))
    with pytest.raises(Misconfigured, match="does not take a signed client assertion"):
        authenticate((), {}, credentials(method="auto"), metadata, Quirks())


def test_LEAK_5_credentials_show_no_key() -> None:
    shown = repr(credentials())
    assert KEY.kid in shown
    assert KEY.sealed.reveal() not in shown
