"""Resource indicators (RFC 8707) of the demo provider: what may be asked for, and where the tokens are good."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from support.demo_provider import DEVICE_GRANT, Browser, DemoProvider


def sign_in(provider: DemoProvider, *resources: str, exchange: dict[str, str] | None = None) -> requests.Response:
    """A code for those resources, exchanged with more form fields."""
    request = provider.authorization_request()
    url = f"{request.url}&{urlencode({'resource': resources}, doseq=True)}" if resources else request.url
    return request.exchange(provider.sign_in(url), **exchange or {})


def statuses(provider: DemoProvider, access_token: str) -> dict[str, int]:
    """How both resources answer that token."""
    headers = {"Authorization": f"Bearer {access_token}"}
    urls = {path: f"{provider.resource.removesuffix('/api')}{path}" for path in ("/api/whoami", "/api/notes", "/v1")}
    return {path: requests.get(url, headers=headers, timeout=60).status_code for path, url in urls.items()}


def device_request(provider: DemoProvider, **form: str) -> requests.Response:
    body = {"client_id": provider.client_id, "scope": "openid notes:read"} | form
    return requests.post(f"{provider.issuer}/device_authorization", data=body, timeout=60)


def test_RES_1_without_a_resource_the_token_is_good_for_all(demo_provider: DemoProvider) -> None:
    request = demo_provider.authorization_request(scope="openid notes:read models:use")
    token = request.exchange(demo_provider.sign_in(request.url)).json()["access_token"]
    assert statuses(demo_provider, token) == {"/api/whoami": 200, "/api/notes": 200, "/v1": 200}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api", {"/api/whoami": 200, "/api/notes": 200, "/v1": 401}),
        ("/api/notes", {"/api/whoami": 401, "/api/notes": 200, "/v1": 401}),
        ("/v1", {"/api/whoami": 401, "/api/notes": 401, "/v1": 403}),
        ("", {"/api/whoami": 200, "/api/notes": 200, "/v1": 403}),
    ],
)
def test_RES_2_a_token_opens_only_its_resource(
    demo_provider: DemoProvider, path: str, expected: dict[str, int]
) -> None:
    origin = demo_provider.resource.removesuffix("/api")
    answer = sign_in(demo_provider, origin + path)
    assert statuses(demo_provider, answer.json()["access_token"]) == expected


def test_RES_2_a_token_of_another_resource_is_invalid_token(demo_provider: DemoProvider) -> None:
    origin = demo_provider.resource.removesuffix("/api")
    token = sign_in(demo_provider, f"{origin}/v1").json()["access_token"]
    answer = demo_provider.call(token)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert demo_provider.call(token, "/../userinfo").status_code == 200


@pytest.mark.parametrize(
    "resource",
    ["{api}#part", "{api}#", "/api", "api", "", "{api}/other", "{api}/", "https://somebody-else.invalid", "http://["],
)
def test_RES_1_unknown_and_malformed_resources_are_invalid_target(demo_provider: DemoProvider, resource: str) -> None:
    named = resource.format(api=demo_provider.resource)
    request = demo_provider.authorization_request(resource=named)
    query = parse_qs(urlsplit(Browser(demo_provider).get(request.url).headers["Location"]).query)
    assert query["error"] == ["invalid_target"]
    assert query["state"] == [request.parameters["state"]]
    assert query["iss"] == [demo_provider.issuer]
    # An empty form field is refused before it is looked at.
    expected = "invalid_target" if named else "invalid_request"
    assert device_request(demo_provider, resource=named).json()["error"] == expected
    assert sign_in(demo_provider, exchange={"resource": named}).json()["error"] == expected


def test_RES_1_several_resources_can_be_named_and_narrowed(demo_provider: DemoProvider) -> None:
    origin = demo_provider.resource.removesuffix("/api")
    both = sign_in(demo_provider, f"{origin}/api", f"{origin}/v1").json()
    assert statuses(demo_provider, both["access_token"]) == {"/api/whoami": 200, "/api/notes": 200, "/v1": 403}
    narrow = sign_in(demo_provider, f"{origin}/api", f"{origin}/v1", exchange={"resource": f"{origin}/v1"}).json()
    assert statuses(demo_provider, narrow["access_token"]) == {"/api/whoami": 401, "/api/notes": 401, "/v1": 403}
    # The refresh token keeps all that was authorized.
    other = demo_provider.refresh(narrow["refresh_token"], resource=f"{origin}/api").json()
    assert statuses(demo_provider, other["access_token"]) == {"/api/whoami": 200, "/api/notes": 200, "/v1": 401}
    again = demo_provider.refresh(other["refresh_token"]).json()
    assert statuses(demo_provider, again["access_token"]) == {"/api/whoami": 200, "/api/notes": 200, "/v1": 403}


def test_RES_1_a_token_request_gets_nothing_that_was_not_authorized(demo_provider: DemoProvider) -> None:
    origin = demo_provider.resource.removesuffix("/api")
    for authorized in ((), (f"{origin}/api",)):
        answer = sign_in(demo_provider, *authorized, exchange={"resource": f"{origin}/v1"})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
    tokens = sign_in(demo_provider, f"{origin}/api").json()
    answer = demo_provider.refresh(tokens["refresh_token"], resource=f"{origin}/v1")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
    # The refused request used nothing up.
    assert demo_provider.refresh(tokens["refresh_token"]).status_code == 200


def test_RES_1_a_device_code_keeps_its_resource(demo_provider: DemoProvider) -> None:
    device = device_request(demo_provider, resource=demo_provider.resource).json()
    demo_provider.approve_device(device["user_code"])
    tokens = demo_provider.token_request(grant_type=DEVICE_GRANT, device_code=device["device_code"]).json()
    assert statuses(demo_provider, tokens["access_token"]) == {"/api/whoami": 200, "/api/notes": 200, "/v1": 401}
