"""Code exchange and refresh at the demo provider: one use, PKCE both ways, rotation, family revocation."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from support.demo_provider import DemoProvider


def error_of(answer: requests.Response) -> tuple[int, str]:
    body: dict[str, Any] = answer.json()
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, body["error"]


def test_DEMO_2_a_reused_code_is_refused_and_revokes_the_tokens(demo_provider: DemoProvider) -> None:
    request = demo_provider.authorization_request()
    callback = demo_provider.sign_in(request.url)
    tokens = request.exchange(callback).json()
    assert demo_provider.call(tokens["access_token"]).status_code == 200
    assert error_of(request.exchange(callback)) == (400, "invalid_grant")
    assert demo_provider.call(tokens["access_token"]).status_code == 401
    assert error_of(demo_provider.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": None}, "invalid_grant"),
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"code_verifier": "ü" * 43}, "invalid_grant"),
        ({"code": "made-up"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:53682/callback/OTHER"}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:53683/callback/ABCDEFGH2345"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"scope": ""}, "invalid_request"),
    ],
)
def test_DEMO_2_a_wrong_exchange_is_refused_and_the_right_one_still_works(
    demo_provider: DemoProvider, changes: dict[str, str | None], error: str
) -> None:
    request = demo_provider.authorization_request()
    callback = demo_provider.sign_in(request.url)
    assert error_of(request.exchange(callback, **changes))[1] == error
    assert request.exchange(callback).status_code == 200


def test_DEMO_2_a_verifier_without_a_challenge_is_refused(demo_provider: DemoProvider) -> None:
    demo_provider.faults(pkce="optional")
    request = demo_provider.authorization_request(code_challenge=None, code_challenge_method=None)
    callback = demo_provider.sign_in(request.url)
    assert error_of(request.exchange(callback)) == (400, "invalid_request")
    assert request.exchange(callback, code_verifier=None).status_code == 200


def test_DEMO_2_token_requests_belong_into_one_form_body(demo_provider: DemoProvider) -> None:
    token = demo_provider.tokens()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": demo_provider.client_id}
    url = f"{demo_provider.issuer}/token"
    wrong = [
        requests.post(url, params=form, timeout=60),
        requests.post(url, params={"x": "1"}, data=form, timeout=60),
        requests.post(url, json=form, timeout=60),
        requests.post(url, data=[*form.items(), ("refresh_token", token)], timeout=60),
    ]
    assert [error_of(answer) for answer in wrong] == [(400, "invalid_request")] * 4
    assert requests.get(url, params=form, timeout=60).status_code == 405
    assert demo_provider.refresh(token).status_code == 200


def test_DEMO_4_each_refresh_rotates_and_the_old_access_token_lives_on(demo_provider: DemoProvider) -> None:
    first = demo_provider.tokens()
    second = demo_provider.refresh(first["refresh_token"]).json()
    third = demo_provider.refresh(second["refresh_token"]).json()
    assert len({first["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3
    for tokens in (first, second, third):
        assert demo_provider.call(tokens["access_token"]).status_code == 200


def test_DEMO_4_reuse_of_a_retired_refresh_token_ends_the_whole_family(demo_provider: DemoProvider) -> None:
    first = demo_provider.tokens()
    bystander = demo_provider.tokens()
    second = demo_provider.refresh(first["refresh_token"]).json()
    assert error_of(demo_provider.refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert error_of(demo_provider.refresh(second["refresh_token"])) == (400, "invalid_grant")
    for tokens in (first, second):
        assert demo_provider.call(tokens["access_token"]).status_code == 401
    assert demo_provider.call(bystander["access_token"]).status_code == 200
    assert demo_provider.refresh(bystander["refresh_token"]).status_code == 200


def test_DEMO_4_within_the_grace_window_a_second_answer_is_given(start_demo: Callable[..., DemoProvider]) -> None:
    provider = start_demo(refresh_grace=3600)
    first = provider.tokens()
    lost = provider.refresh(first["refresh_token"]).json()
    again = provider.refresh(first["refresh_token"])
    assert again.status_code == 200
    assert again.json()["refresh_token"] != lost["refresh_token"]
    assert provider.refresh(again.json()["refresh_token"]).status_code == 200


def test_a_refresh_may_narrow_the_scope_and_never_widen_it(demo_provider: DemoProvider) -> None:
    tokens = demo_provider.tokens(scope="openid notes:read")
    narrow = demo_provider.refresh(tokens["refresh_token"], scope="openid").json()
    assert narrow["scope"] == "openid"
    assert demo_provider.call(narrow["access_token"], "/notes").status_code == 403
    wide = demo_provider.refresh(narrow["refresh_token"], scope="openid email")
    assert error_of(wide) == (400, "invalid_scope")
    assert demo_provider.refresh(narrow["refresh_token"]).json()["scope"] == "openid notes:read"


def test_an_access_token_is_no_refresh_token_and_the_reverse(demo_provider: DemoProvider) -> None:
    tokens = demo_provider.tokens()
    assert error_of(demo_provider.refresh(tokens["access_token"])) == (400, "invalid_grant")
    assert demo_provider.call(tokens["refresh_token"]).status_code == 401


def test_lifetimes_end_tokens(start_demo: Callable[..., DemoProvider]) -> None:
    provider = start_demo(token_lifetime=0, refresh_lifetime=0)
    tokens = provider.tokens()
    assert provider.call(tokens["access_token"]).status_code == 401
    assert error_of(provider.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


def test_lifetimes_end_codes(start_demo: Callable[..., DemoProvider]) -> None:
    provider = start_demo(code_lifetime=0, device_lifetime=0)
    request = provider.authorization_request()
    assert error_of(request.exchange(provider.sign_in(request.url))) == (400, "invalid_grant")
    url, client = f"{provider.issuer}/device_authorization", {"client_id": provider.client_id}
    device = requests.post(url, data=client, timeout=60).json()
    poll = provider.token_request(
        grant_type="urn:ietf:params:oauth:grant-type:device_code", device_code=device["device_code"]
    )
    assert error_of(poll) == (400, "expired_token")
    page = requests.post(f"{provider.issuer}/device", data={"user_code": device["user_code"]}, timeout=60)
    assert page.status_code == 403


def test_DEMO_2_of_two_parallel_exchanges_of_one_code_at_most_one_wins(demo_provider: DemoProvider) -> None:
    request = demo_provider.authorization_request()
    callback = demo_provider.sign_in(request.url)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: request.exchange(callback).status_code, range(8)))
    assert sorted(statuses) == [200] + [400] * 7


def test_DEMO_4_of_parallel_refreshes_with_one_token_one_wins_and_the_family_ends(demo_provider: DemoProvider) -> None:
    token = demo_provider.tokens()["refresh_token"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: demo_provider.refresh(token), range(8)))
    winners = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(winners) == 1
    assert demo_provider.call(winners[0]["access_token"]).status_code == 401
