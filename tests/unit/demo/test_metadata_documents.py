"""Client ID metadata documents at the demo provider: which are fetched, which are believed (CIMD)."""

import socket
from typing import Any

import pytest
import requests

from support.demo_clients import ASSERTION_TYPE, client_assertion
from support.demo_provider import DemoProvider
from tokenkeep.demo.faults.table import BY_NAME

REDIRECT = "http://127.0.0.1:4567/callback"


def authorize(provider: DemoProvider, client_id: str, redirect_uri: str = REDIRECT) -> requests.Response:
    request = provider.authorization_request(client_id=client_id, redirect_uri=redirect_uri)
    return requests.get(request.url, timeout=60, allow_redirects=False)


def publish(provider: DemoProvider, name: str, document: dict[str, Any]) -> str:
    """Publish a document at the demo provider; its URL."""
    answer = requests.put(f"{provider.issuer}/client-metadata/{name}.json", json=document, timeout=60)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["client_id"])


def test_CIMD_2_a_url_is_a_client_id_without_any_registration(demo_provider: DemoProvider) -> None:
    client_id = demo_provider.description["client_id_metadata_document"]
    request = demo_provider.authorization_request(client_id=client_id, redirect_uri=REDIRECT)
    tokens = request.exchange(demo_provider.sign_in(request.url), client_id=client_id).json()
    assert demo_provider.call(tokens["access_token"]).json()["client_id"] == client_id
    assert demo_provider.refresh(tokens["refresh_token"], client_id=client_id).status_code == 200
    assert demo_provider.count("/client-metadata/native.json.ok") >= 1
    assert demo_provider.count("/register") == 0


def test_CIMD_1_a_document_with_keys_makes_a_client_that_authenticates(demo_provider: DemoProvider) -> None:
    client_id = f"{demo_provider.issuer}/client-metadata/key.json"
    request = demo_provider.authorization_request(client_id=client_id, redirect_uri=REDIRECT)
    form = request.form(demo_provider.sign_in(request.url))
    assert request.exchange(demo_provider.sign_in(request.url), client_id=client_id).status_code == 401
    proof = client_assertion(demo_provider, iss=client_id, sub=client_id)
    form |= {"client_assertion": proof, "client_assertion_type": ASSERTION_TYPE}
    assert requests.post(f"{demo_provider.issuer}/token", data=form, timeout=60).status_code == 200


@pytest.mark.parametrize("fault", BY_NAME["client_document"].values)
def test_CIMD_1_a_wrong_document_is_no_client(demo_provider: DemoProvider, fault: str) -> None:
    client_id = demo_provider.description["client_id_metadata_document"]
    assert authorize(demo_provider, client_id).status_code == 200
    demo_provider.faults(client_document=fault)
    assert authorize(demo_provider, client_id).status_code == 400
    form = {"client_id": client_id}
    device = requests.post(f"{demo_provider.issuer}/device_authorization", data=form, timeout=60)
    assert (device.status_code, device.json()["error"]) == (401, "invalid_client")
    demo_provider.clear_faults()
    assert authorize(demo_provider, client_id).status_code == 200


@pytest.mark.parametrize(
    "ending",
    ["?x=1", "#part", "/../native.json", "/%2e%2e/native.json", "x", ""],
)
def test_CIMD_1_other_spellings_of_the_url_are_refused(demo_provider: DemoProvider, ending: str) -> None:
    whole = demo_provider.description["client_id_metadata_document"]
    client_id = whole + ending if ending else demo_provider.issuer
    assert authorize(demo_provider, client_id).status_code == 400
    named = demo_provider.issuer.replace("//", "//name@") + "/client-metadata/native.json"
    assert authorize(demo_provider, named).status_code == 400


def test_DEMO_5_no_other_address_is_connected_to(demo_provider: DemoProvider) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        for client_id in (
            f"http://127.0.0.1:{port}/client-metadata/native.json",
            f"https://127.0.0.1:{port}/client.json",
            f"{demo_provider.issuer}@127.0.0.1:{port}/client-metadata/native.json",
            f"http://127.0.0.1:{port}/{demo_provider.issuer}/client-metadata/native.json",
            f"{demo_provider.issuer}/jwks.json",
        ):
            assert authorize(demo_provider, client_id).status_code == 400
            form = {"client_id": client_id, "grant_type": "refresh_token", "refresh_token": "x"}
            refused = requests.post(f"{demo_provider.issuer}/token", data=form, timeout=60)
            assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert demo_provider.count("/jwks.json") == 0
    reasons = [entry["reason"] for entry in demo_provider.log("/authorize")]
    assert len(reasons) == 5
    refusals = ("only documents that this demo serves", "user information")
    assert all(any(words in reason for words in refusals) for reason in reasons)


def test_CIMD_3_ports_are_free_for_literals_and_localhost_and_exact_by_switch(demo_provider: DemoProvider) -> None:
    client_id = demo_provider.description["client_id_metadata_document"]

    def accepted(*redirects: str) -> list[bool]:
        return [authorize(demo_provider, client_id, uri).status_code == 200 for uri in redirects]

    hosts = ("127.0.0.1", "[::1]", "localhost")
    assert accepted(*(f"http://{host}:4567/callback" for host in hosts)) == [True] * 3
    assert accepted("http://127.0.0.1:4567/other", "https://127.0.0.1:4567/callback") == [False] * 2
    demo_provider.faults(redirect_ports="exact")
    assert accepted(*(f"http://{host}:4567/callback" for host in hosts)) == [False] * 3
    assert accepted(*(f"http://{host}/callback" for host in hosts)) == [True] * 3
    # Those that were registered without any port stay free.
    assert authorize(demo_provider, demo_provider.client_id, "http://127.0.0.1:4567/callback/A").status_code == 200


def test_CIMD_3_tests_publish_documents_of_their_own(demo_provider: DemoProvider) -> None:
    document = {
        "client_name": "Mine",
        "redirect_uris": ["http://127.0.0.1:7000/mine"],
        "token_endpoint_auth_method": "none",
        "scope": "openid",
    }
    client_id = publish(demo_provider, "mine", document)
    assert authorize(demo_provider, client_id, "http://127.0.0.1:7000/mine").status_code == 200
    publish(demo_provider, "mine", document | {"redirect_uris": ["http://127.0.0.1:7000/moved"]})
    assert authorize(demo_provider, client_id, "http://127.0.0.1:7000/mine").status_code == 400
    publish(demo_provider, "mine", document | {"client_id": "https://somebody-else.invalid/mine.json"})
    assert authorize(demo_provider, client_id, "http://127.0.0.1:7000/mine").status_code == 400
    publish(demo_provider, "mine", document | {"redirect_uris": ["http://demo.invalid/cb"]})
    assert authorize(demo_provider, client_id, "http://demo.invalid/cb").status_code == 400
    url = f"{demo_provider.issuer}/client-metadata/"
    assert requests.put(f"{url}mine.json", json=[], timeout=60).status_code == 400
    assert requests.put(f"{url}Mine.json", json={}, timeout=60).status_code == 400
    assert requests.get(f"{url}nothing.json", timeout=60).status_code == 404


def test_CIMD_2_the_metadata_say_so_unless_the_switch_is_on(demo_provider: DemoProvider) -> None:
    def member() -> object:
        url = f"{demo_provider.issuer}/.well-known/oauth-authorization-server"
        return requests.get(url, timeout=60).json().get("client_id_metadata_document_supported")

    assert member() is True
    demo_provider.faults(cimd="absent")
    assert member() is None
    demo_provider.faults(cimd="text")
    assert member() == "true"
