"""The command line as a process, against the real server over a fake engine."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from support.api_server import Served, served
from support.processes import clean_environment, program, unmeasured, wait_for
from tokenkeep.domain.errors import (
    AccessDenied,
    InsufficientScope,
    Locked,
    Misconfigured,
    ProviderError,
    ProviderUnreachable,
    SignInRequired,
    TimedOut,
    TokenKeepError,
)
from tokenkeep.domain.identity import SeenTokens
from tokenkeep.domain.registration import ClientFacts
from tokenkeep.domain.session import SessionState, SignInState
from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.inspection import Inspection
from tokenkeep.oauth.introspection import Introspection

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
    def command(*arguments: str) -> Completed:
        return subprocess.run(
            [sys.executable, "-m", "tokenkeep", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=GUARD,
        )

    return command


@pytest.mark.unprivileged
def test_a_token_is_printed_and_nothing_else(server: Served, run: Run) -> None:
    answer = run("token", "github", "--min-valid", "5", "--scope", "a b")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "CANARY-AT-1\n", "")
    assert server.engine.asked("token_now")[0][2].scope == ("a", "b")
    as_json = json.loads(run("token", "github", "--json").stdout)
    assert (as_json["access_token"], as_json["account"]) == ("CANARY-AT-1", "ada")


SEEN = SeenTokens(
    provider="github",
    name="GitHub",
    issuer="https://github.com",
    checked_at=1_800_000_000.0,
    id_token=asdict(
        Inspection(
            "jwt",
            "verified",
            header={"alg": "RS256", "kid": "k1"},
            claims={"iss": "https://github.com", "exp": 1_800_003_600, "amr": {"a": 1}, "name": "A\x1b[31m"},
        )
    ),
    access_token=asdict(
        Inspection("jwt", "bad", "It is not signed.", {"alg": "none"}, {"aud": ["a", "b"]}, odd=("`aud` is a, b.",))
    ),
    introspection=asdict(Introspection("active", "", ("a", "b"), 1_800_000_600.0)),
)


def test_TOK_8_claims_are_shown_for_people_and_never_a_token(server: Served, run: Run) -> None:
    server.engine.seen = SEEN
    answer = run("claims", "github")
    assert (answer.returncode, answer.stderr) == (0, "")
    rows = re.sub(r" {2,}", "  ", answer.stdout).splitlines()
    assert "signature  verified with the issuer's keys" in rows
    assert "signed by  RS256, key k1" in rows
    assert any(row.startswith("ends  ") and row.endswith("(in 60 min)") for row in rows)
    assert 'amr  {"a": 1}' in rows
    assert "\x1b" not in answer.stdout
    assert "signature  bad. It is not signed." in rows
    assert "odd: `aud` is a, b." in rows
    assert any(row.startswith("active until ") and row.endswith("(in 10 min), scopes a b") for row in rows)
    assert server.engine.asked("seen_tokens") == [("seen_tokens", "github", True, 90.0)]


def test_claims_can_be_had_as_json_and_without_asking_the_provider(server: Served, run: Run) -> None:
    server.engine.seen = replace(SEEN, introspection=None, id_token=None)
    assert "There is no id_token" in run("claims", "github", "--offline").stdout
    as_json = json.loads(run("claims", "github", "--offline", "--json").stdout)
    assert as_json["access_token"]["odd"] == ["`aud` is a, b."]
    assert [call[2] for call in server.engine.asked("seen_tokens")] == [False, False]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (Introspection("inactive"), "not active: it would be refused."),
        (Introspection("unknown", "GitHub did not say."), "unknown. GitHub did not say."),
        (Introspection("unsupported", "GitHub has no such thing."), "nothing. GitHub has no such thing."),
    ],
)
def test_INTRO_1_claims_say_what_the_provider_said(server: Served, run: Run, said: Introspection, words: str) -> None:
    server.engine.seen = replace(SEEN, introspection=asdict(said))
    assert f"The provider says\n{words}" in run("claims", "github").stdout


def test_OUT_1_logout_asks_for_the_browser_only_when_told_to(server: Served, run: Run) -> None:
    assert run("logout", "github", "--browser").returncode == 0
    assert run("logout", "github").returncode == 0
    assert server.engine.asked("sign_out") == [("sign_out", "github", True, True), ("sign_out", "github", True)]


def test_the_token_command_imports_the_standard_library_cli_and_client_alone(
    server: Served, environment: dict[str, str]
) -> None:
    code = "import sys; from tokenkeep.__main__ import main; assert main(['token', 'github']) == 0; print(*sys.modules)"
    command, environment = [sys.executable, "-c", code], unmeasured(environment)
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=GUARD)
    names = answer.stdout.split("\n")[1].split()
    ours = [name for name in names if name.partition(".")[0] == "tokenkeep"]
    entry = {"tokenkeep", "tokenkeep.__main__"}
    assert all(name in entry or name.startswith(("tokenkeep.cli", "tokenkeep.client")) for name in ours), ours
    started_with = {"site", "sitecustomize", "usercustomize", "_distutils_hack", "_virtualenv"}
    third = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - started_with - {"tokenkeep"}
    assert third <= {"__main__"}, third
    assert not {"argparse", "dataclasses", "typing", "asyncio", "http.client", "urllib.request"} & set(names)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SignInRequired("It ran out."), 4),
        (AccessDenied("Nobody answered."), 5),
        (TimedOut(), 6),
        (ProviderUnreachable("No route.", retry_after=3), 8),
        (Locked(), 9),
        (ProviderError("It said no."), 1),
        (InsufficientScope(), 1),
        (Misconfigured("issuer (line 3)"), 1),
    ],
)
def test_an_error_is_said_on_stderr_and_by_the_exit_code(
    server: Served, run: Run, error: TokenKeepError, code: int
) -> None:
    server.engine.fail = error
    answer = run("token", "github")
    assert (answer.returncode, answer.stdout) == (code, "")
    assert answer.stderr.startswith(error.title)
    assert error.detail in answer.stderr
    assert error.hint in answer.stderr
    assert "Traceback" not in answer.stderr


def test_unknown_provider_is_7_and_not_running_3_and_wrong_usage_2(server: Served, run: Run, home: Path) -> None:
    for command in (("token", "gihub"), ("show", "gihub"), ("login", "gihub"), ("logout", "gihub")):
        answer = run(*command)
        assert answer.returncode == 7
        assert "github" in answer.stderr
    for wrong in (("token",), ("bogus",), ("token", "github", "--bogus"), ("completion", "csh"), ("--bogus",)):
        assert run(*wrong).returncode == 2


def test_without_an_application_each_command_says_how_to_start_it(run: Run) -> None:
    for command in (("status",), ("list",), ("show", "x"), ("token", "x"), ("login", "x"), ("events",), ("quit",)):
        answer = run(*command)
        assert (answer.returncode, answer.stdout) == (3, "")
        assert answer.stderr == "TokenKeep is not running. Start it with `tokenkeep`.\n"


@pytest.mark.unprivileged
def test_LEAK_2_a_secret_on_the_command_line_is_refused_before_anything_is_done(server: Served, run: Run) -> None:
    for command in (("login", "github", "--client-secret", "hunter2"), ("token", "github", "--client-secret=hunter2")):
        answer = run(*command)
        assert answer.returncode == 2
        assert answer.stdout == ""
        assert "--client-secret" in answer.stderr
        assert "hunter2" not in answer.stderr
    assert not server.engine.calls


def test_status_list_and_show_in_words_and_json(server: Served, run: Run) -> None:
    engine = server.engine
    engine.sessions["work"] = replace(engine.sessions["github"], id="work", state=SessionState.NEEDS_SIGN_IN)
    engine.sessions["bad"] = replace(
        engine.sessions["github"], id="bad", state=SessionState.FAILED, last_error=Misconfigured("issuer (line 3).")
    )
    status = run("status").stdout
    assert status.startswith("TokenKeep 0.0: ok\n")
    assert "work: tokenkeep login work" in status
    assert "issuer (line 3)." in status
    assert json.loads(run("status", "--json").stdout)["storage"] == "keyring"
    table = run("list").stdout.splitlines()
    assert table[0].split() == ["ID", "NAME", "STATE", "ACCOUNT", "TOKEN", "UNTIL"]
    assert [line.split()[0] for line in table[1:]] == ["github", "example-ai", "work", "bad"]
    assert len(json.loads(run("list", "--json").stdout)["providers"]) == 4
    shown = run("show", "github").stdout
    assert re.search(r"^account +ada$", shown, re.MULTILINE)
    assert json.loads(run("show", "github", "--json").stdout)["id"] == "github"


def test_an_empty_set_up_is_said_on_stderr(server: Served, run: Run) -> None:
    server.engine.sessions.clear()
    answer = run("list")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "No provider is set up yet.\n")
    assert "none yet" in run("status").stdout


def login(server: Served, run: Run, state: SignInState, *arguments: str, **changes: object) -> Completed:
    """Log in; the attempt ends in that state while it is waited for."""
    import asyncio

    server.engine.gate = None
    done: list[Completed] = []
    thread = threading.Thread(target=lambda: done.append(run("login", "github", *arguments)))
    waits = server.call(asyncio.Event)
    real = server.engine.wait_sign_in

    async def held(sign_in: str, wait: float) -> object:
        await waits.wait()
        return await real(sign_in, wait)

    server.engine.wait_sign_in = held  # type: ignore[method-assign,assignment]
    thread.start()
    wait_for(lambda: server.engine.sign_ins, "the sign-in")
    server.call(lambda: server.engine.end_sign_in("s1", state, **changes))
    server.call(waits.set)
    thread.join(GUARD)
    return done[0]


def test_login_in_the_browser_says_what_to_do_and_who_signed_in(server: Served, run: Run) -> None:
    answer = login(server, run, SignInState.DONE)
    assert (answer.returncode, answer.stdout) == (0, "Signed in to GitHub as ada.\n")
    assert "https://github.example/authorize" in answer.stderr
    assert server.engine.asked("sign_in") == [("sign_in", "github", "auto", True)]


def test_login_with_a_code_shows_it_and_no_qr_where_nobody_looks(server: Served, run: Run) -> None:
    answer = login(server, run, SignInState.DONE, "--device", "--json")
    assert json.loads(answer.stdout)["account"] == "ada"
    assert "https://github.example/device" in answer.stderr
    assert "WDJB-MJHT" in answer.stderr
    assert "▀" not in answer.stderr
    assert "\x1b" not in answer.stderr


def test_login_without_opening_prints_the_address(server: Served, run: Run) -> None:
    answer = login(server, run, SignInState.DONE, "--no-open")
    assert server.engine.asked("sign_in") == [("sign_in", "github", "browser", False)]
    assert answer.stderr.splitlines()[1] == "https://github.example/authorize?client_id=x&state=STATE"


@pytest.mark.parametrize(
    ("state", "error", "code"),
    [
        (SignInState.FAILED, AccessDenied("You said no."), 5),
        (SignInState.FAILED, ProviderUnreachable("No route."), 8),
        (SignInState.EXPIRED, None, 6),
        (SignInState.CANCELLED, None, 1),
    ],
)
def test_a_login_that_comes_to_nothing_says_why(
    server: Served, run: Run, state: SignInState, error: TokenKeepError | None, code: int
) -> None:
    answer = login(server, run, state, error=error)
    assert (answer.returncode, answer.stdout) == (code, "")
    assert (error.detail if error else "sign") in answer.stderr


def in_terminal(environment: dict[str, str], *arguments: str) -> tuple[subprocess.Popen[bytes], int]:
    """Start a command in a terminal of its own; the process and the terminal's other end."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tokenkeep", *arguments],
        env=environment | {"TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    return process, ours


def read_until(terminal: int, mark: str) -> str:
    """What the terminal shows until the mark comes, or it ends."""
    text = b""
    while mark.encode() not in text:
        assert select.select([terminal], [], [], GUARD)[0], text
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            piece = b""
        if not piece:
            break
        text += piece
    return text.decode(errors="replace")


def test_in_a_terminal_a_code_is_drawn_time_counts_down_and_ctrl_c_cancels(
    server: Served, environment: dict[str, str]
) -> None:
    process, terminal = in_terminal(environment, "login", "github", "--device")
    try:
        shown = read_until(terminal, "Ctrl-C cancels.")
        assert "▀" in shown
        assert re.search(r"Waiting for the code to be entered, \d+:\d\d left", shown)
        process.send_signal(signal.SIGINT)
        assert "The sign-in is cancelled." in read_until(terminal, "cancelled.")
        assert process.wait(GUARD) == 130
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    assert server.engine.sign_ins["s1"].state == "cancelled"


def test_colours_in_a_terminal_unless_nobody_wants_them(server: Served, environment: dict[str, str]) -> None:
    for more, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        process, terminal = in_terminal(environment | more, "list")
        shown = read_until(terminal, "never")
        process.wait(GUARD)
        os.close(terminal)
        assert "github" in shown
        assert ("\x1b[32m" in shown) is coloured


def test_logout_says_what_the_provider_made_of_it(server: Served, run: Run) -> None:
    answer = run("logout", "github", "--no-revoke")
    assert answer.stdout == "Signed out of github. GitHub has revoked the tokens.\n"
    assert server.engine.asked("sign_out") == [("sign_out", "github", False)]
    server.engine.manage = False
    assert run("logout", "github").returncode == 5


def test_events_are_followed_a_line_each(server: Served, environment: dict[str, str]) -> None:
    for options, first in (((), "snapshot"), (("--json",), '"event": "snapshot"')):
        process = subprocess.Popen(
            [sys.executable, "-m", "tokenkeep", "events", *options],
            env=environment,
            stdout=-1,
            stderr=-1,
            text=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        assert first in process.stdout.readline()
        server.call(lambda: server.engine.bus.publish("session", server.engine.sessions["github"]))
        assert "github" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=GUARD)
        assert (process.returncode, errors) == (130, "")


def test_a_reader_that_has_seen_enough_is_no_error(server: Served, environment: dict[str, str]) -> None:
    line = f"{sys.executable} -m tokenkeep events | head -n 1"
    process = subprocess.Popen(["sh", "-c", line], env=environment, stdout=-1, stderr=-1, text=True)
    assert process.stdout is not None
    assert "snapshot" in process.stdout.readline()
    publishing = threading.Event()

    def publish() -> bool:
        server.call(lambda: server.engine.bus.publish("session", server.engine.sessions["github"]))
        return process.poll() is not None

    wait_for(publish, "the end of the pipe")
    publishing.set()
    assert process.communicate(timeout=GUARD)[1] == ""


def test_quit_waits_until_it_is_gone(home: Path, run: Run) -> None:
    path = home / "tk/run/api.sock"
    with served(path) as server:
        answers: list[Completed] = []
        thread = threading.Thread(target=lambda: answers.append(run("quit")))
        thread.start()
        wait_for(lambda: server.engine.asked("quit"), "the request")
    thread.join(GUARD)
    assert (answers[0].returncode, answers[0].stderr) == (0, "")


def test_start_starts_it_without_a_window_when_it_is_not_running(home: Path, run: Run) -> None:
    (home / "tk").mkdir(mode=0o700)
    (home / "tk/config.toml").write_text('[storage]\nkey = "memory"\n[access]\nmanage = "allow"\n')
    answer = run("status", "--json", "--start")
    try:
        assert (answer.returncode, answer.stderr) == (0, "")
        again = run("status", "--json", "--start")
        assert json.loads(again.stdout)["pid"] == json.loads(answer.stdout)["pid"]
    finally:
        assert run("quit").returncode == 0
    assert run("status").returncode == 3


def test_start_says_why_it_could_not(home: Path, run: Run) -> None:
    (home / "tk/run").mkdir(parents=True)
    (home / "tk/run").chmod(0o755)
    answer = run("token", "github", "--start")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "could not be started" in answer.stderr
    assert "chmod 700" in answer.stderr


def test_doctor_reports_with_and_without_an_application(home: Path, run: Run) -> None:
    alone = json.loads(run("doctor", "--json").stdout)["checks"]
    names = [check["name"] for check in alone]
    assert {"running", "socket", "keyring", "tray", "browser", "network", "autostart"} <= set(names)
    assert next(check for check in alone if check["name"] == "running")["outcome"] == "warning"
    with served(home / "tk/run/api.sock"):
        answer = run("doctor")
        assert re.search(r"^running .*storage keyring", answer.stdout, re.MULTILINE)
        assert "CANARY" not in answer.stdout
    (home / "tk/run").chmod(0o755)
    broken = run("doctor")
    assert broken.returncode == 1
    assert "chmod 700" in broken.stdout


def test_config_says_where_and_what_is_wrong(home: Path, run: Run) -> None:
    file = home / "tk/config.toml"
    assert run("config", "path").stdout == f"{file}\n"
    assert "no file yet" in run("config", "check").stdout
    file.parent.mkdir(exist_ok=True)
    file.write_text("[app]\nthem = 'dark'\n")
    answer = run("config", "check")
    assert answer.returncode == 1
    assert f"{file}:2: " in answer.stderr
    assert json.loads(run("config", "check", "--json").stdout)["problems"][0]["line"] == 2


def test_config_option_before_a_command_names_the_folder(server: Served, run: Run, home: Path) -> None:
    assert run("--config", str(home / "tk"), "list").returncode == 0
    assert run("--config", str(home / "other"), "list").returncode == 3


def test_help_and_version_need_nothing(run: Run) -> None:
    assert run("--version").stdout.startswith("tokenkeep ")
    text = run("--help").stdout
    for command in (
        "status",
        "list",
        "show",
        "login",
        "logout",
        "token",
        "events",
        "doctor",
        "quit",
        "completion",
        "config",
    ):
        assert re.search(rf"^    {command} ", text, re.MULTILINE)
        assert run(command, "--help").returncode == 0


def test_the_completion_script_of_bash_works(server: Served, run: Run, environment: dict[str, str], home: Path) -> None:
    (home / "completion").write_text(run("completion", "bash").stdout)
    bin_folder = home / "bin"
    bin_folder.mkdir()
    (bin_folder / "tokenkeep").write_text(f'#!/bin/sh\nexec {sys.executable} -m tokenkeep "$@"\n')
    (bin_folder / "tokenkeep").chmod(0o755)

    def complete(*words: str) -> list[str]:
        listed = " ".join(f"'{word}'" for word in words)
        code = (
            f"source {home}/completion; COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; _tokenkeep;"
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        answer = subprocess.run(
            [program("bash"), "-c", code],
            env=environment | {"PATH": f"{bin_folder}:{environment['PATH']}"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert answer.stderr == ""
        return answer.stdout.split()

    assert complete("tokenkeep", "log") == ["login", "logout"]
    assert complete("tokenkeep", "token", "gi") == ["github"]
    assert complete("tokenkeep", "demo", "ser") == ["server"]
    assert complete("tokenkeep", "token", "--min") == ["--min-valid"]
    assert complete("tokenkeep", "config", "") >= ["--help"]


def test_the_completion_scripts_name_every_command(run: Run) -> None:
    for shell in ("bash", "zsh", "fish"):
        text = run("completion", shell).stdout
        for command in ("status", "login", "logout", "doctor", "quit"):
            assert command in text


def test_CAUTH_3_the_public_keys_are_printed_and_nothing_else(server: Served, run: Run) -> None:
    assert run("show", "github", "--public-key").returncode == 1
    signing = replace(server.engine.sessions["github"], signs_assertions=True)
    server.call(lambda: server.engine.sessions.update(github=signing))
    answer = run("show", "github", "--public-key")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert json.loads(answer.stdout) == {"keys": [{"kty": "EC", "kid": "k1"}]}


def given(server: Served) -> list[object]:
    return server.engine.asked("set_client_secret")


@pytest.mark.parametrize("text", ["CANARY CS:+%&\n", "CANARY CS:+%&\r\n", "CANARY CS:+%&"])
def test_LEAK_2_a_client_secret_comes_from_standard_input_or_a_file(
    server: Served, environment: dict[str, str], tmp_path: Path, text: str
) -> None:
    (tmp_path / "secret").write_bytes(text.encode())
    for words in (["--client-secret", "-"], ["--client-secret-file", str(tmp_path / "secret")]):
        answer = subprocess.run(
            [sys.executable, "-m", "tokenkeep", "edit", "github", *words],
            env=environment,
            input=text.encode(),
            capture_output=True,
            check=True,
            timeout=GUARD,
        )
        assert b"CANARY" not in answer.stdout + answer.stderr
    assert given(server) == [("set_client_secret", "github", Secret("CANARY CS:+%&"))] * 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--client-secret", "CANARY"], 2),
        (["--client-secret=CANARY"], 2),
        (["--client-secret"], 2),
        ([], 2),
        (["--client-secret", "-", "--client-secret-file", "x"], 2),
        (["--client-secret-file", "/nowhere/at/all"], 1),
        (["--client-secret", "-"], 1),  # nothing comes from standard input
    ],
)
def test_LEAK_2_a_client_secret_is_not_taken_from_the_command_line(
    server: Served, run: Run, words: list[str], code: int
) -> None:
    answer = run("edit", "github", *words)
    assert answer.returncode == code
    assert answer.stderr
    assert "CANARY" not in answer.stdout + answer.stderr
    assert given(server) == []


def test_LEAK_1_a_client_secret_that_is_typed_at_a_terminal_is_not_shown(
    server: Served, environment: dict[str, str]
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tokenkeep", "edit", "github", "--client-secret", "-"],
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    while b"Client secret: " not in shown:
        shown += os.read(ours, 4096)
    os.write(ours, b"CANARY-TYPED\n")
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the terminal of a process that has ended
            break
        if not piece:
            break
        shown += piece
    assert process.wait(GUARD) == 0
    os.close(ours)
    assert b"CANARY-TYPED" not in shown
    assert given(server) == [("set_client_secret", "github", Secret("CANARY-TYPED"))]


def test_LEAK_2_an_initial_access_token_comes_from_standard_input(server: Served, environment: dict[str, str]) -> None:
    words = [sys.executable, "-m", "tokenkeep", "edit", "github", "--initial-access-token"]
    done = subprocess.run(
        [*words, "-"], env=environment, input=b"CANARY-IAT\n", capture_output=True, check=False, timeout=GUARD
    )
    assert (done.returncode, b"CANARY" in done.stdout + done.stderr) == (0, False)
    assert ("set_initial_access_token", "github", Secret("CANARY-IAT")) in server.engine.calls
    for given in (["CANARY-IAT"], []):
        refused = subprocess.run([*words, *given], env=environment, capture_output=True, check=False, timeout=GUARD)
        assert refused.returncode == 2
    empty = subprocess.run([*words, "-"], env=environment, input=b"\n", capture_output=True, check=False, timeout=GUARD)
    assert empty.returncode == 1


@pytest.mark.parametrize("left", [False, True])
def test_DCR_8_remove_says_what_is_left_at_the_server(server: Served, run: Run, left: bool) -> None:
    server.engine.removal = "registration_left" if left else "ok"
    done = run("remove", "github")
    assert done.stdout == "github is removed.\n"
    assert ("was removed here only" in done.stderr) is left
    assert ("remove_provider", "github") in server.engine.calls
    assert json.loads(run("remove", "example-ai", "--json").stdout) == {
        "removed": "example-ai",
        "registration_left": left,
    }
    assert run("remove", "github").returncode == 7


def test_DCR_6_show_tells_who_tokenkeep_is_to_the_provider(server: Served, run: Run) -> None:
    facts = ClientFacts("made-1", "registration", 1_700_000_000.0, 1_700_000_600.0, ("http://127.0.0.1:5/x",))
    server.engine.sessions["github"] = replace(server.engine.sessions["github"], client=facts)
    shown = run("show", "github").stdout
    assert re.search(r"^client +made-1 \(registered by the provider\)$", shown, re.MULTILINE)
    for name in ("registered", "secret until"):
        assert re.search(rf"^{name} +\d{{4}}-", shown, re.MULTILINE)
    assert re.search(r"^comes back to +http://127.0.0.1:5/x$", shown, re.MULTILINE)
    assert json.loads(run("show", "github", "--json").stdout)["client"] == {
        "client_id": "made-1",
        "source": "registration",
        "registered_at": 1_700_000_000.0,
        "expires_at": 1_700_000_600.0,
        "redirect_uris": ["http://127.0.0.1:5/x"],
    }
