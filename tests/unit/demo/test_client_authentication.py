"""Client authentication at the demo provider: one proof, of the registered kind, checked strictly (CAUTH)."""

import base64
import json
import time
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from support.demo_clients import ASSERTION_TYPE, DemoClient, basic, client_assertion, client_claims
from support.demo_provider import DemoProvider

ENDPOINTS = ("/token", "/device_authorization", "/revoke", "/introspect", "/par")


def send(provider: DemoProvider, path: str, form: Any, headers: dict[str, str] | None = None) -> requests.Response:
    return requests.post(provider.issuer + path, data=form, headers=headers, timeout=60)


def authenticated(answer: requests.Response) -> bool:
    """Whether the client was accepted: what follows, a made-up refresh token, is refused later."""
    if answer.status_code == 400 and answer.json()["error"] == "invalid_grant":
        return True
    assert answer.status_code in (400, 401), answer.text
    assert answer.json()["error"] in ("invalid_client", "invalid_request")
    assert (answer.json()["error"] == "invalid_client") == (answer.status_code == 401)
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    return False


def refresh(
    provider: DemoProvider, form: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> requests.Response:
    body = {"grant_type": "refresh_token", "refresh_token": "made-up"} | (form or {})
    return send(provider, "/token", body, headers)


def by_assertion(provider: DemoProvider, assertion: str, **form: str) -> requests.Response:
    fields = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion} | form
    return refresh(provider, fields)


@pytest.mark.parametrize("name", ["confidential", "private_key_jwt"])
def test_CAUTH_1_a_confidential_client_signs_in_and_refreshes_with_its_credentials(
    demo_provider: DemoProvider, name: str
) -> None:
    client = DemoClient(demo_provider, name)
    tokens = client.sign_in().json()
    renewed = client.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert renewed.status_code == 200
    assert demo_provider.call(renewed.json()["access_token"]).json()["client_id"] == client.client_id
    bare = demo_provider.token_request(
        client_id=client.client_id, grant_type="refresh_token", refresh_token=renewed.json()["refresh_token"]
    )
    assert not authenticated(bare)


def test_CAUTH_1_each_of_two_secret_methods_works_and_both_together_do_not(demo_provider: DemoProvider) -> None:
    known = demo_provider.description["clients"]["confidential"]
    pair = {"client_id": known["client_id"], "client_secret": known["client_secret"]}
    headers = basic(client_id=pair["client_id"], secret=pair["client_secret"])
    assert authenticated(refresh(demo_provider, pair))
    assert authenticated(refresh(demo_provider, headers=headers))
    assert authenticated(refresh(demo_provider, {"client_id": pair["client_id"]}, headers))
    both = refresh(demo_provider, pair, headers)
    assert (both.status_code, both.json()["error"]) == (400, "invalid_request")
    assert not authenticated(refresh(demo_provider, {"client_id": "tokenkeep-demo"}, headers))


@pytest.mark.parametrize("path", ENDPOINTS)
def test_CAUTH_1_every_endpoint_refuses_two_proofs_and_wrong_ones(demo_provider: DemoProvider, path: str) -> None:
    known = demo_provider.description["clients"]["confidential"]
    form = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x", "device_code": "x"}
    headers = basic(known["client_id"], known["client_secret"])
    two = send(demo_provider, path, form | {"client_id": known["client_id"], "client_secret": "x"}, headers)
    assert (two.status_code, two.json()["error"]) == (400, "invalid_request")
    assertion = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": client_assertion(demo_provider)}
    assert send(demo_provider, path, form | assertion, headers).json()["error"] == "invalid_request"
    for wrong in (basic(known["client_id"], "wrong"), {"Authorization": "Bearer x"}, {"Authorization": "Basic %"}):
        refused = send(demo_provider, path, form, wrong)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        assert refused.headers["WWW-Authenticate"].startswith("Basic ")


def test_CAUTH_1_a_public_client_has_no_secret_and_a_confidential_one_needs_it(demo_provider: DemoProvider) -> None:
    known = demo_provider.description["clients"]
    public = demo_provider.client_id
    assert authenticated(refresh(demo_provider, {"client_id": public}))
    assert not authenticated(refresh(demo_provider, {"client_id": public, "client_secret": "x"}))
    assert not authenticated(refresh(demo_provider, headers=basic(public, "x")))
    assert not authenticated(refresh(demo_provider))
    for name in ("confidential", "private_key_jwt", "tls"):
        assert not authenticated(refresh(demo_provider, {"client_id": known[name]["client_id"]}))


def test_CAUTH_2_basic_credentials_are_form_decoded_unless_the_switch_says_raw(demo_provider: DemoProvider) -> None:
    known = demo_provider.description["clients"]["confidential"]
    pair = f"{known['client_id']}:{known['client_secret']}".encode()
    raw = {"Authorization": "Basic " + base64.b64encode(pair).decode()}
    encoded = basic(known["client_id"], known["client_secret"])
    assert authenticated(refresh(demo_provider, headers=encoded))
    assert not authenticated(refresh(demo_provider, headers=raw))
    demo_provider.faults(basic="raw")
    assert authenticated(refresh(demo_provider, headers=raw))
    assert not authenticated(refresh(demo_provider, headers=encoded))
    demo_provider.faults(basic="wants_client_id")
    assert refresh(demo_provider, headers=encoded).json()["error"] == "invalid_request"
    assert authenticated(refresh(demo_provider, {"client_id": known["client_id"]}, encoded))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "somebody-else"}, "iss and sub"),
        ({"sub": "tokenkeep-demo-confidential"}, ""),
        ({"aud": "https://somebody-else.invalid"}, "aud"),
        ({"aud": None}, "aud"),
        ({"exp": None}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"exp": int(time.time()) - 3600}, "expired"),
        ({"exp": int(time.time()) + 7200}, "longer"),
        ({"iat": int(time.time()) + 3600, "exp": int(time.time()) + 3660}, "not yet valid"),
        ({"nbf": int(time.time()) + 3600}, "not yet valid"),
        ({"jti": None}, "jti"),
        ({"jti": 7}, "jti"),
    ],
)
def test_CAUTH_3_an_assertion_with_wrong_claims_is_refused_with_the_reason(
    demo_provider: DemoProvider, changes: dict[str, Any], reason: str
) -> None:
    answer = by_assertion(demo_provider, client_assertion(demo_provider, **changes))
    assert not authenticated(answer)
    assert reason in answer.json()["error_description"]


def test_CAUTH_3_an_assertion_works_once(demo_provider: DemoProvider) -> None:
    assertion = client_assertion(demo_provider)
    assert authenticated(by_assertion(demo_provider, assertion))
    logged = demo_provider.log("/token")[0]
    client_id = demo_provider.description["clients"]["private_key_jwt"]["client_id"]
    assert (logged["client_id"], logged["client_auth"]) == (client_id, "private_key_jwt")
    assert logged["client_assertion_header"]["typ"] == "client-authentication+jwt"
    assert logged["client_assertion_claims"]["aud"] == demo_provider.issuer
    assert assertion.rpartition(".")[2] not in str(demo_provider.log())
    again = by_assertion(demo_provider, assertion)
    assert not authenticated(again)
    assert "used before" in again.json()["error_description"]
    known = demo_provider.description["clients"]["private_key_jwt"]["client_id"]
    assert authenticated(by_assertion(demo_provider, client_assertion(demo_provider), client_id=known))
    other = by_assertion(demo_provider, client_assertion(demo_provider), client_id=demo_provider.client_id)
    assert other.json()["error"] == "invalid_request"


def test_CAUTH_3_the_audience_is_the_issuer_as_one_text_or_the_endpoint_by_switch(demo_provider: DemoProvider) -> None:
    def ask(audience: object) -> bool:
        return authenticated(by_assertion(demo_provider, client_assertion(demo_provider, aud=audience)))

    issuer, endpoint = demo_provider.issuer, f"{demo_provider.issuer}/token"
    assert [ask(issuer), ask(endpoint), ask([issuer])] == [True, False, False]
    demo_provider.faults(assertion_audience="token_endpoint")
    assert [ask(issuer), ask(endpoint), ask([endpoint])] == [False, True, False]
    demo_provider.faults(assertion_audience="any")
    assert [ask(issuer), ask(endpoint)] == [True, True]


def test_CAUTH_3_the_explicit_type_is_taken_required_or_refused(demo_provider: DemoProvider) -> None:
    def ask(kind: str | None) -> bool:
        return authenticated(by_assertion(demo_provider, client_assertion(demo_provider, header={"typ": kind})))

    explicit = "client-authentication+jwt"
    assert [ask(explicit), ask("JWT"), ask(None), ask("at+jwt")] == [True, True, True, False]
    demo_provider.faults(assertion_type="required")
    assert [ask(explicit), ask("JWT"), ask(None)] == [True, False, False]
    demo_provider.faults(assertion_type="refused")
    assert [ask(explicit), ask("JWT"), ask(None)] == [False, True, True]


def test_CAUTH_3_only_the_registered_key_and_asymmetric_algorithms_count(demo_provider: DemoProvider) -> None:
    known = demo_provider.description["clients"]["private_key_jwt"]
    claims = client_claims(demo_provider, known["client_id"])
    stranger = ECKey.generate_key("P-256")
    unsigned = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    forged = [
        jwt.encode({"alg": "ES256", "kid": "client-key-1"}, claims, stranger),
        jwt.encode({"alg": "ES256", "kid": 'no "such" key'}, claims, stranger),
        jwt.encode({"alg": "RS256"}, claims, RSAKey.generate_key(2048)),
        jwt.encode({"alg": "HS256", "kid": "client-key-1"}, claims, OctKey.import_key("x" * 64)),
        f"eyJhbGciOiJub25lIn0.{unsigned}.",
        "not.a.jwt",
        "ü",
        "a" * 20000,
    ]
    assert [authenticated(by_assertion(demo_provider, token)) for token in forged] == [False] * len(forged)
    assert refresh(demo_provider, {"client_assertion": forged[0]}).json()["error"] == "invalid_request"
    wrong_type = {"client_assertion": client_assertion(demo_provider), "client_assertion_type": "saml"}
    assert refresh(demo_provider, wrong_type).json()["error"] == "invalid_request"


def test_CAUTH_3_the_algorithm_must_be_among_those_that_the_switch_lists(demo_provider: DemoProvider) -> None:
    demo_provider.faults(assertion_algs='["RS256"]')
    refused = by_assertion(demo_provider, client_assertion(demo_provider))
    assert not authenticated(refused)
    assert "algorithm" in refused.json()["error_description"]
    demo_provider.faults(assertion_algs='["RS256", "ES256"]')
    assert authenticated(by_assertion(demo_provider, client_assertion(demo_provider)))


def test_CAUTH_3_a_wrong_server_clock_shows_in_the_reason_and_in_the_Date(demo_provider: DemoProvider) -> None:
    for seconds, reason in ((3600, "expired"), (-3600, "not yet valid")):
        demo_provider.faults(clock=str(seconds))
        answer = by_assertion(demo_provider, client_assertion(demo_provider))
        assert not authenticated(answer)
        assert reason in answer.json()["error_description"]


REFUSALS = {
    "invalid_client": (401, "invalid_client"),
    "invalid_client_400": (400, "invalid_client"),
    "unauthorized_client": (400, "unauthorized_client"),
    "empty_400": (400, None),
    "empty_401": (401, None),
    "empty_403": (403, None),
    "html": (401, None),
}


@pytest.mark.parametrize(("fault", "expected"), REFUSALS.items())
def test_CAUTH_4_a_refused_client_keeps_its_refresh_token(
    demo_provider: DemoProvider, fault: str, expected: tuple[int, str | None]
) -> None:
    tokens = demo_provider.tokens()
    demo_provider.faults(client_auth=f"{fault}*1")
    answer = demo_provider.refresh(tokens["refresh_token"])
    is_json = answer.headers["Content-Type"].startswith("application/json")
    assert (answer.status_code, answer.json()["error"] if is_json else None) == expected
    assert ("WWW-Authenticate" in answer.headers) == (answer.status_code == 401)
    assert demo_provider.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("path", ENDPOINTS)
def test_CAUTH_4_the_switch_reaches_every_endpoint_where_clients_authenticate(
    demo_provider: DemoProvider, path: str
) -> None:
    demo_provider.faults(client_auth="empty_403")
    assert send(demo_provider, path, {"client_id": demo_provider.client_id}).status_code == 403


def test_DCR_4_secrets_can_be_taken_for_expired(demo_provider: DemoProvider) -> None:
    client = DemoClient(demo_provider, "confidential")
    demo_provider.faults(client_secret="expired*1")
    refused = client.token(grant_type="refresh_token", refresh_token="x")
    assert not authenticated(refused)
    assert "expired" in refused.json()["error_description"]
    assert authenticated(client.token(grant_type="refresh_token", refresh_token="x"))


def test_CAUTH_1_the_metadata_lists_the_methods_and_the_switch_changes_the_list(demo_provider: DemoProvider) -> None:
    def metadata() -> dict[str, Any]:
        url = f"{demo_provider.issuer}/.well-known/oauth-authorization-server"
        members: dict[str, Any] = requests.get(url, timeout=60).json()
        return members

    methods = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
    for endpoint in ("token", "revocation"):
        assert metadata()[f"{endpoint}_endpoint_auth_methods_supported"] == methods
        assert "ES256" in metadata()[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
        assert not {"none", "HS256"} & set(metadata()[f"{endpoint}_endpoint_auth_signing_alg_values_supported"])
    demo_provider.faults(auth_methods="absent")
    assert "token_endpoint_auth_methods_supported" not in metadata()
    demo_provider.faults(assertion_algs="absent")
    assert "token_endpoint_auth_signing_alg_values_supported" not in metadata()
    demo_provider.faults(auth_methods='["client_secret_post"]')
    assert metadata()["token_endpoint_auth_methods_supported"] == ["client_secret_post"]


def test_CAUTH_1_codes_and_refresh_tokens_are_of_one_client(demo_provider: DemoProvider) -> None:
    other = DemoClient(demo_provider, "confidential")
    request = demo_provider.authorization_request()
    code = request.form(demo_provider.sign_in(request.url))
    url, form = f"{demo_provider.issuer}/device_authorization", {"client_id": demo_provider.client_id}
    device = requests.post(url, data=form, timeout=60).json()
    demo_provider.approve_device(device["user_code"])
    polled = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": device["device_code"]}
    refreshed = {"grant_type": "refresh_token", "refresh_token": demo_provider.tokens()["refresh_token"]}
    for grant in (code, polled, refreshed):
        refused = other.token(**grant)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        assert demo_provider.token_request(**grant).status_code == 200
