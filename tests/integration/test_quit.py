"""The process ends well, whoever wanted it to end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.app import AppProcess
from support.screen import Screen

CONFIG = """
[app]
start_hidden = false
[storage]
key = "memory"
[access]
manage = "allow"
"""


@pytest.mark.parametrize("who", ["a program by the socket", "a signal"])
def test_with_a_window_quitting_is_no_failure(screen: Screen, start_app: Callable[..., AppProcess], who: str) -> None:
    app = start_app(env=screen.env(), config=CONFIG)
    screen.find_window("TokenKeep", pid=app.pid)
    if who == "a signal":
        app.process.terminate()
    else:
        assert app.ask("POST", "/v1/quit").status == 204
    assert app.process.wait(30) == 0
    assert "Traceback" not in app.stderr
