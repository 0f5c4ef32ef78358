"""Many callers at once, a provider that answers nothing, and quitting all the same."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.app import Answer, AppProcess, StartApp
from support.configurations import ALLOW, IN_MEMORY, demo_entry
from support.demo_provider import DemoProvider
from support.processes import wait_for
from support.screen import Screen
from support.sign_in import StartDemo, access_token, provider, sign_in, wait_for_state, works

CALLERS = 30
PATIENT = '[http]\ntimeout = "300s"\n'  # what ends a frozen call in these tests is never the time-out
WAIT = "?wait=240"


def test_REF_3_thirty_queries_at_once_on_an_expired_token_cause_one_token_request(
    start_demo: StartDemo, start_app: StartApp
) -> None:
    demo = start_demo(token_lifetime=3600)
    app = start_app(args=["--headless"], config=IN_MEMORY + ALLOW + PATIENT + demo_entry(demo))
    demo.faults(expires_in="1")
    old = sign_in(app, demo)
    demo.faults(token_freeze="on")
    before = demo.count("/token.refresh_token.ok")
    wait_for(lambda: provider(app)["expires_at"] < time.time(), "the end of the token")
    together = threading.Barrier(CALLERS)

    def ask() -> Answer:
        together.wait(60)
        return app.ask("GET", f"/v1/providers/demo/token{WAIT}", limit=300.0)

    with ThreadPoolExecutor(CALLERS) as pool:
        try:
            answers = [pool.submit(ask) for _ in range(CALLERS)]
            demo.wait_for("/token.refresh_token", before + 1)
            assert not any(answer.done() for answer in answers), "nobody is given the token that ran out"
        finally:
            demo.faults(token_freeze=None, expires_in=None)
        found = [answer.result(300) for answer in answers]
    assert [answer.status for answer in found] == [200] * CALLERS
    tokens = {answer.json["access_token"] for answer in found}
    assert len(tokens) == 1
    assert old not in tokens
    assert works(demo, tokens.pop())
    assert demo.count("/token.refresh_token") == before + 1
    assert provider(app)["state"] == "active"


def start_with_a_frozen_refresh(
    demo: DemoProvider, start_app: StartApp, pool: ThreadPoolExecutor, **options: object
) -> AppProcess:
    """Two sign-ins at a provider that then stops answering, in the middle of a refresh of the first."""
    config = IN_MEMORY + ALLOW + PATIENT + demo_entry(demo) + demo_entry(demo, "other")
    app = start_app(config=config, **options)
    sign_in(app, demo)
    sign_in(app, demo, "other", "grace")
    demo.faults(token_freeze="on")
    pool.submit(app.ask, "POST", "/v1/providers/demo/refresh", limit=300.0)
    demo.wait_for("/token.refresh_token")
    wait_for_state(app, "refreshing")
    return app


def test_cached_queries_are_answered_while_the_provider_is_frozen(start_demo: StartDemo, start_app: StartApp) -> None:
    demo = start_demo(token_lifetime=3600)
    with ThreadPoolExecutor(1) as pool:
        app = start_with_a_frozen_refresh(demo, start_app, pool, args=["--headless"])
        for id_ in ("demo", "other"):
            started = time.perf_counter()
            token = access_token(app, id_)
            print(f"a cached token of {id_} beside a frozen refresh: {(time.perf_counter() - started) * 1000:.1f} ms")
            assert works(demo, token), "a token that still holds is given while its successor is fetched"
        assert provider(app)["state"] == "refreshing", "all that while nothing was answered"
        assert demo.count("/token.refresh_token.ok") == 0
        demo.faults(token_freeze=None)
        wait_for_state(app, "active")


def quit_by_the_socket(app: AppProcess) -> None:
    assert app.ask("POST", "/v1/quit").status == 204


def quit_by_signal(app: AppProcess) -> None:
    app.process.send_signal(signal.SIGTERM)


def assert_ends_before_the_provider_answers(app: AppProcess, demo: DemoProvider) -> None:
    """The bound is a guard for a loaded machine; the figure that counts is printed. Only the freeze must not matter."""
    started = time.perf_counter()
    assert app.wait(60) == 0
    print(f"quitting beside a frozen provider took {time.perf_counter() - started:.2f} s (3 s are allowed)")
    assert demo.count("/token.refresh_token.ok") == 0, "the provider is still frozen"
    assert not app.socket_path.exists()


@pytest.mark.parametrize("leave", [quit_by_the_socket, quit_by_signal])
def test_quitting_does_not_wait_for_a_frozen_provider(
    leave: Callable[[AppProcess], None], start_demo: StartDemo, start_app: StartApp
) -> None:
    demo = start_demo(token_lifetime=3600)
    with ThreadPoolExecutor(1) as pool:
        app = start_with_a_frozen_refresh(demo, start_app, pool, args=["--headless"])
        leave(app)
        assert_ends_before_the_provider_answers(app, demo)


def test_quitting_with_a_window_does_not_wait_for_a_frozen_provider(
    screen: Screen, start_demo: StartDemo, start_app: StartApp
) -> None:
    demo = start_demo(token_lifetime=3600)
    with ThreadPoolExecutor(1) as pool:
        app = start_with_a_frozen_refresh(demo, start_app, pool, env=screen.env())
        quit_by_signal(app)
        assert_ends_before_the_provider_answers(app, demo)
