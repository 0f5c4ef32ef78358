"""Dynamic registration and its management at the demo provider (RFC 7591, RFC 7592; DCR)."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from joserfc.jwk import ECKey, OctKey

from support.demo_clients import basic
from support.demo_provider import Browser, DemoProvider
from tokenkeep.demo.faults.table import BY_NAME

REDIRECT = "http://127.0.0.1:1234/callback"
NATIVE: dict[str, Any] = {
    "redirect_uris": [REDIRECT],
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "application_type": "native",
    "client_name": "A native program",
}


def register(provider: DemoProvider, headers: dict[str, str] | None = None, **changes: Any) -> requests.Response:
    metadata = {name: value for name, value in (NATIVE | changes).items() if value != "ABSENT"}
    return requests.post(f"{provider.issuer}/register", json=metadata, headers=headers, timeout=60)


def manage(provider: DemoProvider, client: dict[str, Any], method: str = "GET", **kwargs: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {client['registration_access_token']}"}
    return requests.request(method, client["registration_client_uri"], headers=headers, timeout=60, **kwargs)


def error_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def code_for(provider: DemoProvider, client_id: str, redirect_uri: str) -> requests.Response:
    request = provider.authorization_request(client_id=client_id, redirect_uri=redirect_uri)
    return requests.get(request.url, timeout=60, allow_redirects=False)


def test_DCR_1_a_native_public_client_registers_signs_in_and_refreshes(demo_provider: DemoProvider) -> None:
    answer = register(demo_provider)
    client = answer.json()
    assert answer.status_code == 201
    assert client == client | NATIVE
    assert "client_secret" not in client
    assert client["registration_client_uri"] == f"{demo_provider.issuer}/register/{client['client_id']}"
    request = demo_provider.authorization_request(
        client_id=client["client_id"], redirect_uri="http://127.0.0.1:5678/callback", scope="openid notes:read"
    )
    tokens = request.exchange(demo_provider.sign_in(request.url), client_id=client["client_id"]).json()
    assert demo_provider.call(tokens["access_token"]).json()["client_id"] == client["client_id"]
    renewed = demo_provider.refresh(tokens["refresh_token"], client_id=client["client_id"])
    assert renewed.status_code == 200


def test_DCR_1_left_out_members_mean_a_confidential_web_client(demo_provider: DemoProvider) -> None:
    url = f"{demo_provider.issuer}/register"
    client = requests.post(url, json={"redirect_uris": ["https://demo.invalid/cb"]}, timeout=60).json()
    assert client["token_endpoint_auth_method"] == "client_secret_basic"
    assert client["application_type"] == "web"
    assert (client["grant_types"], client["response_types"]) == (["authorization_code"], ["code"])
    assert client["client_secret_expires_at"] == 0
    headers = basic(client["client_id"], client["client_secret"])
    form = {"grant_type": "authorization_code", "code": "x"}
    used = requests.post(f"{demo_provider.issuer}/token", data=form, headers=headers, timeout=60)
    assert error_of(used) == (400, "invalid_grant")
    refused = register(demo_provider, application_type="ABSENT")
    assert error_of(refused) == (400, "invalid_redirect_uri")
    assert "native" in refused.json()["error_description"]
    # A client that authenticates may have it (OpenID Connect Registration §2), as oidc-agent counts on.
    confidential = register(demo_provider, application_type="ABSENT", token_endpoint_auth_method="client_secret_basic")
    assert confidential.status_code == 201


@pytest.mark.parametrize(
    "uri",
    [
        "http://demo.invalid/callback",
        "http://127.0.0.1:1234/callback#part",
        "https://demo.invalid/cb#",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "com.example.app:/cb",
        "http://127.0.0.1.demo.invalid/cb",
        "http://name@127.0.0.1/cb",
        "http://127.0.0.1/../cb",
        "http://127.0.0.1/%2e%2e/cb",
        "http://[::1/cb",
        "http://127.0.0.1:99999/cb",
        "/callback",
        "",
        "http://127.0.0.1/\u00fc",
        'http://127.0.0.1/"',
        7,
        None,
    ],
)
def test_DCR_5_bad_redirect_uris_are_refused(demo_provider: DemoProvider, uri: object) -> None:
    assert error_of(register(demo_provider, redirect_uris=[REDIRECT, uri])) == (400, "invalid_redirect_uri")


@pytest.mark.parametrize("uri", ["https://demo.invalid/cb?x=1", "http://[::1]/cb", "http://localhost:1234/cb"])
def test_DCR_1_https_and_loopback_redirect_uris_are_taken(demo_provider: DemoProvider, uri: str) -> None:
    assert register(demo_provider, redirect_uris=[uri]).status_code == 201


def test_DEMO_2_a_registered_redirect_uri_is_compared_exactly_but_for_the_port_of_a_literal(
    demo_provider: DemoProvider,
) -> None:
    uris = [REDIRECT, "http://[::1]/cb", "http://localhost:1234/cb", "https://demo.invalid/cb"]
    client_id = register(demo_provider, redirect_uris=uris).json()["client_id"]
    good = [*uris, "http://127.0.0.1/callback", "http://127.0.0.1:9/callback", "http://[::1]:9/cb"]
    bad = [
        "http://127.0.0.1:9/callback/",
        "http://127.0.0.1:9/callback?x=1",
        "http://127.0.0.1:9/CALLBACK",
        "http://127.0.0.1:09/callback",
        "http://127.1:9/callback",
        "http://x@127.0.0.1:9/callback",
        "http://localhost:9/cb",
        "http://[0::1]:9/cb",
        "https://demo.invalid:444/cb",
        "https://DEMO.invalid/cb",
        "https://127.0.0.1:1234/callback",
    ]
    assert [uri for uri in good if code_for(demo_provider, client_id, uri).status_code != 200] == []
    assert [uri for uri in bad if code_for(demo_provider, client_id, uri).status_code != 400] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"token_endpoint_auth_method": "client_secret_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": 7},
        {"grant_types": ["password"]},
        {"grant_types": "authorization_code"},
        {"grant_types": ["client_credentials"], "response_types": []},
        {"response_types": ["token"]},
        {"response_types": []},
        {"scope": "made-up"},
        {"scope": ["openid"]},
        {"application_type": "desktop"},
        {"client_uri": "javascript:alert(1)"},
        {"client_name": "two\nlines"},
        {"client_name": "x" * 3000},
        {"contacts": [7]},
        {"jwks_uri": "https://demo.invalid/keys"},
        {"jwks": {"keys": []}},
        {"jwks": {"keys": [{"kty": "EC"}]}},
        {"jwks": {"keys": [OctKey.generate_key(256).as_dict()]}},
        {"jwks": {"keys": [ECKey.generate_key("P-256").as_dict(private=True)]}},
    ],
)
def test_DCR_5_bad_metadata_are_refused(demo_provider: DemoProvider, changes: dict[str, Any]) -> None:
    assert error_of(register(demo_provider, **changes)) == (400, "invalid_client_metadata")


def test_DCR_5_what_is_no_json_object_or_a_software_statement_is_refused(demo_provider: DemoProvider) -> None:
    url = f"{demo_provider.issuer}/register"
    assert error_of(requests.post(url, json=[], timeout=60)) == (400, "invalid_client_metadata")
    assert error_of(requests.post(url, data=NATIVE, timeout=60)) == (400, "invalid_client_metadata")
    assert error_of(register(demo_provider, redirect_uris="ABSENT")) == (400, "invalid_redirect_uri")
    assert error_of(register(demo_provider, software_statement="x.y.z")) == (400, "unapproved_software_statement")
    kept = register(demo_provider, software_id="one", made_up=1, logo_uri=None).json()
    assert kept["software_id"] == "one"
    assert not {"made_up", "logo_uri"} & set(kept)


def test_DCR_1_a_client_may_bring_its_keys(demo_provider: DemoProvider) -> None:
    import json
    import secrets
    import time

    from joserfc import jws

    from support.demo_clients import ASSERTION_TYPE

    key = ECKey.generate_key("P-256", {"kid": "mine"})
    keys = {"keys": [key.as_dict(private=False)]}
    grants: dict[str, Any] = {"grant_types": ["client_credentials"], "response_types": [], "redirect_uris": []}
    client = register(demo_provider, token_endpoint_auth_method="private_key_jwt", jwks=keys, **grants).json()
    claims = {"iss": client["client_id"], "sub": client["client_id"], "aud": demo_provider.issuer}
    claims |= {"exp": int(time.time()) + 60, "jti": secrets.token_urlsafe(8)}
    assertion = jws.serialize_compact({"alg": "ES256", "kid": "mine"}, json.dumps(claims), key)
    form = {"client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE, "grant_type": "client_credentials"}
    assert requests.post(f"{demo_provider.issuer}/token", data=form, timeout=60).status_code == 200


def test_DCR_5_an_initial_access_token_can_be_needed(start_demo: Callable[..., DemoProvider]) -> None:
    provider = start_demo(registration_token=True)
    for headers in (None, {"Authorization": "Bearer made-up"}, {"Authorization": "Basic x"}):
        refused = register(provider, headers)
        assert error_of(refused) == (401, "invalid_token")
        assert refused.headers["WWW-Authenticate"].startswith("Bearer ")
    token = provider.description["initial_access_token"]
    assert register(provider, {"Authorization": f"Bearer {token}"}).status_code == 201


def test_DCR_7_a_registration_is_read_and_replaced_as_a_whole(demo_provider: DemoProvider) -> None:
    client = register(demo_provider, software_id="one").json()
    assert manage(demo_provider, client).json() == client
    update = NATIVE | {
        "client_id": client["client_id"],
        "client_name": "Renamed",
        "redirect_uris": ["http://[::1]/new"],
    }
    changed = manage(demo_provider, client, "PUT", json=update).json()
    assert changed == {name: value for name, value in (client | update).items() if name != "software_id"}
    assert code_for(demo_provider, client["client_id"], REDIRECT).status_code == 400
    assert code_for(demo_provider, client["client_id"], "http://[::1]:7/new").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"registration_access_token": "x"},
        {"registration_client_uri": "x"},
        {"client_secret_expires_at": 0},
        {"client_id_issued_at": 0},
        {"client_id": "tokenkeep-demo"},
        {"client_id": None},
        {"client_secret": "wrong"},
    ],
)
def test_DCR_7_an_update_with_members_of_the_server_is_refused(
    demo_provider: DemoProvider, change: dict[str, Any]
) -> None:
    client = register(demo_provider, token_endpoint_auth_method="client_secret_post").json()
    update = NATIVE | {"client_id": client["client_id"]} | change
    assert error_of(manage(demo_provider, client, "PUT", json=update)) == (400, "invalid_request")
    assert manage(demo_provider, client).json() == client


def test_DCR_7_only_its_own_token_opens_a_registration(demo_provider: DemoProvider) -> None:
    client, other = register(demo_provider).json(), register(demo_provider).json()
    for token in (other["registration_access_token"], "x", ""):
        for method in ("GET", "PUT", "DELETE"):
            answer = manage(demo_provider, client | {"registration_access_token": token}, method, json=NATIVE)
            assert error_of(answer) == (401, "invalid_token")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert manage(demo_provider, client).status_code == 200
    known = client | {"registration_client_uri": f"{demo_provider.issuer}/register/{demo_provider.client_id}"}
    assert manage(demo_provider, known).status_code == 401


def test_DCR_7_the_token_can_change_at_each_answer(demo_provider: DemoProvider) -> None:
    client = register(demo_provider).json()
    demo_provider.faults(registration_token="rotate")
    second = manage(demo_provider, client).json()
    assert second["registration_access_token"] != client["registration_access_token"]
    assert manage(demo_provider, client).status_code == 401
    update = NATIVE | {"client_id": client["client_id"]}
    third = manage(demo_provider, second, "PUT", json=update).json()
    assert manage(demo_provider, second).status_code == 401
    assert manage(demo_provider, third).status_code == 200
    path = f"/register/{client['client_id']}"
    first, *_, last = demo_provider.log(path)
    assert last["registration_token"] == demo_provider.log(path)[-3]["issued_registration_token"]
    assert first["registration_token"] == demo_provider.log("/register")[0]["issued_registration_token"]


def test_DCR_8_deleting_ends_the_client_its_tokens_and_the_right_to_manage_it(demo_provider: DemoProvider) -> None:
    client = register(demo_provider).json()
    request = demo_provider.authorization_request(client_id=client["client_id"], redirect_uri=REDIRECT)
    tokens = request.exchange(demo_provider.sign_in(request.url), client_id=client["client_id"]).json()
    answer = manage(demo_provider, client, "DELETE")
    assert (answer.status_code, answer.content) == (204, b"")
    assert manage(demo_provider, client).status_code == 401
    assert demo_provider.call(tokens["access_token"]).status_code == 401
    refreshed = demo_provider.refresh(tokens["refresh_token"], client_id=client["client_id"])
    assert error_of(refreshed) == (401, "invalid_client")
    assert code_for(demo_provider, client["client_id"], REDIRECT).status_code == 400


def test_DCR_8_deleting_ends_what_is_still_pending(demo_provider: DemoProvider) -> None:
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    client = register(demo_provider, grant_types=[*NATIVE["grant_types"], grant]).json()
    form = {"client_id": client["client_id"]}
    pending = requests.post(f"{demo_provider.issuer}/device_authorization", data=form, timeout=60).json()
    request = demo_provider.authorization_request(client_id=client["client_id"], redirect_uri=REDIRECT)
    callback = demo_provider.sign_in(request.url)
    manage(demo_provider, client, "DELETE")
    browser = Browser(demo_provider)
    page = browser.submit(browser.get(f"{demo_provider.issuer}/device"), user_code=pending["user_code"])
    assert page.status_code == 400
    assert request.exchange(callback, client_id=client["client_id"]).status_code == 401


def test_DCR_1_the_log_shows_what_was_asked_without_keys_and_statements(demo_provider: DemoProvider) -> None:
    key: dict[str, Any] = {**ECKey.generate_key("P-256").as_dict(private=True)}
    register(demo_provider, jwks={"keys": [key]}, software_statement="x.SECRET.z")
    text = str(demo_provider.log("/register"))
    assert "A native program" in text
    assert str(key["d"]) not in text
    assert "SECRET" not in text


def test_DCR_4_a_secret_ends_and_an_update_renews_it(demo_provider: DemoProvider) -> None:
    def authenticates(client: dict[str, Any]) -> bool:
        form = {"client_id": client["client_id"], "client_secret": client["client_secret"], "refresh_token": "x"}
        answer = demo_provider.token_request(grant_type="refresh_token", **form)
        if answer.status_code == 401:
            assert "expired" in answer.json()["error_description"]
        return answer.status_code == 400

    demo_provider.faults(secret_lifetime="0*1")
    client = register(demo_provider, token_endpoint_auth_method="client_secret_post").json()
    assert client["client_secret_expires_at"] > 0
    assert not authenticates(client)
    update = NATIVE | {"client_id": client["client_id"], "token_endpoint_auth_method": "client_secret_post"}
    demo_provider.faults(secret_lifetime="600*1")
    renewed = manage(demo_provider, client, "PUT", json=update).json()
    assert renewed["client_secret"] != client["client_secret"]
    assert renewed["client_secret_expires_at"] > client["client_secret_expires_at"]
    assert authenticates(renewed)
    lasting = manage(demo_provider, renewed, "PUT", json=update | {"client_secret": renewed["client_secret"]}).json()
    assert lasting["client_secret_expires_at"] == 0
    assert manage(demo_provider, lasting, "PUT", json=update).json()["client_secret"] == lasting["client_secret"]


NOTHING_REGISTERED = BY_NAME["register"].values[: BY_NAME["register"].values.index("200")]


@pytest.mark.parametrize("fault", NOTHING_REGISTERED)
def test_DCR_5_every_refusal_is_what_it_is_called_and_registers_nothing(
    demo_provider: DemoProvider, fault: str
) -> None:
    demo_provider.faults(register=f"{fault}*1", retry_after="3")
    answer = register(demo_provider)
    assert answer.headers["Retry-After"] == "3"
    assert "client_id" not in answer.text
    assert ("WWW-Authenticate" in answer.headers) == (fault in ("401", "403"))
    if fault.isdigit():
        assert answer.status_code == int(fault)
    elif fault.startswith("invalid_"):
        assert error_of(answer) == (400, fault)
    assert [entry["outcome"] for entry in demo_provider.log("/register")] == [fault]
    assert register(demo_provider).status_code == 201


def test_DCR_2_malformed_answers_are_malformed_as_named(demo_provider: DemoProvider) -> None:
    def answer(fault: str) -> tuple[int, Any]:
        demo_provider.faults(register=f"{fault}*1")
        sent = register(demo_provider, token_endpoint_auth_method="client_secret_post")
        return sent.status_code, sent.json()

    assert answer("200")[0] == 200
    assert isinstance(answer("array")[1], list)
    assert "client_id" not in answer("no_client_id")[1]
    assert answer("number_client_id")[1]["client_id"] == 7
    assert answer("empty_client_id")[1]["client_id"] == ""
    assert "client_secret" not in answer("no_secret")[1]
    demo_provider.faults(register="stray_secret*1")
    stray = register(demo_provider).json()
    assert (stray["token_endpoint_auth_method"], "client_secret" in stray) == ("none", True)
    status, body = answer("no_secret_expiry")
    assert (status, "client_secret" in body, "client_secret_expires_at" in body) == (201, True, False)
    assert answer("text_secret_expiry")[1]["client_secret_expires_at"] == "never"


def test_DCR_3_what_is_registered_can_differ_from_what_was_asked(demo_provider: DemoProvider) -> None:
    def answer(fault: str) -> dict[str, Any]:
        demo_provider.faults(register=f"{fault}*1")
        client: dict[str, Any] = register(demo_provider).json()
        assert manage(demo_provider, client).json() == client
        return client

    secret = answer("secret")
    assert secret["token_endpoint_auth_method"] == "client_secret_post"
    form = {"client_id": secret["client_id"], "refresh_token": "x"}
    bare = demo_provider.token_request(grant_type="refresh_token", **form)
    assert bare.status_code == 401
    full = demo_provider.token_request(grant_type="refresh_token", client_secret=secret["client_secret"], **form)
    assert error_of(full) == (400, "invalid_grant")
    dropped = answer("drop_redirect")
    assert dropped["redirect_uris"] == []
    assert code_for(demo_provider, dropped["client_id"], REDIRECT).status_code == 400
    moved = answer("rewrite_redirect")
    assert code_for(demo_provider, moved["client_id"], REDIRECT).status_code == 400
    assert code_for(demo_provider, moved["client_id"], f"{REDIRECT}/moved").status_code == 200
    assert answer("drop_refresh")["grant_types"] == ["authorization_code"]
    code = answer("drop_code")
    assert (code["response_types"], code["grant_types"]) == ([], ["refresh_token"])


def test_DCR_7_the_management_address_can_be_missing_or_elsewhere(demo_provider: DemoProvider) -> None:
    demo_provider.faults(registration_uri="absent*1")
    assert not {"registration_client_uri", "registration_access_token"} & set(register(demo_provider).json())
    demo_provider.faults(registration_uri="relative*1")
    assert register(demo_provider).json()["registration_client_uri"].startswith("/register/")
    demo_provider.faults(registration_uri="other_host*1")
    uri = register(demo_provider).json()["registration_client_uri"]
    assert uri.startswith(demo_provider.description["trap"] + "/register/")


@pytest.mark.parametrize("fault", BY_NAME["manage"].values)
def test_DCR_8_management_can_fail_in_every_way_and_changes_nothing(demo_provider: DemoProvider, fault: str) -> None:
    client = register(demo_provider).json()
    for method in ("GET", "PUT", "DELETE"):
        demo_provider.faults(manage=f"{fault}*1")
        answer = manage(demo_provider, client, method, json=NATIVE)
        assert answer.status_code == (int(fault) if fault.isdigit() else 500)
    assert manage(demo_provider, client).json() == client
