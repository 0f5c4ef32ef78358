"""`tokenkeep check` as a process: with the application and without, what it prints and how it ends."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.api_server import Served, served
from support.demo_provider import DemoProvider
from support.fake_engine import CHECKED
from support.processes import clean_environment
from support.scripted_server import ScriptedServer, answer
from tokenkeep.domain.check import as_text

GUARD = 60.0
Completed = subprocess.CompletedProcess[str]
Run = Callable[..., Completed]


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    return clean_environment(home, {"TOKENKEEP_HOME": str(home / "tk"), "BROWSER": "false"})


@pytest.fixture
def server(home: Path) -> Iterator[Served]:
    with served(home / "tk/run/api.sock") as running:
        yield running


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def command(*arguments: str, stdin: str = "") -> Completed:
        return subprocess.run(
            [sys.executable, "-m", "tokenkeep", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            input=stdin,
            timeout=GUARD,
        )

    return command


def test_the_running_application_is_asked_and_its_report_printed_plainly(server: Served, run: Run) -> None:
    answered = run("check", "github")
    assert (answered.returncode, answered.stderr) == (1, "")
    assert answered.stdout == as_text(CHECKED) + "\n"
    assert answered.stdout.endswith("1 passed, 1 failed.\n")
    assert server.engine.asked("check") == [("check", "github", "", "")]
    as_json = run("check", "github", "--json")
    assert as_json.returncode == 1
    assert json.loads(as_json.stdout) == CHECKED.as_answer()


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        ("https://sso.example.com/realms/x", ("", "", "https://sso.example.com/realms/x")),
        ("sso.example.com/realms/x", ("", "", "https://sso.example.com/realms/x")),
        ("sso.example.com", ("", "", "https://sso.example.com")),
        ("example-ai", ("example-ai", "", "")),
    ],
)
def test_an_address_is_told_from_an_id(server: Served, run: Run, target: str, asked: tuple[str, str, str]) -> None:
    run("check", target)
    assert server.engine.asked("check") == [("check", *asked)]


def test_unknown_ids_are_7_with_and_without_an_application(home: Path, run: Run) -> None:
    assert run("check", "gihub").returncode == 7
    with served(home / "tk/run/api.sock"):
        found = run("check", "gihub")
    assert found.returncode == 7
    assert "github" in found.stderr


def test_without_an_application_the_check_is_made_here(demo_provider: DemoProvider, run: Run, home: Path) -> None:
    entry = f'issuer = "{demo_provider.issuer}"\nclient_id = "tokenkeep-demo"\nlocal = true\n'
    (home / "tk").mkdir(mode=0o700)
    (home / "tk/config.toml").write_text(f'[providers.demo]\nname = "Demo"\n{entry}')
    good = run("check", "demo")
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith(f"TokenKeep checked Demo ({demo_provider.issuer})\non 2")
    assert "failed" not in good.stdout
    assert max(map(len, good.stdout.splitlines())) <= 78
    demo_provider.faults(metadata="slash_issuer")
    bad = run("check", demo_provider.issuer)
    assert bad.returncode == 1
    assert "FAIL  metadata.issuer_equal" in bad.stdout
    assert "RFC 8414 §3.3" in bad.stdout
    assert "\x1b" not in bad.stdout
    assert [path.name for path in (home / "tk").iterdir()] == ["config.toml"]


def test_an_unreachable_server_is_8(run: Run) -> None:
    with ScriptedServer() as gone:
        origin = gone.origin
    found = run("check", origin)
    assert found.returncode == 8
    assert "FAIL  connection.reachable" in found.stdout
    with ScriptedServer() as ill:
        ill.reply("/.well-known/oauth-protected-resource", answer(503))
        assert run("check", ill.origin, "--json").returncode == 8


def test_what_is_no_address_is_said(run: Run) -> None:
    for target in ("ftp://example.com", "https://", "http://example.com", "https://ada:CANARY@example.com"):
        found = run("check", target)
        assert (found.returncode, found.stdout) == (1, "")
        assert "Traceback" not in found.stderr
        assert "CANARY" not in found.stderr


def test_a_broken_entry_is_said_without_an_application(run: Run, home: Path) -> None:
    (home / "tk").mkdir(mode=0o700)
    (home / "tk/config.toml").write_text('[providers.work]\nissuer = "http://sso.example.com"\nclient_id = "x"\n')
    found = run("check", "work")
    assert found.returncode == 1
    assert "https://" in found.stderr


def test_colours_come_on_a_terminal_and_go_with_NO_COLOR(server: Served, environment: dict[str, str]) -> None:
    assert "\x1b[31mFAIL\x1b[0m  pkce.s256_listed" in _on_terminal(environment | {"TERM": "xterm"})
    assert "\x1b" not in _on_terminal(environment | {"TERM": "xterm", "NO_COLOR": "1"})


def _on_terminal(environment: dict[str, str]) -> str:
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "tokenkeep", "check", "github"], env=environment, stdin=theirs, stdout=theirs
        ) as command:
            os.close(theirs)
            said = b""
            try:
                while piece := os.read(ours, 65536):
                    said += piece
            except OSError:  # the other end is closed
                pass
            command.wait(GUARD)
    finally:
        os.close(ours)
    return said.decode()


VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_PKCE_1_the_vector_of_RFC_7636_appendix_B(run: Run) -> None:
    answered = run("pkce", "--verifier", "-", "--json", stdin=VERIFIER + "\n")
    assert answered.returncode == 0
    assert json.loads(answered.stdout) == {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    assert VERIFIER not in run("pkce", "--verifier", "-", stdin=VERIFIER).stdout


def test_PKCE_1_a_new_verifier_and_its_challenge_each_time(run: Run) -> None:
    one, other = (json.loads(run("pkce", "--json").stdout) for _ in range(2))
    assert one["code_verifier"] != other["code_verifier"]
    again = run("pkce", "--verifier", "-", "--json", stdin=one["code_verifier"])
    assert json.loads(again.stdout)["code_challenge"] == one["code_challenge"]


@pytest.mark.parametrize("given", ["", "short", "x" * 129, "ä" * 43, f"{VERIFIER} x"])
def test_PKCE_1_what_is_no_verifier_is_refused(run: Run, given: str) -> None:
    answered = run("pkce", "--verifier", "-", stdin=given)
    assert (answered.returncode, answered.stdout) == (1, "")
    assert not given or given not in answered.stderr


@pytest.mark.parametrize("arguments", [("--verifier", VERIFIER), (f"--verifier={VERIFIER}",), (VERIFIER,)])
def test_LEAK_2_a_verifier_on_the_command_line_is_refused_and_not_repeated(run: Run, arguments: list[str]) -> None:
    answered = run("pkce", *arguments)
    assert (answered.returncode, answered.stdout) == (2, "")
    if arguments[0].startswith("--verifier"):
        assert VERIFIER not in answered.stderr
