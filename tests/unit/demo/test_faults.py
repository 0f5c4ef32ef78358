"""The fault switches of the demo provider: the mechanism, and that every listed value does something."""

import html
import re
import threading
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from support.demo_provider import DEVICE_GRANT, Browser, DemoProvider
from tokenkeep.demo.faults.board import FaultBoard, UnknownFaultError
from tokenkeep.demo.faults.switches.token import TOKEN_ANSWERS
from tokenkeep.demo.faults.table import BY_NAME, FAULTS


def post(provider: DemoProvider, body: object) -> requests.Response:
    return requests.post(f"{provider.issuer}/faults", json=body, timeout=60)


@pytest.mark.parametrize(
    "body",
    [
        {"made_up": "on"},
        {"made_up": None},
        {"iss": "made-up"},
        {"iss": ""},
        {"slow_down": "many"},
        {"expires_in": "{"},
        {"iss": ["wrong"]},
        ["iss"],
        "iss",
    ],
)
def test_DEMO_3_unknown_names_and_values_are_refused_and_change_nothing(
    demo_provider: DemoProvider, body: object
) -> None:
    demo_provider.faults(token="503")
    answer = post(demo_provider, body if not isinstance(body, dict) else {"state": "wrong"} | body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    listed = requests.get(f"{demo_provider.issuer}/faults", timeout=60).json()
    assert listed["active"] == {"token": "503"}


def test_DEMO_3_a_form_of_another_site_cannot_set_faults(demo_provider: DemoProvider) -> None:
    url, body = f"{demo_provider.issuer}/faults", '{"token": "503"}'
    answer = requests.post(url, data=body, headers={"Content-Type": "text/plain"}, timeout=60)
    assert answer.status_code == 400
    assert requests.options(url, timeout=60).headers.get("Access-Control-Allow-Origin") is None


def test_DEMO_3_a_count_holds_so_many_times(demo_provider: DemoProvider) -> None:
    demo_provider.faults(token="503*2")
    answers = [demo_provider.token_request(grant_type="refresh_token", refresh_token="x") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 400]


def test_DEMO_3_switches_go_off_by_off_null_and_delete(demo_provider: DemoProvider) -> None:
    demo_provider.faults(token="503", iss="wrong", state="wrong", dup="code")
    demo_provider.faults(token="off", iss=None)
    assert requests.get(f"{demo_provider.issuer}/faults", timeout=60).json()["active"] == {
        "state": "wrong",
        "dup": "code",
    }
    demo_provider.clear_faults()
    assert requests.get(f"{demo_provider.issuer}/faults", timeout=60).json()["active"] == {}


def test_DEMO_3_the_list_is_complete_and_readable(demo_provider: DemoProvider) -> None:
    listed = requests.get(f"{demo_provider.issuer}/faults", timeout=60).json()["faults"]
    assert [fault["name"] for fault in listed] == list(BY_NAME)
    assert all(fault["effect"] and fault["requirements"] and fault["values"] for fault in listed)
    page = requests.get(f"{demo_provider.issuer}/faults", headers={"Accept": "text/html"}, timeout=60).text
    assert all(f"<code>{fault.name}</code>" in page for fault in FAULTS)


def test_DEMO_3_requirement_ids_are_well_formed() -> None:
    for fault in FAULTS:
        for requirement in fault.requirements:
            assert re.fullmatch(r"[A-Z]+-\d+", requirement)


def test_DEMO_3_every_switch_is_used_by_the_server() -> None:
    import tokenkeep.demo

    folder = Path(str(tokenkeep.demo.__file__)).parent
    code = "".join(path.read_text() for path in folder.rglob("*.py") if path.parent.name != "switches")
    assert [name for name in BY_NAME if f'"{name}"' not in code] == []


@pytest.mark.parametrize("fault", TOKEN_ANSWERS.split())
def test_DEMO_3_every_token_answer_replaces_the_genuine_one_and_uses_nothing_up(
    demo_provider: DemoProvider, fault: str
) -> None:
    tokens = demo_provider.tokens()
    demo_provider.reset_log()
    demo_provider.faults(refresh=f"{fault}*1", retry_after="7")
    url, form = f"{demo_provider.issuer}/token", {"client_id": demo_provider.client_id, "grant_type": "refresh_token"}
    form["refresh_token"] = tokens["refresh_token"]
    if fault == "truncated":
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            requests.post(url, data=form, timeout=60)
    else:
        answer = requests.post(url, data=form, timeout=60, allow_redirects=False)
        assert answer.headers["Retry-After"] == "7"
        assert "demo-at-" not in answer.text
        assert answer.status_code < 500 or fault in (
            "html",
            "server_error",
            "temporarily_unavailable",
            str(answer.status_code),
        )
    assert demo_provider.refresh(tokens["refresh_token"]).status_code == 200
    assert [entry["outcome"] for entry in demo_provider.log("/token")] == [fault, "ok"]


def test_TOK_3_the_malformed_answers_are_malformed_as_named(demo_provider: DemoProvider) -> None:
    def body(fault: str) -> bytes:
        demo_provider.faults(token=f"{fault}*1")
        return demo_provider.token_request(grant_type="refresh_token", refresh_token="x").content

    assert body("bom").startswith(b"\xef\xbb\xbf{")
    assert body("dup_keys").count(b'"access_token"') == 2
    assert b"NaN" in body("nan")
    assert len(body("huge")) > 2 * 1024 * 1024
    assert body("empty") == b""
    with pytest.raises(UnicodeDecodeError):
        body("bad_utf8").decode()


@pytest.mark.parametrize(
    ("switch", "grant"), [("exchange", "authorization_code"), ("refresh", "refresh_token"), ("poll", DEVICE_GRANT)]
)
def test_DEMO_3_a_switch_of_one_grant_leaves_the_others_alone(
    demo_provider: DemoProvider, switch: str, grant: str
) -> None:
    demo_provider.faults(**{switch: "503"})
    statuses = {
        name: demo_provider.token_request(grant_type=name, code="x", refresh_token="x", device_code="x").status_code
        for name in ("authorization_code", "refresh_token", DEVICE_GRANT)
    }
    assert {name for name, status in statuses.items() if status == 503} == {grant}


def callback_parameters(provider: DemoProvider, **faults: str) -> tuple[list[tuple[str, str]], dict[str, str]]:
    provider.faults(**faults)
    request = provider.authorization_request()
    url = provider.sign_in(request.url)
    return parse_qsl(urlsplit(url).query, keep_blank_values=True), request.parameters


@pytest.mark.parametrize("fault", BY_NAME["iss"].values)
def test_RESP_3_every_iss_fault_gives_another_iss(demo_provider: DemoProvider, fault: str) -> None:
    parameters, _ = callback_parameters(demo_provider, iss=fault)
    values = [value for name, value in parameters if name == "iss"]
    assert values != [demo_provider.issuer]
    assert len(values) == (0 if fault == "missing" else 1)


@pytest.mark.parametrize("fault", BY_NAME["state"].values)
def test_RESP_1_every_state_fault_gives_another_state(demo_provider: DemoProvider, fault: str) -> None:
    parameters, asked = callback_parameters(demo_provider, state=fault)
    assert ("state", asked["state"]) not in parameters


@pytest.mark.parametrize("fault", ["state", "code", "iss"])
def test_RESP_7_dup_doubles_a_parameter(demo_provider: DemoProvider, fault: str) -> None:
    parameters, _ = callback_parameters(demo_provider, dup=fault)
    assert [name for name, _ in parameters].count(fault) == 2


def test_RESP_7_and_8_other_parameters(demo_provider: DemoProvider) -> None:
    assert "code" not in dict(callback_parameters(demo_provider, code="missing")[0])
    assert dict(callback_parameters(demo_provider, code="empty")[0])["code"] == ""
    both = dict(callback_parameters(demo_provider, code="with_error")[0])
    assert both["code"]
    assert both["error"]
    demo_provider.clear_faults()
    for name in ("access_token", "id_token", "response"):
        assert name in dict(callback_parameters(demo_provider, extra=name)[0])
    assert "session_state" in dict(callback_parameters(demo_provider, extra="unknown")[0])


@pytest.mark.parametrize("fault", BY_NAME["authorize"].values)
def test_RESP_6_consent_can_end_in_every_error(demo_provider: DemoProvider, fault: str) -> None:
    if fault == "error_page":
        demo_provider.faults(authorize=fault)
        browser = Browser(demo_provider)
        consent = browser.log_in(browser.get(demo_provider.authorization_request().url), "ada")
        assert browser.submit(consent, decision="allow").status_code == 400
        return
    parameters, asked = callback_parameters(demo_provider, authorize=fault)
    error = dict(parameters)
    assert error["error"] == ("access_denied" if fault == "markup" else fault)
    assert (error["state"], error["iss"]) == (asked["state"], demo_provider.issuer)
    assert ("<script>" in error.get("error_description", "")) == (fault == "markup")


@pytest.mark.parametrize("raw", ["20", '"3600"', "3600.5", "0", "-1", "null", '"abc"', "true", "1e12", "absent"])
def test_TOK_6_expires_in_is_sent_as_given(demo_provider: DemoProvider, raw: str) -> None:
    import json

    demo_provider.faults(expires_in=raw)
    tokens = demo_provider.tokens()
    if raw == "absent":
        assert "expires_in" not in tokens
    else:
        assert tokens["expires_in"] == json.loads(raw)


def test_TOK_members_of_genuine_answers_can_be_changed(demo_provider: DemoProvider) -> None:
    demo_provider.faults(token_type="bEARER", scope="openid", extra_member="on", access_token="jwt_like")
    tokens = demo_provider.tokens()
    assert (tokens["token_type"], tokens["scope"]) == ("bEARER", "openid")
    assert "session_state" in tokens
    assert tokens["access_token"].count(".") == 2
    assert demo_provider.call(tokens["access_token"]).status_code == 200
    assert demo_provider.call(tokens["access_token"], "/notes").status_code == 403
    demo_provider.faults(token_type="absent", scope="absent", access_token="broken_base64")
    tokens = demo_provider.tokens()
    assert not {"token_type", "scope"} & set(tokens)
    demo_provider.faults(scope="empty")
    assert demo_provider.tokens()["scope"] == ""


@pytest.mark.parametrize(("fault", "expected"), [("absent", "none"), ("null", None), ("empty", "")])
def test_REF_2_without_a_new_refresh_token_the_old_one_stays_good(
    demo_provider: DemoProvider, fault: str, expected: str | None
) -> None:
    old = demo_provider.tokens()["refresh_token"]
    demo_provider.faults(refresh_token=fault)
    for _ in range(2):
        answer = demo_provider.refresh(old)
        assert answer.status_code == 200
        assert answer.json().get("refresh_token", "none") == expected
    demo_provider.clear_faults()
    assert demo_provider.refresh(old).status_code == 200


def test_REF_2_a_sign_in_can_come_without_a_refresh_token(demo_provider: DemoProvider) -> None:
    demo_provider.faults(first_refresh_token="absent")
    assert "refresh_token" not in demo_provider.tokens()


def test_REF_1_old_access_tokens_can_die_at_the_refresh(demo_provider: DemoProvider) -> None:
    demo_provider.faults(old_access_token="revoked")
    old = demo_provider.tokens()
    new = demo_provider.refresh(old["refresh_token"]).json()
    assert demo_provider.call(old["access_token"]).status_code == 401
    assert demo_provider.call(new["access_token"]).status_code == 200


def test_REF_8_cut_after_has_rotated_and_cut_before_has_not(demo_provider: DemoProvider) -> None:
    for fault, status in (("cut", 200), ("cut:0", 400)):
        tokens = demo_provider.tokens()
        demo_provider.faults(network=f"{fault}@/token*1")
        with pytest.raises(requests.ConnectionError):
            demo_provider.refresh(tokens["refresh_token"])
        assert demo_provider.refresh(tokens["refresh_token"]).status_code == status


@pytest.mark.parametrize("switch", ["token_freeze", "token_delay", "answer_freeze", "answer_delay"])
def test_REF_3_a_frozen_token_endpoint_counts_the_request_and_answers_when_let_go(
    demo_provider: DemoProvider, switch: str
) -> None:
    tokens = demo_provider.tokens()
    demo_provider.reset_log()
    demo_provider.faults(**{switch: "on" if switch.endswith("freeze") else "600"})
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(demo_provider.refresh(tokens["refresh_token"]).status_code))
    thread.start()
    demo_provider.wait_for("/token.refresh_token")
    # Everything else goes on meanwhile.
    assert demo_provider.call(tokens["access_token"]).status_code == 200
    assert [entry["outcome"] for entry in demo_provider.log("/token")] == ["pending"]
    assert answers == []
    demo_provider.faults(**{switch: None})
    thread.join(60)
    assert answers == [200]


DEVICE_ERRORS = ("html", "500", "503", "invalid_client", "unauthorized_client", "invalid_scope")


@pytest.mark.parametrize("fault", BY_NAME["device"].values)
def test_DEV_1_every_device_fault_changes_the_answer(demo_provider: DemoProvider, fault: str) -> None:
    demo_provider.faults(device=fault)
    url, form = f"{demo_provider.issuer}/device_authorization", {"client_id": demo_provider.client_id}
    answer = requests.post(url, data=form, timeout=60)
    if fault in DEVICE_ERRORS:
        assert answer.status_code >= 400
        return
    members = answer.json()
    if fault.startswith("no_"):
        assert fault.removeprefix("no_") not in members
        return
    genuine = (
        isinstance(members["device_code"], str)
        and re.fullmatch(r"[A-Z]{4}-[A-Z]{4}", str(members["user_code"]))
        and isinstance(members["expires_in"], int)
        and members.get("verification_uri") == f"{demo_provider.issuer}/device"
    )
    assert not genuine


@pytest.mark.parametrize("raw", ["absent", '"5"', "0", "-1", "100000"])
def test_DEV_1_interval_is_sent_as_given(demo_provider: DemoProvider, raw: str) -> None:
    import json

    demo_provider.faults(interval=raw)
    url, form = f"{demo_provider.issuer}/device_authorization", {"client_id": demo_provider.client_id}
    assert requests.post(url, data=form, timeout=60).json().get("interval", "x") == (
        "x" if raw == "absent" else json.loads(raw)
    )


def test_a_zero_count_is_off_and_a_star_in_text_is_text() -> None:
    board = FaultBoard({"slow_down": "0", "token_type": "a*b"})
    assert board.snapshot() == {"token_type": "a*b"}
    with pytest.raises(UnknownFaultError):
        board.change({"token_delay": "-1"})
    with pytest.raises(UnknownFaultError):
        board.change({"retry_after": "1\r\nX: y"})


def test_REV_4_a_held_back_answer_was_processed_before_a_later_revocation(demo_provider: DemoProvider) -> None:
    tokens = demo_provider.tokens()
    demo_provider.reset_log()
    demo_provider.faults(answer_freeze="on")
    answers: list[requests.Response] = []
    thread = threading.Thread(target=lambda: answers.append(demo_provider.refresh(tokens["refresh_token"])))
    thread.start()
    demo_provider.wait_for("/token.processed")
    form = {"client_id": demo_provider.client_id, "token": tokens["refresh_token"]}
    assert requests.post(f"{demo_provider.issuer}/revoke", data=form, timeout=60).status_code == 200
    demo_provider.clear_faults()
    thread.join(60)
    late = answers[0]
    assert late.status_code == 200
    assert demo_provider.call(late.json()["access_token"]).status_code == 401


@pytest.fixture
def page_browser(demo_provider: DemoProvider) -> Browser:
    browser = Browser(demo_provider)
    browser.http.headers["Accept"] = "text/html"
    return browser


def test_DEMO_3_a_person_can_use_the_page(demo_provider: DemoProvider, page_browser: Browser) -> None:
    url = f"{demo_provider.issuer}/faults"
    page = page_browser.get(url)
    assert 'id="faults-off"' not in page.text
    answer = page_browser.submit(page, name="token", value="503*2")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/faults#token")
    assert "on: <code>503*2</code>" in page_browser.get(url).text
    refused = page_browser.submit(page, name="iss", typed="<b>")
    assert refused.status_code == 400
    assert "does not take &#39;&lt;b&gt;&#39;" in refused.text
    assert page_browser.submit(page, csrf="x", action="clear").status_code == 403
    assert page_browser.submit(page, csrf="x", name="token", value="off").status_code == 403
    assert page_browser.submit(page, name="iss", typed=" wrong*3 ").status_code == 303
    assert page_browser.submit(page, name="token", value="off").status_code == 303
    text = page_browser.get(url).text
    assert "on: <code>503*2</code>" not in text
    assert "on: <code>wrong*3</code>" in text
    assert page_browser.submit(page, action="clear").status_code == 303
    assert 'id="faults-off"' not in page_browser.get(url).text


def switches_of(page: requests.Response) -> set[str]:
    return set(re.findall(r'<article id="(\w+)"', page.text))


def test_DEMO_3_the_page_finds_switches_by_requirement_and_by_word(
    demo_provider: DemoProvider, page_browser: Browser
) -> None:
    url = f"{demo_provider.issuer}/faults"
    assert switches_of(page_browser.get(url)) == set(BY_NAME)
    by_id = switches_of(page_browser.get(f"{url}?q=ref-5"))
    assert by_id == {fault.name for fault in FAULTS if "REF-5" in fault.requirements}
    # An id is not the beginning of another one.
    assert switches_of(page_browser.get(f"{url}?q=OIDC-1")) == {f.name for f in FAULTS if "OIDC-1" in f.requirements}
    assert switches_of(page_browser.get(f"{url}?q=OIDC")) > {"jwks", "userinfo"}
    assert switches_of(page_browser.get(f"{url}?q=slow_body")) == {"network"}
    nothing = page_browser.get(f"{url}?q=%3Cscript%3E")
    assert switches_of(nothing) == set()
    assert "<script" not in nothing.text
    kept = page_browser.submit(page_browser.get(f"{url}?q=REF-5"), name="network", value="off")
    assert kept.headers["Location"] == "/faults?q=REF-5#network"


def test_DEMO_3_every_button_of_the_page_switches_on_what_it_says(
    demo_provider: DemoProvider, page_browser: Browser
) -> None:
    page = page_browser.get(f"{demo_provider.issuer}/faults")
    for article in re.findall(r"<article .*?</article>", page.text, re.DOTALL):
        (name,) = re.findall(r'<article id="(\w+)"', article)
        offered = [
            html.unescape(value) for value in re.findall(r'<button class="value" name="value" value="(.*?)"', article)
        ]
        typed = [html.unescape(value) for value in re.findall(r'placeholder="(.*?)"', article)]
        assert set(offered) <= set(BY_NAME[name].values)
        FaultBoard({name: typed[0]})
        for value in offered:
            FaultBoard({name: value})


def test_DEMO_3_every_page_says_what_is_on(demo_provider: DemoProvider, page_browser: Browser) -> None:
    pages = ["/", "/faults", "/device", "/nothing-here", demo_provider.authorization_request().url]
    urls = [page if page.startswith("http") else demo_provider.issuer + page for page in pages]
    assert not any("is on</a>" in page_browser.get(url).text for url in urls)
    demo_provider.faults(dup="iss")
    assert all("1 fault is on</a>: <code>dup=iss</code>" in page_browser.get(url).text for url in urls)
    demo_provider.faults(state="wrong", token="503", refresh="503")
    assert all("4 faults are on</a>" in page_browser.get(url).text for url in urls)


def test_the_start_page_shows_commands_with_the_values_of_this_run(
    demo_provider: DemoProvider, page_browser: Browser
) -> None:
    text = html.unescape(page_browser.get(demo_provider.issuer).text)
    assert "$TOKENKEEP_DEMO" not in text
    assert f'curl -sS "{demo_provider.origin}/token"' in text
    for client in demo_provider.description["clients"].values():
        assert client["client_id"] in text
        assert client.get("client_secret", "") in text
    for user in demo_provider.description["users"]:
        assert f"<code>{user['username']}</code>" in text


@pytest.mark.parametrize(
    ("value", "accept", "is_form"),
    [
        ("always", "application/json", True),
        ("unless_asked", "application/json", False),
        ("unless_asked", "*/*", True),
    ],
)
def test_TOK_1_token_answers_can_be_form_encoded(
    demo_provider: DemoProvider, value: str, accept: str, is_form: bool
) -> None:
    refresh_token = demo_provider.tokens()["refresh_token"]
    demo_provider.faults(form_answer=value)
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": demo_provider.client_id}
    answer = requests.post(f"{demo_provider.issuer}/token", data=form, headers={"Accept": accept}, timeout=60)
    if is_form:
        assert answer.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
        members = dict(parse_qsl(answer.text))
    else:
        members = answer.json()
    assert demo_provider.call(members["access_token"]).status_code == 200
