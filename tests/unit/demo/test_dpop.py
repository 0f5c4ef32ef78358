"""DPoP at the demo provider's endpoints: bound tokens, nonces of two servers, and the switches (RFC 9449)."""

import secrets
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey

from support.demo_provider import DEVICE_GRANT, Browser, DemoProvider
from tokenkeep.demo.oauth.dpop import token_hash

KEY, OTHER_KEY = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")


def proof(method: str, url: str, *, key: ECKey = KEY, token: str | None = None, **claims: Any) -> str:
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
    body = {"jti": secrets.token_urlsafe(12), "htm": method, "htu": url, "iat": int(time.time())}
    return jwt.encode(header, body | ({"ath": token_hash(token)} if token else {}) | claims, key)


class Client:
    """A client that binds what it gets to a key."""

    def __init__(self, provider: DemoProvider) -> None:
        self.provider = provider

    def post(self, form: dict[str, str], sent: str | None = None, **claims: Any) -> requests.Response:
        url = f"{self.provider.issuer}/token"
        headers = {"DPoP": sent or proof("POST", url, **claims)}
        body = {"client_id": self.provider.client_id} | form
        return requests.post(url, data=body, headers=headers, timeout=60)

    def code(self, **changes: str) -> dict[str, str]:
        """The form of an exchange after a sign-in."""
        asked = self.provider.authorization_request(**changes)
        query = parse_qs(urlsplit(self.provider.sign_in(asked.url)).query)
        return {
            "grant_type": "authorization_code",
            "code": query["code"][0],
            "redirect_uri": asked.parameters["redirect_uri"],
            "code_verifier": asked.verifier,
        }

    def tokens(self) -> dict[str, Any]:
        answer = self.post(self.code())
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def refresh(self, refresh_token: str, **claims: Any) -> requests.Response:
        return self.post({"grant_type": "refresh_token", "refresh_token": refresh_token}, **claims)

    def call(self, token: str, scheme: str = "DPoP", sent: str | None = None, **claims: Any) -> requests.Response:
        url = self.provider.whoami
        headers = {"Authorization": f"{scheme} {token}", "DPoP": sent or proof("GET", url, token=token, **claims)}
        return requests.get(url, headers=headers, timeout=60)


@pytest.fixture
def client(demo_provider: DemoProvider) -> Client:
    return Client(demo_provider)


def error_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_DPOP_2_a_bound_token_opens_the_resource_with_its_proof_alone(client: Client) -> None:
    tokens = client.tokens()
    assert tokens["token_type"] == "DPoP"
    token = tokens["access_token"]
    assert client.call(token).status_code == 200
    assert client.call(token, "dpop").status_code == 200
    assert error_of(client.call(token, "Bearer")) == (401, "invalid_token")
    assert error_of(client.call(token, key=OTHER_KEY)) == (401, "invalid_token")
    assert error_of(client.call(token, ath="x")) == (401, "invalid_dpop_proof")
    assert error_of(client.call(token, htm="POST")) == (401, "invalid_dpop_proof")
    without = requests.get(client.provider.whoami, headers={"Authorization": f"DPoP {token}"}, timeout=60)
    assert error_of(without) == (401, "invalid_dpop_proof")
    assert 'DPoP error="invalid_dpop_proof", algs="ES256 ES384 PS256"' in without.headers["WWW-Authenticate"]


def test_DPOP_2_an_unbound_token_does_not_go_under_the_scheme_DPoP(client: Client) -> None:
    token = client.provider.tokens()["access_token"]
    assert error_of(client.call(token)) == (401, "invalid_token")
    assert client.provider.call(token).status_code == 200


def test_DPOP_1_a_proof_is_good_once(client: Client) -> None:
    token = client.tokens()["access_token"]
    sent = proof("GET", client.provider.whoami, token=token)
    assert client.call(token, sent=sent).status_code == 200
    assert error_of(client.call(token, sent=sent)) == (401, "invalid_dpop_proof")
    used = proof("POST", f"{client.provider.issuer}/token")
    assert client.post(client.code(), used).status_code == 200
    assert error_of(client.post(client.code(), used)) == (400, "invalid_dpop_proof")


def test_DPOP_5_a_refresh_token_of_a_public_client_belongs_to_its_key(client: Client) -> None:
    tokens = client.tokens()
    assert error_of(client.refresh(tokens["refresh_token"], key=OTHER_KEY)) == (400, "invalid_grant")
    assert error_of(client.provider.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    fresh = client.refresh(tokens["refresh_token"]).json()
    assert fresh["token_type"] == "DPoP"
    assert client.call(fresh["access_token"]).status_code == 200


def test_DPOP_1_a_code_can_be_bound_before_it_exists(client: Client) -> None:
    form = client.code(dpop_jkt=KEY.thumbprint())
    assert error_of(client.post(form, key=OTHER_KEY)) == (400, "invalid_grant")
    assert error_of(client.provider.token_request(**form)) == (400, "invalid_grant")
    assert client.post(form).status_code == 200
    bad = client.provider.authorization_request(dpop_jkt="short")
    location = Browser(client.provider).get(bad.url).headers["Location"]
    assert parse_qs(urlsplit(location).query)["error"] == ["invalid_request"]


def test_DPOP_1_a_device_code_can_be_bound(client: Client) -> None:
    body = {"client_id": client.provider.client_id, "dpop_jkt": KEY.thumbprint()}
    device = requests.post(f"{client.provider.issuer}/device_authorization", data=body, timeout=60).json()
    client.provider.approve_device(device["user_code"])
    form = {"grant_type": DEVICE_GRANT, "device_code": device["device_code"]}
    assert error_of(client.post(form, key=OTHER_KEY)) == (400, "invalid_grant")
    assert client.post(form).json()["token_type"] == "DPoP"


def test_DPOP_4_a_nonce_can_be_required_and_is_each_servers_own(client: Client) -> None:
    token = client.tokens()["access_token"]
    client.provider.faults(as_nonce="required", rs_nonce="required")
    form = client.code()
    refused = client.post(form)
    assert error_of(refused) == (400, "use_dpop_nonce")
    at_server = refused.headers["DPoP-Nonce"]
    challenge = client.call(token)
    assert error_of(challenge) == (401, "use_dpop_nonce")
    assert 'error="use_dpop_nonce"' in challenge.headers["WWW-Authenticate"]
    at_resource = challenge.headers["DPoP-Nonce"]
    assert at_server != at_resource
    assert error_of(client.call(token, nonce=at_server)) == (401, "use_dpop_nonce")
    assert error_of(client.post(form, nonce=at_resource)) == (400, "use_dpop_nonce")
    assert client.post(form, nonce=at_server).status_code == 200
    assert client.call(token, nonce=at_resource).status_code == 200


def test_DPOP_4_a_nonce_that_was_never_given_is_refused_even_where_none_is_needed(client: Client) -> None:
    assert error_of(client.post(client.code(), nonce="made-up")) == (400, "use_dpop_nonce")


def test_DPOP_4_a_nonce_can_be_renewed_with_each_good_answer(client: Client) -> None:
    token = client.tokens()["access_token"]
    client.provider.faults(rs_nonce="renew")
    first = client.call(token).headers["DPoP-Nonce"]
    good = client.call(token, nonce=first)
    assert good.status_code == 200
    assert good.headers["DPoP-Nonce"] != first
    assert error_of(client.call(token, nonce=first)) == (401, "use_dpop_nonce")
    client.provider.faults(rs_nonce="offered")
    assert client.call(token).headers["DPoP-Nonce"]


@pytest.mark.parametrize("value", ["endless", "no_header", "two_headers"])
def test_DPOP_4_a_server_can_be_never_content(client: Client, value: str) -> None:
    client.provider.faults(as_nonce=value)
    form, nonce, seen = client.code(), None, []
    for _ in range(3):
        answer = client.post(form, **({"nonce": nonce} if nonce else {}))
        assert error_of(answer) == (400, "use_dpop_nonce")
        nonce = answer.headers.get("DPoP-Nonce")
        seen.append(nonce)
    assert (nonce is None) == (value == "no_header")
    if value == "endless":
        assert len(set(seen)) == 3


def test_DPOP_3_the_switch_dpop_does_what_it_says(client: Client) -> None:
    provider, form = client.provider, client.code()
    provider.faults(dpop="required*1")
    assert error_of(provider.token_request(**form)) == (400, "invalid_dpop_proof")
    provider.faults(dpop="refused*1")
    assert error_of(client.post(form)) == (400, "invalid_dpop_proof")
    provider.faults(dpop="ignored*1")
    tokens = client.post(form).json()
    assert tokens["token_type"] == "Bearer"
    assert provider.call(tokens["access_token"]).status_code == 200
    provider.faults(dpop="bearer_type")
    bound = client.tokens()
    assert bound["token_type"] == "Bearer"
    assert provider.call(bound["access_token"]).status_code == 200
    assert error_of(provider.refresh(bound["refresh_token"])) == (400, "invalid_grant")  # RFC 9449 §5


def test_DPOP_2_the_switch_rs_dpop_does_what_it_says(client: Client) -> None:
    token = client.tokens()["access_token"]
    client.provider.faults(rs_dpop="refused*1")
    assert error_of(client.call(token)) == (401, "invalid_dpop_proof")
    client.provider.faults(rs_dpop="bearer_only")
    assert "DPoP" not in requests.get(client.provider.whoami, timeout=60).headers["WWW-Authenticate"]
    assert client.call(token, "Bearer").status_code == 200
    assert error_of(client.call(token)) == (401, "unauthorized")
    client.provider.faults(rs_dpop="other_algs")
    assert 'algs="HS256 ES256K"' in requests.get(client.provider.whoami, timeout=60).headers["WWW-Authenticate"]


def test_DPOP_1_the_log_names_key_and_proof_but_holds_neither(client: Client) -> None:
    sent = proof("POST", f"{client.provider.issuer}/token")
    client.post(client.code(), sent)
    entry = client.provider.log("/token")[-1]
    assert entry["dpop_jkt"] == KEY.thumbprint()
    assert entry["dpop_jti"]
    assert sent not in str(client.provider.log())


def test_DPOP_1_metadata_of_both_servers_names_the_algorithms(demo_provider: DemoProvider) -> None:
    for document in ("oauth-authorization-server", "oauth-protected-resource/api"):
        found = requests.get(f"{demo_provider.issuer}/.well-known/{document}", timeout=60).json()
        assert found["dpop_signing_alg_values_supported"] == ["ES256", "ES384", "PS256"]
