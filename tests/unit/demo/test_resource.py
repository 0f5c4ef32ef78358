"""The protected resource, the metadata documents and revocation of the demo provider."""

import pytest
import requests

from support.demo_provider import DemoProvider
from tokenkeep.demo.faults.table import BY_NAME


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, allow_redirects=False, timeout=60)


def revoke(provider: DemoProvider, token: str, **form: str) -> requests.Response:
    body = {"client_id": provider.client_id, "token": token} | form
    return requests.post(f"{provider.issuer}/revoke", data=body, timeout=60)


def test_DEMO_5_a_challenge_leads_to_the_resources_own_metadata(demo_provider: DemoProvider) -> None:
    for path in ("", "/whoami", "/notes"):
        answer = get(demo_provider.resource + path)
        assert answer.status_code == 401
        challenge = answer.headers["WWW-Authenticate"]
        assert challenge.startswith("Bearer ")
        assert "error=" not in challenge
        metadata = challenge.split('resource_metadata="')[1].split('"')[0]
        assert metadata == f"{demo_provider.issuer}/.well-known/oauth-protected-resource/api{path}"
        document = get(metadata).json()
        assert document["resource"] == demo_provider.resource + path
        assert document["authorization_servers"] == [demo_provider.issuer]
    assert get(f"{demo_provider.issuer}/.well-known/oauth-protected-resource/other").status_code == 404


@pytest.mark.parametrize("header", ["Bearer made-up", "bearer made-up", "Bearer ", "Basic YTpi", "made-up"])
def test_WWW_3_a_bad_token_is_401(demo_provider: DemoProvider, header: str) -> None:
    answer = get(demo_provider.whoami, Authorization=header)
    assert answer.status_code == 401
    assert ('error="invalid_token"' in answer.headers["WWW-Authenticate"]) == header.lower().startswith("bearer made")


def test_a_token_in_the_query_is_not_looked_at(demo_provider: DemoProvider) -> None:
    token = demo_provider.tokens()["access_token"]
    assert get(f"{demo_provider.whoami}?access_token={token}").status_code == 401


def test_WWW_3_a_missing_scope_is_403_with_the_scope_named(demo_provider: DemoProvider) -> None:
    token = demo_provider.tokens(scope="openid")["access_token"]
    answer = demo_provider.call(token, "/notes")
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert 'scope="notes:read"' in answer.headers["WWW-Authenticate"]
    assert demo_provider.call(demo_provider.tokens()["access_token"], "/notes").json()["notes"]


def test_REV_1_revoking_the_refresh_token_ends_the_family(demo_provider: DemoProvider) -> None:
    tokens = demo_provider.tokens()
    assert revoke(demo_provider, tokens["refresh_token"], token_type_hint="refresh_token").status_code == 200
    assert demo_provider.call(tokens["access_token"]).status_code == 401
    assert demo_provider.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_REV_1_revoking_an_access_token_ends_only_that(demo_provider: DemoProvider) -> None:
    tokens = demo_provider.tokens()
    # A wrong hint does not matter, and an unknown token is answered like a known one.
    assert revoke(demo_provider, tokens["access_token"], token_type_hint="refresh_token").status_code == 200
    assert revoke(demo_provider, "made-up").status_code == 200
    assert demo_provider.call(tokens["access_token"]).status_code == 401
    assert demo_provider.refresh(tokens["refresh_token"]).status_code == 200


def test_REV_1_bad_revocations(demo_provider: DemoProvider) -> None:
    url = f"{demo_provider.issuer}/revoke"
    assert requests.post(url, data={"client_id": demo_provider.client_id}, timeout=60).status_code == 400
    assert (
        requests.post(url, data={"client_id": "nobody", "token": "x"}, timeout=60).json()["error"] == "invalid_client"
    )
    assert requests.get(url, timeout=60).status_code == 405


@pytest.mark.parametrize("fault", BY_NAME["revoke"].values)
def test_REV_2_a_faulty_revocation_revokes_nothing(demo_provider: DemoProvider, fault: str) -> None:
    tokens = demo_provider.tokens()
    demo_provider.faults(revoke=f"{fault}*1", retry_after="120")
    answer = revoke(demo_provider, tokens["refresh_token"])
    assert answer.status_code >= 400
    assert answer.headers["Retry-After"] == "120"
    assert demo_provider.call(tokens["access_token"]).status_code == 200
    assert revoke(demo_provider, tokens["refresh_token"]).status_code == 200


def test_DEMO_5_both_metadata_addresses_tell_the_same_truth(demo_provider: DemoProvider) -> None:
    issuer = demo_provider.issuer
    documents = [
        get(f"{issuer}/.well-known/{name}").json() for name in ("oauth-authorization-server", "openid-configuration")
    ]
    assert documents[0] == documents[1]
    document = documents[0]
    assert document["issuer"] == issuer
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    for name, value in document.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            assert get(value).status_code in (200, 400, 401, 405), name
    keys = get(document["jwks_uri"]).json()["keys"]
    assert [(key["kty"], key["use"], key["alg"]) for key in keys] == [("RSA", "sig", "RS256")]
    assert "d" not in keys[0]


@pytest.mark.parametrize("fault", BY_NAME["metadata"].values)
def test_DEMO_3_every_metadata_fault_changes_the_metadata(demo_provider: DemoProvider, fault: str) -> None:
    url = f"{demo_provider.issuer}/.well-known/oauth-authorization-server"
    honest = get(url).json()
    demo_provider.faults(metadata=f"{fault}*1")
    answer = get(url)
    if answer.status_code == 200 and answer.headers["Content-Type"] == "application/json":
        assert answer.json() != honest
    else:
        assert fault.isdigit() or fault.startswith(("html", "redirect")) or fault in ("empty", "partial")
    assert get(url).json() == honest


@pytest.mark.parametrize(
    ("name", "url"), [("jwks", "/jwks.json"), ("resource", "/api/whoami"), ("userinfo", "/userinfo")]
)
def test_DEMO_3_every_fault_of_these_addresses_changes_the_answer(
    demo_provider: DemoProvider, name: str, url: str
) -> None:
    headers = {"Authorization": f"Bearer {demo_provider.tokens()['access_token']}"}
    honest = get(demo_provider.issuer + url, **headers)
    assert honest.status_code == 200
    for fault in BY_NAME[name].values:
        if fault in ("rotate", "overlap"):
            continue
        demo_provider.faults(**{name: f"{fault}*1"})
        answer = get(demo_provider.issuer + url, **headers)
        assert (answer.status_code, answer.content) != (200, honest.content), fault
    assert get(demo_provider.issuer + url, **headers).content == honest.content
