"""Killed at any instant of a refresh under rotation: never a corrupt vault, never a wrong token, and rule 1's outcome.

The instants are drawn from a seed that is printed, so a failure can be run again: TOKENKEEP_TEST_SEED=N.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.children.dying_engine import INSTANTS
from support.configurations import demo_configuration
from support.demo_provider import DemoProvider
from support.processes import END_LIMIT, clean_environment

KILLS = 50
IN_COMMIT = ("answered", "begun", "written", "committing")  # between the token answer and the end of the commit
AFTER_COMMIT = ("committed", "held")
CHILD = Path(__file__).parents[1] / "support/children/dying_engine.py"


class Victim:
    """One run of the dying engine."""

    def __init__(self, home: Path, instant: str, microseconds: int) -> None:
        command = [sys.executable, str(CHILD), instant, str(microseconds)]
        self._process = subprocess.Popen(
            command,
            env=clean_environment(home, {"TOKENKEEP_HOME": str(home), "PYTHONPATH": str(CHILD.parents[2])}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.start = self._read()

    def ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._read()

    def die(self) -> None:
        """Let it refresh until the signal strikes."""
        assert self._process.stdin is not None
        self._process.stdin.write("die\n")
        self._process.stdin.flush()
        assert self._process.wait(60) == -9
        self._close()

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(END_LIMIT) == 0
        self._close()

    def _close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the engine ended with {self._process.poll()}"
        answer: dict[str, Any] = json.loads(line)
        return answer


@pytest.fixture
def seed() -> int:
    value = int(os.environ.get("TOKENKEEP_TEST_SEED") or random.SystemRandom().randrange(2**32))
    print(f"TOKENKEEP_TEST_SEED={value}")
    return value


def draw(seed: int) -> list[tuple[str, int]]:
    """Fifty instants: a third at least inside the commit, the rest anywhere."""
    source = random.Random(seed)
    drawn = [source.choice(IN_COMMIT) for _ in range(KILLS * 2 // 5)] + [
        source.choice(INSTANTS) for _ in range(KILLS * 3 // 5)
    ]
    source.shuffle(drawn)
    return [(instant, source.choice((0, 0, source.randrange(1, 3000)))) for instant in drawn]


def sign_in(victim: Victim, demo: DemoProvider) -> None:
    import requests

    started = victim.ask("sign-in")
    requests.get(demo.sign_in(started["url"]), timeout=30)
    assert victim.ask(f"signed-in {started['id']}")["state"] == "active"


def issued(demo: DemoProvider) -> list[str]:
    """The refresh tokens that the server gave out, in order."""
    return [entry["issued_refresh_token"] for entry in demo.log("/token") if entry.get("issued_refresh_token")]


@pytest.mark.parametrize("grace", [600, 0], ids=["a server with a grace window", "a server without one"])
def test_REF_1_REF_8_killed_at_instants_drawn_from_a_seed(
    grace: int, seed: int, home: Path, start_demo: Callable[..., DemoProvider]
) -> None:
    demo = start_demo(token_lifetime=3600, refresh_grace=grace)
    (home / "config.toml").write_text(demo_configuration(demo, storage='[storage]\nkey = "passphrase"\n'))
    instants = draw(seed)[: KILLS if grace else KILLS // 2]
    assert sum(instant in IN_COMMIT for instant, _ in instants) >= (15 if grace else 5)

    victim = Victim(home, *instants[0])
    sign_in(victim, demo)
    for (instant, microseconds), following in zip(instants, [*instants[1:], ("held", 0)], strict=True):
        before = victim.ask("token")["refresh_token"]
        victim.die()
        told = f"killed {microseconds} µs after {instant!r}"
        newest = issued(demo)[-1]

        victim = Victim(home, *following)
        kept = victim.start["refresh_token"]
        assert victim.start["state"] == "active", told
        assert kept in (before, newest), f"{told}: neither the old token nor the new one is kept"
        if instant in AFTER_COMMIT:
            assert kept == newest, f"{told}: committed and yet lost"
        # whatever happened, the kept access token serves, and no request is made for it
        requests_before = demo.count("/token")
        assert demo.call(victim.ask("token")["access_token"]).status_code == 200, told
        assert demo.count("/token") == requests_before, f"{told}: the kept token serves until its end"

        refreshed = victim.ask("refresh")
        if kept == newest or grace:
            assert refreshed["state"] == "active", f"{told}: {refreshed}"
            assert refreshed["refresh_token"] == issued(demo)[-1], told
            assert demo.call(refreshed["access_token"]).status_code == 200, told
        else:
            assert refreshed["error"] == "provider_error", told
            assert refreshed["state"] == "needs_sign_in", told
            assert "answer to the last refresh was lost" in refreshed["reason"], told
            sign_in(victim, demo)
    victim.end()
