"""The authorization endpoint of the demo provider: what it accepts, refuses and sends back."""

from urllib.parse import parse_qs, urlsplit

import pytest

from support.demo_provider import Browser, DemoProvider


def query_of(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query, keep_blank_values=True)


def test_DEMO_2_a_sign_in_gives_tokens_that_the_resource_accepts(demo_provider: DemoProvider) -> None:
    request = demo_provider.authorization_request()
    callback = demo_provider.sign_in(request.url, "grace")
    assert callback.startswith(request.parameters["redirect_uri"] + "?")
    answer = request.exchange(callback)
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 300)
    assert tokens["scope"] == request.parameters["scope"]
    assert demo_provider.call(tokens["access_token"]).json()["username"] == "grace"


def test_DEMO_2_state_and_iss_come_back_on_success_and_on_denial(demo_provider: DemoProvider) -> None:
    for allow, member in ((True, "code"), (False, "error")):
        request = demo_provider.authorization_request()
        query = query_of(demo_provider.sign_in(request.url, allow=allow))
        assert query["state"] == [request.parameters["state"]]
        assert query["iss"] == [demo_provider.issuer]
        assert member in query
    assert query["error"] == ["access_denied"]
    assert "code" not in query


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "http://127.0.0.1:1/callback/ABCDEFGH2345",
        "http://127.0.0.1:65535/callback/ABCDEFGH2345",
        "http://[::1]:40000/callback/ABCDEFGH2345",
    ],
)
def test_DEMO_2_any_loopback_port_is_accepted(demo_provider: DemoProvider, redirect_uri: str) -> None:
    request = demo_provider.authorization_request(redirect_uri=redirect_uri)
    callback = demo_provider.sign_in(request.url)
    assert callback.startswith(redirect_uri + "?code=")
    assert request.exchange(callback).status_code == 200


@pytest.mark.parametrize(
    "redirect_uri",
    [
        None,
        "http://127.0.0.1/callback/ABCDEFGH2345",
        "http://127.0.0.1:4000/other/ABCDEFGH2345",
        "http://127.0.0.1:4000/callback/",
        "http://127.0.0.1:4000/callback/a/b",
        "http://127.0.0.1:4000/callback/../x",
        "http://127.0.0.1:4000/callback/a?x=1",
        "http://127.0.0.1:4000/callback/a?",
        "http://127.0.0.1:4000/callback/a#",
        "http://127.0.0.1:4000/callback/%61",
        "http://127.0.0.1:04000/callback/a",
        "http://name@127.0.0.1:4000/callback/a",
        "http://127.0.0.2:4000/callback/a",
        "http://localhost:4000/callback/a",
        "http://127.0.0.1.evil.test:4000/callback/a",
        "http://evil.test:4000/callback/a",
        "https://127.0.0.1:4000/callback/a",
        "HTTP://127.0.0.1:4000/callback/a",
        'http://127.0.0.1:4000/callback/"\\a',
        "http://127.0.0.1:99999/callback/a",
        "http://[::1/callback/a",
        "javascript:alert(1)",
    ],
)
def test_DEMO_2_other_redirect_uris_end_on_a_page(demo_provider: DemoProvider, redirect_uri: str | None) -> None:
    request = demo_provider.authorization_request(redirect_uri=redirect_uri)
    page = Browser(demo_provider).get(request.url)
    assert page.status_code == 400
    assert "Location" not in page.headers


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge": "short"},
        {"code_challenge": "a" * 42 + "="},
        {"code_challenge": "a" * 128},
    ],
)
def test_DEMO_2_anything_but_an_S256_challenge_is_refused(
    demo_provider: DemoProvider, changes: dict[str, str | None]
) -> None:
    request = demo_provider.authorization_request(**changes)
    answer = Browser(demo_provider).get(request.url)
    assert answer.status_code == 303
    query = query_of(answer.headers["Location"])
    assert query["error"] == ["invalid_request"]
    assert query["state"] == [request.parameters["state"]]
    assert query["iss"] == [demo_provider.issuer]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
    ],
)
def test_DEMO_2_errors_go_to_the_client_with_iss(
    demo_provider: DemoProvider, changes: dict[str, str | None], error: str
) -> None:
    answer = Browser(demo_provider).get(demo_provider.authorization_request(**changes).url)
    assert answer.status_code == 303
    query = query_of(answer.headers["Location"])
    assert (query["error"], query["iss"]) == ([error], [demo_provider.issuer])


@pytest.mark.parametrize("suffix", ["&state=2", "&client_id=x", "&nonce=2", "&code_challenge=x"])
def test_DEMO_2_repeated_parameters_are_refused(demo_provider: DemoProvider, suffix: str) -> None:
    answer = Browser(demo_provider).get(demo_provider.authorization_request().url + suffix)
    assert answer.status_code in (303, 400)
    assert "code=" not in answer.headers.get("Location", "")
    assert 'id="password"' not in answer.text


def test_DEMO_2_odd_characters_are_refused_without_a_fault_of_the_server(demo_provider: DemoProvider) -> None:
    browser = Browser(demo_provider)
    for changes in ({"client_id": 'a"\\'}, {"response_type": '"\\\x00'}, {"scope": 'ü"\\'}):
        assert browser.get(demo_provider.authorization_request(**changes).url).status_code in (303, 400)
    assert browser.get(f"{demo_provider.issuer}/authorize?x=%ff%fe&state=%00").status_code == 400


def test_DEMO_1_GET_never_decides(demo_provider: DemoProvider) -> None:
    browser = Browser(demo_provider)
    browser.sign_in(demo_provider.authorization_request().url)
    request = demo_provider.authorization_request(decision="allow", csrf="x")
    page = browser.get(request.url)
    assert page.status_code == 200
    assert 'id="allow"' in page.text


def test_DEMO_1_consent_and_login_without_the_right_token_are_403(demo_provider: DemoProvider) -> None:
    browser = Browser(demo_provider)
    request = demo_provider.authorization_request()
    login = browser.get(request.url)
    assert browser.submit(login, csrf="wrong", username="ada", password="demo").status_code == 403
    consent = browser.log_in(login, "ada")
    assert 'id="allow"' in consent.text
    for csrf in ("", "wrong"):
        answer = browser.submit(consent, csrf=csrf, decision="allow")
        assert (answer.status_code, answer.headers.get("Location")) == (403, None)
    # A token of another browser's session does not do either.
    stranger = Browser(demo_provider)
    stranger.log_in(stranger.get(request.url), "grace")
    stranger.http.cookies, browser.http.cookies = browser.http.cookies, stranger.http.cookies
    assert browser.submit(consent, decision="allow").status_code == 403


def test_DEMO_1_forms_from_other_sites_are_refused(demo_provider: DemoProvider) -> None:
    browser = Browser(demo_provider)
    login = browser.get(demo_provider.authorization_request().url)
    browser.http.headers["Sec-Fetch-Site"] = "cross-site"
    assert browser.submit(login, username="ada", password="demo").status_code == 403


def test_DEMO_1_a_new_login_ends_the_old_session_key(demo_provider: DemoProvider) -> None:
    browser = Browser(demo_provider)
    browser.sign_in(demo_provider.authorization_request().url)
    before = dict(browser.http.cookies)
    browser.sign_in(demo_provider.authorization_request(prompt="login").url, "grace")
    assert dict(browser.http.cookies) != before
    old = Browser(demo_provider)
    old.http.cookies.update(before)
    assert 'id="password"' in old.get(demo_provider.authorization_request().url).text


def test_DEMO_1_a_wrong_password_stays_on_the_login_page(demo_provider: DemoProvider) -> None:
    browser = Browser(demo_provider)
    page = browser.submit(browser.get(demo_provider.authorization_request().url), username="ada", password="x")
    assert page.status_code == 401
    assert 'role="alert"' in page.text
    assert 'value="ada"' in page.text


def test_DEMO_1_pages_say_that_they_are_a_demo_and_cannot_be_framed(demo_provider: DemoProvider) -> None:
    browser = Browser(demo_provider)
    for path in ("/", "/device", "/faults", "/nothing-here"):
        page = browser.http.get(demo_provider.issuer + path, headers={"Accept": "text/html"}, timeout=60)
        assert "not a real account" in page.text
    page = browser.get(demo_provider.authorization_request().url)
    assert "not a real account" in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    cookie = page.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_DEMO_1_no_answer_carries_a_CORS_header(demo_provider: DemoProvider) -> None:
    browser = Browser(demo_provider)
    for url in (demo_provider.authorization_request().url, f"{demo_provider.issuer}/token", demo_provider.whoami):
        for method in ("GET", "OPTIONS"):
            answer = browser.http.request(method, url, headers={"Origin": "https://evil.test"}, timeout=60)
            assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "host", ["evil.test", "localhost:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}.evil.test"]
)
def test_DEMO_1_another_Host_is_refused(demo_provider: DemoProvider, host: str) -> None:
    port = demo_provider.issuer.rpartition(":")[2]
    answer = Browser(demo_provider).http.get(
        f"{demo_provider.issuer}/device", headers={"Host": host.format(port=port)}, timeout=60
    )
    assert answer.status_code == 421


def test_the_second_sign_in_shows_only_consent_and_prompt_login_asks_again(demo_provider: DemoProvider) -> None:
    browser = Browser(demo_provider)
    browser.sign_in(demo_provider.authorization_request().url)
    assert 'id="allow"' in browser.get(demo_provider.authorization_request().url).text
    again = demo_provider.authorization_request(prompt="login")
    login = browser.get(again.url)
    assert 'id="password"' in login.text
    # The login answers the prompt, and the consent goes through.
    assert "code=" in browser.sign_in(again.url, "grace")
    # The same address once more asks once more.
    assert 'id="password"' in browser.get(again.url).text
    consent = demo_provider.authorization_request(prompt="consent")
    assert 'id="allow"' in browser.get(consent.url).text
    silent = browser.get(demo_provider.authorization_request(prompt="none").url)
    assert query_of(silent.headers["Location"])["error"] == ["consent_required"]
    assert 'id="password"' in browser.get(demo_provider.authorization_request(max_age="0").url).text


@pytest.mark.parametrize(
    ("hint", "shown"), [("grace", "grace"), ("grace@demo.invalid", "grace"), ('"<b>', "&#34;&lt;b&gt;")]
)
def test_login_hint_fills_in_the_user_name(demo_provider: DemoProvider, hint: str, shown: str) -> None:
    page = Browser(demo_provider).get(demo_provider.authorization_request(login_hint=hint).url)
    assert f'name="username" value="{shown}"' in page.text
