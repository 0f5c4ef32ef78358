"""What makes a DPoP proof good: the examples of RFC 9449 and RFC 7638, and every single thing that can be wrong."""

import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey, import_key

from support.proofs import ACCESS_TOKEN, ATH, RESOURCE_PROOF, THUMBPRINT, TOKEN_PROOF
from tokenkeep.demo.oauth.dpop import InvalidDPoPProofError, read_proof, token_hash

URL = "https://server.example.com/token"
KEY = ECKey.generate_key("P-256")


def proof(header: dict[str, Any] | None = None, key: Any = KEY, **claims: Any) -> str:
    """A good proof for POST at URL with the changes applied; None removes a member."""
    head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": KEY.as_dict(private=False)} | (header or {})
    body = {"jti": "a", "htm": "POST", "htu": URL, "iat": int(time.time())} | claims
    kept = ({name: value for name, value in part.items() if value is not None} for part in (head, body))
    return jwt.encode(*kept, key, algorithms=["ES256", "ES384", "PS256", "HS256", "RS256", "ES512"])


def check(text: str, **changes: Any) -> str:
    return read_proof(text, **{"method": "POST", "url": URL, "now": time.time()} | changes).jkt


def test_DPOP_1_the_examples_of_RFC_9449_are_good_proofs() -> None:
    assert check(TOKEN_PROOF, now=1562262616) == THUMBPRINT
    url = "https://resource.example.org/protectedresource"
    found = read_proof(RESOURCE_PROOF, method="GET", url=url, now=1562262618, access_token=ACCESS_TOKEN)
    assert found.jkt == THUMBPRINT
    assert found.claims["ath"] == token_hash(ACCESS_TOKEN) == ATH


def test_DPOP_1_the_thumbprint_is_that_of_RFC_7638() -> None:
    key = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi"
        "FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu"
        "6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awa"
        "pJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    assert import_key(key).thumbprint() == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_DPOP_1_a_good_proof_is_taken_with_each_algorithm() -> None:
    assert check(proof()) == KEY.thumbprint()
    for algorithm, key in (("ES384", ECKey.generate_key("P-384")), ("PS256", RSAKey.generate_key(2048))):
        header = {"alg": algorithm, "jwk": key.as_dict(private=False)}
        assert check(proof(header, key)) == key.thumbprint()


@pytest.mark.parametrize(
    "changes",
    [
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"htm": None},
        {"htm": "GET"},
        {"htm": "post"},
        {"htu": None},
        {"htu": URL + "?x=1"},
        {"htu": URL + "#x"},
        {"htu": URL + "/"},
        {"htu": URL.replace("https", "http")},
        {"htu": URL.replace("server", "other")},
        {"iat": None},
        {"iat": "now"},
        {"iat": True},
        {"iat": int(time.time()) - 7200},
        {"iat": int(time.time()) + 7200},
        {"ath": "x" * 43},
    ],
)
def test_DPOP_1_a_wrong_claim_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidDPoPProofError):
        check(proof(**changes), access_token="token" if "ath" in changes else None)


def test_DPOP_2_a_proof_without_the_hash_of_its_token_is_refused() -> None:
    with pytest.raises(InvalidDPoPProofError):
        check(proof(), access_token="token")
    assert check(proof(ath=token_hash("token")), access_token="token")


@pytest.mark.parametrize(
    "header",
    [
        {"typ": None},
        {"typ": "JWT"},
        {"typ": "DPOP+JWT"},
        {"jwk": None},
        {"jwk": KEY.as_dict(private=True)},
        {"jwk": {"kty": "EC"}},
        {"jwk": ECKey.generate_key("P-256").as_dict(private=False)},
    ],
)
def test_DPOP_1_a_wrong_header_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(InvalidDPoPProofError):
        check(proof(header))


def test_DPOP_1_symmetric_weak_and_unlisted_algorithms_are_refused() -> None:
    secret = OctKey.generate_key(256)
    rsa = RSAKey.generate_key(2048)
    for algorithm, key in (("HS256", secret), ("RS256", rsa), ("ES512", ECKey.generate_key("P-521"))):
        header = {"alg": algorithm, "jwk": key.as_dict(private=key is secret)}
        with pytest.raises(InvalidDPoPProofError):
            check(proof(header, key))


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "a.b.c.d.e", "é.b.c", "x" * 9000])
def test_DPOP_1_what_is_no_JWT_is_refused(text: str) -> None:
    with pytest.raises(InvalidDPoPProofError):
        check(text)


def test_DPOP_1_an_unsigned_or_altered_proof_is_refused() -> None:
    head, body, signature = proof().split(".")
    with pytest.raises(InvalidDPoPProofError):
        check(f"{head}.{body}.")
    flipped = ("B" if signature[0] != "B" else "C") + signature[1:]
    with pytest.raises(InvalidDPoPProofError):
        check(f"{head}.{body}.{flipped}")
