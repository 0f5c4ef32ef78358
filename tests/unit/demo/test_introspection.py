"""Introspection and revocation by confidential clients at the demo provider (INTRO-1, REV-1)."""

from typing import Any

import pytest
import requests

from support.demo_clients import DemoClient, basic
from support.demo_provider import DemoProvider
from tokenkeep.demo.faults.table import BY_NAME


@pytest.mark.parametrize("name", ["confidential", "private_key_jwt"])
def test_INTRO_1_a_client_reads_about_its_own_tokens(demo_provider: DemoProvider, name: str) -> None:
    client = DemoClient(demo_provider, name)
    tokens = client.sign_in().json()
    access = client.post("/introspect", token=tokens["access_token"], token_type_hint="refresh_token").json()
    assert access == access | {
        "active": True,
        "scope": tokens["scope"],
        "client_id": client.client_id,
        "username": "ada",
        "token_type": "Bearer",
        "sub": "demo-ada",
        "iss": demo_provider.issuer,
    }
    assert isinstance(access["exp"], int)
    assert access["aud"]
    refresh = client.post("/introspect", token=tokens["refresh_token"]).json()
    assert refresh["active"] is True
    assert "token_type" not in refresh


def test_INTRO_1_dead_foreign_and_unknown_tokens_are_only_inactive(demo_provider: DemoProvider) -> None:
    client = DemoClient(demo_provider, "confidential")
    foreign = demo_provider.tokens()["access_token"]
    first = client.sign_in().json()
    second = client.token(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    client.post("/revoke", token=second["access_token"])
    for token in ("made-up", foreign, first["refresh_token"], second["access_token"]):
        assert client.post("/introspect", token=token).json() == {"active": False}
    assert client.post("/introspect", token=second["refresh_token"]).json()["active"] is True


def test_INTRO_1_it_needs_credentials_and_a_form(demo_provider: DemoProvider) -> None:
    url = f"{demo_provider.issuer}/introspect"
    known = demo_provider.description["clients"]["confidential"]
    headers = basic(known["client_id"], known["client_secret"])
    for form, wrong in (
        ({"token": "x"}, {}),
        ({"token": "x", "client_id": demo_provider.client_id}, {}),
        ({"token": "x"}, basic(known["client_id"], "wrong")),
    ):
        answer = requests.post(url, data=form, headers=wrong, timeout=60)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    for wrong_call in (
        requests.post(url, data={"token_type_hint": "access_token"}, headers=headers, timeout=60),
        requests.post(url, params={"token": "x"}, headers=headers, timeout=60),
        requests.post(url, json={"token": "x"}, headers=headers, timeout=60),
    ):
        assert (wrong_call.status_code, wrong_call.json()["error"]) == (400, "invalid_request")
    assert requests.get(url, params={"token": "x"}, headers=headers, timeout=60).status_code == 405


@pytest.mark.parametrize("fault", BY_NAME["introspection"].values)
def test_INTRO_1_no_fault_looks_like_a_genuine_active_answer(demo_provider: DemoProvider, fault: str) -> None:
    client = DemoClient(demo_provider, "confidential")
    token = client.sign_in().json()["access_token"]
    demo_provider.faults(introspection=f"{fault}*1", retry_after="9")
    answer = client.post("/introspect", token=token)
    assert answer.headers["Retry-After"] == "9"
    members: Any = answer.json() if "json" in answer.headers["Content-Type"] else None
    genuine = answer.status_code == 200 and isinstance(members, dict) and members.get("active") is True
    assert not genuine
    assert (answer.status_code == int(fault)) if fault.isdigit() else (answer.status_code == 200)
    assert ("WWW-Authenticate" in answer.headers) == (fault == "401")
    assert client.post("/introspect", token=token).json()["active"] is True


def test_REV_1_a_confidential_client_revokes_its_own_tokens_and_no_others(demo_provider: DemoProvider) -> None:
    client = DemoClient(demo_provider, "confidential")
    own, foreign = client.sign_in().json(), demo_provider.tokens()
    for token in (foreign["refresh_token"], foreign["access_token"], "made-up"):
        assert client.post("/revoke", token=token).status_code == 200
    assert demo_provider.call(foreign["access_token"]).status_code == 200
    assert demo_provider.refresh(foreign["refresh_token"]).status_code == 200
    bare = {"client_id": client.client_id, "token": own["refresh_token"]}
    refused = requests.post(f"{demo_provider.issuer}/revoke", data=bare, timeout=60)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert demo_provider.call(own["access_token"]).status_code == 200
    assert client.post("/revoke", token=own["refresh_token"]).status_code == 200
    assert demo_provider.call(own["access_token"]).status_code == 401
