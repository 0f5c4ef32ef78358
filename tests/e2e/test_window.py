"""When windows come and go: with and without a tray, at a second start, at a notification, at a program's question."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import requests

from support.app import AppProcess, StartApp
from support.browser import BrowserCommand
from support.configurations import IN_MEMORY, demo_configuration, demo_entry
from support.demo_provider import DemoProvider
from support.desktop_services import DesktopServices
from support.processes import wait_for
from support.screen import Screen
from support.sign_in import StartDemo, sign_in, wait_for_state, works
from support.x11 import Window

ASK = '[access]\ndefault = "ask"\nmanage = "ask"\n'
SHOWN = "[app]\nstart_hidden = false\n"


def main_windows(screen: Screen, app: AppProcess) -> list[Window]:
    """The main window if it can be seen: the tray's icon and message have the same title, but are small."""
    visible = screen.visible_windows(pid=app.pid)
    return [w for w in screen.windows() if w.id in visible and w.title == "TokenKeep" and w.width > 500]


def wait_for_main_window(screen: Screen, app: AppProcess) -> Window:
    return wait_for(lambda: main_windows(screen, app), "the main window")[0]


def window_of(screen: Screen, title: str) -> Window:
    number = screen.find_window(title)
    return next(window for window in screen.windows() if window.id == number)


def test_without_a_tray_the_window_comes_by_itself_and_closing_it_asks(
    screen_without_tray: Screen, start_app: StartApp
) -> None:
    screen = screen_without_tray
    app = start_app(env=screen.env(), config=IN_MEMORY)
    window = wait_for_main_window(screen, app)  # after the grace in which a tray may still come
    screen.close_window(window.id)
    question = wait_for(
        lambda: [each for each in screen.windows() if each.title == "TokenKeep" and 200 < each.width <= 500],
        "the question",
    )[0]
    assert main_windows(screen, app), "the window stays while the question is open"
    assert app.process.poll() is None
    # the button at the right: Quit TokenKeep
    wait_for(lambda: press(screen, question, right=70, app=app), "the end", step=0.3)
    assert app.wait() == 0


def press(screen: Screen, window: Window, *, right: int, app: AppProcess) -> bool:
    """Click near the lower edge, `right` pixels from the right one; tell whether the application has ended."""
    if app.process.poll() is None:
        screen.click(window.x + window.width - right, window.y + window.height - 38)
    return app.process.poll() is not None


def test_with_a_tray_it_starts_hidden_and_a_second_start_raises_the_window(screen: Screen, start_app: StartApp) -> None:
    app = start_app(env=screen.env(), config=IN_MEMORY)
    screen.tray_icon_position()
    assert not main_windows(screen, app)
    second = subprocess.run(
        [sys.executable, "-m", "tokenkeep"], env=app.env, capture_output=True, text=True, check=False, timeout=60
    )
    assert second.returncode == 0, second.stderr
    window = wait_for_main_window(screen, app)
    assert app.ask("GET", "/v1/status").json["pid"] == app.pid
    # closed, it goes back into the tray without a question
    screen.close_window(window.id)
    wait_for(lambda: not main_windows(screen, app), "the closing of the window")
    assert app.process.poll() is None
    assert app.ask("POST", "/v1/show").status == 204
    wait_for_main_window(screen, app)


def test_REF_4_a_sign_in_that_ended_is_told_once_and_the_notification_leads_to_a_new_one(
    screen_without_tray: Screen,
    desktop_services: DesktopServices,
    open_browser: BrowserCommand,
    start_demo: StartDemo,
    start_app: StartApp,
) -> None:
    demo = start_demo(token_lifetime=3600)
    env = screen_without_tray.env() | desktop_services.env() | open_browser.env()
    app = start_app(env=env, config=demo_configuration(demo))
    desktop_services.wait_for_item()
    sign_in(app, demo)
    assert not desktop_services.notifications, "nothing to tell yet"
    demo.faults(refresh="invalid_grant")
    assert app.ask("POST", "/v1/providers/demo/refresh").status == 502
    wait_for_state(app, "needs_sign_in")
    told = desktop_services.wait_for_notification()
    assert "Demo provider" in told.summary
    assert "ada" not in told.summary + told.body
    assert "sign_in" in told.actions
    assert not open_browser.launches(), "background work opens nothing"
    demo.faults(refresh=None)
    desktop_services.invoke_action(told, "sign_in")
    launch = open_browser.wait_for_launch()
    assert launch.url.startswith(f"{demo.issuer}/authorize?")
    assert len(desktop_services.notifications) == 1


def test_SIGHUP_reads_the_file_again_and_ends_nothing(screen: Screen, start_app: StartApp) -> None:
    app = start_app(env=screen.env(), config=SHOWN + IN_MEMORY)
    wait_for_main_window(screen, app)
    with app.background("events", "--json") as events:
        events.wait_for('"event": "snapshot"')
        app.process.send_signal(signal.SIGHUP)
        events.wait_for('"event": "config"')
    assert app.ask("GET", "/v1/status").json["pid"] == app.pid


def start_asking(screen: Screen, demo: DemoProvider, start_app: StartApp) -> AppProcess:
    app = start_app(env=screen.env(), config=IN_MEMORY + ASK + demo_entry(demo))
    screen.tray_icon_position()
    started = app.ask("POST", "/v1/sign-ins", {"provider": "demo", "open_browser": False}).json
    requests.get(demo.sign_in(started["authorization_url"]), timeout=60)
    wait_for_state(app, "active")
    return app


def answer(screen: Screen, *, right: int) -> None:
    """Click a button of the access prompt, `right` pixels from its right edge, until the question is gone."""
    title = "A program asks for access"
    window = window_of(screen, title)

    def click() -> bool:
        if screen.has_window(title):
            screen.click(window.x + window.width - right, window.y + window.height - 38)
        return not screen.has_window(title)

    wait_for(click, "the end of the question", step=0.3)


def test_AGENT_8_a_program_gets_its_token_when_the_person_allows_it(
    screen: Screen, start_demo: StartDemo, start_app: StartApp
) -> None:
    demo = start_demo(token_lifetime=3600)
    app = start_asking(screen, demo, start_app)
    with app.background("token", "demo") as asking:
        answer(screen, right=146)
        assert asking.process.wait(60) == 0
        assert works(demo, asking.said.strip())


def test_AGENT_8_a_program_gets_nothing_when_the_person_denies_it(
    screen: Screen, start_demo: StartDemo, start_app: StartApp
) -> None:
    demo = start_demo(token_lifetime=3600)
    app = start_asking(screen, demo, start_app)
    with app.background("token", "demo") as asking:
        answer(screen, right=60)
        assert asking.process.wait(60) == 5
        assert "demo-at" not in asking.said
    with app.background("logout", "demo") as asking:
        answer(screen, right=60)
        assert asking.process.wait(60) == 5
    assert app.ask("GET", "/v1/providers/demo").json["state"] == "active", "and changes nothing"


def test_a_signal_with_the_window_open_ends_it_in_order(screen: Screen, start_app: StartApp) -> None:
    app = start_app(env=screen.env(), config=SHOWN + IN_MEMORY)
    wait_for_main_window(screen, app)
    started = time.perf_counter()
    app.process.terminate()
    assert app.wait(60) == 0
    print(f"ending with an open window took {time.perf_counter() - started:.2f} s")
    assert not app.socket_path.exists()
    assert "Traceback" not in app.stderr
