"""Client credentials and jwt-bearer at the demo provider (GRANT-1, GRANT-2), and the trusted issuer."""

import time
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from support.demo_clients import JWT_BEARER_GRANT, DemoClient, client_assertion, trusted_assertion
from support.demo_provider import DemoProvider

HOUR = 3600


def error_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def bearer_grant(provider: DemoProvider, assertion: str, name: str = "workload", **form: str) -> requests.Response:
    return DemoClient(provider, name).token(grant_type=JWT_BEARER_GRANT, assertion=assertion, **form)


@pytest.mark.parametrize("name", ["service", "private_key_jwt"])
def test_GRANT_1_a_confidential_client_gets_a_token_for_itself_and_no_refresh_token(
    demo_provider: DemoProvider, name: str
) -> None:
    client = DemoClient(demo_provider, name)
    tokens = client.token(grant_type="client_credentials").json()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "scope"}
    assert tokens["scope"] == "notes:read"
    me = demo_provider.call(tokens["access_token"]).json()
    assert (me["sub"], me["client_id"]) == (client.client_id, client.client_id)
    assert demo_provider.call(tokens["access_token"], "/notes").json() == {"notes": []}
    userinfo = requests.get(
        f"{demo_provider.issuer}/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}, timeout=60
    )
    assert userinfo.status_code == 403


def test_GRANT_1_public_and_unregistered_clients_get_none(demo_provider: DemoProvider) -> None:
    assert error_of(demo_provider.token_request(grant_type="client_credentials")) == (401, "invalid_client")
    confidential = DemoClient(demo_provider, "confidential")
    assert error_of(confidential.token(grant_type="client_credentials")) == (400, "unauthorized_client")


@pytest.mark.parametrize("scope", ["openid", "notes:read offline_access", "made-up", " "])
def test_GRANT_1_scopes_of_people_and_unknown_ones_are_refused(demo_provider: DemoProvider, scope: str) -> None:
    client = DemoClient(demo_provider, "private_key_jwt")
    assert error_of(client.token(grant_type="client_credentials", scope=scope)) == (400, "invalid_scope")


def test_GRANT_1_scope_and_resource_narrow_the_token(demo_provider: DemoProvider) -> None:
    client = DemoClient(demo_provider, "service")
    models = f"{demo_provider.issuer}/v1"
    tokens = client.token(grant_type="client_credentials", scope="notes:read models:use", resource=models).json()
    assert tokens["scope"] == "notes:read models:use"
    assert demo_provider.call(tokens["access_token"]).status_code == 401
    unknown = client.token(grant_type="client_credentials", resource="https://somebody-else.invalid/")
    assert error_of(unknown) == (400, "invalid_target")


def test_GRANT_1_the_switch_adds_a_refresh_token_that_nobody_should_use(demo_provider: DemoProvider) -> None:
    demo_provider.faults(machine_refresh_token="on")
    assert "refresh_token" in DemoClient(demo_provider, "service").token(grant_type="client_credentials").json()


def test_GRANT_2_the_trusted_issuer_speaks_for_people_and_programs(demo_provider: DemoProvider) -> None:
    tokens = bearer_grant(demo_provider, trusted_assertion(demo_provider)).json()
    assert "refresh_token" not in tokens
    assert demo_provider.call(tokens["access_token"]).json()["username"] == "ada"
    logged = demo_provider.log("/token")[-1]
    assert (logged["assertion_header"]["alg"], logged["assertion_claims"]["sub"]) == ("ES256", "demo-ada")
    program = trusted_assertion(demo_provider, sub="repo:demo/demo:ref:main")
    tokens = bearer_grant(demo_provider, program).json()
    assert demo_provider.call(tokens["access_token"]).json()["sub"] == "repo:demo/demo:ref:main"


def test_GRANT_2_a_client_signs_about_itself_alone(demo_provider: DemoProvider) -> None:
    known = demo_provider.description["clients"]["private_key_jwt"]["client_id"]
    url = f"{demo_provider.issuer}/token"
    # Without a client_id the issuer of the assertion is the client (RFC 7521 §4.1).
    form = {"grant_type": JWT_BEARER_GRANT, "assertion": client_assertion(demo_provider, header={"typ": "JWT"})}
    tokens = requests.post(url, data=form, timeout=60).json()
    assert demo_provider.call(tokens["access_token"]).json()["sub"] == known
    about_ada = client_assertion(demo_provider, sub="demo-ada")
    assert error_of(requests.post(url, data=form | {"assertion": about_ada}, timeout=60)) == (400, "invalid_grant")
    by_another = bearer_grant(demo_provider, client_assertion(demo_provider))
    assert error_of(by_another) == (400, "invalid_grant")
    assert "not trusted" in by_another.json()["error_description"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://somebody-else.invalid"}, "not trusted"),
        ({"iss": None}, "not trusted"),
        ({"sub": None}, "sub"),
        ({"aud": "https://somebody-else.invalid"}, "aud"),
        ({"aud": ["https://somebody-else.invalid"]}, "single text"),
        ({"exp": None}, "exp"),
        ({"jti": None}, "jti"),
        ({"iat": int(time.time()), "exp": int(time.time()) + HOUR}, "longer than"),
        ({"iat": int(time.time()) - HOUR, "exp": int(time.time()) - HOUR + 300}, "expired"),
        ({"nbf": int(time.time()) + HOUR}, "not yet valid"),
    ],
)
def test_GRANT_2_a_wrong_assertion_is_refused_with_the_reason(
    demo_provider: DemoProvider, changes: dict[str, Any], reason: str
) -> None:
    answer = bearer_grant(demo_provider, trusted_assertion(demo_provider, **changes))
    assert error_of(answer) == (400, "invalid_grant")
    assert reason in answer.json()["error_description"]


def test_GRANT_2_forged_and_repeated_assertions_are_refused(demo_provider: DemoProvider) -> None:
    forged = trusted_assertion(demo_provider, stranger=True)
    assert error_of(bearer_grant(demo_provider, forged)) == (400, "invalid_grant")
    assert error_of(bearer_grant(demo_provider, "x.y.z")) == (400, "invalid_grant")
    good = trusted_assertion(demo_provider)
    assert bearer_grant(demo_provider, good).status_code == 200
    assert "used before" in bearer_grant(demo_provider, good).json()["error_description"]
    missing = DemoClient(demo_provider, "workload").token(grant_type=JWT_BEARER_GRANT)
    assert error_of(missing) == (400, "invalid_request")
    public = demo_provider.token_request(grant_type=JWT_BEARER_GRANT, assertion=trusted_assertion(demo_provider))
    assert error_of(public) == (400, "unauthorized_client")


@pytest.mark.parametrize(("seconds", "reason"), [(HOUR, "expired"), (-HOUR, "not yet valid")])
def test_GRANT_2_a_wrong_server_clock_shows_in_the_reason_and_in_the_Date(
    demo_provider: DemoProvider, seconds: int, reason: str
) -> None:
    from email.utils import parsedate_to_datetime

    assertion = trusted_assertion(demo_provider)
    demo_provider.faults(clock=seconds)
    answer = bearer_grant(demo_provider, assertion)
    assert error_of(answer) == (400, "invalid_grant")
    assert reason in answer.json()["error_description"]
    ahead = parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
    assert abs(ahead - seconds) < HOUR / 2
    demo_provider.clear_faults()
    assert bearer_grant(demo_provider, assertion).status_code == 200


@pytest.mark.parametrize("fault", ["503", "html", "invalid_grant"])
def test_GRANT_the_machine_switch_leaves_people_alone(demo_provider: DemoProvider, fault: str) -> None:
    tokens = demo_provider.tokens()
    demo_provider.faults(machine=fault)
    assert demo_provider.refresh(tokens["refresh_token"]).status_code == 200
    for name, form in (
        ("service", {"grant_type": "client_credentials"}),
        ("workload", {"grant_type": JWT_BEARER_GRANT, "assertion": "x"}),
    ):
        assert DemoClient(demo_provider, name).token(**form).status_code != 200
    assert {entry["outcome"] for entry in demo_provider.log("/token")} >= {fault}


def test_the_trusted_issuer_publishes_its_key_and_signs_what_is_asked(demo_provider: DemoProvider) -> None:
    issuer = demo_provider.description["trusted_issuer"]
    metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=60).json()
    assert metadata["issuer"] == issuer
    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=60).json())
    token = trusted_assertion(demo_provider, header={"typ": None}, extra=[1])
    decoded = jwt.decode(token, keys, algorithms=["ES256"])
    assert decoded.claims["extra"] == [1]
    assert "typ" not in decoded.header
    url = f"{issuer}/assertion"
    wrong: list[dict[str, Any]] = [
        {"data": "{}"},
        {"json": []},
        {"json": {"claims": 1}},
        {"json": {"stranger": 1}},
        {"json": {"header": {"alg": "none"}}},
    ]
    assert [requests.post(url, timeout=60, **body).status_code for body in wrong] == [400] * len(wrong)
