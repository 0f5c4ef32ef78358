"""id_tokens and userinfo of the demo provider, checked with its published keys."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from support.demo_provider import DemoProvider
from tokenkeep.demo.faults.table import BY_NAME

# Those of the id_token faults that a check of signature, algorithm and header must find.
SIGNATURE_FAULTS = {
    "garbage",
    "five_parts",
    "alg_none",
    "alg_none_mixed",
    "hs256",
    "bad_signature",
    "other_key",
    "unknown_kid",
    "jwk_header",
    "crit",
    "random_kid",
}
# These verify, by keys that no client may use.
WORTHLESS_KEYS = {"rsa_1024": "RS256", "es256_p384": "ES256"}


def verify(provider: DemoProvider, id_token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(requests.get(f"{provider.issuer}/jwks.json", timeout=60).json())
    claims: dict[str, Any] = jwt.decode(id_token, keys, algorithms=["RS256"]).claims
    return claims


def sign_in(provider: DemoProvider, **changes: str) -> tuple[dict[str, Any], str]:
    """A token answer and the nonce that was asked for."""
    request = provider.authorization_request(**changes)
    tokens: dict[str, Any] = request.exchange(provider.sign_in(request.url)).json()
    return tokens, request.parameters["nonce"]


def test_OIDC_1_the_id_token_verifies_and_has_the_asked_claims(demo_provider: DemoProvider) -> None:
    tokens, nonce = sign_in(demo_provider)
    claims = verify(demo_provider, tokens["id_token"])
    assert claims["iss"] == demo_provider.issuer
    assert claims["aud"] == demo_provider.client_id
    assert claims["nonce"] == nonce
    assert claims["sub"] == "demo-ada"
    assert claims["exp"] - claims["iat"] == 300
    assert 0 <= claims["iat"] - claims["auth_time"] < 300
    assert (claims["name"], claims["email"]) == ("Ada Lovelace", "ada@demo.invalid")


def test_OIDC_2_at_hash_is_the_left_half_of_the_access_tokens_hash(demo_provider: DemoProvider) -> None:
    from authlib.oidc.core.util import create_half_hash

    tokens, _ = sign_in(demo_provider)
    claims = verify(demo_provider, tokens["id_token"])
    assert claims["at_hash"] == create_half_hash(tokens["access_token"], "RS256").decode()


def test_OIDC_10_a_refreshed_id_token_keeps_sub_and_auth_time(demo_provider: DemoProvider) -> None:
    tokens, _ = sign_in(demo_provider)
    first = verify(demo_provider, tokens["id_token"])
    second = verify(demo_provider, demo_provider.refresh(tokens["refresh_token"]).json()["id_token"])
    for name in ("iss", "sub", "aud", "auth_time"):
        assert first[name] == second[name]
    assert "nonce" not in second


def test_without_openid_there_is_no_id_token_and_no_userinfo(demo_provider: DemoProvider) -> None:
    tokens, _ = sign_in(demo_provider, scope="notes:read")
    assert "id_token" not in tokens
    answer = demo_provider.call(tokens["access_token"], "/../userinfo")
    assert answer.status_code == 403


def test_OIDC_9_userinfo_holds_what_the_scope_allows(demo_provider: DemoProvider) -> None:
    def userinfo(scope: str) -> dict[str, Any]:
        token = demo_provider.tokens(scope=scope)["access_token"]
        answer = requests.get(
            f"{demo_provider.issuer}/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=60
        )
        members: dict[str, Any] = answer.json()
        return members

    assert userinfo("openid") == {"sub": "demo-ada"}
    assert userinfo("openid email") == {"sub": "demo-ada", "email": "ada@demo.invalid", "email_verified": True}
    refused = requests.get(f"{demo_provider.issuer}/userinfo", timeout=60)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("fault", BY_NAME["id_token"].values)
def test_DEMO_3_every_id_token_fault_changes_the_id_token(demo_provider: DemoProvider, fault: str) -> None:
    demo_provider.faults(id_token=fault)
    tokens, nonce = sign_in(demo_provider)
    if fault == "absent":
        assert "id_token" not in tokens
        return
    if fault in SIGNATURE_FAULTS:
        with pytest.raises((JoseError, ValueError)):
            verify(demo_provider, tokens["id_token"])
        return
    if fault in WORTHLESS_KEYS:
        header = json.loads(urlsafe_b64decode(tokens["id_token"].split(".")[0] + "=="))
        keys = requests.get(f"{demo_provider.issuer}/jwks.json", timeout=60).json()["keys"]
        (key,) = [key for key in keys if key["kid"] == header["kid"]]
        assert header["alg"] == WORTHLESS_KEYS[fault]
        assert key.get("crv") == "P-384" or len(urlsafe_b64decode(key["n"] + "==")) == 1024 // 8
        demo_provider.clear_faults()
        assert len(requests.get(f"{demo_provider.issuer}/jwks.json", timeout=60).json()["keys"]) == 1
        return
    claims = verify(demo_provider, tokens["id_token"])
    wrong = (
        claims.get("iss") != demo_provider.issuer
        or claims.get("aud") != demo_provider.client_id
        or claims.get("nonce") != nonce
        or claims.get("sub") != "demo-ada"
        or not isinstance(claims.get("exp"), int)
        or not isinstance(claims.get("iat"), int)
        or claims["exp"] - claims["iat"] != 300
        or not 0 <= claims["iat"] - claims.get("auth_time", 0) < 300
        or claims["at_hash"] == "A" * 22
        or claims.get("acr") != "urn:tokenkeep:demo:password"
        or fault in ("no_kid", "future_iat", "old_iat")
    )
    assert wrong, claims


def test_OIDC_7_the_rotate_switch_signs_with_a_key_that_was_not_published_before(demo_provider: DemoProvider) -> None:
    before = requests.get(f"{demo_provider.issuer}/jwks.json", timeout=60).json()["keys"]
    demo_provider.faults(jwks="rotate")
    tokens, _ = sign_in(demo_provider)
    with pytest.raises((JoseError, ValueError)):
        jwt.decode(tokens["id_token"], KeySet.import_key_set({"keys": before}), algorithms=["RS256"])
    assert verify(demo_provider, tokens["id_token"])["sub"] == "demo-ada"


def test_DEMO_1_each_run_has_its_own_key(demo_provider: DemoProvider) -> None:
    with DemoProvider() as other:
        keys = [
            requests.get(f"{p.issuer}/jwks.json", timeout=60).json()["keys"][0]["n"] for p in (demo_provider, other)
        ]
        assert other.call(demo_provider.tokens()["access_token"]).status_code == 401
    assert keys[0] != keys[1]


def key_set(provider: DemoProvider) -> requests.Response:
    return requests.get(f"{provider.issuer}/jwks.json", timeout=60, allow_redirects=False)


@pytest.mark.parametrize("fault", [value for value in BY_NAME["jwks"].values if value not in ("rotate", "overlap")])
def test_OIDC_7_every_key_set_fault_changes_the_key_set(demo_provider: DemoProvider, fault: str) -> None:
    honest = key_set(demo_provider).json()
    demo_provider.faults(jwks=fault)
    answer = key_set(demo_provider)
    if answer.status_code != 200 or not answer.headers["Content-Type"].startswith("application/json"):
        assert fault in ("redirect", "html", str(answer.status_code))
        return
    assert answer.json() != honest
    if fault == "crowded":
        # The good one is among them, the last of its id.
        assert answer.json()["keys"][-1] == honest["keys"][0]
    elif fault == "stranger":
        (key,) = answer.json()["keys"]
        assert key["kid"] == honest["keys"][0]["kid"]
        assert key["n"] != honest["keys"][0]["n"]
    elif fault == "two_no_kid":
        assert [key.get("kid") for key in answer.json()["keys"]] == [None, None]


def test_OIDC_7_random_key_ids_are_all_different(demo_provider: DemoProvider) -> None:
    demo_provider.faults(id_token="random_kid")
    heads = {sign_in(demo_provider)[0]["id_token"].split(".")[0] for _ in range(5)}
    assert len(heads) == 5


@pytest.mark.parametrize("fault", ["signed", *(v for v in BY_NAME["userinfo"].values if v.startswith("signed_"))])
def test_OIDC_9_signed_userinfo_is_good_or_bad_as_named(demo_provider: DemoProvider, fault: str) -> None:
    token = demo_provider.tokens()["access_token"]
    demo_provider.faults(userinfo=fault)
    url, header = f"{demo_provider.issuer}/userinfo", {"Authorization": f"Bearer {token}"}
    answer = requests.get(url, headers=header, timeout=60)
    assert answer.headers["Content-Type"] == "application/jwt"
    try:
        claims = verify(demo_provider, answer.text)
    except (JoseError, ValueError):
        claims = {}
    good = claims.get("iss") == demo_provider.issuer and claims.get("aud") == demo_provider.client_id
    assert good == (fault == "signed")
    if good:
        assert claims["sub"] == "demo-ada"


def test_OIDC_11_honest_id_tokens_say_how_and_when_somebody_signed_in(demo_provider: DemoProvider) -> None:
    tokens, _ = sign_in(demo_provider)
    claims = verify(demo_provider, tokens["id_token"])
    metadata = requests.get(f"{demo_provider.issuer}/.well-known/openid-configuration", timeout=60).json()
    assert claims["acr"] in metadata["acr_values_supported"]
    assert 0 <= claims["iat"] - claims["auth_time"] < 300


def test_OIDC_5_the_clock_switch_moves_the_times_of_id_tokens(demo_provider: DemoProvider) -> None:
    tokens, _ = sign_in(demo_provider)
    right = verify(demo_provider, tokens["id_token"])["iat"]
    demo_provider.faults(clock="3600")
    tokens, _ = sign_in(demo_provider)
    claims = verify(demo_provider, tokens["id_token"])
    assert 3600 <= claims["iat"] - right < 3600 + 120
    assert claims["exp"] - claims["iat"] == 300
