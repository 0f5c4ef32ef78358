"""The device grant at the demo provider (RFC 8628)."""

from typing import Any

import pytest
import requests

from support.demo_provider import DEVICE_GRANT, Browser, DemoProvider

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
# RFC 7636 appendix B.
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def start(provider: DemoProvider, **form: str) -> dict[str, Any]:
    body = {"client_id": provider.client_id, "scope": "openid offline_access"} | form
    answer = requests.post(f"{provider.issuer}/device_authorization", data=body, timeout=60)
    assert answer.status_code == 200, answer.text
    members: dict[str, Any] = answer.json()
    return members


def poll(provider: DemoProvider, device: dict[str, Any], **form: str) -> tuple[int, dict[str, Any]]:
    answer = provider.token_request(grant_type=DEVICE_GRANT, device_code=device["device_code"], **form)
    return answer.status_code, answer.json()


def error(provider: DemoProvider, device: dict[str, Any], **form: str) -> str:
    status, body = poll(provider, device, **form)
    assert status == 400
    return str(body["error"])


def test_DEV_1_the_answer_has_every_member(demo_provider: DemoProvider) -> None:
    device = start(demo_provider)
    assert device["verification_uri"] == f"{demo_provider.issuer}/device"
    assert device["verification_uri_complete"].endswith(f"?user_code={device['user_code']}")
    assert (device["expires_in"], device["interval"]) == (600, 1)


@pytest.mark.parametrize("typed", [str, str.lower, lambda code: code.replace("-", ""), lambda code: f" {code} "])
def test_a_person_approves_with_the_code_in_any_spelling(demo_provider: DemoProvider, typed: Any) -> None:
    device = start(demo_provider)
    assert error(demo_provider, device) == "authorization_pending"
    demo_provider.approve_device(typed(device["user_code"]), "grace")
    status, tokens = poll(demo_provider, device)
    assert status == 200
    assert tokens["scope"] == "openid offline_access"
    assert demo_provider.call(tokens["access_token"]).json()["username"] == "grace"
    assert demo_provider.refresh(tokens["refresh_token"]).status_code == 200


def test_DEV_6_denial_and_used_and_unknown_codes(demo_provider: DemoProvider) -> None:
    device = start(demo_provider)
    demo_provider.approve_device(device["user_code"], allow=False)
    assert error(demo_provider, device) == "access_denied"
    used = start(demo_provider)
    demo_provider.approve_device(used["user_code"])
    assert poll(demo_provider, used)[0] == 200
    assert error(demo_provider, used) == "invalid_grant"
    assert error(demo_provider, {"device_code": "made-up"}) == "invalid_grant"


def test_DEV_3_polling_too_fast_is_answered_slow_down(demo_provider: DemoProvider) -> None:
    device = start(demo_provider)
    assert error(demo_provider, device) == "authorization_pending"
    # Twenty polls in a row: one of them comes within the second, or the machine takes a second for each.
    errors = {error(demo_provider, device) for _ in range(20)}
    assert "slow_down" in errors
    assert errors <= {"slow_down", "authorization_pending"}
    # Each one lengthens the interval: 1 s at first, then 6 s, then 11 s.
    early = [entry["early_by"] for entry in demo_provider.log("/token") if entry["outcome"] == "slow_down"]
    assert early[0] <= 1 < early[1] <= 6 < early[2] <= 11


def test_DEV_3_the_fault_switch_asks_for_a_number_of_slow_downs(demo_provider: DemoProvider) -> None:
    demo_provider.faults(slow_down=2)
    device = start(demo_provider)
    assert [error(demo_provider, device) for _ in range(3)] == ["slow_down", "slow_down", "authorization_pending"]


def test_PKCE_1_a_challenge_needs_its_verifier_at_every_poll(demo_provider: DemoProvider) -> None:
    device = start(demo_provider, code_challenge=CHALLENGE, code_challenge_method="S256")
    assert error(demo_provider, device) == "invalid_grant"
    assert error(demo_provider, device, code_verifier="x" * 43) == "invalid_grant"
    demo_provider.approve_device(device["user_code"])
    assert error(demo_provider, device) == "invalid_grant"
    assert poll(demo_provider, device, code_verifier=VERIFIER)[0] == 200


def test_PKCE_1_a_verifier_without_a_challenge_is_refused(demo_provider: DemoProvider) -> None:
    device = start(demo_provider)
    demo_provider.approve_device(device["user_code"])
    assert error(demo_provider, device, code_verifier=VERIFIER) == "invalid_request"
    assert poll(demo_provider, device)[0] == 200


@pytest.mark.parametrize("method", ["plain", "S512", None])
def test_PKCE_2_only_S256_is_taken(demo_provider: DemoProvider, method: str | None) -> None:
    form = {"client_id": demo_provider.client_id, "code_challenge": CHALLENGE}
    if method:
        form["code_challenge_method"] = method
    answer = requests.post(f"{demo_provider.issuer}/device_authorization", data=form, timeout=60)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("form", "expected"),
    [({"client_id": "nobody"}, "invalid_client"), ({"scope": "everything"}, "invalid_scope")],
)
def test_DEV_1_bad_device_requests(demo_provider: DemoProvider, form: dict[str, str], expected: str) -> None:
    body = {"client_id": demo_provider.client_id} | form
    answer = requests.post(f"{demo_provider.issuer}/device_authorization", data=body, timeout=60)
    assert answer.json()["error"] == expected


def test_the_complete_address_only_fills_in_the_code(demo_provider: DemoProvider) -> None:
    device = start(demo_provider)
    browser = Browser(demo_provider)
    page = browser.get(device["verification_uri_complete"])
    assert f'value="{device["user_code"]}"' in page.text
    assert error(demo_provider, device) == "authorization_pending"
    login = browser.submit(page, user_code=device["user_code"])
    assert 'id="password"' in login.text
    consent = browser.log_in(login, "ada")
    for shown in ("TokenKeep", "Know who you are", "offline_access", device["user_code"]):
        assert shown in consent.text


def test_DEMO_1_the_device_page_wants_its_form_token(demo_provider: DemoProvider) -> None:
    device = start(demo_provider)
    browser = Browser(demo_provider)
    page = browser.get(device["verification_uri"])
    answer = browser.submit(page, csrf="wrong", user_code=device["user_code"], decision="allow")
    assert answer.status_code == 403
    assert error(demo_provider, device) == "authorization_pending"


def test_a_wrong_code_is_said_on_the_page(demo_provider: DemoProvider) -> None:
    browser = Browser(demo_provider)
    page = browser.submit(browser.get(f"{demo_provider.issuer}/device"), user_code="ZZZZ-ZZZZ")
    assert page.status_code == 400
    assert 'role="alert"' in page.text
