"""The demo provider's pages in a real Chromium: login, consent, denial, the device page; what other sites may not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from selenium.webdriver.common.by import By

from support.browser import BrowserCommand, Launch
from support.demo_provider import AuthorizationRequest, DemoProvider
from support.processes import end
from support.scripted_server import ScriptedServer, answer

CALLBACK = "/callback/ABCDEFGH2345"


@pytest.fixture
def client_server() -> Iterator[ScriptedServer]:
    """Where the redirect leads: another origin than the provider's."""
    with ScriptedServer() as server:
        server.reply(CALLBACK, answer(body="<!doctype html><title>Back</title><h1 id=back>Back", headers=HTML))
        yield server


HTML = {"Content-Type": "text/html; charset=utf-8"}


@pytest.fixture
def visit(open_browser: BrowserCommand) -> Iterator[Callable[[str], Launch]]:
    """Opens an address as an application does."""
    started: list[subprocess.Popen[bytes]] = []

    def open_(url: str) -> Launch:
        started.append(subprocess.Popen([str(open_browser.path), url]))
        return open_browser.wait_for_launch()

    yield open_
    open_browser.close()
    for process in started:
        end(process)


def asked(demo: DemoProvider, client_server: ScriptedServer, **changes: str) -> AuthorizationRequest:
    return demo.authorization_request(redirect_uri=client_server.origin + CALLBACK, **changes)


def came_back(client_server: ScriptedServer) -> dict[str, list[str]]:
    """The parameters of the one redirect that arrived."""
    [arrived] = client_server.to(CALLBACK)
    return parse_qs(urlsplit(arrived.target).query)


def log_in(launch: Launch, password: str = "demo") -> None:
    launch.type("username", "ada")
    launch.type("password", password)
    launch.click("sign-in")


def test_DEMO_2_login_consent_and_the_redirect_with_a_code(
    demo_provider: DemoProvider, client_server: ScriptedServer, visit: Callable[[str], Launch]
) -> None:
    request = asked(demo_provider, client_server, scope="openid profile notes:read")
    launch = visit(request.url)
    log_in(launch, "wrong")
    assert "do not belong together" in launch.find("message").text
    log_in(launch)
    launch.find("allow")
    page = launch.attach().find_element(By.TAG_NAME, "main").text
    assert "TokenKeep" in page
    assert "Ada Lovelace" in page
    assert "Read your notes" in page
    assert "See your e-mail address" not in page, "only what was asked for"
    launch.click("allow")
    launch.find("back")
    parameters = came_back(client_server)
    assert parameters["state"] == [request.parameters["state"]]
    assert parameters["iss"] == [demo_provider.issuer]
    answered = request.exchange(f"{client_server.origin}{CALLBACK}?code={parameters['code'][0]}")
    assert answered.json()["scope"] == "openid profile notes:read"


def test_DEMO_2_denial_goes_back_with_an_error_and_no_code(
    demo_provider: DemoProvider, client_server: ScriptedServer, visit: Callable[[str], Launch]
) -> None:
    request = asked(demo_provider, client_server)
    launch = visit(request.url)
    log_in(launch)
    launch.click("deny")
    launch.find("back")
    parameters = came_back(client_server)
    assert parameters["error"] == ["access_denied"]
    assert parameters["state"] == [request.parameters["state"]]
    assert parameters["iss"] == [demo_provider.issuer]
    assert "code" not in parameters


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_DEMO_5_the_device_page(demo_provider: DemoProvider, visit: Callable[[str], Launch], decision: str) -> None:
    codes = demo_provider.device_codes()
    launch = visit(codes["verification_uri"])
    launch.type("user-code", "BBBB-BBBB")
    launch.click("continue")
    launch.find("message")
    launch.type("user-code", codes["user_code"].lower())
    launch.click("continue")
    log_in(launch)
    launch.find(decision)
    assert codes["user_code"] in launch.attach().find_element(By.TAG_NAME, "main").text
    launch.click(decision)
    assert launch.find("result").text == ("Allowed" if decision == "allow" else "Denied")
    polled = demo_provider.poll(codes["device_code"])
    assert polled.json().get("error") == (None if decision == "allow" else "access_denied")


def test_DEMO_1_another_site_can_neither_frame_the_consent_nor_send_its_form(
    demo_provider: DemoProvider, client_server: ScriptedServer, visit: Callable[[str], Launch]
) -> None:
    """A page of another origin, open in the browser that is logged in at the provider."""
    request = asked(demo_provider, client_server)
    query = urlsplit(request.url).query
    client_server.reply(
        "/evil",
        answer(
            body=f"""<!doctype html><iframe id=frame src="{request.url.replace("&", "&amp;")}"></iframe>
            <form method=post action="{demo_provider.issuer}/authorize?{query.replace("&", "&amp;")}">
            <input type=hidden name=csrf value=x><button id=send name=decision value=allow>Win</button></form>""",
            headers=HTML,
        ),
    )
    launch = visit(request.url)
    log_in(launch)
    launch.find("allow")
    driver = launch.attach()
    driver.get(client_server.origin + "/evil")
    launch.find("send")
    driver.switch_to.frame(driver.find_element(By.ID, "frame"))
    assert driver.find_elements(By.ID, "allow") == [], "the consent must not be shown in a frame"
    driver.switch_to.default_content()
    launch.click("send")
    launch.wait_for_url("/authorize")
    assert demo_provider.count("/authorize.403") >= 1
    assert client_server.to(CALLBACK) == [], "no code came of it"
