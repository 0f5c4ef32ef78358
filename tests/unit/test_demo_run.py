"""What a demo leaves in a folder that somebody named: nothing that lets programs in later."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tokenkeep import demo_run

SETTINGS = {
    "issuer": "http://127.0.0.1:9",
    "client_id": "demo",
    "scopes": ["openid"],
    "resource": "http://127.0.0.1:9/api",
    "whoami": "http://127.0.0.1:9/whoami",
    "users": [{"username": "ada", "password": "ada"}],
    "origin": "http://127.0.0.1:9",
    "clients": {
        "service": {"client_id": "a-service", "client_secret": "made-up"},
        "workload": {"client_id": "a-workload"},
    },
}


def test_the_configuration_that_lets_every_program_in_goes_with_the_demo(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def start(**_: object) -> int:
        seen.append((home / "config.toml").read_text())
        return 0

    monkeypatch.setenv("TOKENKEEP_HOME", str(home))
    monkeypatch.setattr(demo_run, "demo_provider", lambda *_: contextlib.nullcontext(SETTINGS))
    monkeypatch.setattr(demo_run, "start", start)
    for _ in range(2):
        assert demo_run.run_demo(["--headless"]) == 0
    assert len(seen) == 2
    assert 'default = "allow"' in seen[0]
    assert not (home / "config.toml").exists()


def test_a_configuration_that_was_there_stays_as_it_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "config.toml").write_text("# mine\n")
    monkeypatch.setenv("TOKENKEEP_HOME", str(home))
    monkeypatch.setattr(demo_run, "demo_provider", lambda *_: contextlib.nullcontext(SETTINGS))
    assert demo_run.run_demo(["--headless"]) == demo_run.FAILED
    assert (home / "config.toml").read_text() == "# mine\n"
