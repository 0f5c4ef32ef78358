"""Token exchange at the demo provider (RFC 8693; GRANT-3, GRANT-4)."""

import secrets
import time
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from support.demo_clients import TOKEN_EXCHANGE_GRANT, DemoClient, trusted_assertion
from support.demo_provider import DemoProvider

TYPE = "urn:ietf:params:oauth:token-type:"
ACCESS_TOKEN, ID_TOKEN, JWT = f"{TYPE}access_token", f"{TYPE}id_token", f"{TYPE}jwt"


def error_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def exchange(
    provider: DemoProvider, *repeated: tuple[str, str], client: str = "service", **form: str
) -> requests.Response:
    return DemoClient(provider, client).token(*repeated, grant_type=TOKEN_EXCHANGE_GRANT, **form)


def subject(provider: DemoProvider, kind: str) -> dict[str, str]:
    """A good subject token of that type, about Ada."""
    if kind == JWT:
        return {"subject_token": trusted_assertion(provider), "subject_token_type": JWT}
    member = {ACCESS_TOKEN: "access_token", ID_TOKEN: "id_token"}[kind]
    return {"subject_token": provider.tokens()[member], "subject_token_type": kind}


@pytest.mark.parametrize("client", ["service", "confidential", "private_key_jwt", "workload"])
@pytest.mark.parametrize("kind", [ACCESS_TOKEN, ID_TOKEN, JWT])
def test_GRANT_3_every_subject_token_gives_an_access_token_about_its_subject(
    demo_provider: DemoProvider, client: str, kind: str
) -> None:
    answer = exchange(demo_provider, client=client, **subject(demo_provider, kind)).json()
    assert (answer["issued_token_type"], answer["token_type"]) == (ACCESS_TOKEN, "Bearer")
    assert "refresh_token" not in answer
    me = demo_provider.call(answer["access_token"]).json()
    assert me["username"] == "ada"
    assert me["client_id"] == DemoClient(demo_provider, client).client_id


def test_GRANT_3_an_actor_is_named_in_introspection_and_in_issued_jwts(demo_provider: DemoProvider) -> None:
    client = DemoClient(demo_provider, "service")
    own = client.token(grant_type="client_credentials").json()["access_token"]
    actor = {"actor_token": own, "actor_token_type": ACCESS_TOKEN}
    form = subject(demo_provider, ACCESS_TOKEN) | actor
    token = exchange(demo_provider, **form).json()["access_token"]
    types = {"subject_token_type": ACCESS_TOKEN, "actor_token_type": ACCESS_TOKEN}
    assert demo_provider.log("/token")[-1]["token_types"] == types
    described = client.post("/introspect", token=token).json()
    assert (described["sub"], described["act"]) == ("demo-ada", {"sub": client.client_id})
    answer = exchange(demo_provider, **form, requested_token_type=JWT).json()
    assert claims_of(demo_provider, answer["access_token"])["act"] == {"sub": client.client_id}


def claims_of(provider: DemoProvider, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(requests.get(f"{provider.issuer}/jwks.json", timeout=60).json())
    return dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)


@pytest.mark.parametrize("kind", [JWT, ID_TOKEN])
def test_GRANT_4_what_is_no_access_token_has_the_type_N_A_and_opens_nothing(
    demo_provider: DemoProvider, kind: str
) -> None:
    form = subject(demo_provider, ACCESS_TOKEN)
    answer = exchange(demo_provider, **form, requested_token_type=kind).json()
    assert (answer["issued_token_type"], answer["token_type"]) == (kind, "N_A")
    assert claims_of(demo_provider, answer["access_token"])["sub"] == "demo-ada"
    assert demo_provider.call(answer["access_token"]).status_code == 401


def test_GRANT_3_audience_and_resource_may_be_repeated(demo_provider: DemoProvider) -> None:
    notes, models = f"{demo_provider.issuer}/api", f"{demo_provider.issuer}/v1"
    other = demo_provider.client_id
    repeated = [("audience", other), ("audience", models), ("resource", notes), ("resource", models)]
    form = subject(demo_provider, JWT)
    answer = exchange(demo_provider, *repeated, requested_token_type=JWT, **form).json()
    assert claims_of(demo_provider, answer["access_token"])["aud"] == [other, models, notes]
    logged = demo_provider.log("/token")[-1]
    assert (logged["audiences"], logged["resources"]) == ([other, models], [notes, models])
    narrow = exchange(demo_provider, ("resource", models), **form).json()["access_token"]
    assert demo_provider.call(narrow).status_code == 401


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"subject_token": None, "subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token": "made-up"}, "invalid_request"),
        ({"subject_token_type": f"{TYPE}saml2"}, "invalid_request"),
        ({"subject_token_type": ID_TOKEN}, "invalid_request"),
        ({"subject_token_type": JWT}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"actor_token_type": ACCESS_TOKEN}, "invalid_request"),
        ({"actor_token": "x", "actor_token_type": ACCESS_TOKEN}, "invalid_request"),
        ({"requested_token_type": f"{TYPE}saml2"}, "invalid_request"),
        ({"audience": "somebody-else"}, "invalid_target"),
        ({"resource": "https://somebody-else.invalid"}, "invalid_target"),
        ({"resource": "relative"}, "invalid_target"),
        ({"scope": "openid"}, "invalid_scope"),
    ],
)
def test_GRANT_3_wrong_requests_are_refused(
    demo_provider: DemoProvider, changes: dict[str, str | None], error: str
) -> None:
    form = subject(demo_provider, ACCESS_TOKEN) | changes
    answer = exchange(demo_provider, **{name: value for name, value in form.items() if value is not None})
    assert error_of(answer) == (400, error)


def test_GRANT_3_an_exchange_cannot_widen_the_scope_or_revive_a_dead_token(demo_provider: DemoProvider) -> None:
    tokens = demo_provider.tokens(scope="openid notes:read")
    form = {"subject_token": tokens["access_token"], "subject_token_type": ACCESS_TOKEN}
    assert error_of(exchange(demo_provider, scope="notes:write", **form)) == (400, "invalid_scope")
    assert exchange(demo_provider, scope="notes:read", **form).status_code == 200
    revoke = {"client_id": demo_provider.client_id, "token": tokens["access_token"]}
    requests.post(f"{demo_provider.issuer}/revoke", data=revoke, timeout=60)
    assert error_of(exchange(demo_provider, **form)) == (400, "invalid_request")


def proof(provider: DemoProvider, key: ECKey) -> dict[str, str]:
    """A DPoP header for the token endpoint (RFC 9449 §4.2)."""
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)}
    claims = {"htm": "POST", "htu": f"{provider.issuer}/token", "iat": int(time.time())}
    return {"DPoP": jwt.encode(header, claims | {"jti": secrets.token_urlsafe(16)}, key)}


def test_GRANT_3_a_bound_token_is_exchanged_by_its_holder_or_by_a_client_with_credentials(
    demo_provider: DemoProvider,
) -> None:
    key, url = ECKey.generate_key("P-256"), f"{demo_provider.issuer}/token"
    service = DemoClient(demo_provider, "service")
    headers, form = service.credentials()
    grant = form | {"grant_type": "client_credentials"}
    answer = requests.post(url, data=grant, headers=headers | proof(demo_provider, key), timeout=60).json()
    assert answer["token_type"] == "DPoP"
    described = service.post("/introspect", token=answer["access_token"]).json()
    assert (described["token_type"], described["cnf"]) == ("DPoP", {"jkt": key.thumbprint()})
    subject_token = {"subject_token": answer["access_token"], "subject_token_type": ACCESS_TOKEN}
    assert exchange(demo_provider, **subject_token).status_code == 200
    assert error_of(exchange(demo_provider, client="workload", **subject_token)) == (400, "invalid_grant")
    workload = {"client_id": DemoClient(demo_provider, "workload").client_id, "grant_type": TOKEN_EXCHANGE_GRANT}
    held = requests.post(url, data=workload | subject_token, headers=proof(demo_provider, key), timeout=60)
    assert held.status_code == 200


def test_GRANT_3_foreign_tokens_are_checked(demo_provider: DemoProvider) -> None:
    def ask(**changes: Any) -> requests.Response:
        token = trusted_assertion(demo_provider, **changes)
        return exchange(demo_provider, subject_token=token, subject_token_type=JWT)

    assert ask(aud=["other", demo_provider.issuer], exp=4102444800, jti=None).status_code == 200
    wrong: list[dict[str, Any]] = [{"stranger": True}, {"iss": demo_provider.issuer}, {"aud": "x"}, {"sub": None}]
    wrong += [{"exp": 1000}, {"exp": None}, {"nbf": 4102444800}]
    assert [error_of(ask(**changes)) for changes in wrong] == [(400, "invalid_request")] * len(wrong)


def test_GRANT_3_only_registered_clients_exchange(demo_provider: DemoProvider) -> None:
    form = subject(demo_provider, ACCESS_TOKEN)
    answer = demo_provider.token_request(grant_type=TOKEN_EXCHANGE_GRANT, **form)
    assert error_of(answer) == (400, "unauthorized_client")


@pytest.mark.parametrize(("fault", "expected"), [("absent", "none"), ("null", None), (f"{TYPE}saml2", f"{TYPE}saml2")])
def test_GRANT_4_the_issued_type_can_be_missing_or_another(
    demo_provider: DemoProvider, fault: str, expected: str | None
) -> None:
    demo_provider.faults(issued_token_type=fault)
    answer = exchange(demo_provider, **subject(demo_provider, ACCESS_TOKEN)).json()
    assert answer.get("issued_token_type", "none") == expected
    assert "issued_token_type" not in demo_provider.tokens()


def test_GRANT_4_an_access_token_can_be_called_N_A(demo_provider: DemoProvider) -> None:
    form = subject(demo_provider, ACCESS_TOKEN)
    demo_provider.faults(token_type="N_A")
    answer = exchange(demo_provider, **form).json()
    assert (answer["issued_token_type"], answer["token_type"]) == (ACCESS_TOKEN, "N_A")
