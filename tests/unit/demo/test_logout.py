"""RP-initiated logout at the demo provider: who may ask, who confirms, and where the browser goes."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from support.demo_provider import Browser, DemoProvider

BACK = "http://127.0.0.1:53682/signed-out"


@pytest.fixture
def browser(demo_provider: DemoProvider) -> Browser:
    return Browser(demo_provider)


def id_token(provider: DemoProvider, browser: Browser, user: str = "ada") -> str:
    """The id_token of a sign-in in that browser, which stays logged in."""
    asked = provider.authorization_request()
    token: str = asked.exchange(browser.sign_in(asked.url, user)).json()["id_token"]
    return token


def log_out(browser: Browser, method: str = "GET", **parameters: str) -> requests.Response:
    url, limit = f"{browser.issuer}/logout", {"timeout": 60, "allow_redirects": False}
    if method == "GET":
        return browser.http.get(f"{url}?{urlencode(parameters)}", **limit)  # type: ignore[arg-type]
    return browser.http.post(url, data=parameters, **limit)  # type: ignore[arg-type]


def logged_in(provider: DemoProvider, browser: Browser) -> bool:
    return 'id="allow"' in browser.get(provider.authorization_request().url).text


def state_of(answer: requests.Response) -> list[str] | None:
    assert answer.status_code == 303, answer.text
    location = answer.headers["Location"]
    assert location.partition("?")[0] == BACK
    return parse_qs(urlsplit(location).query, keep_blank_values=True).get("state")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_OUT_1_an_id_token_ends_the_session_and_leads_back(
    demo_provider: DemoProvider, browser: Browser, method: str
) -> None:
    hint = id_token(demo_provider, browser)
    assert logged_in(demo_provider, browser)
    answer = log_out(browser, method, id_token_hint=hint, post_logout_redirect_uri=BACK, state="s1")
    assert state_of(answer) == ["s1"]
    assert not logged_in(demo_provider, browser)


def test_OUT_1_without_an_id_token_the_person_confirms(demo_provider: DemoProvider, browser: Browser) -> None:
    id_token(demo_provider, browser)
    asked = {"client_id": demo_provider.client_id, "logout_hint": "ada", "post_logout_redirect_uri": BACK, "state": "s"}
    page = log_out(browser, **asked)
    assert page.status_code == 200
    assert "TokenKeep asks" in page.text
    assert browser.submit(page, decision="log_out", csrf="wrong").status_code == 403
    assert "Still logged in" in browser.submit(page, decision="stay").text
    assert logged_in(demo_provider, browser)
    assert state_of(browser.submit(page, decision="log_out")) == ["s"]
    assert not logged_in(demo_provider, browser)


def test_OUT_1_the_id_token_of_somebody_else_needs_confirmation(demo_provider: DemoProvider, browser: Browser) -> None:
    other = id_token(demo_provider, Browser(demo_provider), "grace")
    id_token(demo_provider, browser)
    assert 'id="log-out"' in log_out(browser, id_token_hint=other, post_logout_redirect_uri=BACK).text
    assert logged_in(demo_provider, browser)


def test_OUT_1_who_is_not_logged_in_goes_straight_back(demo_provider: DemoProvider, browser: Browser) -> None:
    answer = log_out(browser, client_id=demo_provider.client_id, post_logout_redirect_uri=BACK)
    assert state_of(answer) is None
    assert "Logged out" in log_out(browser).text


@pytest.mark.parametrize(
    "changes",
    [
        {"post_logout_redirect_uri": "https://evil.test/"},
        {"post_logout_redirect_uri": "http://127.0.0.1:1/other"},
        {"post_logout_redirect_uri": "http://localhost:1/signed-out"},
        {"post_logout_redirect_uri": "javascript:alert(1)"},
        {"client_id": "nobody"},
        {"client_id": "tokenkeep-demo-confidential"},
        {"id_token_hint": "a.b.c"},
        {"id_token_hint": "eyJhbGciOiJub25lIn0.e30."},
    ],
)
def test_OUT_1_bad_requests_end_on_a_page_and_change_nothing(
    demo_provider: DemoProvider, browser: Browser, changes: dict[str, str]
) -> None:
    good = {"id_token_hint": id_token(demo_provider, browser), "post_logout_redirect_uri": BACK}
    answer = log_out(browser, **(good | changes))
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert logged_in(demo_provider, browser)


@pytest.mark.parametrize(
    ("fault", "expected"), [("wrong_state", ["not-the-state"]), ("no_state", None), ("empty_state", [""])]
)
def test_OUT_2_the_way_back_can_be_wrong(
    demo_provider: DemoProvider, browser: Browser, fault: str, expected: Any
) -> None:
    hint = id_token(demo_provider, browser)
    demo_provider.faults(logout=fault)
    answer = log_out(browser, id_token_hint=hint, post_logout_redirect_uri=BACK, state="s")
    assert state_of(answer) == expected
    assert not logged_in(demo_provider, browser)


def test_OUT_2_there_can_be_no_way_back(demo_provider: DemoProvider, browser: Browser) -> None:
    hint = id_token(demo_provider, browser)
    demo_provider.faults(logout="500*1")
    assert log_out(browser, id_token_hint=hint, post_logout_redirect_uri=BACK).status_code == 500
    assert logged_in(demo_provider, browser)
    demo_provider.faults(logout="no_return*1")
    answer = log_out(browser, id_token_hint=hint, post_logout_redirect_uri=BACK)
    assert (answer.status_code, "Logged out" in answer.text) == (200, True)
    assert not logged_in(demo_provider, browser)


def test_OUT_1_the_pages_cannot_be_framed_and_the_metadata_names_the_endpoint(
    demo_provider: DemoProvider, browser: Browser
) -> None:
    document = requests.get(f"{demo_provider.issuer}/.well-known/openid-configuration", timeout=60).json()
    assert document["end_session_endpoint"] == f"{demo_provider.issuer}/logout"
    assert "frame-ancestors 'none'" in log_out(browser).headers["Content-Security-Policy"]


def test_OUT_1_a_registered_client_comes_back_where_it_said(demo_provider: DemoProvider, browser: Browser) -> None:
    back = "http://127.0.0.1/signed-out/mine"
    metadata = {
        "redirect_uris": ["http://127.0.0.1/callback/mine"],
        "post_logout_redirect_uris": [back],
        "token_endpoint_auth_method": "none",
        "application_type": "native",
    }
    registered = requests.post(f"{demo_provider.origin}/register", json=metadata, timeout=60).json()
    assert registered["post_logout_redirect_uris"] == [back]
    asked = {"client_id": registered["client_id"], "state": "s"}
    there = log_out(browser, post_logout_redirect_uri="http://127.0.0.1:5555/signed-out/mine", **asked)
    assert there.headers["Location"] == "http://127.0.0.1:5555/signed-out/mine?state=s"
    assert (
        log_out(browser, post_logout_redirect_uri="http://127.0.0.1:5555/signed-out/other", **asked).status_code == 400
    )


@pytest.mark.parametrize("uris", ["http://127.0.0.1/x", ["http://evil.test/x"], ["javascript:alert(1)"], [1]])
def test_OUT_1_what_no_client_may_register(demo_provider: DemoProvider, uris: Any) -> None:
    metadata = {"redirect_uris": ["https://app.test/cb"], "post_logout_redirect_uris": uris}
    answer = requests.post(f"{demo_provider.origin}/register", json=metadata, timeout=60)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
